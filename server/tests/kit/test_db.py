"""The database: transactions, readings by written SQL, and a 503 where it is away."""

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from learntrac.kit import readers, sqlite
from learntrac.kit.db import Database, normalised
from learntrac.kit.errors import Unavailable
from learntrac.kit.readers import SqliteReader
from tests.accounts.helpers import log_in
from tests.conftest import TracCopy, serving
from tests.environments import Postgres, postgres_server

MAKE = "CREATE TABLE note (id INTEGER PRIMARY KEY, words VARCHAR(20) NOT NULL)"
ADD = text("INSERT INTO note (id, words) VALUES (:id, :words)")


async def furnish(database: Database) -> None:
    async with database.administer() as connection:
        await connection.execute(text(MAKE))


async def add(database: Database, *numbers: int, words: str = "some") -> None:
    """All of them in one transaction."""
    async with database.begin() as session:
        for number in numbers:
            await session.execute(ADD, {"id": number, "words": words})


async def ids(database: Database) -> list[int]:
    return [row[0] for row in await database.hot.rows("SELECT id FROM note ORDER BY id")]


class TestUrls:
    @pytest.mark.parametrize(
        ("given", "driver"),
        [
            ("sqlite:///a/b.db", "sqlite+aiosqlite"),
            ("sqlite+aiosqlite:////a/b.db", "sqlite+aiosqlite"),
            ("postgres://u:p@host/name", "postgresql+asyncpg"),
            ("postgresql://u:p@host:5433/name", "postgresql+asyncpg"),
            ("postgresql+psycopg2://host/name", "postgresql+asyncpg"),
        ],
    )
    def test_get_their_async_driver(self, given: str, driver: str) -> None:
        assert normalised(given).drivername == driver

    @pytest.mark.parametrize(
        "given",
        [
            "",
            "zork",
            "/a/b.db",
            "sqlite://",
            "postgresql://host",
            "postgresql://host:secret/a",
            "mysql://u:secret@host/a",
        ],
    )
    def test_of_another_kind_are_refused_without_echo(self, given: str) -> None:
        with pytest.raises(ValueError, match="a database URL is sqlite:///path") as refused:
            normalised(given)
        assert "secret" not in str(refused.value)


class TestTransactions:
    async def test_are_kept_at_the_end_and_dropped_where_the_block_raises(self, database: Database) -> None:
        await furnish(database)
        await add(database, 1)
        await add(database, 2, 3)
        with pytest.raises(IntegrityError):
            await add(database, 4, 1)

        assert await ids(database) == [1, 2, 3]
        assert [row[0] for row in await database.hot.slow_rows("SELECT id FROM note WHERE id = $1", 1)] == [1]

    async def test_reading_keeps_nothing(self, database: Database) -> None:
        await furnish(database)
        async with database.read() as session:
            assert (await session.execute(text("SELECT count(*) FROM note"))).scalar_one() == 0
            if not database.is_sqlite:  # there a reader's transaction would wait for the writer's lock
                await session.execute(ADD, {"id": 1, "words": "some"})

        assert await ids(database) == []

    async def test_a_broken_constraint_and_a_wrong_statement_stay_what_they_are(self, database: Database) -> None:
        await furnish(database)
        await add(database, 1)
        with pytest.raises(IntegrityError):
            await add(database, 1)
        with pytest.raises(DBAPIError, match="zork"):
            async with database.begin() as session:
                await session.execute(text("SELECT * FROM zork"))
        with pytest.raises(Exception, match="zork"):
            await database.hot.rows("SELECT * FROM zork")

    async def test_what_was_written_does_not_stand_in_the_message_of_an_error(self, database: Database) -> None:
        await furnish(database)
        await add(database, 1, words="first words")
        with pytest.raises(IntegrityError) as refused:
            await add(database, 1, words="a secret")
        assert "a secret" not in str(refused.value)

    async def test_many_writers_wait_in_line(self, database: Database) -> None:
        await furnish(database)
        await asyncio.gather(*(add(database, number) for number in range(40)))

        assert await ids(database) == list(range(40))

    async def test_two_processes_write_in_turn(self, database: Database) -> None:
        await furnish(database)
        other = Database(database.url.render_as_string(hide_password=False))
        try:
            await asyncio.gather(*(add((database, other)[number % 2], number) for number in range(20)))
            assert await ids(database) == await ids(other) == list(range(20))
        finally:
            await other.close()

    async def test_work_in_many_steps_lets_another_process_write(self, database: Database) -> None:
        await furnish(database)
        other, steps = Database(database.url.render_as_string(hide_password=False)), 0

        async def work() -> None:
            nonlocal steps
            while True:
                async with database.begin_step() as session:
                    await session.execute(ADD, {"id": 1000 + steps, "words": "some"})
                    await asyncio.sleep(0.03)
                    steps += 1

        working = asyncio.create_task(work())
        try:
            for number in range(5):
                await add(other, number)
            assert steps < 50
        finally:
            working.cancel()
            await asyncio.wait([working])
            await other.close()

    async def test_two_processes_may_make_the_tables_at_once(self, database: Database) -> None:
        other = Database(database.url.render_as_string(hide_password=False))

        async def make(made_by: Database) -> None:
            async with made_by.administer() as connection:
                await connection.execute(text(MAKE.replace("TABLE", "TABLE IF NOT EXISTS")))

        try:
            await asyncio.gather(make(database), make(other))
            assert await ids(other) == []
        finally:
            await other.close()


