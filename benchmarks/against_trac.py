"""`GET /concepts` against Trac 1.6's own query over the same tickets: twenty a page, the same filters and order.

One process each. Trac answers by CSV, the cheapest way it has to hand tickets to a program. It is served three ways: by
its own `tracd`, a thread for each connection; behind uvicorn with four threads; and so with the help that LearnTrac
gives to the Trac at `/trac`, see `trac_server`. It is asked for the columns that make a concept, and for the few that
it shows when nobody names any.
"""

import csv
import io
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from urllib.parse import urlencode

from benchmarks import mix, servers
from benchmarks.load import generate
from benchmarks.places import DATABASES, LEARNER, Place, places
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

TICKETS = 10_000
ROUNDS = 5
SECONDS, TRAC_SECONDS = 2.0, 4.0
TARGET = 60

_COLUMNS = (
    *(
        "id",
        "summary",
        "description",
        "type",
        "component",
        "milestone",
        "owner",
        "status",
        "keywords",
    ),
    *(
        "time",
        "changetime",
        "learning_difficulty",
        "mastery_threshold",
        "prerequisites",
        "time_estimate",
    ),
)
_WRITTEN = {3: ("3", "3.5")}
"""The difficulties that a filter by a whole number means, where they are several."""


@contextmanager
def contestants(place: Place) -> Iterator[tuple[Server, str, dict[str, Server]]]:
    """LearnTrac with the learner's token, and Trac's servers by name, over the same tickets."""
    tracd = [
        "-m",
        "trac.web.standalone",
        "--single-env",
        "--hostname",
        "127.0.0.1",
        str(place.folder),
    ]
    behind_uvicorn = ["-m", "benchmarks.trac_server", "--trac-env", str(place.folder)]
    with ExitStack() as stack:
        ours = stack.enter_context(servers.learntrac(place))
        with place.learntrac_tables() as tables:
            put_standings(tables, LEARNER, concepts=place.tickets)
        commands = {
            "tracd": tracd,
            "uvicorn": behind_uvicorn,
            "uvicorn, helped": [*behind_uvicorn, "--set-aside"],
        }
        theirs = {name: stack.enter_context(servers.served(command)) for name, command in commands.items()}
        yield ours, servers.sign_in(ours), theirs


def shared_queries() -> list[dict[str, object]]:
    """The queries of the mix that Trac can answer: it knows no learner, so no filter by a learner's status."""
    return [query for query in mix.all_queries() if "status" not in query]


def trac_path(query: dict[str, object], columns: tuple[str, ...] = ()) -> str:
    """The same query as Trac spells it."""
    pairs: list[tuple[str, object]] = [("format", "csv"), ("max", 20), ("order", "id")]
    if not query:  # else Trac asks what it always asks, which leaves out what is closed
        pairs.append(("status", "!nothing"))
    for name, value in query.items():
        if name == "difficulty":
            pairs += [("learning_difficulty", written) for written in _WRITTEN.get(int(str(value)), (value,))]
        else:
            pairs.append((name, "defect" if value == "bug" else value))
    return f"/query?{urlencode([*pairs, *(('col', column) for column in columns)])}"


def check_same_tickets(ours: Server, token: str, trac: Server) -> None:
    """Raise where the two would not answer the same tickets: then there is nothing to compare."""
    for query in shared_queries():
        mine = [concept["id"] for concept in servers.fetch(ours, mix.path_of(query, mix.LEARNTRAC), token)["concepts"]]
        with urllib.request.urlopen(f"http://127.0.0.1:{trac.port}{trac_path(query, _COLUMNS)}", timeout=60) as answer:
            rows = csv.DictReader(io.StringIO(answer.read().decode("utf-8-sig")))
            theirs = [int(row["id"]) for row in rows]
        if not mine or mine != theirs:
            raise RuntimeError(f"{query}: {mine} and {theirs} differ")


def measure(place: Place, rounds: int) -> dict[str, list[Turn]]:
    """Turns of LearnTrac and of Trac, by either server and with either columns."""
    with contestants(place) as (ours, token, theirs):
        check_same_tickets(ours, token, theirs["tracd"])
        paths = [mix.path_of(query, mix.LEARNTRAC) for query in shared_queries()]
        load = partial(generate, ours.port, paths, token=token, seconds=SECONDS)
        asking = {"LearnTrac": partial(take_turn, ours, load)}
        for columns, given in (("a concept's columns", _COLUMNS), ("few columns", ())):
            asked = [trac_path(query, given) for query in shared_queries()]
            for name, server in theirs.items():
                load = partial(generate, server.port, asked, seconds=TRAC_SECONDS)
                asking[f"{name}, {columns}"] = partial(take_turn, server, load)
        return interleave(asking, rounds)


def main(databases: tuple[str, ...] = DATABASES, rounds: int = ROUNDS) -> None:
    """Print the figures for each database."""
    rows = []
    with places() as room:
        for database in databases:
            taken = measure(room.make(database, TICKETS), rounds)
            turns_table(
                f"GET /concepts and Trac's query of {TICKETS:,} tickets on {database}, one process each",
                taken,
            )
            ours = taken.pop("LearnTrac")
            rows += [
                (
                    f"{database}: {name}",
                    rate_ratio(ours, turns).show(0),
                    all_cpu_ratio(turns, ours).show(0),
                )
                for name, turns in taken.items()
            ]
    columns = ("LearnTrac over", "by answers/s", "by CPU of server and database")
    print_table(f"LearnTrac over Trac (target: at least {TARGET} times)", columns, rows)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or DATABASES)
