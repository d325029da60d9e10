"""What `init`, `doctor`, `user` and `graph` do, behind the command line."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from learntrac.accounts import service as accounts
from learntrac.accounts.live_sessions import REMEMBERED_SECONDS
from learntrac.activity import service as activity
from learntrac.activity.days import day_number
from learntrac.activity.jobs import alone_with_rollups
from learntrac.analytics import paths
from learntrac.audit.schemas import AuditList, AuditQuery
from learntrac.audit.service import CLI, SYSTEM, list_entries, record
from learntrac.backends.graph import GraphDown
from learntrac.backends.graph.content import Difference
from learntrac.backends.llm.trial import TriedModel, ask_once
from learntrac.backends.sandbox import Tier
from learntrac.backends.sandbox.boxed import BoxedSandbox
from learntrac.certificates.keys import make_key
from learntrac.chat import benching
from learntrac.chat.indexing import follow as follow_passages
from learntrac.config import Settings
from learntrac.kit.clock import utc_now
from learntrac.kit.db import SCHEMA, Database, normalised
from learntrac.kit.errors import Unavailable
from learntrac.kit.metrics import Metrics
from learntrac.kit.sealing import Sealer
from learntrac.knowledge.jobs import alone_with_copy
from learntrac.main import opened
from learntrac.mastery import fitting, own_log
from learntrac.mastery.parameter_file import find_problem
from learntrac.opening import (
    find_database_url,
    find_model_file,
    find_secret,
    open_budgets,
    open_database,
    open_graph,
    open_llm,
)
from learntrac.privacy.exporting import document
from learntrac.privacy.service import Counts, count_rows, erase
from learntrac.schema import migrate
from learntrac.status.service import describe_tier
from learntrac.trac.catalog import Problem, list_problems
from learntrac.trac.directory import TracDirectory
from learntrac.trac.environment import MAPPING_FILE, EnvironmentProblem, TracEnvironment, open_environment
from learntrac.trac.mapping import write_mapping
from learntrac.trac.sync import Progress, Sync

if TYPE_CHECKING:
    from learntrac.backends.graph.copying import Neo4jCopy

SETTLE_SECONDS = REMEMBERED_SECONDS + 1
"""After this long no server believes any more in a sign-in that was ended."""


@dataclass
class Plan:
    """What LearnTrac finds in a Trac, and where it keeps its own things."""

    environment: Path
    trac_version: int
    database: str
    mapping_file: Path
    fields: dict[str, str]
    types: Counter[str]
    sources: Counter[str]
    problems: int
    written: bool
    writer: str | None = None
    """The login that reads Trac's tables, where it may write them too."""
    lacking: str | None = None
    """What LearnTrac's own role needs before it can make its tables."""

    def lines(self) -> Iterator[tuple[str, str]]:
        """Names and values to show an operator."""
        made = "" if self.written else " (to be made)"
        yield "Trac environment", f"{self.environment} (database version {self.trac_version})"
        if self.writer is not None:
            yield "Trac's tables", f"read as {self.writer}, who may write them too (deploy/postgresql/roles.sql)"
        yield "LearnTrac's database", self.database + made
        if self.lacking is not None:
            yield "Needed first", self.lacking
        yield "Mapping", f"{self.mapping_file}{'' if self.mapping_file.exists() else made}"
        for meaning, name in self.fields.items():
            yield f"  {meaning}", name
        yield "Concepts", f"{self.types.total()} tickets"
        for name, count in self.types.most_common():
            yield f"  of type {name}", str(count)
        yield "Prerequisites", str(self.sources.total())
        for name, count in self.sources.most_common():
            yield f"  from {name}", str(count)
        yield "To look at", f"{self.problems} (`learntrac doctor` lists them)" if self.problems else "nothing"


@dataclass(frozen=True)
class Diagnosis:
    """What could not be read: `warnings` of the whole Trac, `problems` of single tickets; `notes`: what is well."""

    concepts: int
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problems: list[Problem] = field(default_factory=list)


async def initialise(settings: Settings, *, write: bool, on_progress: Progress) -> Plan:
    """Read a Trac and tell what is found; with `write`, make LearnTrac's database, key and mapping file as well."""
    async with _trac(settings) as trac:
        file = trac.path / "conf" / MAPPING_FILE
        if not write:
            async with _scratch_catalog(trac, on_progress) as database:
                return await _plan(settings, trac, database, written=False)
        find_secret(settings)
        if not file.exists():
            file.write_text(write_mapping(trac.mapping()), encoding="utf-8")
        database = await open_database(settings)
        try:
            sync = Sync(trac.source, database, mapping=trac.mapping, clock=utc_now)
            await sync.step(on_progress)
            await sync.tell()
            return await _plan(settings, trac, database, written=True)
        finally:
            await database.close()


