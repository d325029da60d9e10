"""Quick passwords for every test of this folder, and SQLite alone for what no database has a part in."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.accounts.helpers import serve_once, write_htpasswd
from tests.conftest import Api, TracCopy, serving


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
