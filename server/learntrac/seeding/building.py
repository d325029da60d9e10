"""Making a seeded Trac: the environment, its tickets, the catalog, learners; whole or not at all, and only once."""

import asyncio
import os
import secrets
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import psycopg
from sqlalchemy import text

from learntrac.accounts import service as accounts
from learntrac.config import Settings
from learntrac.kit.clock import Clock
from learntrac.kit.db import SCHEMA, Database
from learntrac.main import opened
from learntrac.mastery.parameter_file import Model
from learntrac.opening import find_model_file
from learntrac.seeding.bulk import Tables
from learntrac.seeding.course import COMPONENTS, CUSTOM, MILESTONES, TICKET, InventedCourse
from learntrac.seeding.learning import COLUMNS, School, Topic, learned, quotas, user_id_of
from learntrac.seeding.order import (
    INSTRUCTOR,
    MARKER,
    SQLITE,
    Order,
    Seeded,
    check,
    find_seeded,
    plain_url,
    read_database,
)
from learntrac.trac.environment import EnvironmentProblem
from learntrac.trac.ini import TracDatabaseUrl

_ROWS_AT_ONCE = 20_000
_LEARNERS_AT_ONCE = 2_000

Progress = Callable[[int, int], None]
ProgressBar = Callable[[str], AbstractContextManager[Progress]]
Topics = dict[int, Topic]
_T = TypeVar("_T")


def seed(
    folder: Path, order: Order, *, settings: Settings, database: str = SQLITE, clock: Clock, progress_bar: ProgressBar
) -> Seeded:
    """Make a Trac with invented concepts and learners in a folder that is not there yet.

    It is made beside its place and moved there at the end. A folder where the same was made before is left as it is.
    `database` is Trac's, as in trac.ini. Raises EnvironmentProblem, and ValueError for an order that cannot be.
    """
    check(order, settings)
    known = find_seeded(folder, order)
    if known is not None:
        return known
    day = clock().replace(hour=0, minute=0, second=0, microsecond=0)
    seeded = Seeded(order, day.date().isoformat(), settings.demo_password or secrets.token_urlsafe(9))
    with _beside(folder) as part:
        found = read_database(database, part)
        _make_environment(part, database, found)
        _fill(part, found, seeded, day, settings, clock, progress_bar)
        _write_private(part / "conf" / MARKER, seeded.written())
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    return seeded


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A new folder beside the one that is to be made, gone where that comes to nothing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    part.chmod(0o755)
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _make_environment(part: Path, database: str, found: TracDatabaseUrl) -> None:
    # Trac is needed here only.
    from learntrac.trac.author import create_environment  # noqa: PLC0415
    from learntrac.trac.trac16 import TracError  # noqa: PLC0415

    if found.kind == "postgresql":
        _check_empty(found)
    try:
        create_environment(part, name="LearnTrac seed", database=database, config=[("logging", "log_type", "none")])
    except TracError as error:
        raise EnvironmentProblem(str(error).partition("\n")[0]) from error


def _check_empty(found: TracDatabaseUrl) -> None:
    """Refuse a database that has tables where Trac's or LearnTrac's would be."""
    tables = (
        "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN (%s, %s) ORDER BY tablename LIMIT 1"
    )
    try:
        with psycopg.connect(plain_url(found)) as connection:
            there = connection.execute(tables, (found.schema, SCHEMA)).fetchone()
    except psycopg.OperationalError as error:
        raise EnvironmentProblem(f"--trac-database cannot be used: {str(error).partition(chr(10))[0]}") from error
    if there:
        raise EnvironmentProblem(f"--trac-database is in use (it has a table {there[0]}): name an empty database.")


def _fill(
    part: Path,
    found: TracDatabaseUrl,
    seeded: Seeded,
    day: datetime,
    settings: Settings,
    clock: Clock,
    progress_bar: ProgressBar,
) -> None:
    order = seeded.order
    course = InventedCourse(order.concepts, order.seed)
    with progress_bar("Writing tickets") as report, closing(trac_tables(found)) as tables:
        put_tickets(tables, course, report)
    own = settings.model_copy(update={"trac_env": part, "redis_url": None})
    with progress_bar("Reading Trac's tickets") as report:
        topics = asyncio.run(_read_catalog(own, seeded, clock, report))
    school = School(course, topics, order.seed, day, Model(find_model_file(own)).current)
    with progress_bar("Letting learners learn") as report, closing(learntrac_tables(part, found)) as tables:
        put_learners(tables, school, quotas(order.learners, order.events, order.seed), report)