async def diagnose(settings: Settings, *, on_progress: Progress) -> Diagnosis:
    """Read a Trac into a catalog that is thrown away, and tell what could not be read as it was meant."""
    async with _trac(settings) as trac, _scratch_catalog(trac, on_progress) as database:
        async with database.read() as session:
            concepts = (await session.execute(text("SELECT count(*) FROM concept"))).scalar_one()
            problems = await list_problems(session)
        notes, graph_problems = await _look_at_graph(settings)
        notes = (*notes, *await _look_at_sandbox(settings))
        found = (*trac.permission_problems(), *trac.sign_in_problems())
        warnings = (*found, *graph_problems, *_model_problems(settings))
        return Diagnosis(concepts, warnings, notes, problems)


async def check_sandbox(settings: Settings, *, build: bool = True) -> tuple[Tier, ...]:
    """Every tier of this machine's sandbox, after its self-test; builds what is missing, unless told not to."""
    sandbox = BoxedSandbox(settings.sandbox_folder, places=settings.sandbox_places, build=build, afresh=True)
    try:
        await sandbox.opened()
        return sandbox.tiers()
    finally:
        await sandbox.close()


async def try_model(settings: Settings) -> TriedModel:
    """Ask the language model something, counted as any other call. Raises EnvironmentProblem."""
    async with _database(settings) as database:
        model = open_llm(settings, database, utc_now, Metrics())
        if model is None:
            raise EnvironmentProblem("There is no language model: set LEARNTRAC_AI_PROVIDER and LEARNTRAC_AI_MODEL.")
        try:
            return await ask_once(model, open_budgets(settings, database, utc_now))
        finally:
            await model.close()


async def _look_at_sandbox(settings: Settings) -> list[str]:
    return [f"Sandbox: {describe_tier(tier)}." for tier in await check_sandbox(settings, build=False)]


async def rebuild_graph(settings: Settings, *, on_progress: Progress) -> tuple[int, int]:
    """Write the copy of the graph in Neo4j anew; (concepts, edges) of it. Raises EnvironmentProblem."""
    database = await open_database(settings)
    try:
        async with _graph_copy(settings, database) as copy, alone_with_copy(database):
            return await copy.rebuild(on_progress)
    except GraphDown as error:
        raise EnvironmentProblem(f"LEARNTRAC_NEO4J_URL: Neo4j cannot be used: {error}.") from error
    finally:
        await database.close()


async def rebuild_analytics(settings: Settings, *, on_progress: Progress) -> int:
    """Make the rollups of what learners did anew; how many learners there are."""
    async with _database(settings) as database, alone_with_rollups(database):
        now = utc_now()
        done = await activity.rebuild(database, now=now, on_progress=on_progress)
        rows = await paths.count_all(database.hot, today=day_number(now))
        async with database.begin() as session:
            await paths.keep_paths(session, rows)
        return done


async def rotate_signing_key(settings: Settings) -> int:
    """Make another key that signs credentials; its number. Raises EnvironmentProblem."""
    async with _database(settings) as database, database.begin() as session:
        return (await make_key(session, Sealer(find_secret(settings), "certificates"), now=utc_now())).id


