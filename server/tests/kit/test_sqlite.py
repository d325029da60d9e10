"""What is quick runs on the event loop's thread, and what is slow, or waits for another process, in one of its own."""

import asyncio
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from learntrac.kit import sqlite
from learntrac.kit.db import Database
from learntrac.kit.sqlite import Pace

MAKE = "CREATE TABLE note (id INTEGER PRIMARY KEY, words VARCHAR(20) NOT NULL)"
ADD = text("INSERT INTO note (id, words) VALUES (:id, :words)")
SLOW = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :most) SELECT max(i) FROM n")


@pytest.fixture
async def notes(sqlite_database: Database) -> Database:
    async with sqlite_database.administer() as connection:
        await connection.execute(text(MAKE))
    return sqlite_database


class Hands:
    """Work that takes as long as the test says, by the clock and of the thread's own time."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.now = self.worked = 0.0

    def perf_counter(self) -> float:
        return self.now

    def thread_time(self) -> float:
        return self.worked

    def work(self, *, waits: float = 0.0, works: float = 0.0) -> bool:
        """Do something, as its pace has it; whether that was on the loop's thread."""

        def do() -> None:
            self.now += waits + works
            self.worked += works

        is_quick = self.pace.is_quick
        (self.pace.at_once if is_quick else self.pace.aside)(do)
        return is_quick


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    hands = Hands(Pace())
    monkeypatch.setattr(sqlite, "time", hands)
    return hands


SLOW_SECONDS = sqlite.QUICK_SECONDS * 2


def test_what_was_quick_in_the_thread_is_done_at_once(hands: Hands) -> None:
    assert [hands.work() for _ in range(4)] == [False, True, True, True]


def test_what_is_slow_goes_back_to_the_thread_for_longer_each_time(hands: Hands) -> None:
    waited = [hands.work(waits=SLOW_SECONDS) for _ in range(23)]

    assert waited == [False, True, *[False] * 4, True, *[False] * 16]


def test_what_is_slow_once_is_soon_taken_for_quick_again(hands: Hands) -> None:
    hands.work()
    hands.work(waits=SLOW_SECONDS)
    assert [hands.work() for _ in range(6)] == [False] * 4 + [True] * 2
    hands.work(waits=SLOW_SECONDS)

    assert [hands.work() for _ in range(6)] == [False] * 4 + [True] * 2


def test_one_that_works_long_in_the_thread_stays_there(hands: Hands) -> None:
    assert [hands.work(works=SLOW_SECONDS) for _ in range(5)] == [False] * 5
    assert [hands.work(waits=SLOW_SECONDS), hands.work()] == [False, True]


async def threads_of(database: Database, monkeypatch: pytest.MonkeyPatch, number: int) -> set[str]:
    """Which threads a transaction with one statement runs in."""
    seen: set[str] = set()
    rows = sqlite.SqliteConnection._rows

    def watched(self: sqlite.SqliteConnection, sql: str, values: list[object]) -> sqlite.Rows:
        seen.add("loop" if threading.current_thread() is threading.main_thread() else "own")
        return rows(self, sql, values)

    with monkeypatch.context() as patched:
        patched.setattr(sqlite.SqliteConnection, "_rows", watched)
        patched.setattr(sqlite, "QUICK_SECONDS", 1.0)  # whatever else this machine is at
        async with database.begin() as session:
            await session.execute(ADD, {"id": number, "words": "some"})
    return seen


async def test_a_statement_is_tried_in_the_thread_and_then_runs_on_the_loop(
    notes: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = [await threads_of(notes, monkeypatch, number) for number in range(3)]

    assert ran[1:] == [{"loop"}, {"loop"}]
    assert [row[0] for row in await notes.hot.rows("SELECT id FROM note ORDER BY id")] == [0, 1, 2]


async def test_the_loop_goes_on_while_a_long_statement_runs(notes: Database) -> None:
    async with notes.begin() as session:
        for _ in range(3):
            await session.execute(SLOW, {"most": 10})
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1

    async with notes.begin() as session:
        await session.execute(SLOW, {"most": 300_000})  # long for the first time: nobody could know
        counting = asyncio.create_task(count())
        await session.execute(SLOW, {"most": 300_000})
        counting.cancel()

    assert turns > 5


async def test_a_lock_of_another_process_is_waited_for_in_the_thread(notes: Database, tmp_path: Path) -> None:
    async with notes.begin() as session:
        await session.execute(ADD, {"id": 1, "words": "some"})
    other = sqlite3.connect(str(notes.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def write() -> None:
        async with notes.begin() as session:
            await session.execute(ADD, {"id": 2, "words": "late"})

    writing = asyncio.create_task(write())
    begun = time.monotonic()
    for _ in range(20):
        await asyncio.sleep(0.01)
    assert time.monotonic() - begun < 5, "the loop went on"
    assert not writing.done()

    other.execute("COMMIT")
    other.close()
    async with asyncio.timeout(10):
        await writing
    assert [row[0] for row in await notes.hot.rows("SELECT id FROM note ORDER BY id")] == [1, 2]
