"""What keeping the catalog costs: the first sync, following one change, counting and sweeping, and keeping still.

The sync runs in this process and is stepped by hand, so that its processor time is known to the change. `over plain
SQL` compares the first sync with what the same driver needs to fetch the same rows and nothing more.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import uvloop

from benchmarks.places import DATABASES, Place, Places, places
from benchmarks.rounds import Spread, print_table
from benchmarks.seeding import Tables, edit_prerequisites, edit_ticket
from benchmarks.servers import database_cpu_seconds
from learntrac.config import Settings
from learntrac.kit.clock import utc_now
from learntrac.kit.db import SCHEMA
from learntrac.opening import open_database
from learntrac.trac.environment import TracEnvironment, open_environment
from learntrac.trac.sync import Sync

FIRST = 10_000
FIRST_ROUNDS = 3
FIRST_TARGET_SECONDS = 10
SIZES = (1_000, 100_000)
FOLLOW_TARGET = 2
ROUNDS, EDITS = 7, 30
WATCHED_SECONDS = 30.0
EDITS_A_SECOND = 10
_READ = ("SELECT * FROM ticket", "SELECT * FROM ticket_custom")

Edit = Callable[[Tables, int, str], None]


@dataclass(frozen=True)
class Cost:
    """Seconds of wall clock, and of processor in this process and in PostgreSQL (SQLite is in this process)."""

    wall: float
    own: float
    database: float

    @property
    def cpu(self) -> float:
        """Processor seconds, all told."""
        return self.own + self.database

    @classmethod
    def total(cls, costs: Sequence["Cost"]) -> "Cost":
        """All of them together."""
        return cls(*(sum(getattr(cost, name) for cost in costs) for name in ("wall", "own", "database")))

    def less(self, other: "Cost") -> "Cost":
        """What is left without another's share."""
        return Cost(self.wall, self.own - other.own, self.database - other.database)


async def cost_of(run: Callable[[], Awaitable[object]]) -> Cost:
    """What one run takes."""
    before, own, database = (
        time.perf_counter(),
        time.process_time(),
        database_cpu_seconds(),
    )
    await run()
    wall, own = time.perf_counter() - before, time.process_time() - own
    return Cost(wall, own, database_cpu_seconds() - database)


class SteppedSync(Sync):
    """The sync with its three ways taken one at a time."""

    is_whole = True

    async def settle(self) -> None:
        """Wait until it has owed neither count nor sweep for five seconds, at most five minutes."""
        quiet = 0
        for _ in range(300):
            quiet = 0 if self._count_owed or self._sweep_owed else quiet + 1
            if quiet > 5:
                return
            await asyncio.sleep(1)

    async def follow(self) -> None:
        """A step that neither counts nor sweeps."""
        self.is_whole = False
        await self.step()
        self.is_whole = True

    async def count(self) -> None:
        """Compare the number of tickets, due or not."""
        self._count_owed, self._next_count = True, 0.0
        self._sweep_owed = False
        await super()._count_and_sweep()

    async def sweep(self) -> None:
        """Compare the checksums of everything, due or not."""
        self._sweep_owed, self._next_sweep = True, 0.0
        self._count_owed = False
        await super()._count_and_sweep()

    async def _count_and_sweep(self) -> None:
        if self.is_whole:
            await super()._count_and_sweep()


@dataclass(frozen=True)
class Kept:
    """A Trac with many tickets, and the sync that keeps its catalog."""

    place: Place
    sync: SteppedSync

    async def follow_edits(self, edit: Edit, mark: str) -> list[Cost]:
        """What each of some edits costs to follow, the edit itself not counted."""
        costs = []
        with self.place.trac_tables() as tables:
            for count in range(EDITS):
                number = 1 + (count * 7919 + 501) % self.place.tickets
                edit(tables, number, f"{mark} {count}")
                costs.append(await cost_of(self.sync.follow))
        return costs