async def _look_at_graph(settings: Settings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(notes, warnings) about the copy in Neo4j, compared with LearnTrac's own database. Writes nothing."""
    if settings.neo4j_url is None:
        return (), ()
    database = Database(find_database_url(settings))
    try:
        async with _graph_copy(settings, database) as copy:
            return _graph_report(await copy.differences())
    except Exception as error:  # noqa: BLE001 - whatever is wrong with either, doctor says so and goes on
        why = str(error).partition("\n")[0] or type(error).__name__
        return (), (f"Neo4j cannot be compared with the catalog: {why}",)
    finally:
        await database.close()


def _graph_report(difference: Difference) -> tuple[tuple[str, ...], tuple[str, ...]]:
    nodes, edges = difference.node_count, difference.edge_count
    if not nodes and not edges:
        return ("Neo4j holds what the catalog holds.",), ()
    counts = f"{nodes} concept{'' if nodes == 1 else 's'} and {edges} edge{'' if edges == 1 else 's'}"
    return (), (f"Neo4j differs from the catalog in {counts}; if that stays, `learntrac graph rebuild` writes it anew",)


@asynccontextmanager
async def _graph_copy(settings: Settings, database: Database) -> "AsyncIterator[Neo4jCopy]":
    graph, copy = open_graph(settings, database, utc_now)
    if copy is None:
        raise EnvironmentProblem("Say which Neo4j: LEARNTRAC_NEO4J_URL.")
    try:
        yield copy
    finally:
        await graph.close()


def _model_problems(settings: Settings) -> list[str]:
    problem = find_problem(find_model_file(settings))
    return (
        [] if problem is None else [f"The learner model's file cannot be used, the shipped defaults serve: {problem}"]
    )


async def refit_model(settings: Settings, *, on_progress: fitting.Progress) -> tuple[Path, own_log.Refit]:
    """Fit the learner model to the installation's own evidence: the parameters' file, and what came of it."""
    file = find_model_file(settings)
    database = await open_database(settings)
    try:
        made = await own_log.refit(database, file, now=utc_now(), progress=on_progress)
        if made.written:  # scores were made anew, and no event says so
            async with alone_with_rollups(database):
                await activity.rebuild(database, now=utc_now())
        return file, made
    finally:
        await database.close()


async def add_user(settings: Settings, *, name: str, role: str, password: str) -> None:
    """Add or change an account of LearnTrac's own. Raises ValueError for a name that Trac knows, and for a name or a
    password that nobody could sign in with.
    """
    if not 0 < len(name) <= 255 or not name.isprintable():
        raise ValueError("The name must have 1 to 255 printable characters.")
    if name in (CLI, SYSTEM):
        raise ValueError(f"{name} is who the audit log names where no user acts: take another name.")
    if not 8 <= len(password) <= 1024:
        raise ValueError("The password must have 8 to 1024 characters.")
    async with _trac(settings) as trac:
        if await TracDirectory(trac).has_account(name):
            raise ValueError(
                f"Trac has an account {name} already: it signs in with that password; give it rights in Trac."
            )
    async with _database(settings) as database, database.begin() as session:
        now = utc_now()
        await accounts.add_local_account(session, user_id=name, password=password, role=role, now=now)
        await record(session, actor=CLI, action="account.add", subject=name, now=now, details={"role": role})


async def remove_user(settings: Settings, *, name: str) -> bool:
    """Remove an account of LearnTrac's own; whether there was one."""
    async with _database(settings) as database, database.begin() as session:
        now = utc_now()
        removed = await accounts.remove_local_account(session, user_id=name, now=now)
        if removed:
            await record(session, actor=CLI, action="account.remove", subject=name, now=now)
        return removed


async def list_audit(settings: Settings, *, query: AuditQuery) -> AuditList:
    """A page of the audit log. That somebody looked is an entry too."""
    async with _database(settings) as database:
        async with database.read() as session:
            found = await list_entries(session, query=query)
        async with database.begin() as session:
            await record(session, actor=CLI, action="audit.view", subject=query.person, now=utc_now())
        return found


async def export_user(settings: Settings, *, name: str, write: Callable[[bytes], object], on_progress: Progress) -> int:
    """Write everything that LearnTrac holds about a person as one JSON document; how many rows that was.

    Raises ValueError where it holds nothing.
    """
    async with _database(settings) as database:
        total, done, now = sum((await _held(database, name)).values()), 0, utc_now()
        async with database.begin() as session:
            await record(session, actor=CLI, action="user.export", subject=name, now=now)

        def count(rows: int) -> None:
            nonlocal done
            done += rows
            on_progress(done, max(done, total))

        async for piece in document(database, user_id=name, now=now, on_rows=count):
            write(piece)
        return done


async def erase_user(settings: Settings, *, name: str, write: bool, settle_seconds: float = SETTLE_SECONDS) -> Counts:
    """What LearnTrac holds about a person, by section; with `write` all of it is erased in one transaction.

    Raises ValueError where it holds nothing.
    """
    async with _database(settings) as database:
        held = await _held(database, name)
        if not write:
            return held
        secret = find_secret(settings)
        async with database.begin() as session:
            await accounts.close_all_sessions(session, user_id=name, now=utc_now())
        if held["sign_ins"]:
            # A server may still believe in a sign-in, and would write on behalf of somebody who is no longer there.
            await asyncio.sleep(settle_seconds)
        async with database.begin() as session:
            return await erase(session, user_id=name, actor=CLI, secret=secret, now=utc_now())


async def _held(database: Database, name: str) -> Counts:
    async with database.read() as session:
        counts = await count_rows(session, user_id=name)
    if not any(counts.values()):
        raise ValueError(f"LearnTrac holds nothing about {name}.")
    return counts


async def bench_tutor(settings: Settings, *, model: str, most_concepts: int, on_progress: Progress) -> benching.Report:
    """What the tutor withholds, answers and rests on, on this course's material; nothing of it is stored."""
    async with opened(settings, keep_up=False) as parts:
        await follow_passages(parts.database)
        tutor = parts.tutor if model == "configured" else replace(parts.tutor, language_model=None)
        return await benching.bench(tutor, leaky=model == "leaky", most_concepts=most_concepts, on_progress=on_progress)


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    database = await open_database(settings)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def _trac(settings: Settings) -> AsyncIterator[TracEnvironment]:
    if settings.trac_env is None:
        raise EnvironmentProblem("Say which Trac: `--trac-env DIR` or LEARNTRAC_TRAC_ENV.")
    trac = await open_environment(settings.trac_env.resolve(), settings, secret=b"signs nothing here")
    try:
        yield trac
    finally:
        await trac.close()


@asynccontextmanager
async def _scratch_catalog(trac: TracEnvironment, on_progress: Progress) -> AsyncIterator[Database]:
    """The catalog of a Trac in a file that is gone afterwards: looking must not write."""
    with tempfile.TemporaryDirectory(prefix="learntrac-") as folder:
        database = Database(f"sqlite:///{folder}/catalog.db")
        try:
            await migrate(database)
            await Sync(trac.source, database, mapping=trac.mapping, clock=utc_now).step(on_progress)
            yield database
        finally:
            await database.close()


async def _plan(settings: Settings, trac: TracEnvironment, database: Database, *, written: bool) -> Plan:
    async with database.read() as session:
        types = await session.execute(text("SELECT type, count(*) AS n FROM concept GROUP BY type"))
        sources = await session.execute(text("SELECT source, count(*) AS n FROM prerequisite GROUP BY source"))
        problems = await list_problems(session)
    mapping = trac.mapping()
    database_url = find_database_url(settings)
    named = {
        "difficulty": mapping.difficulty,
        "mastery threshold": mapping.mastery_threshold,
        "estimated time": mapping.estimated_time,
    }
    return Plan(
        environment=trac.path,
        trac_version=await trac.source.version(),
        database=_shown(database_url),
        mapping_file=trac.path / "conf" / MAPPING_FILE,
        fields={meaning: name + trac.field_remark(name) for meaning, name in named.items()},
        types=Counter({row.type: row.n for row in types}),
        sources=Counter({row.source: row.n for row in sources}),
        problems=len(problems),
        written=written,
        writer=await trac.source.find_writer(),
        lacking=None if written else await _find_lacking(database_url),
    )


_MAY_MAKE_TABLES = text(
    "SELECT current_user, current_database(), oid IS NULL, CASE WHEN oid IS NULL"
    " THEN has_database_privilege(current_database(), 'CREATE') ELSE has_schema_privilege(oid, 'CREATE') END"
    " FROM (SELECT CAST(to_regnamespace(:schema) AS oid) AS oid) own"
)


async def _find_lacking(database_url: str) -> str | None:
    """What LearnTrac's role needs to make its tables; None where nothing is missing, as with SQLite."""
    database = Database(database_url, connections=2)
    if database.is_sqlite:
        return None
    try:
        async with database.read() as session:
            role, name, is_new, is_granted = (await session.execute(_MAY_MAKE_TABLES, {"schema": SCHEMA})).one()
    except Unavailable:
        return "a database that answers at this address, with this role and password"
    finally:
        await database.close()
    where = f"the database {name}, to make a schema {SCHEMA}" if is_new else f"the schema {SCHEMA}"
    return None if is_granted else f"CREATE on {where}, for the role {role}: run deploy/postgresql/roles.sql"


def _shown(database_url: str) -> str:
    """A database as an operator knows it: a file, or a URL without its password."""
    url = normalised(database_url)
    if url.drivername.startswith("sqlite"):
        return str(url.database)
    return url.set(drivername="postgresql").render_as_string(hide_password=True)