class TestSlowReads:
    """A caller who gives up leaves a read behind, which must meet neither the next read nor the end."""

    LONG = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000000) SELECT count(*) FROM n"

    async def test_one_given_up_harms_nobody(self, tmp_path: Path) -> None:
        reader = SqliteReader(tmp_path / "course.db")
        for _ in range(5):
            given_up = asyncio.create_task(reader.slow_rows(self.LONG))
            await asyncio.sleep(0.02)
            given_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await given_up
            assert await reader.slow_rows("SELECT $1", 1) == [(1,)]
        await reader.close()

    async def test_the_end_waits_for_none(self, tmp_path: Path) -> None:
        reader = SqliteReader(tmp_path / "course.db")
        await reader.slow_rows("SELECT 1")
        endless = self.LONG.replace(" WHERE i < 60000000", "")
        under_way = asyncio.create_task(reader.slow_rows(endless))
        await asyncio.sleep(0.02)

        await reader.close()
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            await under_way


class TestSqlite:
    async def test_is_durable_and_lets_readers_read(self, sqlite_database: Database) -> None:
        await furnish(sqlite_database)
        async with sqlite_database.begin() as session:
            found = [
                (await session.execute(text(f"PRAGMA {name}"))).scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
            await session.execute(ADD, {"id": 1, "words": "some"})
            assert await ids(sqlite_database) == []  # nobody waits, and nobody sees half of it

        assert found == ["wal", 2, 1]
        assert await ids(sqlite_database) == [1]

    @pytest.mark.parametrize("code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_ERROR])
    def test_a_new_file_that_another_process_makes_just_now_is_waited_for(self, code: int) -> None:
        class Cursor:
            """Of a driver that says twice that the file is in use."""

            tried = 0

            def execute(self, _pragma: str) -> None:
                self.tried += 1
                if self.tried < 3:
                    error = sqlite3.OperationalError("in the way")
                    error.sqlite_errorcode = code
                    raise error

        cursor = Cursor()
        if code == sqlite3.SQLITE_BUSY:
            sqlite.insist(cursor, "PRAGMA journal_mode=WAL")
            assert cursor.tried == 3
        else:
            with pytest.raises(sqlite3.OperationalError):
                sqlite.insist(cursor, "PRAGMA zork")

    async def test_the_reader_cannot_write(self, sqlite_database: Database) -> None:
        await furnish(sqlite_database)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await sqlite_database.hot.rows("INSERT INTO note VALUES (1, 'some')")

    async def test_a_lock_that_stays_is_a_503(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", "PRAGMA busy_timeout=50")
        first, second = (Database(f"sqlite:///{tmp_path}/one.db") for _ in range(2))
        await furnish(first)
        async with first.begin() as session:
            await session.execute(ADD, {"id": 1, "words": "some"})
            with pytest.raises(Unavailable) as refused:
                await add(second, 2)
        assert refused.value.retry_after_seconds == 2

        await add(second, 2)
        assert await ids(first) == [1, 2]
        await first.close()
        await second.close()

    async def test_closing_waits_for_the_thread_of_a_connection_that_was_given_up(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opening, may_open = threading.Event(), threading.Event()
        open_file = sqlite3.connect

        def open_slowly(*given: Any, **options: Any) -> object:
            opening.set()
            may_open.wait(5)
            return open_file(*given, **options)

        monkeypatch.setattr(sqlite3, "connect", open_slowly)
        database = Database(f"sqlite:///{tmp_path}/one.db")
        given_up = asyncio.create_task(add(database, 1))
        await asyncio.to_thread(opening.wait, 5)
        (connection,) = database._made
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        closing = asyncio.create_task(database.close())
        await asyncio.sleep(0.05)
        assert not closing.done()

        may_open.set()
        await closing
        assert connection.ends is not None
        assert connection.ends.done()

    async def test_a_file_that_cannot_be_opened_is_a_503(self, tmp_path: Path) -> None:
        database = Database(f"sqlite:///{tmp_path}/missing/one.db")
        await refused_by(database)
        await database.close()


async def refused_by(database: Database) -> None:
    """Writing and reading in every way is refused with a 503."""

    async def read() -> None:
        async with database.read() as session:
            await session.execute(text("SELECT 1"))

    async def read_hot() -> None:
        await database.hot.rows("SELECT 1")

    async def read_slowly() -> None:
        await database.hot.slow_rows("SELECT 1")

    async def write() -> None:
        await add(database, 99)

    ways: tuple[Callable[[], Awaitable[None]], ...] = (read, read_hot, read_slowly, write)
    for way in ways:
        with pytest.raises(Unavailable) as refused:
            await way()
        assert refused.value.retry_after_seconds == 2


class TestPostgresqlAway:
    async def test_a_server_that_ends(self) -> None:
        with postgres_server() as server:
            server.create_database("own")
            database = Database(server.url("own", "plain"), connections=2)
            await furnish(database)
            await add(database, 1)
            assert await ids(database) == [1]
        for _ in range(2):
            await refused_by(database)
        await database.close()

    async def test_a_database_that_is_dropped_and_comes_back(self, postgres: Postgres) -> None:
        postgres.create_database("dropped")
        database = Database(postgres.url("dropped", "plain"), connections=2)
        await furnish(database)
        assert await ids(database) == []
        postgres.drop_database("dropped")
        for _ in range(2):
            await refused_by(database)

        postgres.create_database("dropped")
        await furnish(database)
        await add(database, 1)
        assert await ids(database) == [1]
        await database.close()
        postgres.drop_database("dropped")

    async def test_one_that_was_never_there(self, postgres: Postgres) -> None:
        missing = postgres.url("nothing", "plain")
        for url in (missing, missing.replace(postgres.password, "wrong")):
            database = Database(url)
            await refused_by(database)
            await database.close()

    async def test_a_transaction_cut_in_the_middle_is_a_503(
        self, postgres_database: Database, postgres: Postgres
    ) -> None:
        await furnish(postgres_database)

        async def write_and_lose_the_connection() -> None:
            async with postgres_database.begin() as session:
                await session.execute(ADD, {"id": 1, "words": "some"})
                postgres._end_sessions(str(postgres_database.url.database))
                await session.execute(ADD, {"id": 2, "words": "some"})

        with pytest.raises(Unavailable):
            await write_and_lose_the_connection()
        await add(postgres_database, 3)
        assert await ids(postgres_database) == [3]

    async def test_a_pool_that_is_used_up_is_a_503(self, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
        database = Database(postgres.url("postgres", "plain"), connections=1)
        monkeypatch.setattr(database._writer.pool, "_timeout", 0.05)
        async with database.begin() as session:
            await session.execute(text("SELECT 1"))
            with pytest.raises(Unavailable):
                async with database.begin() as another:
                    await another.execute(text("SELECT 1"))
        await database.close()

    async def test_more_readers_than_connections_wait_for_one(self, postgres: Postgres) -> None:
        database = Database(postgres.url("postgres", "plain"), connections=5)
        pids = await asyncio.gather(*(database.hot.rows("SELECT pg_backend_pid(), pg_sleep(0.01)") for _ in range(8)))
        assert len({row[0] for (row,) in pids}) == 2
        await database.close()

    async def test_both_pools_together_open_no_more_than_they_may(self, postgres_database: Database) -> None:
        database = Database(str(postgres_database.url.render_as_string(hide_password=False)), connections=5)

        async def write() -> None:
            async with database.begin() as session:
                await session.execute(text("SELECT pg_sleep(0.01)"))

        readings = (database.hot.rows("SELECT pg_sleep(0.01)") for _ in range(20))
        await asyncio.gather(*readings, *(write() for _ in range(20)))
        counted = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1"
        assert (await database.hot.rows(counted, database.url.database))[0][0] == 5
        await database.close()

    async def test_connections_that_ended_are_not_handed_out(
        self, postgres: Postgres, postgres_database: Database
    ) -> None:
        await furnish(postgres_database)
        await asyncio.gather(*(add(postgres_database, number) for number in range(4)))
        assert await ids(postgres_database) == [0, 1, 2, 3]
        postgres._end_sessions(str(postgres_database.url.database))
        await asyncio.sleep(0.05)  # the driver has to see it

        await add(postgres_database, 4)
        assert await ids(postgres_database) == [0, 1, 2, 3, 4]

    async def test_readers_that_wait_too_long_are_told(
        self, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(readers, "ROOM_WITHIN_SECONDS", 0.05)
        database = Database(postgres.url("postgres", "plain"), connections=2)
        first = asyncio.create_task(database.hot.rows("SELECT pg_sleep(0.5)"))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await database.hot.rows("SELECT 1")
        await first
        await database.close()

    async def test_a_read_that_was_given_up_leaves_its_connection_to_nobody(self, postgres_database: Database) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await postgres_database.hot.rows("SELECT pg_sleep(5)")
        assert await postgres_database.hot.rows("SELECT 7") == [(7,)]

    async def test_a_value_that_does_not_fit_is_our_own_mistake(self, postgres_database: Database) -> None:
        with pytest.raises(asyncpg.DataError, match="int32"):
            await postgres_database.hot.rows("SELECT $1::int", 2**40)

    async def test_the_door_says_so_and_opens_again(self, sqlite_copy: TracCopy, postgres: Postgres) -> None:
        postgres.create_database("behind_the_door")
        async with serving(sqlite_copy, database_url=postgres.url("behind_the_door", "plain")) as api:
            alice = await api.sign_in("alice")
            postgres._run("ALTER DATABASE behind_the_door ALLOW_CONNECTIONS false")
            postgres._end_sessions("behind_the_door")
            postgres._run("ALTER DATABASE behind_the_door RENAME TO elsewhere")
            for answer in (
                await api.anybody.get("/concepts"),
                await api.anybody.get("/concepts/1"),
                await alice.post("/concepts/1/start", {}, headers={"Idempotency-Key": "one"}),
                await log_in(api.anybody, "bob"),
            ):
                assert answer.error == (503, "SERVICE_UNAVAILABLE")
                assert answer.headers["retry-after"] == "2"
            assert (await api.anybody.get("/health")).status == 200

            postgres._run("ALTER DATABASE elsewhere RENAME TO behind_the_door")
            postgres._run("ALTER DATABASE behind_the_door ALLOW_CONNECTIONS true")
            assert (await api.anybody.get("/concepts")).status == 200
            begun = await alice.post("/concepts/1/start", {}, headers={"Idempotency-Key": "one"})
            assert begun.status == 200
        postgres.drop_database("behind_the_door")


SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000000) SELECT max(i) FROM n"


@pytest.mark.parametrize("times", [1, 2])
async def test_a_write_that_is_cancelled_in_a_statement_holds_up_neither_the_next_nor_the_end(
    tmp_path: Path, times: int
) -> None:
    """As a job's is when its server stops. It once kept SQLite's lock; twice cancelled, it was waited for for ever."""
    before = asyncio.all_tasks()
    database = Database(f"sqlite:///{tmp_path / 'one.db'}")
    await furnish(database)

    async def write() -> None:
        async with database.begin() as session:
            await session.execute(ADD, {"id": 1, "words": "lost"})
            await session.execute(text(SLOW))

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.1)
    for _ in range(times):
        writing.cancel()
        await asyncio.sleep(0)
    await asyncio.wait([writing])
    async with asyncio.timeout(5):
        await add(database, 2)
        assert await ids(database) == [2]
        await asyncio.gather(*(asyncio.all_tasks() - before), return_exceptions=True)
        await database.close()

    assert writing.cancelled()


async def test_once_closed_the_file_itself_holds_all_that_was_committed(tmp_path: Path) -> None:
    """Whoever copies the file then, copies everything."""
    file = tmp_path / "one.db"
    database = Database(f"sqlite:///{file}")
    await furnish(database)
    await add(database, 1, 2)
    await database.close()

    copy = sqlite3.connect(f"file:{shutil.copy(file, tmp_path / 'copy.db')}?mode=ro", uri=True)
    assert copy.execute("SELECT count(*) FROM note").fetchone() == (2,)
    copy.close()
