"""Contestants in turn, again and again, and what came of it as a table.

The machine is never quiet. So contestants take turns within one run, a ratio is made within each turn, and the median
of the turns is the figure; lowest and highest stand beside it.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from benchmarks.load import Load
from benchmarks.servers import Server, database_cpu_seconds


@dataclass(frozen=True)
class Turn:
    """One turn of one contestant: what the load generator saw, and the processor time that each answer took."""

    load: Load
    server_cpu_ms: float
    database_cpu_ms: float

    @property
    def cpu_ms(self) -> float:
        """Processor time of server and database together."""
        return self.server_cpu_ms + self.database_cpu_ms


@dataclass(frozen=True)
class Spread:
    """The median of several figures, with the lowest and the highest."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Spread":
        """The spread of at least one figure."""
        return cls(statistics.median(figures), min(figures), max(figures))

    def show(self, digits: int = 2) -> str:
        """`0.71 (0.66 to 0.75)`"""
        return f"{self.median:.{digits}f} ({self.lowest:.{digits}f} to {self.highest:.{digits}f})"


def take_turn(server: Server, run: Callable[[], Load]) -> Turn:
    """Let the load generator run against a server and see what processor time it took."""
    before, database_before = server.cpu_seconds(), database_cpu_seconds()
    load = run()
    each = 1000 / load.answers
    used, database_used = (
        server.cpu_seconds() - before,
        database_cpu_seconds() - database_before,
    )
    return Turn(load, used * each, database_used * each)


def interleave(contestants: Mapping[str, Callable[[], Turn]], rounds: int) -> dict[str, list[Turn]]:
    """A B C A B C …; a first round that warms up is not counted."""
    for turn in contestants.values():
        turn()
    taken: dict[str, list[Turn]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, turn in contestants.items():
            taken[name].append(turn())
    return taken


def rate_ratio(ours: Sequence[Turn], others: Sequence[Turn]) -> Spread:
    """Our answers a second over theirs."""
    return Spread.of([our.load.rate / other.load.rate for our, other in zip(ours, others, strict=True)])


def cpu_ratio(ours: Sequence[Turn], others: Sequence[Turn]) -> Spread:
    """Their server's processor time for an answer over ours: as the ratio of rates would be on a quiet machine where
    the server is the bottleneck.
    """
    return Spread.of([other.server_cpu_ms / our.server_cpu_ms for our, other in zip(ours, others, strict=True)])


def all_cpu_ratio(ours: Sequence[Turn], others: Sequence[Turn]) -> Spread:
    """Our processor time for an answer, the database's with it, over theirs: what other work on the machine changes
    least.
    """
    return Spread.of([our.cpu_ms / other.cpu_ms for our, other in zip(ours, others, strict=True)])


def turns_table(title: str, taken: Mapping[str, Sequence[Turn]]) -> None:
    """Print what each contestant did, as medians."""
    columns = (
        "",
        "answers/s",
        "median ms",
        "p99 ms",
        "server CPU ms",
        "database CPU ms",
    )
    rows = [(name, *_medians(turns)) for name, turns in taken.items()]
    print_table(title, columns, rows)


def _medians(turns: Sequence[Turn]) -> tuple[str, ...]:
    figures = (
        [turn.load.rate for turn in turns],
        [turn.load.median_ms for turn in turns],
        [turn.load.p99_ms for turn in turns],
        [turn.server_cpu_ms for turn in turns],
        [turn.database_cpu_ms for turn in turns],
    )
    return tuple(
        f"{statistics.median(figure):,.{digits}f}" for figure, digits in zip(figures, (0, 1, 1, 3, 3), strict=True)
    )


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, its figures to the right."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    Console(width=120).print(table)
