"""Analytics at scale: dashboards over HTTP, making the rollups, and an export of ten thousand learners.

    python -m benchmarks.analytics [--events 1000000,5000000] [--learners 100000] [--exported 10000] [DATABASE …]

Learners' logs are invented in bulk, spread over 400 days: answers, sessions and events that fit together, but no
standings. Aims: a month's dashboard at five million events p95 under 30 ms; its cost at most twice from one to five
million events, and from a week to a year; learner_progress of ten thousand learners as xlsx under 60 s and 300 MB.
"""

import argparse
import asyncio
import random
import resource
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from functools import partial
from multiprocessing import get_context

from sqlalchemy import text

from benchmarks import servers
from benchmarks.crowd import key_of
from benchmarks.load import Load, generate
from benchmarks.places import DATABASES, Place, places
from benchmarks.rounds import Turn, print_table, take_turn
from benchmarks.seeding import Tables, put_sign_ins
from benchmarks.servers import Server
from learntrac.accounts import service as accounts
from learntrac.activity.service import rebuild
from learntrac.activity.windows import WINDOWS
from learntrac.analytics import exports
from learntrac.config import Settings
from learntrac.kit.clock import to_micros, utc_now
from learntrac.kit.http.doors import API
from learntrac.main import Parts, export_maker, opened

CONCEPTS = 1_000
EVENTS = (1_000_000, 5_000_000)
LEARNERS = 100_000
DAYS = 400
EVENTS_A_SESSION = 5
ANSWERS_A_SESSION = 2
CONNECTIONS = 2
SECONDS = 6.0
INSTRUCTOR = "instructor"
_DAY = 86_400_000_000
_CHUNK = 2_000

Row = tuple[object, ...]
EVENT = ("user_id", "concept_id", "kind", "seconds", "score", "data", "at")
ANSWER = (
    *(
        "user_id",
        "concept_id",
        "item_id",
        "outcome",
        "weight",
        "source",
        "threshold",
        "prerequisites",
        "predicted",
    ),
    *("score_before", "score_after", "voided", "at"),
)
SESSION = (
    *(
        "id",
        "user_id",
        "concept_id",
        "mode",
        "status",
        "preferred_resources",
        "time_spent_seconds",
        "reported",
    ),
    *("started_at", "ended_at"),
)


def learner(number: int, sessions: int, now: int) -> dict[str, list[Row]]:
    """The rows of one learner: sessions one after the other on the concepts that follow each other."""
    dice = random.Random(number)
    name, first = f"learner-{number}", dice.randrange(CONCEPTS)
    rows: dict[str, list[Row]] = {
        "learning_event": [],
        "evidence": [],
        "learning_session": [],
    }
    begun = sorted(now - dice.randrange(DAYS * _DAY) for _ in range(sessions))
    for place, at in enumerate(begun):
        concept, ended = (first + place) % CONCEPTS + 1, at + 1_800_000_000
        rows["learning_event"].append((name, concept, "started", 0, None, "{}", at))
        for step in range(1, ANSWERS_A_SESSION + 1):
            outcome, when = (
                dice.choice((0.0, 0.5, 1.0, 1.0, 1.0)),
                at + step * 60_000_000,
            )
            rows["learning_event"].append((name, concept, "answered", 0, outcome, '{"source":"quiz"}', when))
            answer = (
                name,
                concept,
                f"quiz:{step}",
                outcome,
                1.0,
                "quiz",
                0.8,
                "[]",
                0.5,
                0.5,
                dice.random(),
                False,
            )
            rows["evidence"].append((*answer, when))
        rows["learning_event"].append((name, concept, "mastered", 0, 0.9, "{}", ended))
        rows["learning_event"].append((name, concept, "completed", 1800, None, "{}", ended))
        session_id = str(uuid.UUID(int=dice.getrandbits(128), version=4))
        rows["learning_session"].append(
            (
                session_id,
                name,
                concept,
                "guided",
                "completed",
                "[]",
                1800,
                "{}",
                at,
                ended,
            )
        )
    return rows


def put_logs(tables: Tables, numbers: Sequence[int], sessions: int, now: int) -> None:
    """Write the logs of these learners."""
    for begin in range(0, len(numbers), _CHUNK):
        made = [learner(number, sessions, now) for number in numbers[begin : begin + _CHUNK]]
        for table, columns in (
            ("learning_event", EVENT),
            ("evidence", ANSWER),
            ("learning_session", SESSION),
        ):
            tables.fill(table, columns, (row for one in made for row in one[table]))
        tables.commit()


async def make_rollups(place: Place) -> tuple[float, float]:
    """(seconds, seconds of processor time) of making them anew."""
    async with opened(Settings(trac_env=place.folder, run_jobs=False)) as parts:
        began, used = time.perf_counter(), time.process_time()
        await rebuild(parts.database, now=parts.clock())
        return time.perf_counter() - began, time.process_time() - used


def sign_in(place: Place) -> list[str]:
    """The tokens of an instructor and of a learner."""
    with place.learntrac_tables() as tables:
        return put_sign_ins(tables, key_of(place), [INSTRUCTOR, "learner-7"])


