"""Trac and LearnTrac in one PostgreSQL, each with what it needs and no more."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2.errors
import pytest

from learntrac.opening import open_database
from learntrac.operations import initialise
from learntrac.trac import source
from learntrac.trac.environment import EnvironmentProblem
from tests.concepts.trac_edits import Ticket, by_trac, shows, titles
from tests.conftest import Api, TracCopy, eventually, make_settings, serving
from tests.contract.learning import completed, learn
from tests.contract.two_roles import SCRIPT, SharedDatabase, shared_database
from tests.environments import Postgres

READ = {*source._NEEDED, *source._LINKS, "milestone"}


@pytest.fixture(scope="module", params=["public", "forge"])
def shared(request: pytest.FixtureRequest, postgres: Postgres, postgres_template: Path) -> Iterator[SharedDatabase]:
    """Trac 1.6 with the small course, its tables in the schema that Trac takes by itself, and in one of their own."""
    name = f"in_{request.param}"
    with shared_database(postgres, name, schema=request.param, template="template_trac") as database:
        yield database


@pytest.fixture(scope="module")
def found(shared: SharedDatabase, postgres_template: Path, tmp_path_factory: pytest.TempPathFactory) -> TracCopy:
    """The Trac as one finds it, with the tables of both plugins."""
    folder = Path(shutil.copytree(postgres_template, tmp_path_factory.mktemp(shared.name) / "trac"))
    ini = folder / "conf" / "trac.ini"
    ini.write_text(re.sub("^database = .*$", f"database = {shared.in_trac_ini}", ini.read_text(), flags=re.MULTILINE))
    shared.as_trac("CREATE TABLE mastertickets (source integer, dest integer)")
    shared.as_trac("CREATE TABLE subtickets (parent integer, child integer)")
    shared.as_trac("INSERT INTO mastertickets (source, dest) VALUES (1, 6)")
    return TracCopy(folder)


@pytest.fixture
def trac(shared: SharedDatabase, found: TracCopy) -> TracCopy:
    """The same after roles.sql, which for most tests is not its first run."""
    set_roles(shared)
    return found


def set_roles(shared: SharedDatabase) -> None:
    done = shared.set_roles()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def tables_of(shared: SharedDatabase, schema: str) -> set[str]:
    return {row[0] for row in shared.as_superuser(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'")}


def is_refused(shared: SharedDatabase, role: str, statement: str) -> bool:
    run = {shared.trac: shared.as_trac, shared.learntrac: shared.as_learntrac}[role]
    try:
        run(statement)
    except psycopg2.errors.InsufficientPrivilege:
        return True
    return False


async def problem_of(shared: SharedDatabase, trac: TracCopy, *, write: bool = True) -> str:
    settings = make_settings(trac.folder, database_url=shared.url)
    with pytest.raises(EnvironmentProblem) as refused:
        await initialise(settings, write=write, on_progress=lambda _done, _total: None)
    assert "\n" not in str(refused.value)
    return str(refused.value)


async def test_which_grants_are_missing_is_said_in_one_line(shared: SharedDatabase, found: TracCopy) -> None:
    shared.make_bare_role()
    shared.as_superuser(f"REVOKE USAGE ON SCHEMA {shared.schema} FROM PUBLIC")
    sentence = await problem_of(shared, found, write=False)
    lacks = f"PostgreSQL's role {shared.learntrac} lacks USAGE on the schema {shared.schema} and SELECT on permission, "
    assert lacks in sentence
    assert sentence.endswith(". Run deploy/postgresql/roles.sql.")

    shared.as_superuser(f"GRANT USAGE ON SCHEMA {shared.schema} TO {shared.learntrac}, {shared.trac}")
    for table in READ - {"wiki"}:
        shared.as_trac(f"GRANT SELECT ON {table} TO {shared.learntrac}")
    assert "lacks SELECT on wiki. Run" in await problem_of(shared, found, write=False)

    shared.as_trac(f"GRANT SELECT ON wiki TO {shared.learntrac}")
    plan = await planned(found, database_url=shared.url)
    assert plan["Needed first"] == (
        f"CREATE on the database {shared.name}, to make a schema learntrac, for the role {shared.learntrac}:"
        " run deploy/postgresql/roles.sql"
    )
    assert "Trac's tables" not in plan
    assert f"permission denied for database {shared.name}. Run deploy" in await problem_of(shared, found)

    shared.as_superuser("CREATE SCHEMA learntrac")
    plan = await planned(found, database_url=shared.url)
    assert plan["Needed first"].startswith(f"CREATE on the schema learntrac, for the role {shared.learntrac}:")
    wrong = shared.url.replace(":learntracs-password@", ":wrong@")
    plan = await planned(found, database_url=wrong, trac_database_url=f"{shared.url}?schema={shared.schema}")
    assert plan["Needed first"].startswith("a database that answers at this address")
    assert "wrong" not in str(plan)


async def planned(trac: TracCopy, **settings: Any) -> dict[str, str]:
    plan = await initialise(make_settings(trac.folder, **settings), write=False, on_progress=lambda _done, _total: None)
    return dict(plan.lines())


async def test_a_link_table_that_may_not_be_read_is_no_missing_table(shared: SharedDatabase, trac: TracCopy) -> None:
    async with serving(trac, database_url=shared.url) as api:
        assert await shows(api, 6, prerequisites=[1])
        shared.as_trac(f"REVOKE SELECT ON mastertickets FROM {shared.learntrac}")

        async def said() -> bool:
            denied = "Trac's tables may not be read (permission denied for table mastertickets): deploy/postgresql/"
            return str(api.parts.sync.last_error).startswith(denied)

        shared.as_trac("UPDATE system SET value = value WHERE name = 'database_version'")
        await eventually(said)
        assert await shows(api, 6, prerequisites=[1])
        set_roles(shared)
        shared.as_trac("INSERT INTO mastertickets (source, dest) VALUES (2, 6)")
        await eventually(lambda: shows(api, 6, prerequisites=[1, 2]))
        shared.as_trac("DELETE FROM mastertickets WHERE source = 2")


async def test_both_work_each_by_its_own_role(shared: SharedDatabase, trac: TracCopy) -> None:
    async with serving(trac, database_url=shared.url) as api:
        await by_trac(trac, lambda env: insert(env, f"Trac writes in {shared.schema}"))
        await eventually(lambda: lists(api, f"Trac writes in {shared.schema}"))
        await learn(api)

        assert await completed(api) == 1
        sessions = "SELECT DISTINCT usename FROM pg_stat_activity WHERE usename IS NOT NULL AND pid <> pg_backend_pid()"
        assert shared.as_superuser(f"{sessions} AND datname = '{shared.name}'") == [(shared.learntrac,)]
    owners = shared.as_superuser("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'learntrac'")
    assert owners == [(shared.learntrac,)]


def insert(env: Any, summary: str) -> None:
    ticket = Ticket(env)
    ticket.populate({"summary": summary, "type": "task", "status": "new"})
    ticket.insert()


async def lists(api: Api, title: str) -> bool:
    return title in await titles(api)


def test_learntrac_may_read_ten_tables_of_tracs_and_write_none(shared: SharedDatabase, trac: TracCopy) -> None:
    tables = tables_of(shared, shared.schema)
    assert tables > READ
    readable = {table for table in tables if not is_refused(shared, shared.learntrac, f"SELECT * FROM {table} LIMIT 1")}
    assert readable == READ

    columns = "SELECT min(attname::text) FROM pg_attribute WHERE attnum = 1 AND attrelid = '{0}'::regclass"
    for table in tables:
        column = shared.as_trac(columns.format(table))[0][0]
        for statement in (
            f"INSERT INTO {table} DEFAULT VALUES",
            f'UPDATE {table} SET "{column}" = NULL',
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"ALTER TABLE {table} ADD COLUMN mine text",
            f'CREATE INDEX mine ON {table} ("{column}")',
            f"DROP TABLE {table}",
        ):
            assert is_refused(shared, shared.learntrac, statement), statement


def test_learntrac_may_make_nothing_outside_its_schema(shared: SharedDatabase, trac: TracCopy) -> None:
    for statement in (
        f"CREATE TABLE {shared.schema}.mine (id integer)",
        f"CREATE FUNCTION {shared.schema}.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        f"DROP SCHEMA {shared.schema} CASCADE",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        f"SET ROLE {shared.trac}",
        f"SELECT nextval('{shared.schema}.ticket_id_seq')",
    ):
        assert is_refused(shared, shared.learntrac, statement), statement


async def test_trac_may_not_look_into_learntracs_schema(shared: SharedDatabase, trac: TracCopy) -> None:
    database = await open_database(make_settings(trac.folder, database_url=shared.url))
    await database.close()
    tables = tables_of(shared, "learntrac")

    assert "concept" in tables
    for table in tables:
        for statement in (f"SELECT * FROM learntrac.{table}", f"DELETE FROM learntrac.{table}"):
            assert is_refused(shared, shared.trac, statement), statement
    for statement in (
        "CREATE TABLE learntrac.theirs (id integer)",
        "DROP SCHEMA learntrac CASCADE",
        f"SET ROLE {shared.learntrac}",
    ):
        assert is_refused(shared, shared.trac, statement), statement


async def test_a_schema_that_tracs_role_made_goes_over_to_learntracs(shared: SharedDatabase, found: TracCopy) -> None:
    shared.make_bare_role()
    async with serving(found) as api:
        await learn(api)
        plan = await initialise(api.parts.settings, write=False, on_progress=lambda _done, _total: None)
        assert dict(plan.lines())["Trac's tables"].startswith(f"read as {shared.trac}, who may write them too")
    shared.as_trac("CREATE TYPE learntrac.kind AS ENUM ('a'); CREATE VIEW learntrac.seen AS SELECT 1")
    shared.as_trac("CREATE FUNCTION learntrac.one(a integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'")
    shared.as_trac("CREATE TABLE learntrac.job (id serial, kind learntrac.kind); CREATE SEQUENCE learntrac.alone")
    shared.as_superuser(f"GRANT {shared.trac} TO {shared.learntrac}")
    set_roles(shared)

    async with serving(found, database_url=shared.url) as api:
        assert await completed(api) == 1
    assert is_refused(shared, shared.trac, "SELECT * FROM learntrac.auth_session")
    shared.as_learntrac(
        "DROP TYPE learntrac.kind CASCADE; DROP VIEW learntrac.seen; DROP FUNCTION learntrac.one(integer)"
    )
    shared.as_learntrac("DROP TABLE learntrac.job; DROP SEQUENCE learntrac.alone")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"schema": "elsewhere"}, "no Trac here"),
        ({"trac": "nobody"}, "no role of that name"),
        ({"learntrac": "in_public_trac", "trac": "in_public_trac"}, "must be two"),
    ],
    ids=["schema", "role", "same"],
)
def test_what_cannot_be_granted_is_refused_whole(postgres: Postgres, changes: dict[str, Any], why: str) -> None:
    with shared_database(postgres, "refused", schema="public") as shared:
        shared.as_trac("CREATE TABLE ticket (id integer)")
        done = replace(shared, **changes).set_roles()

        assert done.returncode == 3
        assert why in done.stderr
        assert shared.as_superuser("SELECT to_regnamespace('learntrac')") == [(None,)]


def test_the_script_grants_what_the_source_reads() -> None:
    granted = SCRIPT.read_text().partition("AND relname IN (")[2].partition(")")[0]

    assert set(re.findall(r"'(\w+)'", granted)) == READ
