"""Following Trac: each way of finding a change by itself, and what happens when something fails half-way."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs
from structlog.typing import EventDict

from learntrac.kit.clock import utc_now
from learntrac.kit.db import Database
from learntrac.trac.environment import TracEnvironment, open_environment
from learntrac.trac.sync import Sync, stop
from tests.concepts.trac_edits import Ticket, by_sql, by_trac, shows
from tests.conftest import Api, TracCopy, eventually, make_settings, serving
from tests.environments import Postgres

NEVER = 1e9


@dataclass
class Kept:
    """A catalog and the sync that keeps it, stepped by hand."""

    trac: TracCopy
    environment: TracEnvironment
    database: Database
    sync: Sync

    async def step(self, progress: Callable[[int, int], None] | None = None) -> None:
        await self.sync.step(progress)

    async def trouble(self) -> str | None:
        """What a step that may fail ran into."""
        await self.sync.try_step()
        return self.sync.last_error

    async def titles(self) -> dict[int, str]:
        return dict(await self.rows("SELECT id, title FROM concept"))

    async def rows(self, sql: str) -> list[Any]:
        async with self.database.read() as session:
            return [tuple(row) for row in await session.execute(text(sql))]

    async def generation(self) -> int:
        return int((await self.rows("SELECT generation FROM catalog_state"))[0][0])


@asynccontextmanager
async def kept_by_hand(trac: TracCopy) -> AsyncIterator[Kept]:
    from learntrac.opening import open_database  # noqa: PLC0415 - the server is needed for this only

    settings = make_settings(trac.folder)
    environment = await open_environment(trac.folder, settings, secret=b"x" * 32)
    database = await open_database(settings)
    sync = Sync(environment.source, database, mapping=environment.mapping, clock=utc_now)
    try:
        yield Kept(trac, environment, database, sync)
    finally:
        await database.close()
        await environment.close()


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[EventDict]]:
    """What is logged; drawing each traceback would take longer than the tests."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
async def kept(trac_copy: TracCopy) -> AsyncIterator[Kept]:
    async with kept_by_hand(trac_copy) as found:
        await found.step()
        yield found


@pytest.fixture
async def sqlite_copy(sqlite_template: Path, tmp_path: Path) -> TracCopy:
    folder = tmp_path / "trac"
    shutil.copytree(sqlite_template, folder)
    return TracCopy(folder)


def only_follow(kept: Kept) -> None:
    """From now on neither count nor sweep helps."""
    kept.sync._next_count = kept.sync._next_sweep = NEVER


async def test_following_alone_finds_edits_and_new_tickets(kept: Kept) -> None:
    only_follow(kept)

    def change(env: Any) -> None:
        ticket = Ticket(env, 1)
        ticket["summary"] = "Messages"
        ticket.save_changes("ivan", "")
        Ticket(env).insert()

    # A change that is dated in the future must not keep later ones from being found.
    await by_sql(kept.trac, ("INSERT INTO ticket_change VALUES (6, ?, 'ivan', 'comment', '1', '')", 8 * 10**18))
    await kept.step()
    await by_trac(kept.trac, change)
    await kept.step()
    assert (await kept.titles())[1] == "Messages"
    assert 7 in await kept.titles()


async def test_a_change_that_was_committed_late_is_found(kept: Kept) -> None:
    only_follow(kept)
    last = await kept.environment.source.last_change()
    late = last - 30_000_000
    await by_sql(
        kept.trac,
        ("INSERT INTO ticket_change VALUES (6, ?, 'ivan', 'summary', 'Café extras', 'Late')", late),
        ("UPDATE ticket SET summary = 'Late', changetime = ? WHERE id = 6", late),
    )

    await kept.step()
    assert (await kept.titles())[6] == "Late"


async def test_nothing_is_read_or_written_while_nobody_writes(kept: Kept) -> None:
    await kept.step()
    generation = await kept.generation()
    await kept.step()
    assert await kept.generation() == generation

    # Somebody wrote, but nothing that a concept is made of.
    await by_sql(kept.trac, "UPDATE ticket SET reporter = 'bob' WHERE id = 1", "UPDATE ticket SET changetime = 5")
    kept.sync._next_count = kept.sync._next_sweep = 0
    await kept.step()
    assert await kept.generation() == generation + 1  # for updated_at, all in one


