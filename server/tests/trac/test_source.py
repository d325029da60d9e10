"""Trac's tables, read, on both databases."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url
from sqlalchemy.exc import DBAPIError

from learntrac.kit.errors import Unavailable
from learntrac.trac.ini import database_url, read_ini
from learntrac.trac.source import TracSource
from tests.conftest import TracCopy
from tests.environments import Postgres

LINKS = ("mastertickets", "subtickets")
SWAPPED = "UPDATE ticket_custom SET value = 5 - CAST(value AS integer)"
LEAVE_NO_TRACE = [
    f"{SWAPPED} WHERE name = 'learning_difficulty' AND ticket IN (1, 2)",
    "UPDATE ticket SET summary = 'Other' WHERE id = 1",
    "UPDATE ticket SET time = time + 1 WHERE id = 1",
    "UPDATE ticket SET keywords = 'web,http' WHERE id = 1",
    "UPDATE ticket SET description = replace(description, 'line', 'lime') WHERE id = 1",
    "UPDATE ticket SET component = 'python', owner = 'http' WHERE id = 1",
    "UPDATE ticket SET summary = CASE id WHEN 1 THEN 'Methods of HTTP' ELSE 'HTTP messages' END WHERE id IN (1, 3)",
    "UPDATE ticket_custom SET value = '4' WHERE ticket = 1 AND name = 'learning_difficulty'",
    "UPDATE ticket_custom SET value = NULL WHERE ticket = 1 AND name = 'learning_difficulty'",
    "UPDATE ticket_custom SET name = 'difficulty' WHERE ticket = 2 AND name = 'learning_difficulty'",
    "DELETE FROM ticket_custom WHERE ticket = 3 AND name = 'time_estimate'",
    "INSERT INTO mastertickets VALUES (1, 6)",
    "UPDATE mastertickets SET source = 2 WHERE dest = 6",
    "DELETE FROM mastertickets",
    "INSERT INTO subtickets VALUES (6, 1)",
    "DELETE FROM ticket WHERE id = 6",
]


def source_of(folder: Path) -> TracSource:
    found = database_url(read_ini(folder), folder)
    return TracSource(make_url(found.async_url()), schema=found.schema)


@pytest.fixture
async def source(trac_copy: TracCopy) -> AsyncIterator[TracSource]:
    opened = source_of(trac_copy.folder)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite_copy(sqlite_template: Path, tmp_path: Path) -> TracCopy:
    folder = tmp_path / "trac"
    shutil.copytree(sqlite_template, folder)
    return TracCopy(folder)


def make_link_tables(trac: TracCopy) -> None:
    trac.execute("CREATE TABLE mastertickets (source integer, dest integer, UNIQUE (source, dest))")
    trac.execute("CREATE TABLE subtickets (parent integer, child integer, UNIQUE (parent, child))")


async def test_the_tables_of_a_sound_trac(source: TracSource, trac_copy: TracCopy) -> None:
    assert await source.version() == 45
    assert await source.find_missing() == []
    assert await source.link_tables() == set()

    trac_copy.execute("ALTER TABLE wiki RENAME COLUMN text TO content")
    trac_copy.execute("DELETE FROM system WHERE name = 'database_version'")
    assert await source.find_missing() == ["wiki"]
    with pytest.raises(LookupError):
        await source.version()
    # A statement that is wrong is not taken for a database that is gone.
    with pytest.raises(DBAPIError):
        await source.pages()


async def test_a_change_that_leaves_no_trace_changes_the_fingerprints(source: TracSource, trac_copy: TracCopy) -> None:
    make_link_tables(trac_copy)
    before, mark = await source.fingerprints(LINKS), await source.change_mark()
    assert await source.fingerprints(LINKS) == before
    assert await source.change_mark() == mark

    for statement in LEAVE_NO_TRACE:
        trac_copy.execute(statement)
        after = await source.fingerprints(LINKS)
        assert after != before, statement
        assert mark != (mark := await source.change_mark())
        before = after


async def test_a_fingerprint_is_of_a_hundred_tickets(source: TracSource, trac_copy: TracCopy) -> None:
    trac_copy.execute("INSERT INTO ticket (id, summary) VALUES (99, 'a'), (100, 'b'), (250, 'c')")
    before = await source.fingerprints([])
    assert before.keys() == {("ticket", 0), ("ticket", 1), ("ticket", 2), ("ticket_custom", 0)}

    trac_copy.execute("UPDATE ticket SET summary = 'x' WHERE id = 100")
    after = await source.fingerprints([])
    assert {key for key in before if before[key] != after[key]} == {("ticket", 1)}


async def test_the_fingerprint_of_a_ticket_is_of_all_its_rows(source: TracSource, trac_copy: TracCopy) -> None:
    make_link_tables(trac_copy)
    trac_copy.execute("INSERT INTO ticket (id, summary) VALUES (99, 'a'), (100, 'b'), (250, 'c')")
    before = await source.ticket_fingerprints(LINKS)
    assert before.keys() == {1, 2, 3, 4, 5, 6, 99, 100, 250}
    assert await source.ticket_fingerprints(LINKS, {1, 0, 7}) == {
        number: before[number] for number in before.keys() - {250}
    }
    assert await source.ticket_fingerprints(LINKS, {2}) == {250: before[250]}
    # More ranges than a statement takes.
    assert await source.ticket_fingerprints(LINKS, range(0, 8000, 2)) == {
        n: before[n] for n in (1, 2, 3, 4, 5, 6, 99, 250)
    }

    trac_copy.execute("UPDATE ticket SET description = 'x' WHERE id = 100")
    trac_copy.execute("UPDATE ticket_custom SET value = '4' WHERE ticket = 3 AND name = 'learning_difficulty'")
    trac_copy.execute("INSERT INTO mastertickets VALUES (99, 4)")
    after = await source.ticket_fingerprints(LINKS)
    assert {number for number in before if before[number] != after[number]} == {100, 3, 4}


async def test_what_was_written_since(source: TracSource, trac_copy: TracCopy) -> None:
    last = await source.last_change()
    assert last == (await source.all_tickets())[1]
    assert await source.changed_since(last + 1, after=6) == {}

    trac_copy.execute("UPDATE ticket SET changetime = ? WHERE id = 2", last + 5)
    assert await source.changed_since(last + 1, after=6) == {}
    trac_copy.execute("INSERT INTO ticket_change VALUES (2, ?, 'ivan', 'comment', '1', '')", last + 5)
    trac_copy.execute("INSERT INTO ticket (id, time, changetime) VALUES (7, NULL, NULL)")
    assert await source.changed_since(last + 1, after=6) == {2: last + 5, 7: 0}
    assert await source.last_change() == last + 5
    assert await source.count_tickets() == 7

    # More numbers than a statement takes parameters.
    found = await source.tickets(range(40_000, 0, -1))

    assert sorted(ticket.id for ticket in found) == [1, 2, 3, 4, 5, 6, 7]
    assert {ticket.custom.get("learning_difficulty") for ticket in found} == {"2", "3", "3.5", "4", "5", None}


async def test_links_with_anything_in_them(source: TracSource, trac_copy: TracCopy) -> None:
    make_link_tables(trac_copy)
    trac_copy.execute("INSERT INTO mastertickets VALUES (1, 2), (2, 4), (3, 4), (0, 4), (-5, 4), (NULL, 4), (1, NULL)")

    assert sorted(await source.links("mastertickets")) == [(1, 2), (2, 4), (3, 4)]
    assert sorted(await source.links("mastertickets", [4, 5])) == [(2, 4), (3, 4)]
    assert ("mastertickets", 0) in await source.fingerprints(LINKS)
    assert await source.link_tables() == set(LINKS)
    trac_copy.execute("ALTER TABLE subtickets RENAME COLUMN child TO kid")
    assert await source.link_tables() == {"mastertickets"}


async def test_the_newest_version_of_every_page(source: TracSource, trac_copy: TracCopy) -> None:
    trac_copy.execute("INSERT INTO wiki (name, version, time, text) VALUES ('HttpBasics', 2, 5, 'new')")
    trac_copy.execute("INSERT INTO wiki (name, version, time, text) VALUES ('Empty', 1, NULL, NULL)")
    trac_copy.execute("INSERT INTO wiki (name, version, time, text) VALUES (?, 1, 1, 'x')", "long" * 200)

    pages = {name: (version, text) for name, version, text in await source.pages()}
    assert (pages["HttpBasics"], pages["Empty"]) == ((2, "new"), (1, ""))
    versions = await source.page_versions()
    assert (versions["HttpBasics"][0], versions["Empty"]) == (2, (1, 0))
    assert versions.keys() == pages.keys()
    assert max(map(len, pages)) < 100


async def test_people(source: TracSource, trac_copy: TracCopy) -> None:
    assert ("admin", "TRAC_ADMIN") in await source.permissions()
    assert await source.session_attributes("alice") == {"email": "alice@example.org", "name": "Alice"}
    assert await source.session_attributes("nobody") == {}
    assert await source.find_any_session_hash() is None

    sql = "INSERT INTO session_attribute VALUES ('carol', 1, 'password', ':abc')"
    trac_copy.execute(sql)
    assert await source.find_any_session_hash() == ":abc"


async def test_sqlite_text_that_is_none_is_read_as_far_as_it_goes(sqlite_copy: TracCopy) -> None:
    sqlite_copy.execute("UPDATE ticket SET summary = CAST(X'61EDA08062' AS TEXT), type = 'a' || char(0) || 'b'")
    sqlite_copy.execute("INSERT INTO ticket_custom VALUES (1, NULL, 'x'), (1, 'odd', CAST(X'FF' AS TEXT))")
    sqlite_copy.execute("INSERT INTO permission VALUES (NULL, 'TRAC_ADMIN'), ('bob', NULL)")
    sqlite_copy.execute("INSERT INTO wiki (name, version, text) VALUES (NULL, 1, 'x')")
    source = source_of(sqlite_copy.folder)
    try:
        ticket = (await source.tickets([1]))[0]
        assert (ticket.summary, ticket.type, ticket.custom["odd"]) == ("a\ufffd\ufffd\ufffdb", "a\ufffdb", "\ufffd")
        assert None not in ticket.custom
        assert all(username and action for username, action in await source.permissions())
        assert None not in await source.page_versions()
        assert ("ticket", 0) in await source.fingerprints([])
    finally:
        await source.close()


async def test_a_file_put_in_the_place_of_another_is_read(sqlite_copy: TracCopy) -> None:
    file = sqlite_copy.folder / "db" / "trac.db"
    backup = file.with_name("backup.db")
    shutil.copy(file, backup)
    source = source_of(sqlite_copy.folder)
    try:
        before = await source.change_mark()
        with sqlite3.connect(backup) as connection:
            connection.execute("DELETE FROM ticket WHERE id > 2")
        connection.close()
        backup.rename(file)

        assert await source.change_mark() != before
        assert await source.count_tickets() == 2
        file.rename(backup)
        with pytest.raises(Unavailable):
            await source.change_mark()
    finally:
        await source.close()


@pytest.mark.parametrize("part", ["password", "database", "port", "username"])
async def test_a_postgresql_that_cannot_be_reached(postgres: Postgres, part: str) -> None:
    wrong = {"password": "wrong", "database": "nowhere", "port": 1, "username": "nobody"}[part]
    url: URL = make_url(postgres.url("postgres", "asyncpg")).set(**{part: wrong})  # type: ignore[arg-type] # by name
    source = TracSource(url, schema="trac")

    with pytest.raises(Unavailable) as refused:
        await source.find_missing()
    assert "wrong" not in str(refused.value)
    await source.close()
