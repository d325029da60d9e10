import base64
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import psycopg2
import pytest

from learntrac.trac.author import write_course
from learntrac.trac.course import Course, CourseConcept, Page
from tests.environments import (
    BLOCKS_14,
    CACHE,
    PASSWORDS_14,
    PERMISSIONS_14,
    TICKETS_14,
    Postgres,
    Trac14,
    edit_ticket14,
    find_free_port,
    find_python27,
    make_trac14,
    make_trac16,
    postgres_server,
    serve_trac14,
)

needs_python27 = [
    pytest.mark.service("python2.7"),
    pytest.mark.skipif(find_python27() is None, reason="no Python 2.7 here; LEARNTRAC_PYTHON27 names one"),
]


def of_sqlite(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path / "db" / "trac.db")) as database:
        return database.execute(query).fetchall()


def of_postgres(postgres: Postgres, database: str, query: str) -> list[Any]:
    connected = closing(psycopg2.connect(postgres.url(database, "plain")))
    with connected as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="module")
def trac14(tmp_path_factory: pytest.TempPathFactory) -> Trac14:
    return make_trac14(tmp_path_factory.mktemp("trac14") / "trac", CACHE)


def test_trac16_on_sqlite(tmp_path: Path) -> None:
    make_trac16(tmp_path / "trac")
    assert of_sqlite(tmp_path / "trac", "SELECT value FROM system WHERE name = 'database_version'") == [("45",)]
    assert not list((tmp_path / "trac" / "log").iterdir())
    assert sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) < 300_000


def test_trac16_on_postgres(tmp_path: Path, postgres: Postgres) -> None:
    postgres.create_database("trac16")
    make_trac16(tmp_path / "trac", postgres.url("trac16", "trac"))
    course = Course("C", (), (), (CourseConcept("a", "Ä", "text"),), (Page("P", "text"),))
    for _ in range(2):
        write_course(tmp_path / "trac", course, author="ivan", now=datetime(2024, 1, 1, tzinfo=UTC))
    assert of_postgres(postgres, "trac16", "SELECT id, summary FROM trac.ticket") == [(1, "Ä")]
    assert of_postgres(postgres, "trac16", "SELECT version FROM trac.wiki WHERE name = 'P'") == [(1,)]


def test_a_database_is_copied_though_trac_still_holds_it(tmp_path: Path, postgres: Postgres) -> None:
    postgres.create_database("original")
    make_trac16(tmp_path / "trac", postgres.url("original", "trac"))
    with closing(psycopg2.connect(postgres.url("original", "plain"))):
        postgres.create_database("copy", template="original")
    assert of_postgres(postgres, "copy", "SELECT count(*) FROM trac.ticket") == [(0,)]
    course = Course("C", (), (), (CourseConcept("a", "A", ""),), ())
    write_course(tmp_path / "trac", course, author="ivan", now=datetime(2024, 1, 1, tzinfo=UTC))
    assert of_postgres(postgres, "original", "SELECT count(*) FROM trac.ticket") == [(1,)]


def test_a_database_is_dropped_though_someone_is_in_it(postgres: Postgres) -> None:
    postgres.create_database("doomed")
    with closing(psycopg2.connect(postgres.url("doomed", "plain"))):
        postgres.drop_database("doomed")
    postgres.drop_database("doomed")
    with pytest.raises(psycopg2.OperationalError, match="does not exist"):
        psycopg2.connect(postgres.url("doomed", "plain"))


async def test_the_plain_url_is_for_asyncpg_too(postgres: Postgres) -> None:
    connection = await asyncpg.connect(postgres.url("postgres", "plain"))
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()


def test_postgres_lets_nobody_in_without_its_password(postgres: Postgres) -> None:
    stranger = Postgres(postgres.port, "guess")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(stranger.url("postgres", "plain"))


ONE_WHO_IS_KILLED = """
import pathlib, sys, time
from tests.environments import postgres_server
folder = pathlib.Path(sys.argv[1], "data")
with postgres_server(folder):
    print((folder / "postmaster.pid").read_text().split()[0], flush=True)
    time.sleep(60)
"""


def test_postgres_ends_with_the_process_that_started_it() -> None:
    with TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-c", ONE_WHO_IS_KILLED, folder],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert process.stdout
        with process.stdout:
            server = int(process.stdout.readline())
        process.kill()
        process.wait()
        assert is_gone(server)


