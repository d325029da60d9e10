"""What `init`, `doctor` and `user` do, behind the command line."""

import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text

from learntrac.accounts import service as accounts
from learntrac.config import Settings
from learntrac.kit.clock import utc_now
from learntrac.kit.db import Database, normalised
from learntrac.main import find_database_url, find_secret, open_database
from learntrac.schema import migrate
from learntrac.trac.catalog import Problem, list_problems
from learntrac.trac.directory import TracDirectory
from learntrac.trac.environment import MAPPING_FILE, EnvironmentProblem, TracEnvironment, open_environment
from learntrac.trac.mapping import write_mapping
from learntrac.trac.sync import Progress, Sync


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

    def lines(self) -> Iterator[tuple[str, str]]:
        """Names and values to show an operator."""
        made = "" if self.written else " (to be made)"
        yield "Trac environment", f"{self.environment} (database version {self.trac_version})"
        yield "LearnTrac's database", self.database + made
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
    """What could not be read: `warnings` of the whole Trac, `problems` of single tickets."""

    concepts: int
    warnings: tuple[str, ...] = ()
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
            await Sync(trac.source, database, mapping=trac.mapping, clock=utc_now).step(on_progress)
            return await _plan(settings, trac, database, written=True)
        finally:
            await database.close()


async def diagnose(settings: Settings, *, on_progress: Progress) -> Diagnosis:
    """Read a Trac into a catalog that is thrown away, and tell what could not be read as it was meant."""
    async with _trac(settings) as trac, _scratch_catalog(trac, on_progress) as database:
        async with database.read() as session:
            concepts = (await session.execute(text("SELECT count(*) FROM concept"))).scalar_one()
            problems = await list_problems(session)
        return Diagnosis(concepts, (*trac.permission_problems(), *trac.sign_in_problems()), problems)


async def add_user(settings: Settings, *, name: str, role: str, password: str) -> None:
    """Add or change an account of LearnTrac's own. Raises ValueError for a name that Trac knows, and for a name or a
    password that nobody could sign in with.
    """
    if not 0 < len(name) <= 255 or not name.isprintable():
        raise ValueError("The name must have 1 to 255 printable characters.")
    if not 8 <= len(password) <= 1024:
        raise ValueError("The password must have 8 to 1024 characters.")
    async with _trac(settings) as trac:
        if await TracDirectory(trac).has_account(name):
            raise ValueError(
                f"Trac has an account {name} already: it signs in with that password; give it rights in Trac."
            )
    database = await open_database(settings)
    try:
        async with database.begin() as session:
            await accounts.add_local_account(session, user_id=name, password=password, role=role, now=utc_now())
    finally:
        await database.close()


async def remove_user(settings: Settings, *, name: str) -> bool:
    """Remove an account of LearnTrac's own; whether there was one."""
    database = await open_database(settings)
    try:
        async with database.begin() as session:
            return await accounts.remove_local_account(session, user_id=name, now=utc_now())
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
    named = {
        "difficulty": mapping.difficulty,
        "mastery threshold": mapping.mastery_threshold,
        "estimated time": mapping.estimated_time,
    }
    return Plan(
        environment=trac.path,
        trac_version=await trac.source.version(),
        database=_shown(find_database_url(settings)),
        mapping_file=trac.path / "conf" / MAPPING_FILE,
        fields={meaning: name + trac.field_remark(name) for meaning, name in named.items()},
        types=Counter({row.type: row.n for row in types}),
        sources=Counter({row.source: row.n for row in sources}),
        problems=len(problems),
        written=written,
    )


def _shown(database_url: str) -> str:
    """A database as an operator knows it: a file, or a URL without its password."""
    url = normalised(database_url)
    if url.drivername.startswith("sqlite"):
        return str(url.database)
    return url.set(drivername="postgresql").render_as_string(hide_password=True)
