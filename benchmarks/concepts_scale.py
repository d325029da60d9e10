"""`GET /concepts` as the course grows: a page of 100,000 concepts should cost what one of 1,000 does."""

import sys
from contextlib import ExitStack
from functools import partial

from benchmarks import mix, servers
from benchmarks.load import generate
from benchmarks.places import DATABASES, LEARNER, Place, Places, places
from benchmarks.rounds import (
    Turn,
    all_cpu_ratio,
    interleave,
    print_table,
    rate_ratio,
    take_turn,
    turns_table,
)
from benchmarks.seeding import put_standings
from benchmarks.servers import Server

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 9
SECONDS = 2.0
TARGET = 1.5


def serve(place: Place, stack: ExitStack) -> tuple[Server, str]:
    """LearnTrac over this Trac, and the token of a learner who has begun three hundred concepts."""
    server = stack.enter_context(servers.learntrac(place))
    with place.learntrac_tables() as tables:
        put_standings(tables, LEARNER, concepts=place.tickets)
    return server, servers.sign_in(server)


def measure(room: Places, database: str, sizes: tuple[int, ...], rounds: int) -> dict[str, list[Turn]]:
    """Turns of servers that stand over as many Tracs, one of each size."""
    paths = mix.all_paths(mix.LEARNTRAC)
    with ExitStack() as stack:
        asking = {}
        for size in sizes:
            server, token = serve(room.make(database, size), stack)
            load = partial(generate, server.port, paths, token=token, seconds=SECONDS)
            asking[f"{size:,} concepts"] = partial(take_turn, server, load)
        return interleave(asking, rounds)


def main(
    databases: tuple[str, ...] = DATABASES,
    sizes: tuple[int, ...] = SIZES,
    rounds: int = ROUNDS,
) -> None:
    """Print the figures for each database."""
    rows = []
    with places() as room:
        for database in databases:
            taken = measure(room, database, sizes, rounds)
            turns_table(f"GET /concepts, 20 a page, on {database}", taken)
            (smallest, fewest), *others = taken.items()
            rows += [
                (
                    f"{database}: {name} over {smallest}",
                    rate_ratio(fewest, turns).show(),
                    all_cpu_ratio(turns, fewest).show(),
                )
                for name, turns in others
            ]
    columns = ("a page costs", "by answers/s", "by CPU of server and database")
    print_table(f"The cost as the course grows (target: at most {TARGET})", columns, rows)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or DATABASES)
