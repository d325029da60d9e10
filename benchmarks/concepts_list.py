"""`GET /concepts` against the bare handler: how much of what FastAPI could answer is left once it is a product."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from benchmarks import bare, mix, servers
from benchmarks.load import Load, generate
from benchmarks.places import DATABASES, LEARNER, Place, places
from benchmarks.rounds import (
    Turn,
    cpu_ratio,
    interleave,
    print_table,
    rate_ratio,
    take_turn,
    turns_table,
)
from benchmarks.seeding import put_standings
from benchmarks.servers import Server

CONCEPTS = 10_000
ROUNDS = 9
SECONDS = 2.0
TARGET = 0.6


@contextmanager
def contestants(place: Place) -> Iterator[tuple[Server, str, dict[str, Server]]]:
    """LearnTrac with the learner's token, and the bare handlers by name, all over the same concepts."""
    with ExitStack() as stack:
        ours = stack.enter_context(servers.learntrac(place))
        with place.learntrac_tables() as tables:
            put_standings(tables, LEARNER, concepts=place.tickets)
            bare.prepare(tables)
        arguments = ["-m", "benchmarks.bare", "--database", str(place.learntrac_target)]
        others = {
            "bare handler": stack.enter_context(servers.served(arguments)),
            "bare, totals kept 2 s": stack.enter_context(servers.served([*arguments, "--keep-totals"])),
        }
        yield ours, servers.sign_in(ours), others


def check_same_answers(ours: Server, token: str, other: Server) -> None:
    """Raise where the two would not answer the same concepts and totals: then there is nothing to compare."""
    for mine, theirs in zip(mix.all_paths(mix.LEARNTRAC), mix.all_paths(mix.BARE), strict=True):
        if servers.fetch(ours, mine, token) != servers.fetch(other, theirs):
            raise RuntimeError(f"{mine} and {theirs} differ")


def measure(place: Place) -> dict[str, list[Turn]]:
    """Turns of LearnTrac and of the bare handlers."""
    with contestants(place) as (ours, token, others):
        for other in others.values():
            check_same_answers(ours, token, other)
        mine, theirs = mix.all_paths(mix.LEARNTRAC), mix.all_paths(mix.BARE)
        asking: dict[str, tuple[Server, partial[Load]]] = {
            "LearnTrac": (
                ours,
                partial(generate, ours.port, mine, token=token, seconds=SECONDS),
            )
        }
        for name, other in others.items():
            asking[name] = (
                other,
                partial(generate, other.port, theirs, seconds=SECONDS),
            )
        return interleave({name: partial(take_turn, *pair) for name, pair in asking.items()}, ROUNDS)


def main(databases: tuple[str, ...] = DATABASES) -> None:
    """Print the figures for each database."""
    rows = []
    with places() as room:
        for database in databases:
            taken = measure(room.make(database, CONCEPTS))
            turns_table(f"GET /concepts, 20 of {CONCEPTS:,} on {database}", taken)
            ours = taken.pop("LearnTrac")
            rows += [
                (
                    f"{database}: {name}",
                    rate_ratio(ours, turns).show(),
                    cpu_ratio(ours, turns).show(),
                )
                for name, turns in taken.items()
            ]
    columns = ("LearnTrac's share of", "by answers/s", "by server CPU")
    print_table(f"LearnTrac over the bare handler (target: at least {TARGET})", columns, rows)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or DATABASES)