def dashboards(place: Place, instructor: str, one: str) -> Iterator[tuple[str, Turn]]:
    """Each window's dashboard of all learners over HTTP, and one learner's own year."""
    with servers.learntrac(place, LEARNTRAC_RUN_JOBS="false") as server:
        for window in WINDOWS:
            path = f"{API}/analytics/dashboard?timeframe={window}"
            servers.fetch(server, path, instructor)
            yield window, take_turn(server, partial(ask, server, path, instructor))
        own = f"{API}/analytics/dashboard?timeframe=year"
        yield "own year", take_turn(server, partial(ask, server, own, one))


def ask(server: Server, path: str, token: str) -> Load:
    """Ask for a path again and again."""
    return generate(server.port, [path], token=token, seconds=SECONDS, connections=CONNECTIONS)


async def export(place: Place, learners: int, format_: str) -> tuple[float, int]:
    """(seconds, bytes) of a learner_progress export of so many learners, made as a worker makes it."""
    async with opened(Settings(trac_env=place.folder, run_jobs=False)) as parts:
        export_id = await _order(parts, learners, format_)
        began = time.perf_counter()
        await export_maker(parts).make(export_id)
        rows = await parts.database.hot.rows("SELECT status, size FROM export WHERE id = $1", export_id)
        if rows[0][0] != "completed":
            raise RuntimeError(f"the export is {rows[0][0]}")
        return time.perf_counter() - began, rows[0][1]


async def _order(parts: Parts, learners: int, format_: str) -> str:
    """As if ordered at the door, which takes a thousand names at most."""
    names = ",".join(f'"learner-{number}"' for number in range(1, learners + 1))
    values = {
        "id": f"export-{uuid.uuid4().hex}",
        "owner": INSTRUCTOR,
        "report_type": "learner_progress",
        "format": format_,
        "sections": '["summary","detailed_progress","recommendations"]',
        "filters": f'{{"user_ids":[{names}]}}',
        "estimated_seconds": 0,
        "now": to_micros(parts.clock()),
    }
    async with parts.database.begin() as session:
        await session.execute(exports.queries.ADD_EXPORT, values)
        await session.execute(text("UPDATE activity_state SET settled_id = seen_id"))
    return str(values["id"])


def exported(place: Place, learners: int, format_: str) -> tuple[float, int, float]:
    """(seconds, bytes, megabytes of memory at most) in a process of its own."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_exported, (place, learners, format_))


def _exported(place: Place, learners: int, format_: str) -> tuple[float, int, float]:
    seconds, size = asyncio.run(export(place, learners, format_))
    return seconds, size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class _Rows:
    """The lines of the table, each said as it comes: a run takes minutes."""

    def __init__(self) -> None:
        self.all: list[tuple[str, ...]] = []

    def add(self, row: tuple[str, ...]) -> None:
        """Add a line."""
        self.all.append(row)
        print("  ".join(row), file=sys.stderr, flush=True)


def measure(place: Place, events: Sequence[int], learners: int, to_export: int) -> None:
    """Fill the place step by step, and print what each step gives."""
    now, done = to_micros(utc_now()), 0
    rows = _Rows()
    asyncio.run(_prepare(place))
    tokens = sign_in(place)
    for count in events:
        share = learners * count // max(events)
        with place.learntrac_tables() as tables:
            put_logs(
                tables,
                range(done + 1, share + 1),
                max(events) // learners // EVENTS_A_SESSION,
                now,
            )
        done = share
        with place.learntrac_tables() as tables:
            tables.vacuum()
        seconds, used = asyncio.run(make_rollups(place))
        name = f"{count:,} events, {share:,} learners"
        rows.add((name, "rollups made anew", f"{seconds:.0f} s", f"{used:.0f} s of CPU", ""))
        for window, turn in dashboards(place, *tokens):
            figures = (
                f"{turn.load.median_ms:.1f}",
                f"{turn.load.p95_ms:.1f}",
                f"{turn.cpu_ms:.2f}",
            )
            rows.add((name, f"dashboard, {window}", *figures))
    for format_ in ("xlsx", "csv", "pdf"):
        seconds, size, megabytes = exported(place, min(to_export, done), format_)
        rows.add(
            (
                f"{min(to_export, done):,} learners",
                format_,
                f"{seconds:.1f} s",
                f"{size:,} bytes",
                f"{megabytes:.0f} MB",
            )
        )
    columns = ("", "what", "median ms", "p95 ms", "CPU ms")
    print_table(f"Analytics on {place.database}, {CONNECTIONS} connections", columns, rows.all)


async def _prepare(place: Place) -> None:
    """The catalog, and the instructor's account."""
    async with (
        opened(Settings(trac_env=place.folder, run_jobs=False)) as parts,
        parts.database.begin() as session,
    ):
        word = "not used: tokens are issued"
        await accounts.add_local_account(
            session,
            user_id=INSTRUCTOR,
            password=word,
            role="instructor",
            now=parts.clock(),
        )


def main(
    databases: Sequence[str] = DATABASES,
    events: Sequence[int] = EVENTS,
    learners: int = LEARNERS,
    to_export: int = 10_000,
) -> None:
    """Print the figures."""
    with places() as room:
        for database in databases:
            measure(room.make(database, CONCEPTS), events, learners, to_export)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", default=",".join(map(str, EVENTS)))
    parser.add_argument("--learners", type=int, default=LEARNERS)
    parser.add_argument("--exported", type=int, default=10_000)
    parser.add_argument("databases", nargs="*", default=DATABASES)
    asked = parser.parse_args()
    main(
        asked.databases,
        [int(count) for count in asked.events.split(",")],
        asked.learners,
        asked.exported,
    )