async def test_a_ticket_deleted_and_one_inserted_by_sql_are_found_by_the_sweep(kept: Kept) -> None:
    """Their number stays the same, and neither has a time."""
    await by_sql(
        kept.trac,
        "DELETE FROM ticket WHERE id = 6",
        "INSERT INTO ticket (id, summary) VALUES (6000, 'Far')",
        "INSERT INTO ticket_custom (ticket, name, value) VALUES (7000, 'colour', 'blue')",  # of no ticket
    )
    kept.sync._next_count, kept.sync._next_sweep = NEVER, 0
    await kept.step()
    assert (await kept.titles()).keys() == {1, 2, 3, 4, 5, 6000}

    # The highest number is free again.
    await by_sql(kept.trac, "DELETE FROM ticket WHERE id = 6000")
    kept.sync._next_sweep = 0
    await kept.step()
    only_follow(kept)
    await by_sql(kept.trac, "INSERT INTO ticket (id, summary) VALUES (7, 'Seventh')")
    await kept.step()
    assert (await kept.titles()).keys() == {1, 2, 3, 4, 5, 7}


async def test_a_restart_writes_only_what_differs(kept: Kept) -> None:
    generation = await kept.generation()
    again = Sync(kept.environment.source, kept.database, mapping=kept.environment.mapping, clock=utc_now)
    await by_sql(kept.trac, "DELETE FROM ticket WHERE id = 4", "DELETE FROM wiki")
    await again.step()

    assert (await kept.titles()).keys() == {1, 2, 3, 5, 6}
    assert await kept.rows("SELECT * FROM page") == []
    assert await kept.generation() == generation + 2


async def test_progress_is_told_while_the_first_step_reads(trac_copy: TracCopy) -> None:
    many = ", ".join(f"({number}, 'many')" for number in range(7, 607))
    await by_sql(trac_copy, f"INSERT INTO ticket (id, summary) VALUES {many}")
    told: list[tuple[int, int]] = []

    def delete(done: int, _total: int) -> None:
        trac_copy.execute("DELETE FROM ticket WHERE id = ?", done + 50)

    async with kept_by_hand(trac_copy) as kept:
        await kept.step(lambda done, total: told.append((done, total)))
        assert told == [(500, 606), (606, 606)]
        assert len(await kept.titles()) == 606

        # A ticket that goes while the catalog is brought up to date is not kept from the last time.
        again = Sync(kept.environment.source, kept.database, mapping=kept.environment.mapping, clock=utc_now)
        await again.step(delete)
        assert (await kept.titles()).keys() == set(range(1, 607)) - {550}


async def test_what_could_not_be_written_is_written_later(api: Api) -> None:
    """Also what only the graph knew of: a concept whose prerequisite came to be."""
    await by_sql(api.trac, "INSERT INTO ticket_custom (ticket, name, value) VALUES (6, 'prerequisites', '7')")
    await eventually(lambda: shows(api, 6, prerequisites=[]))

    async def failed() -> bool:
        return api.parts.sync.last_error is not None

    async def recovered() -> bool:
        return not await failed()

    async def rename(old: str, new: str) -> None:
        async with api.parts.database.begin() as session:
            await session.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))

    async def came() -> bool:
        listed = {item["id"]: item for item in (await api.anybody.get("/concepts"))["concepts"]}
        return 7 in listed and listed[6]["prerequisites"] == [7] and listed[1]["difficulty"] == 5.0

    await rename("concept_text", "elsewhere")
    await by_sql(
        api.trac,
        "INSERT INTO ticket (id, summary) VALUES (7, 'Seventh')",
        "UPDATE ticket_custom SET value = '5' WHERE ticket = 1 AND name = 'learning_difficulty'",
    )
    await eventually(failed)
    assert not await came()
    await rename("elsewhere", "concept_text")
    await eventually(came)
    await eventually(recovered)


