"""A concept, progress and history against the bare reader, which answers from the same rows by the same written SQL.

python -m benchmarks.hot_reads [DATABASE …]
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from benchmarks import bare_reads, servers
from benchmarks.crowd import Crowd, gather_crowd, many, take_turn
from benchmarks.places import DATABASES, Place, places
from benchmarks.rounds import (
    Turn,
    cpu_ratio,
    interleave,
    print_table,
    rate_ratio,
    turns_table,
)
from benchmarks.servers import Server
from benchmarks.visitors import Visit, visit
from learntrac.kit.http.doors import API
from learntrac.seeding.order import Order

CONCEPTS, LEARNERS, EVENTS = 10_000, 300, 30_000
READS = ("detail", "progress", "history")
ASKED_CONCEPTS = 300
ROUNDS, SECONDS = 5, 1.5
TARGET = 0.6


@contextmanager
def contestants(place: Place) -> Iterator[tuple[Server, Server, Crowd]]:
    """LearnTrac and the bare reader over the same tables; their answers were compared."""
    crowd = gather_crowd(place, LEARNERS)
    user_id, token = crowd.learners[0]
    with ExitStack() as stack:
        (ours,) = stack.enter_context(many(place, 1))
        numbers = range(1, ASKED_CONCEPTS + 1)
        details = {number: servers.fetch(ours, f"{API}/concepts/{number}", token) for number in numbers}
        with place.learntrac_tables() as tables:
            bare_reads.prepare(tables, details)
        arguments = [
            "-m",
            "benchmarks.bare_reads",
            "--database",
            str(place.learntrac_target),
        ]
        other = stack.enter_context(servers.served(arguments))
        for number, detail in details.items():
            if servers.fetch(other, f"/concepts/{number}", user_id) != detail:
                raise RuntimeError(f"concept {number} differs")
        check_same_figures(ours, other, crowd)
        yield ours, other, crowd


def check_same_figures(ours: Server, other: Server, crowd: Crowd) -> None:
    """Raise where progress or history would not tell the same: the parts that both count in full."""
    for user_id, token in crowd.learners[:20]:
        mine, theirs = (
            servers.fetch(server, f"{base}/progress", name)
            for server, base, name in ((ours, API, token), (other, "", user_id))
        )
        for part in ("overall_progress",):
            if mine[part] != theirs[part]:
                raise RuntimeError(f"{part} of {user_id} differs: {mine[part]}, {theirs[part]}")
        mine, theirs = (
            servers.fetch(server, f"{base}/progress/history", name)
            for server, base, name in ((ours, API, token), (other, "", user_id))
        )
        if [entry["time_spent"] for entry in mine["history"]] != [entry["time_spent"] for entry in theirs["history"]]:
            raise RuntimeError(f"the history of {user_id} differs")


def measure(place: Place, rounds: int = ROUNDS) -> dict[str, list[Turn]]:
    """Turns of each read at both, as `detail` and `bare detail`."""
    with contestants(place) as (ours, other, crowd):
        named = [(name, name) for name, _ in crowd.learners]
        asking = {}
        for read in READS:
            for label, server, learners, base in (
                ("", ours, crowd.learners, API),
                ("bare ", other, named, ""),
            ):
                order = Visit(
                    [server.port],
                    learners,
                    ASKED_CONCEPTS,
                    {read: 1},
                    base=base,
                    seconds=SECONDS,
                )
                asking[label + read] = partial(take_turn, [server], partial(visit, order))
        return interleave(asking, rounds)


def main(databases: Sequence[str] = DATABASES, rounds: int = ROUNDS) -> None:
    """Print the figures for each database."""
    rows = []
    with places() as room:
        for database in databases:
            taken = measure(room.seed(database, Order(CONCEPTS, LEARNERS, EVENTS)), rounds)
            turns_table(
                f"Hot reads, learners with {EVENTS // LEARNERS} events on {database}",
                taken,
            )
            for read in READS:
                ours, other = taken[read], taken[f"bare {read}"]
                rows.append(
                    (
                        f"{database}: {read}",
                        rate_ratio(ours, other).show(),
                        cpu_ratio(ours, other).show(),
                    )
                )
    columns = ("LearnTrac's share", "by answers/s", "by server CPU")
    print_table(f"LearnTrac over the bare reader (target: at least {TARGET})", columns, rows)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or DATABASES)