def trac_tables(found: TracDatabaseUrl) -> Tables:
    """Trac's tables."""
    return Tables(found.path) if found.path else Tables(plain_url(found), found.schema)


def learntrac_tables(environment: Path, found: TracDatabaseUrl) -> Tables:
    """LearnTrac's tables, where they are by default."""
    return Tables(environment / "db" / "learntrac.db") if found.path else Tables(plain_url(found), SCHEMA)


def put_tickets(trac: Tables, course: InventedCourse, report: Progress) -> None:
    """Write the course's components, milestones and tickets, in one transaction."""
    for name in COMPONENTS:
        trac.execute("INSERT INTO component (name, owner, description) VALUES (?, '', '')", name)
    for name in MILESTONES:
        trac.execute("INSERT INTO milestone (name, due, completed, description) VALUES (?, 0, 0, '')", name)
    total = 5 * course.concepts
    trac.fill("ticket", TICKET, _reported(course.tickets(), report, 0, total))
    trac.fill("ticket_custom", CUSTOM, _reported(course.custom(), report, course.concepts, total))
    trac.number_after("ticket", course.concepts)
    trac.vacuum()


def _reported(rows: Iterable[_T], report: Progress, done: int, total: int) -> Iterator[_T]:
    for number, row in enumerate(rows, done + 1):
        if number % 1000 == 0 or number == total:
            report(number, total)
        yield row


async def _read_catalog(settings: Settings, seeded: Seeded, clock: Clock, report: Progress) -> Topics:
    """Make LearnTrac's database with the catalog and the accounts; what learners must know of each concept."""
    async with opened(settings, clock=clock, on_progress=report) as parts:
        await _add_accounts(parts.database, seeded, clock)
        return await _topics(parts.database)


async def _topics(database: Database) -> Topics:
    needed: defaultdict[int, list[int]] = defaultdict(list)
    links = "SELECT concept_id, prerequisite_id FROM prerequisite WHERE state = 'kept' ORDER BY 1, 2"
    async with database.read() as session:
        for concept_id, prerequisite_id in await session.execute(text(links)):
            needed[concept_id].append(prerequisite_id)
        rows = await session.execute(text("SELECT id, mastery_threshold, estimated_minutes FROM concept"))
        return {number: Topic(threshold, minutes, tuple(needed[number])) for number, threshold, minutes in rows}


async def _add_accounts(database: Database, seeded: Seeded, clock: Clock) -> None:
    names = [user_id_of(number) for number in range(1, min(seeded.order.sign_ins, seeded.order.learners) + 1)]
    roles = dict.fromkeys(names, "student") | ({INSTRUCTOR: "instructor"} if seeded.order.sign_ins else {})
    async with database.begin() as session:
        for name, role in roles.items():
            await accounts.add_local_account(session, user_id=name, password=seeded.password, role=role, now=clock())


def put_learners(tables: Tables, school: School, shares: list[int], report: Progress) -> None:
    """Write learners 1 to `len(shares)`, each with so many events."""
    waiting: defaultdict[str, list[tuple[object, ...]]] = defaultdict(list)
    for number, share in enumerate(shares, 1):
        for table, rows in learned(school, number, share).items():
            waiting[table] += rows
        if len(waiting["learner"]) >= _LEARNERS_AT_ONCE or len(waiting["learning_event"]) >= _ROWS_AT_ONCE:
            _write(tables, waiting)
            report(number, len(shares))
    _write(tables, waiting)
    report(len(shares), len(shares))
    tables.vacuum()


def _write(tables: Tables, waiting: defaultdict[str, list[tuple[object, ...]]]) -> None:
    for table, columns in COLUMNS.items():
        tables.fill(table, columns, waiting[table])
    tables.commit()
    waiting.clear()


def _write_private(file: Path, content: str) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(content)
