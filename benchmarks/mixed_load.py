"""A mixed load of reading and learning: at one and two server processes, at 16 and 64 connections, at few and many
learners; with the bare handler's own gain from a second process beside it.

    python -m benchmarks.mixed_load [--learners 1000,10000,100000] [--seconds 4] [--rounds 3] [DATABASE …]
"""

import argparse
import statistics
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from benchmarks import bare, servers
from benchmarks.crowd import Crowd, gather_crowd, many, take_turn
from benchmarks.places import DATABASES, Place, places
from benchmarks.rounds import (
    Spread,
    Turn,
    interleave,
    print_table,
    rate_ratio,
    turns_table,
)
from benchmarks.servers import Server
from benchmarks.visitors import MIXED, Visit, Visited, visit
from learntrac.seeding.order import Order

CONCEPTS = 10_000
LEARNERS = (1_000, 10_000, 100_000)
EVENTS_A_LEARNER = 10
CONNECTIONS = (16, 64)
PROCESSES = {"postgresql": (1, 2), "sqlite": (1,)}
"""SQLite has one writer: a second process there is for whoever needs no speed."""

Taken = dict[str, list[Turn]]


@contextmanager
def running(place: Place, processes: int) -> Iterator[tuple[dict[int, list[Server]], dict[int, list[Server]]]]:
    """{processes: LearnTrac's servers} and {processes: bare handlers}, the first of them in every group."""
    with ExitStack() as stack:
        ours = stack.enter_context(many(place, processes))
        with place.learntrac_tables() as tables:
            bare.prepare(tables)
        arguments = ["-m", "benchmarks.bare", "--database", str(place.learntrac_target)]
        others = [stack.enter_context(servers.served(arguments)) for _ in range(processes)]
        groups = range(1, processes + 1)
        yield {n: ours[:n] for n in groups}, {n: others[:n] for n in groups}


def measure(place: Place, learners: int, seconds: float, rounds: int) -> Taken:
    """Turns by `N processes, M connections`; the bare handler's as `bare: …`."""
    with running(place, max(PROCESSES[place.database])) as (ours, others):
        crowd = gather_crowd(place, learners)
        contestants = {}
        for connections in CONNECTIONS:
            for processes, group in ours.items():
                order = mixed(place, crowd, group, connections, seconds)
                contestants[_name(processes, connections)] = partial(take_turn, group, partial(visit, order))
        for processes, group in others.items():
            order = plain(place, group, seconds)
            contestants[f"bare: {_name(processes, order.connections)}"] = partial(
                take_turn, group, partial(visit, order)
            )
        return interleave(contestants, rounds)


def mixed(
    place: Place,
    crowd: Crowd,
    group: Sequence[Server],
    connections: int,
    seconds: float,
) -> Visit:
    """The mixed load at these servers."""
    return Visit(
        [server.port for server in group],
        crowd.learners,
        place.tickets,
        MIXED,
        crowd.instructor,
        seconds=seconds,
        connections=connections,
    )


def plain(place: Place, group: Sequence[Server], seconds: float) -> Visit:
    """Lists only, at the bare handlers, which know nobody."""
    return Visit(
        [server.port for server in group],
        [("", "")],
        place.tickets,
        {"list": 1},
        base="",
        seconds=seconds,
    )


def _name(processes: int, connections: int) -> str:
    return f"{processes} process{'es' if processes > 1 else ''}, {connections} connections"


def show_kinds(title: str, turns: Sequence[Turn]) -> None:
    """Print what each kind of request took."""
    loads = [turn.load for turn in turns if isinstance(turn.load, Visited)]
    rows = []
    for kind in sorted(loads[0].kinds):
        of_kind = [load.kinds[kind] for load in loads if kind in load.kinds]
        median, p99 = (statistics.median(figures[place] for figures in of_kind) for place in (1, 2))
        rows.append(
            (
                kind,
                str(sum(figures[0] for figures in of_kind)),
                f"{median:.1f}",
                f"{p99:.1f}",
            )
        )
    print_table(title, ("kind", "answers", "median ms", "p99 ms"), rows)


def gains(taken: Taken) -> list[tuple[str, ...]]:
    """Answers a second of two processes over one, of LearnTrac and of the bare handler."""
    rows = []
    for label in ("", "bare: "):
        for connections in CONNECTIONS:
            one, two = (taken.get(f"{label}{_name(processes, connections)}") for processes in (1, 2))
            if one and two:
                rows.append(
                    (
                        f"{label or 'LearnTrac: '}{connections} connections",
                        rate_ratio(two, one).show(),
                    )
                )
    return rows


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learners", default=",".join(map(str, LEARNERS)))
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("databases", nargs="*", default=DATABASES)
    given = parser.parse_args()
    run(
        given.databases,
        [int(count) for count in given.learners.split(",")],
        given.seconds,
        given.rounds,
    )


def run(databases: Sequence[str], learners: Sequence[int], seconds: float, rounds: int) -> None:
    """Print the figures of each database and number of learners."""
    first = _name(1, CONNECTIONS[0])
    with places() as room:
        for database in databases:
            by_count: dict[int, Taken] = {}
            for count in learners:
                place = room.seed(database, Order(CONCEPTS, count, count * EVENTS_A_LEARNER))
                by_count[count] = taken = measure(place, count, seconds, rounds)
                turns_table(
                    f"Mixed load, {count:,} learners, {CONCEPTS:,} concepts on {database}",
                    taken,
                )
                show_kinds(f"The same by kind: {first}", taken[first])
                if gains(taken):
                    print_table("Two processes over one, answers/s", ("", "ratio"), gains(taken))
            show_growth(database, {count: taken[first] for count, taken in by_count.items()})


def show_growth(database: str, by_count: dict[int, list[Turn]]) -> None:
    """Print what an answer costs with many learners over what it costs with the fewest."""
    least = by_count[min(by_count)]
    rows = [
        (
            f"{count:,}",
            *(_cost(turns, least, name).show() for name in ("server_cpu_ms", "database_cpu_ms")),
        )
        for count, turns in by_count.items()
    ]
    print_table(
        f"CPU of an answer on {database}, over that with {min(by_count):,} learners (1: it does not grow)",
        ("learners", "server", "database"),
        rows,
    )


def _cost(turns: Sequence[Turn], least: Sequence[Turn], name: str) -> Spread:
    pairs = zip(turns, least, strict=True)
    return Spread.of([getattr(turn, name) / (getattr(other, name) or 1) for turn, other in pairs])


if __name__ == "__main__":
    main()
