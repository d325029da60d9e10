"""Starting and completing through HTTP, against a bare handler that runs the same statements in one transaction each.

python -m benchmarks.learning_writes [DATABASE …]
"""

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from benchmarks import servers
from benchmarks.bare_writes import as_text, record
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

CONCEPTS, LEARNERS = 10_000, 2_000
ROUNDS, SECONDS, CONNECTIONS = 5, 2.0, 16
TARGET = 0.5


@contextmanager
def contestants(place: Place) -> Iterator[tuple[Server, Server, Crowd]]:
    """LearnTrac and the bare writer, each over the same tables."""
    crowd = gather_crowd(place, LEARNERS)
    user_id, token = crowd.learners[-1]
    recording = place.folder / "recording.json"
    recording.write_text(json.dumps(asyncio.run(record(place, user_id, token, CONCEPTS)), default=as_text))
    with ExitStack() as stack:
        (ours,) = stack.enter_context(many(place, 1))
        arguments = [
            "--database",
            str(place.learntrac_target),
            "--recording",
            str(recording),
        ]
        yield (
            ours,
            stack.enter_context(servers.served(["-m", "benchmarks.bare_writes", *arguments])),
            crowd,
        )


def measure(place: Place, rounds: int = ROUNDS) -> dict[str, list[Turn]]:
    """Turns of both, with and without an Idempotency-Key, which the bare writer does not know."""
    with contestants(place) as (ours, other, crowd):
        named = [(name, name) for name, _ in crowd.learners]
        loads = {
            "LearnTrac": (ours, crowd.learners, API, 0.0),
            "bare writer": (other, named, "", 0.0),
            "LearnTrac, every request with a key": (ours, crowd.learners, API, 1.0),
        }
        asking = {}
        for seed, (name, (server, learners, base, keyed)) in enumerate(loads.items()):
            order = Visit(
                [server.port],
                learners,
                CONCEPTS,
                {"learn": 1},
                base=base,
                seconds=SECONDS,
                connections=CONNECTIONS,
                seed=seed,
                keyed=keyed,
            )
            asking[name] = partial(take_turn, [server], partial(visit, order))
        return interleave(asking, rounds)


def main(databases: Sequence[str] = DATABASES, rounds: int = ROUNDS) -> None:
    """Print the figures for each database."""
    rows = []
    with places() as room:
        for database in databases:
            taken = measure(room.seed(database, Order(CONCEPTS, LEARNERS, 10 * LEARNERS)), rounds)
            turns_table(f"Start and complete, {CONNECTIONS} connections on {database}", taken)
            bare = taken.pop("bare writer")
            rows += [
                (
                    f"{database}: {name}",
                    rate_ratio(turns, bare).show(),
                    cpu_ratio(turns, bare).show(),
                )
                for name, turns in taken.items()
            ]
    columns = ("share of the bare writer", "by answers/s", "by server CPU")
    print_table(
        f"LearnTrac over one transaction of the same statements (target: at least {TARGET})",
        columns,
        rows,
    )


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or DATABASES)