@asynccontextmanager
async def kept(place: Place) -> AsyncIterator[Kept]:
    """A sync over this Trac that has not taken a step."""
    settings = Settings(trac_env=place.folder)
    async with AsyncExitStack() as stack:
        environment: TracEnvironment = await open_environment(place.folder, settings, secret=bytes(32))
        stack.push_async_callback(environment.close)
        database = await open_database(settings)
        stack.push_async_callback(database.close)
        yield Kept(
            place,
            SteppedSync(environment.source, database, mapping=environment.mapping, clock=utc_now),
        )


async def first_sync(place: Place) -> tuple[Cost, Cost]:
    """A first sync into an empty catalog, and what plain SQL needs to fetch the same rows."""
    forget_catalog(place)
    with place.trac_tables() as tables:

        async def read_all() -> None:
            for statement in _READ:
                tables.execute(statement)

        plain = await cost_of(read_all)
    async with kept(place) as here:
        return await cost_of(here.sync.step), plain


def forget_catalog(place: Place) -> None:
    """Back to a LearnTrac that was never started."""
    if isinstance(place.learntrac_target, str):
        with place.learntrac_tables() as tables:
            tables.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            tables.commit()
    else:
        for file in place.learntrac_target.parent.glob("learntrac.db*"):
            file.unlink()


async def print_first_sync(room: Places, databases: Sequence[str], rounds: int) -> None:
    rows = []
    for database in databases:
        place = room.make(database, FIRST)
        pairs = [await first_sync(place) for _ in range(rounds)]
        synced, plain = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        over = Spread.of([one.cpu / other.cpu for one, other in pairs])
        plain_seconds = f"{statistics.median(cost.wall for cost in plain):.2f}"
        rows.append((database, *_seconds(synced), plain_seconds, over.show(0)))
    columns = (
        "",
        "seconds",
        "process CPU s",
        "database CPU s",
        "plain SQL: seconds",
        "over plain SQL, by CPU",
    )
    print_table(
        f"First sync of {FIRST:,} tickets (target: under {FIRST_TARGET_SECONDS} s)",
        columns,
        rows,
    )


def _seconds(costs: Sequence[Cost]) -> tuple[str, str, str]:
    wall, own, database = (
        statistics.median(getattr(cost, name) for cost in costs) for name in ("wall", "own", "database")
    )
    return f"{wall:.2f}", f"{own:.2f}", f"{database:.2f}"


async def print_upkeep(
    room: Places,
    database: str,
    sizes: Sequence[int],
    rounds: int,
    watched_seconds: float,
) -> None:
    """Follow, count and sweep at several sizes in turn, then a while of edits and a while of none."""
    async with AsyncExitStack() as stack:
        all_kept = [await stack.enter_async_context(kept(room.make(database, size))) for size in sizes]
        for here in all_kept:
            await here.sync.step()
        taken = await _interleaved(all_kept, rounds)
        watched = {here.place.tickets: await _watch(here, watched_seconds) for here in all_kept}
    _print_steps(database, taken)
    _print_watched(database, watched)


async def _interleaved(all_kept: Sequence[Kept], rounds: int) -> dict[str, dict[int, list[Cost]]]:
    """{what: {tickets: what one of its kind cost, in each round}}; a first round that warms up is not counted."""
    names = ("follow a summary", "follow prerequisites", "count", "sweep")
    taken: dict[str, dict[int, list[Cost]]] = {name: {here.place.tickets: [] for here in all_kept} for name in names}
    for number in range(rounds + 1):
        for here in all_kept:
            for name, costs in (await _one_round(here, f"round {number}")).items():
                if number:
                    taken[name][here.place.tickets].append(_mean(costs))
    return taken


async def _one_round(here: Kept, mark: str) -> dict[str, list[Cost]]:
    return {
        "follow a summary": await here.follow_edits(edit_ticket, mark),
        "follow prerequisites": await here.follow_edits(edit_prerequisites, mark),
        "count": [await cost_of(here.sync.count) for _ in range(5)],
        "sweep": [await cost_of(here.sync.sweep) for _ in range(3)][1:],  # the first finds the edits
    }


