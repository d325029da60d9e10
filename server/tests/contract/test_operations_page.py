"""The guide's page on operations: its commands are there, its backups come back, its table has lines that are said."""

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from learntrac.config import Settings
from tests.conftest import TracCopy, serving
from tests.contract.commands import find_problem, learntrac_commands
from tests.contract.learning import completed, learn
from tests.contract.servers import ROOT
from tests.contract.two_roles import LEARNTRACS, SharedDatabase, plain_environ, shared_database
from tests.environments import PROGRAMS, Postgres
from tests.test_docs import GUIDE, table

PAGE = (GUIDE / "operations.md").read_text()
NOT_OURS = {"permission denied for", "localhost"}  # PostgreSQL says the one, Trac the other


def block(heading: str, word: str) -> str:
    """The shell block under a heading of the page that has this word."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    (found,) = [text for text in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) if word in text]
    return str(found)


def run(script: str, **variables: str) -> None:
    """Run commands of the page as they stand there, in the top folder."""
    environ = plain_environ(**variables, PATH=f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}")
    command = ["sh", "-eu", "-c", script]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_every_command_of_the_page_is_there() -> None:
    named = list(learntrac_commands(PAGE))

    assert len(named) >= 7
    assert {" ".join(arguments): problem for arguments in named if (problem := find_problem(arguments))} == {}


def test_every_file_unit_and_setting_of_the_page_is_there() -> None:
    files = set(re.findall(r"deploy/[\w./-]*\w/?", PAGE))
    assert {name for name in files if not (ROOT / name).exists()} == set()
    assert len(files) >= 6

    for line in re.findall(r"systemctl (?:enable --now|restart|reload|status) ([a-z -]+)", PAGE):
        for unit in line.split():
            assert (ROOT / "deploy" / "systemd" / f"{unit}.service").exists(), unit
    settings = {f"LEARNTRAC_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"LEARNTRAC_[A-Z_]+", PAGE)) <= settings


def test_every_line_of_the_troubleshooting_table_is_one_that_is_said() -> None:
    sources = [*(ROOT / "server" / "learntrac").rglob("*.py"), *(ROOT / "deploy" / "nginx").iterdir()]
    said = "\n".join(file.read_text() for file in sources)
    rows = table(GUIDE / "operations.md", "line")

    assert len(rows) >= 15
    for line, cause, remedy in rows:
        assert cause
        assert remedy
        for phrase in set(re.findall(r"`([^`]+)`", line)) - NOT_OURS:
            assert phrase in said, phrase


@pytest.fixture
def shared(postgres: Postgres, postgres_template: Path) -> Iterator[SharedDatabase]:
    """A database whose roles have the names of the page."""
    names = ("trac", "learntrac")
    with shared_database(postgres, "trac", schema="public", template="template_trac", roles=names) as database:
        assert database.set_roles().returncode == 0
        yield database


@pytest.fixture
def folder(shared: SharedDatabase, postgres_template: Path, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(postgres_template, tmp_path / "trac"))
    ini = folder / "conf" / "trac.ini"
    ini.write_text(re.sub("^database = .*$", f"database = {shared.in_trac_ini}", ini.read_text(), flags=re.MULTILINE))
    return folder


async def test_what_is_dumped_from_postgresql_comes_back(shared: SharedDatabase, folder: Path, tmp_path: Path) -> None:
    places = {
        "BACKUP": str(tmp_path),
        "LEARNTRAC_DATABASE_URL": shared.url,
        "ADMIN_URL": shared.postgres.url(shared.name, "plain"),
    }
    async with serving(TracCopy(folder), database_url=shared.url) as api:
        await learn(api)
        run(block("Back up", "pg_dump"), **places)
    shared.as_learntrac("DELETE FROM learntrac.standing; DELETE FROM learntrac.learning_session")
    run(block("Restore", "pg_restore"), **places, ROLE_PASSWORD=LEARNTRACS)

    async with serving(TracCopy(folder), database_url=shared.url) as api:
        assert await completed(api) == 1
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'learntrac'"
    assert shared.as_superuser(owners) == [("learntrac",)]


async def test_what_is_copied_from_sqlite_comes_back(sqlite_template: Path, tmp_path: Path) -> None:
    trac = TracCopy(Path(shutil.copytree(sqlite_template, tmp_path / "trac")))
    places = {"BACKUP": str(tmp_path), "TRAC_ENV": str(trac.folder)}
    async with serving(trac) as api:
        await learn(api)
        run(block("Back up", "sqlite3"), **places)
    database = trac.folder / "db" / "learntrac.db"
    database.write_bytes(b"not a database any more")
    database.with_name("learntrac.db-wal").write_bytes(b"nor this")
    run(block("Restore", "learntrac.db-wal"), **places)

    async with serving(trac) as api:
        assert await completed(api) == 1
    with sqlite3.connect(database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


async def test_another_secret_key_does_what_the_page_says(trac_copy: TracCopy) -> None:
    async with serving(trac_copy) as api:
        alice = await learn(api)
        body = {"learning_mode": "guided", "time_commitment": 60}
        begun = await alice.post("/concepts/2/start", body, headers={"Idempotency-Key": "once"})
        assert (await alice.post("/concepts/2/start", body, headers={"Idempotency-Key": "once"})).body == begun.body

    async with serving(trac_copy, secret_key="another secret key, as long as it has to be") as api:
        alice.client = api.client
        assert (await alice.get("/auth/me")).error == (401, "AUTHENTICATION_ERROR")
        fresh = await alice.post("/auth/refresh", {"refresh_token": alice.login["refresh_token"]})
        alice.token = fresh["access_token"]
        assert (await alice.get("/auth/me")).status == 200
        again = await alice.post("/concepts/2/start", body, headers={"Idempotency-Key": "once"})
        assert again.error == (409, "CONFLICT")
        assert await completed(api) == 1


def test_a_wrong_command_in_a_page_is_noticed() -> None:
    (arguments,) = learntrac_commands("```sh\n.venv/bin/learntrac docter --all  # no such\n```")

    assert find_problem(arguments) is not None
