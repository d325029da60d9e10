"""`GET /knowledge/graph` five steps deep and `GET /knowledge/path` with alternatives, from either twin of the graph.

Concepts lie in layers, each with about three prerequisites, most among the nearest of the layer before; every tenth has
an alternative beside it. What is asked for lies in the upper quarter: of eight layers it needs some dozens of concepts,
of forty, the worst case, some 1,400.
One request at a time. `GET /health` of the same server stands for a bare handler's plain answer.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from itertools import product
from pathlib import Path

from benchmarks import servers
from benchmarks.places import DATABASES, LEARNER, Place, places
from benchmarks.rounds import Spread, print_table
from benchmarks.seeding import SEED, put_alternatives, put_standings
from benchmarks.servers import Server
from learntrac.kit.http.doors import API
from tests.backends.neo4j_server import Neo4jServer, find_missing, shared_server
from tests.environments import CACHE

AIMS_MS = {10_000: 50, 100_000: 250}
"""Concepts, and the aim for the 95th percentile."""
LAYERS = (8, 40)
ASKED = 40
ROUNDS, WARM_UP = 3, 5
"""Rounds that count, and rounds before them: Java is slow until it has compiled what is asked for again and again."""
FOLLOWED_WITHIN_SECONDS = 600


def questions(concepts: int) -> dict[str, list[str]]:
    """What is asked for: concepts of the upper layers, the same of every twin."""
    choice = random.Random(SEED)
    asked = [choice.randrange(concepts * 3 // 4, concepts) for _ in range(ASKED)]
    return {
        "plain": ["/health"] * ASKED,
        "graph, depth 5": [f"/knowledge/graph?center_concept={number}&depth=5" for number in asked],
        "path": [f"/knowledge/path?to={number}" for number in asked],
    }


def timed(server: Server, paths: Sequence[str], token: str) -> list[float]:
    """Milliseconds of each answer, over one connection. Raises RuntimeError where one is not 200."""
    connection, taken = HTTPConnection("127.0.0.1", server.port, timeout=60), []
    for path in paths:
        begun = time.perf_counter()
        connection.request("GET", API + path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        taken.append((time.perf_counter() - begun) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
    connection.close()
    return taken


@contextmanager
def twins(place: Place, neo4j: Neo4jServer | None) -> Iterator[dict[str, Server]]:
    """A server for each twin over the same concepts."""
    with ExitStack() as stack:
        # Its jobs know of no Neo4j, and on SQLite one process runs them all.
        embedded = servers.learntrac(place, LEARNTRAC_RUN_JOBS="false")
        running = {"embedded": stack.enter_context(embedded)}
        with place.learntrac_tables() as tables:
            put_standings(tables, LEARNER, concepts=place.tickets)
            put_alternatives(tables, place.tickets)
        if neo4j is not None:
            environ = {f"LEARNTRAC_{name.upper()}": value for name, value in neo4j.settings.items()}
            running["neo4j"] = stack.enter_context(servers.learntrac(place, **environ))
            wait_until_followed(running["neo4j"])
            place.wait_until_indexed()
        yield running


def wait_until_followed(server: Server) -> None:
    """Return once Neo4j holds what the catalog holds."""
    until = time.monotonic() + FOLLOWED_WITHIN_SECONDS
    while servers.fetch(server, f"{API}/status")["services"]["neo4j"] != "healthy":
        if time.monotonic() > until:
            raise RuntimeError("Neo4j does not follow")
        time.sleep(0.5)


def measure(place: Place, course: str, neo4j: Neo4jServer | None) -> list[tuple[str, ...]]:
    """Rows of the table for a course: twins take turns; the first rounds, which warm up, are not counted."""
    asked, rows = questions(place.tickets), []
    with twins(place, neo4j) as running:
        tokens = {name: servers.sign_in(server) for name, server in running.items()}
        rounds = [
            {(name, what): timed(running[name], asked[what], tokens[name]) for name in running for what in asked}
            for _ in range(WARM_UP + ROUNDS)
        ][WARM_UP:]
    for name, what in rounds[0]:
        taken = [one[name, what] for one in rounds]
        plain = [statistics.median(one[name, "plain"]) for one in rounds]
        ratio = Spread.of([statistics.median(each) / base for each, base in zip(taken, plain, strict=True)])
        every = sorted(one for each in taken for one in each)
        aim = "" if what == "plain" else str(AIMS_MS[place.tickets])
        p95 = f"{every[len(every) * 95 // 100]:.1f}"
        rows.append(
            (
                f"{course}: {name}, {what}",
                f"{statistics.median(every):.1f}",
                p95,
                aim,
                ratio.show(1),
            )
        )
    return rows


@contextmanager
def neo4j_of_its_own() -> Iterator[Neo4jServer | None]:
    """An empty Neo4j; None where Java or Maven are missing."""
    if find_missing() is not None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="learntrac-neo4j-") as folder, shared_server(Path(folder), CACHE) as server:
        yield server


def main(databases: Sequence[str] = DATABASES, sizes: Sequence[int] = tuple(AIMS_MS)) -> None:
    """Print the figures for each database and size; of Neo4j too where Java and Maven are there."""
    rows: list[tuple[str, ...]] = []
    with ExitStack() as stack:
        room = stack.enter_context(places())
        for size, database, layers in product(sizes, databases, LAYERS):
            place = room.make(database, size, layers)
            with neo4j_of_its_own() as neo4j:
                rows += measure(place, f"{database}, {size:,} in {layers}", neo4j)
            print_table("One request at a time", ("", "median ms", "p95 ms", "aim p95", "medians over plain"), rows)


if __name__ == "__main__":
    main(
        [name for name in sys.argv[1:] if not name.isdigit()] or DATABASES,
        [int(n) for n in sys.argv[1:] if n.isdigit()] or tuple(AIMS_MS),
    )
