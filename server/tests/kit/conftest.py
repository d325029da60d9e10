"""Quick passwords, SQLite alone for what no database has a part in, and databases that are empty."""

import asyncio
import io
import itertools
import json
import logging
import shutil
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
import structlog

from learntrac.kit import logs
from learntrac.kit.db import Database
from tests.accounts.helpers import serve_once, write_htpasswd
from tests.conftest import Api, TracCopy, serving
from tests.environments import Postgres

_numbers = itertools.count(1)


@pytest.fixture
def trac_copy(trac_copy: TracCopy) -> TracCopy:
    """The Trac of a test on each database in turn, with the same passwords in hashes that are checked in no time."""
    write_htpasswd(trac_copy.folder)
    return trac_copy


@pytest.fixture(scope="session")
def served_template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same on SQLite only, served once already: the tables are there, and so is the catalog."""
    folder = tmp_path_factory.mktemp("trac") / "served"
    shutil.copytree(sqlite_template, folder)
    write_htpasswd(folder)
    asyncio.run(serve_once(TracCopy(folder)))
    return folder


@pytest.fixture
def sqlite_copy(served_template: Path, tmp_path: Path) -> TracCopy:
    """A copy of it for one test."""
    return TracCopy(shutil.copytree(served_template, tmp_path / "trac"))


@pytest.fixture
async def sqlite_api(sqlite_copy: TracCopy) -> AsyncIterator[Api]:
    """The API over the small course, on SQLite only."""
    async with serving(sqlite_copy) as running:
        yield running


@pytest.fixture
async def postgres_database(postgres: Postgres) -> AsyncIterator[Database]:
    """A PostgreSQL database of a test's own, empty."""
    name = f"kit_{next(_numbers)}"
    postgres.create_database(name)
    database = Database(postgres.url(name, "plain"), connections=4)
    yield database
    await database.close()
    postgres.drop_database(name)


@pytest.fixture
async def sqlite_database(tmp_path: Path) -> AsyncIterator[Database]:
    """An SQLite file of a test's own, empty."""
    database = Database(f"sqlite:///{tmp_path}/own/learntrac.db")
    yield database
    await database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """An empty database of each kind in turn."""
    found: Database = request.getfixturevalue(f"{request.param}_database".replace("postgresql", "postgres"))
    return found


@dataclass
class Log:
    """What was logged, and the way to set it up."""

    written: io.StringIO

    def configure(self, style: Literal["json", "console"], level: str = "INFO", *, secrets: Iterable[str] = ()) -> None:
        """Set up logging anew, into `written`."""
        with redirect_stderr(self.written):
            logs.configure(style, level, secrets=secrets)

    @property
    def text(self) -> str:
        """All that was written."""
        return self.written.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines, where they are JSON."""
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    """Log lines as a server writes them: JSON, from INFO on. Afterwards all is as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    for handler in handlers:
        root.removeHandler(handler)  # pytest's own, which must not be closed
    log = Log(io.StringIO())
    log.configure("json")
    yield log
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
