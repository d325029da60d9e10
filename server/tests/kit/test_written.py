"""Written SQL in a transaction, on the driver itself: nobody sees a difference."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import bindparam, event, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from learntrac.kit.db import Database

MAKE = "CREATE TABLE note (id INTEGER PRIMARY KEY, words VARCHAR(20) NOT NULL)"
ADD = text("INSERT INTO note (id, words) VALUES (:id, :words)")
ALL = text("SELECT id, words FROM note ORDER BY id")
SOME = text(
    "SELECT id, words AS said FROM note WHERE id IN :ids AND words <> :but AND id IN :ids ORDER BY id"
).bindparams(bindparam("ids", expanding=True))
COUNT = text("SELECT count(*) FROM note")


@pytest.fixture
async def notes(database: Database) -> Database:
    """A table with the notes 1 one, 2 two, 3 three."""
    async with database.administer() as connection:
        await connection.execute(text(MAKE))
    async with database.begin() as session:
        for number, words in enumerate(("one", "two", "three"), 1):
            await session.execute(ADD, {"id": number, "words": words})
    return database


async def test_rows_are_what_sqlalchemy_makes_of_them(notes: Database) -> None:
    async with notes.read() as session:
        first, second = [(await session.execute(ALL)).all() for _ in range(2)]

    assert first == second == [(1, "one"), (2, "two"), (3, "three")]
    assert next((row.id, row.words, row._mapping["words"]) for row in second) == (1, "one", "one")


async def test_every_way_to_take_a_result_works(notes: Database) -> None:
    async with notes.read() as session:
        await session.execute(COUNT)
        assert (await session.execute(COUNT)).scalar_one() == 3
        assert list((await session.execute(ALL)).scalars()) == [1, 2, 3]
        assert (await session.execute(ALL)).mappings().all()[2] == {"id": 3, "words": "three"}
        assert (await session.execute(ALL)).first() == (1, "one")
        assert [number for number, _ in await session.execute(ALL)] == [1, 2, 3]


@pytest.mark.parametrize("ids", [[], [2], [3, 1], [1, 2, 3]])
async def test_lists_of_any_length_are_values(notes: Database, ids: list[int]) -> None:
    async with notes.read() as session:
        for _ in range(2):
            rows = (await session.execute(SOME, {"ids": ids, "but": "none"})).all()

    assert [row.id for row in rows] == sorted(ids)


async def test_nothing_found_is_nothing_before_and_after_something_was(notes: Database) -> None:
    async with notes.read() as session:
        found = [
            (await session.execute(SOME, {"ids": [number], "but": "one"})).one_or_none() for number in (9, 9, 2, 9, 1)
        ]

        assert list((await session.execute(SOME, {"ids": [7, 8], "but": "one"})).scalars()) == []
        assert (await session.execute(SOME, {"ids": [7, 8, 9], "but": "one"})).mappings().all() == []

    assert [row and row.said for row in found] == [None, None, "two", None, None]


@pytest.mark.parametrize("before", range(4))
async def test_what_breaks_a_rule_says_so_and_a_savepoint_takes_it_back(notes: Database, before: int) -> None:
    async with notes.begin() as session:
        for number in range(before):
            await session.execute(ADD, {"id": 10 + number, "words": "before"})

        async def add_two() -> None:
            async with session.begin_nested():
                await session.execute(ADD, {"id": 5, "words": "taken back"})
                await session.execute(ADD, {"id": 3, "words": "again"})

        with pytest.raises(IntegrityError):
            await add_two()
        await session.execute(ADD, {"id": 5, "words": "five"})

    async with notes.read() as session:
        assert (await session.execute(COUNT)).scalar_one() == 4 + before


async def test_an_error_tells_the_statement_but_not_what_was_in_it(notes: Database) -> None:
    async with notes.read() as session:
        await session.execute(COUNT)
        with pytest.raises(DBAPIError) as caught:
            await session.execute(text("SELECT id FROM nowhere WHERE words = :words"), {"words": "a secret"})

    assert "nowhere" in str(caught.value)
    assert "a secret" not in str(caught.value)


async def test_what_is_left_by_an_error_is_rolled_back(notes: Database) -> None:
    async def fail() -> None:
        async with notes.begin() as session:
            await session.execute(ADD, {"id": 4, "words": "four"})
            await session.execute(ADD, {"id": 5, "words": "five"})
            raise LookupError

    with pytest.raises(LookupError):
        await fail()

    async with notes.read() as session:
        assert (await session.execute(COUNT)).scalar_one() == 3


async def test_who_listens_at_the_engine_hears_of_every_statement(notes: Database) -> None:
    heard: list[str] = []
    engine = notes.engines.get("write", notes.engines.get("transactions"))
    assert engine is not None

    def before(_connection: Any, _cursor: Any, sql: str, *_: object) -> None:
        heard.append(f"before {sql.split(maxsplit=1)[0]}")

    def after(_connection: Any, _cursor: Any, sql: str, *_: object) -> None:
        heard.append(f"after {sql.split(maxsplit=1)[0]}")

    event.listen(engine.sync_engine, "before_cursor_execute", before)
    event.listen(engine.sync_engine, "after_cursor_execute", after)
    event.listen(engine.sync_engine, "handle_error", lambda _context: heard.append("failed"))
    async with notes.begin() as session:
        await session.execute(COUNT)
        heard.clear()
        await session.execute(ADD, {"id": 4, "words": "four"})
        with pytest.raises(IntegrityError):
            async with session.begin_nested():
                await session.execute(ADD, {"id": 4, "words": "again"})

    told = [line for line in heard if "SAVEPOINT" not in line and "ROLLBACK" not in line]
    assert told == ["before INSERT", "after INSERT", "before INSERT", "failed"]


async def test_two_transactions_at_once_do_not_mix(notes: Database) -> None:
    async def add(number: int) -> int:
        async with notes.begin() as session:
            await session.execute(ADD, {"id": number, "words": "x"})
            await asyncio.sleep(0.01)
            rows = (await session.execute(SOME, {"ids": [number], "but": ""})).all()
            return len(rows)

    assert await asyncio.gather(*(add(number) for number in range(10, 16))) == [1] * 6


async def test_a_value_that_is_missing_is_an_error_of_the_code(notes: Database) -> None:
    async with notes.read() as session:
        await session.execute(COUNT)
        with pytest.raises(KeyError):
            await session.execute(text("SELECT id FROM note WHERE id = :id"), {})
