"""Invented tickets, standings and edits, written by SQL into databases that a benchmark made for itself.

Nobody may write to a Trac like this but a benchmark to its own: here a hundred thousand tickets take seconds.
"""

import csv
import io
import itertools
import random
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg2

SEED = 7
COMPONENTS = tuple(f"area-{number:02}" for number in range(20))
MILESTONES = tuple(f"Week {number:02}" for number in range(1, 11))
TYPES = ("task", "task", "task", "defect", "enhancement", "feature")
STATUSES = ("new", "new", "new", "assigned", "accepted", "reopened", "closed")
OWNERS = ("", "", "ivan", "ines", "omar")
BEGUN = 1_700_000_000_000_000  # microseconds; tickets are written from here on, one a minute

_TICKET = (
    *("id", "type", "time", "changetime", "component", "severity", "priority", "owner", "reporter", "cc"),
    *("version", "milestone", "status", "resolution", "summary", "description", "keywords"),
)
_CUSTOM = ("ticket", "name", "value")
_STANDING = (
    *("user_id", "concept_id", "status", "mastery_score", "successes", "weight"),
    *("begun_at", "completed_at", "mastered_at", "updated_at"),
)
_WORDS = [
    "request",
    "answer",
    "header",
    "body",
    "client",
    "server",
    "method",
    "status",
    "cache",
    "cookie",
    "session",
    "token",
    "parser",
    "function",
    "module",
    "class",
    "value",
    "list",
    "mapping",
    "loop",
    "branch",
    "error",
    "test",
    "index",
    "query",
    "table",
    "row",
    "transaction",
    "lock",
    "thread",
    "queue",
]

_NULL = "(null)"  # in a sheet for COPY, where an empty cell is an empty text

Row = tuple[Any, ...]


class Tables:
    """One database, for writing many rows at once and running single statements with `?` parameters."""

    def __init__(self, target: Path | str, schema: str = "public") -> None:
        self._connection: Any
        self._is_file = isinstance(target, Path)
        if self._is_file:
            self._connection = sqlite3.connect(target, timeout=30)
        else:
            self._connection = psycopg2.connect(target, options=f"-c search_path={schema}")

    def execute(self, sql: str, *values: object) -> list[Any]:
        """Run one statement in the open transaction; its rows, if it has any."""
        cursor = self._connection.cursor()
        cursor.execute(sql if self._is_file else sql.replace("?", "%s"), values)
        return list(cursor.fetchall()) if cursor.description else []

    def fill(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Add many rows."""
        if self._is_file:
            places = ", ".join("?" * len(columns))
            sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"
            self._connection.executemany(sql, rows)
            return
        sheet = io.StringIO()
        csv.writer(sheet).writerows([_NULL if cell is None else cell for cell in row] for row in rows)
        sheet.seek(0)
        copy = f"COPY {table} ({', '.join(columns)}) FROM STDIN WITH (FORMAT csv, NULL '{_NULL}')"
        self._connection.cursor().copy_expert(copy, sheet)

    def commit(self) -> None:
        """Make it last."""
        self._connection.commit()

    def vacuum(self) -> None:
        """What autovacuum does within a minute in a PostgreSQL that is left its defaults; nothing on SQLite."""
        if not self._is_file:
            self.commit()
            self._connection.autocommit = True
            self._connection.cursor().execute("VACUUM ANALYZE")
            self._connection.autocommit = False

    def close(self) -> None:
        """Give back the connection."""
        self._connection.close()


def put_tickets(trac: Tables, count: int) -> None:
    """Tickets 1 to `count` of an invented course, with their custom fields, components and milestones."""
    choice = random.Random(SEED)
    for name in COMPONENTS:
        trac.execute("INSERT INTO component (name, owner, description) VALUES (?, '', '')", name)
    for name in MILESTONES:
        trac.execute("INSERT INTO milestone (name, due, completed, description) VALUES (?, 0, 0, '')", name)
    trac.fill("ticket", _TICKET, (_ticket(number, choice) for number in range(1, count + 1)))
    custom = (_custom(number, choice) for number in range(1, count + 1))
    trac.fill("ticket_custom", _CUSTOM, itertools.chain.from_iterable(custom))
    trac.commit()
    trac.vacuum()


def _ticket(number: int, choice: random.Random) -> Row:
    written = BEGUN + number * 60_000_000
    return (
        *(number, choice.choice(TYPES), written, written + 30_000_000, choice.choice(COMPONENTS), "", "major"),
        *(choice.choice(OWNERS), "ivan", "", "", choice.choice(MILESTONES), choice.choice(STATUSES), ""),
        *(f"{_phrase(choice, 4).capitalize()} {number}", _description(choice), _phrase(choice, 2)),
    )


def _phrase(choice: random.Random, words: int) -> str:
    return " ".join(choice.choices(_WORDS, k=words))


def _description(choice: random.Random) -> str:
    """Some four hundred characters with objectives and a link, as instructors write them."""
    goals = "\n".join(f" * Explain the {_phrase(choice, 3)}" for _ in range(3))
    page = _phrase(choice, 1).capitalize()
    return (
        f"{_phrase(choice, 24).capitalize()}.\n\n== Learning objectives ==\n{goals}\n\n"
        f"== Resources ==\n * [wiki:{page} About the {page.lower()}]\n"
    )


def _custom(number: int, choice: random.Random) -> Iterator[Row]:
    earlier = range(max(1, number - 50), number)
    named = sorted(choice.sample(earlier, k=min(len(earlier), choice.choice((0, 1, 1, 2, 3)))))
    yield number, "learning_difficulty", str(choice.choice((1, 2, 2, 3, 3, 3.5, 4, 5)))
    yield number, "mastery_threshold", choice.choice(("0.7", "0.8", "0.9"))
    yield number, "prerequisites", ", ".join(f"#{other}" for other in named)
    yield number, "time_estimate", choice.choice(("30m", "1h", "1.5 hours", "2h"))


def put_standings(learntrac: Tables, user_id: str, *, concepts: int, count: int = 300) -> None:
    """Standings of one learner with `count` of the concepts: mastered, practicing and learning."""
    choice = random.Random(SEED)
    numbers = sorted(choice.sample(range(1, concepts + 1), k=min(count, concepts)))
    rows = []
    for number in numbers:
        status = choice.choice(("mastered", "mastered", "practicing", "learning"))
        ended = BEGUN if status != "learning" else None
        mastered = BEGUN if status == "mastered" else None
        rows.append((user_id, number, status, 0.5, 1.0, 2.0, BEGUN, ended, mastered, BEGUN))
    learntrac.fill("standing", _STANDING, rows)
    learntrac.commit()
    learntrac.vacuum()


def edit_ticket(trac: Tables, number: int, summary: str, *, author: str = "ivan") -> None:
    """One change of a ticket's summary as Trac itself stores it: the ticket, the field's row and the comment's."""
    moment = time.time_ns() // 1000
    before = trac.execute("SELECT summary FROM ticket WHERE id = ?", number)[0][0]
    trac.execute("UPDATE ticket SET summary = ?, changetime = ? WHERE id = ?", summary, moment, number)
    for field, old, new in (("summary", before, summary), ("comment", "1", "")):
        trac.execute(
            "INSERT INTO ticket_change (ticket, time, author, field, oldvalue, newvalue) VALUES (?, ?, ?, ?, ?, ?)",
            *(number, moment, author, field, old, new),
        )
    trac.commit()
