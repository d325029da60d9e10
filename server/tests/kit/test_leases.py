"""A lease: one has it, until it lets go or is gone."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from learntrac.kit.db import Database
from learntrac.kit.errors import Unavailable
from learntrac.kit.leases import make_lease


async def make(database: Database) -> None:
    """A database that is there."""
    async with database.administer():
        pass


async def test_one_has_it_until_it_lets_go(database: Database) -> None:
    await make(database)
    first, second, other = (make_lease(database, name) for name in ("a", "a", "b"))

    assert [await lease.holds() for lease in (first, first, second, other)] == [True, True, False, True]
    await first.release()
    assert [await lease.holds() for lease in (second, first)] == [True, False]
    for lease in (first, second, other):
        await lease.release()
        await lease.release()


async def test_who_lost_its_connection_has_lost_it(postgres_database: Database) -> None:
    await make(postgres_database)
    first, second = make_lease(postgres_database, "a"), make_lease(postgres_database, "a")
    assert await first.holds()
    ended = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
    await postgres_database.hot.rows(ended)

    # It is told so by an error or by the answer, as the end of the connection comes before or after the question.
    with suppress(Unavailable):
        assert not await first.holds()
    assert await second.holds()
    assert not await first.holds()
    for lease in (first, second):
        await lease.release()


async def test_nobody_has_it_while_the_database_is_away() -> None:
    lease = make_lease(Database("postgresql://nobody:wrong@127.0.0.1:1/nothing"), "a")
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"^The database does not answer\.$"):
            await lease.holds()
    await lease.release()


async def test_a_lock_file_that_was_replaced_counts_for_nothing(sqlite_database: Database) -> None:
    await make(sqlite_database)
    first, second = make_lease(sqlite_database, "a"), make_lease(sqlite_database, "a")
    assert await first.holds()
    await asyncio.to_thread(Path(f"{sqlite_database.url.database}.a.lock").unlink)

    assert await second.holds()
    assert [await first.holds() for _ in range(2)] == [False, False]
    await second.release()


async def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    lease = make_lease(Database(f"sqlite:///{tmp_path}/nowhere/learntrac.db"), "a")
    with pytest.raises(Unavailable, match=r"learntrac\.db\.a\.lock cannot be locked: No such file"):
        await lease.holds()