def is_gone(process_id: int) -> bool:
    for _ in range(500):
        try:
            os.kill(process_id, signal.SIG_DFL)  # signal 0 only asks whether it is there
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_a_python27_that_is_named_but_is_none_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEARNTRAC_PYTHON27", sys.executable)
    assert find_python27() is None
    monkeypatch.setenv("LEARNTRAC_PYTHON27", "/no/such/python")
    assert find_python27() is None


class TestTrac14:
    pytestmark = needs_python27

    def test_its_tickets(self, trac14: Trac14) -> None:
        rows = of_sqlite(trac14.path, "SELECT id, summary, status, time, changetime FROM ticket ORDER BY id")
        start = 1_704_067_200_000_000
        minute, day = 60 * 10**6, 86_400 * 10**6
        assert rows == [
            (1, TICKETS_14[0]["summary"], "new", start, start),
            (2, TICKETS_14[1]["summary"], "accepted", start + minute, start + minute),
            (3, TICKETS_14[2]["summary"], "new", start + 2 * minute, start + 2 * minute),
            (4, TICKETS_14[3]["summary"], "closed", start + 3 * minute, start + day),
        ]
        custom = of_sqlite(trac14.path, "SELECT name, value FROM ticket_custom WHERE ticket = 2 ORDER BY name")
        assert custom == [("blockedby", "1"), ("mastery_threshold", "0.9")]
        assert of_sqlite(trac14.path, "SELECT source, dest FROM mastertickets") == list(BLOCKS_14)
        assert of_sqlite(trac14.path, "SELECT value FROM system WHERE name = 'database_version'") == [("45",)]

    def test_its_people(self, trac14: Trac14) -> None:
        rights = set(of_sqlite(trac14.path, "SELECT username, action FROM permission"))
        assert set(PERMISSIONS_14) < rights
        lines = (trac14.path / "conf" / "htpasswd").read_text().splitlines()
        assert [line.split(":$apr1$")[0] for line in lines] == sorted(PASSWORDS_14)
        assert ("alice", 1, "email", "alice@example.org") in of_sqlite(trac14.path, "SELECT * FROM session_attribute")

    def test_an_edit(self, tmp_path: Path) -> None:
        trac = make_trac14(tmp_path / "trac", CACHE)
        edit_ticket14(trac, 1, {"summary": "Méthodes", "time_estimate": ""}, author="ann", comment="Why not")
        assert of_sqlite(trac.path, "SELECT summary FROM ticket WHERE id = 1") == [("Méthodes",)]
        changes = of_sqlite(
            trac.path, "SELECT author, field, newvalue FROM ticket_change WHERE ticket = 1 ORDER BY field"
        )
        assert changes == [
            ("ann", "comment", "Why not"),
            ("ann", "summary", "Méthodes"),
            ("ann", "time_estimate", None),
        ]
        with pytest.raises(RuntimeError, match="Ticket 99 does not exist"):
            edit_ticket14(trac, 99, {"summary": "No such"})

    def test_on_postgres(self, tmp_path: Path, postgres: Postgres) -> None:
        postgres.create_database("trac14")
        trac = make_trac14(tmp_path / "trac", CACHE, postgres.url("trac14", "trac"))
        edit_ticket14(trac, 2, {"summary": "Méthodes"})
        rows = of_postgres(postgres, "trac14", "SELECT id, summary FROM trac.ticket ORDER BY id")
        assert rows == [
            (1, "HTTP methods"),
            (2, "Méthodes"),
            (3, TICKETS_14[2]["summary"]),
            (4, "Old HTTP"),
        ]
        assert of_postgres(postgres, "trac14", "SELECT * FROM trac.mastertickets") == list(BLOCKS_14)

    def test_its_server(self, trac14: Trac14) -> None:
        port = find_free_port()
        server = serve_trac14(trac14, port)
        try:
            assert "HTTP methods" in get(f"http://127.0.0.1:{port}/ticket/1")
            page = get(f"http://127.0.0.1:{port}/login", "bob", PASSWORDS_14["bob"])
            assert re.search(r"logged in as.*Bob", page)
            with pytest.raises(urllib.error.HTTPError, match="401"):
                get(f"http://127.0.0.1:{port}/login", "bob", "wrong")
        finally:
            server.terminate()
            server.wait()


def get(url: str, username: str = "", password: str = "") -> str:
    request = urllib.request.Request(url)
    if username:
        encoded = base64.b64encode(f"{username}:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {encoded}")
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    try:
        with opener.open(request, timeout=20) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        error.close()
        raise