def _mean(costs: Sequence[Cost]) -> Cost:
    total = Cost.total(costs)
    return Cost(total.wall / len(costs), total.own / len(costs), total.database / len(costs))


def _print_steps(database: str, taken: dict[str, dict[int, list[Cost]]]) -> None:
    rows = []
    for name, by_size in taken.items():
        fewest = next(iter(by_size.values()))
        for size, costs in by_size.items():
            by_cpu = Spread.of([one.cpu / other.cpu for one, other in zip(costs, fewest, strict=True)])
            by_wall = Spread.of([one.wall / other.wall for one, other in zip(costs, fewest, strict=True)])
            rows.append(
                (
                    f"{name}, {size:,}",
                    *_milliseconds(costs),
                    by_cpu.show(),
                    by_wall.show(),
                )
            )
    columns = ("", "ms", "process", "database", "ratio by CPU", "ratio by time")
    title = f"One step on {database}, by tickets: ms, and ms of CPU (target for follow: at most {FOLLOW_TARGET} times)"
    print_table(title, columns, rows)


def _milliseconds(costs: Sequence[Cost]) -> tuple[str, ...]:
    figures = (statistics.median(getattr(cost, name) for cost in costs) for name in ("wall", "own", "database"))
    return tuple(f"{figure * 1000:,.1f}" for figure in figures)


async def _watch(here: Kept, seconds: float) -> dict[str, Cost]:
    """The cost of a while of edits, less what the edits themselves cost, and of a while without any."""
    # In a thread: SQLite's reader needs the event loop to let go of the file.
    edits = partial(asyncio.to_thread, _edit_for, here.place, seconds)
    alone = await cost_of(edits)
    running = asyncio.create_task(here.sync.run(interval_seconds=Settings().sync_interval_seconds))
    await asyncio.sleep(2)
    edited = await cost_of(edits)
    await here.sync.settle()
    idle = await cost_of(lambda: asyncio.sleep(seconds))
    running.cancel()
    return {
        f"{EDITS_A_SECOND} edits a second": edited.less(alone),
        "nobody writes": idle,
    }


def _edit_for(place: Place, seconds: float) -> None:
    begun = time.monotonic()
    with place.trac_tables() as tables:
        for count in range(int(seconds * EDITS_A_SECOND)):
            time.sleep(max(0.0, begun + count / EDITS_A_SECOND - time.monotonic()))
            edit_ticket(tables, 1 + count * 7919 % place.tickets, f"{begun} {count}")


def _print_watched(database: str, watched: dict[int, dict[str, Cost]]) -> None:
    rows = [
        (
            f"{what}, {size:,} tickets",
            f"{cost.own / cost.wall * 1000:.1f}",
            f"{cost.database / cost.wall * 1000:.1f}",
        )
        for size, costs in watched.items()
        for what, cost in costs.items()
    ]
    columns = ("", "process CPU ms", "database CPU ms")
    print_table(f"Keeping up on {database}: cost of each second", columns, rows)


async def measure(
    databases: Sequence[str],
    *,
    sizes: Sequence[int],
    first_rounds: int,
    rounds: int,
    watched_seconds: float,
) -> None:
    with places() as room:
        await print_first_sync(room, databases, first_rounds)
        for database in databases:
            await print_upkeep(room, database, sizes, rounds, watched_seconds)


def main(
    databases: Sequence[str] = DATABASES,
    sizes: Sequence[int] = SIZES,
    first_rounds: int = FIRST_ROUNDS,
    rounds: int = ROUNDS,
    watched_seconds: float = WATCHED_SECONDS,
) -> None:
    """Print the figures for each database."""
    run = measure(
        databases,
        sizes=sizes,
        first_rounds=first_rounds,
        rounds=rounds,
        watched_seconds=watched_seconds,
    )
    uvloop.run(run)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or DATABASES)