async def test_a_removal_that_failed_half_way_is_finished(kept: Kept) -> None:
    """The ticket is gone from the catalog, but those that needed it could not be read again."""
    await by_sql(kept.trac, "DELETE FROM ticket WHERE id = 1", "ALTER TABLE ticket_custom RENAME TO elsewhere")
    kept.sync._next_count = kept.sync._next_sweep = 0
    assert await kept.trouble() is not None
    assert 1 not in await kept.titles()

    await by_sql(kept.trac, "ALTER TABLE elsewhere RENAME TO ticket_custom")
    only_follow(kept)
    assert await kept.trouble() is None
    assert await kept.rows("SELECT state FROM prerequisite WHERE concept_id = 3") == [("dangling",)]


async def test_a_locked_trac_stops_nobody_from_reading(sqlite_copy: TracCopy) -> None:
    async with serving(sqlite_copy) as api:
        lock = sqlite3.connect(sqlite_copy.folder / "db" / "trac.db", isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
        lock.execute("UPDATE ticket SET summary = 'Under lock', changetime = 1 WHERE id = 1")
        await asyncio.sleep(0.3)
        async with asyncio.timeout(1):
            assert await shows(api, 1, title="HTTP messages")
        lock.execute("COMMIT")
        lock.close()
        await eventually(lambda: shows(api, 1, title="Under lock"))


async def test_a_backup_put_in_the_place_of_the_database_is_followed(sqlite_copy: TracCopy) -> None:
    file = sqlite_copy.folder / "db" / "trac.db"
    backup = file.with_name("backup.db")
    shutil.copy(file, backup)
    async with serving(sqlite_copy) as api:
        await by_sql(sqlite_copy, "UPDATE ticket SET summary = 'Now' WHERE id = 1", "DELETE FROM ticket WHERE id = 5")
        await eventually(lambda: shows(api, 1, title="Now"))
        backup.rename(file)
        await eventually(lambda: shows(api, 5, title="Mistakes and status codes", prerequisites=[3]))
        await eventually(lambda: shows(api, 1, title="HTTP messages"))


async def test_what_sqlite_calls_text_reaches_postgresql(sqlite_copy: TracCopy, postgres: Postgres) -> None:
    postgres.create_database("beside_sqlite")
    async with serving(sqlite_copy, database_url=postgres.url("beside_sqlite", "asyncpg")) as api:
        await by_sql(
            sqlite_copy,
            "UPDATE ticket SET summary = 'a' || char(0) || 'b', type = CAST(X'EDA080' AS TEXT),"
            " owner = 'x' || char(0), keywords = 'k' || char(0), component = char(0),"
            " description = 'Read [wiki:P' || char(0) || ' it] now' WHERE id = 6",
            "INSERT INTO ticket_custom VALUES (6, 'n' || char(0), char(0)), (6, NULL, 'x')",
            "INSERT INTO wiki (name, version, text) VALUES ('W' || char(0), 1, char(0))",
        )
        await eventually(lambda: shows(api, 6, title="a\ufffdb", type="\ufffd\ufffd\ufffd", tags=["k\ufffd"]))
        assert api.parts.sync.last_error is None
    postgres.drop_database("beside_sqlite")


async def test_the_loop_outlives_trouble_and_ends_when_told(kept: Kept, logs: list[EventDict]) -> None:
    running = asyncio.create_task(kept.sync.run(interval_seconds=0.01))

    async def failed() -> bool:
        return kept.sync.last_error is not None

    async def again() -> bool:
        return not await failed() and kept.sync.synced_at > 0

    await eventually(again)
    await by_sql(kept.trac, "ALTER TABLE wiki RENAME TO elsewhere")
    await eventually(failed)
    # Anybody may read this on /status: no statement, no path.
    assert kept.sync.last_error == "Trac cannot be followed: the log says why."
    await by_sql(kept.trac, "ALTER TABLE elsewhere RENAME TO wiki")
    await eventually(again)
    assert [line["event"] for line in logs] == ["the catalog stays as it is", "Trac is read again"]
    await stop(running)
    assert running.cancelled()
