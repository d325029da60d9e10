"""Trac 1.4 edits and upgrades while LearnTrac serves from the same PostgreSQL, and neither waits for the other."""

import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg2
import psycopg2.errors
import pytest

from learntrac.kit.http.doors import API
from tests.contract.servers import running
from tests.contract.trac_by_http import TracPages
from tests.contract.two_roles import SharedDatabase, shared_database
from tests.environments import (
    CACHE,
    PASSWORDS_14,
    Postgres,
    find_free_port,
    find_python27,
    make_trac14,
    serve_trac14,
)

pytestmark = pytest.mark.service("python2.7")

LOCK_TIMEOUT = "200ms"
_LOOK = """
SELECT count(*) FILTER (WHERE NOT granted),
       count(*) FILTER (WHERE usename = %(learntrac)s AND mode <> 'AccessShareLock'),
       count(*) FILTER (WHERE usename = %(learntrac)s AND state = 'idle in transaction')
  FROM pg_locks JOIN pg_stat_activity USING (pid) JOIN pg_class ON pg_class.oid = relation
 WHERE relnamespace = to_regnamespace(%(schema)s)
"""


@dataclass(frozen=True)
class Side:
    """Trac and LearnTrac side by side in one database."""

    shared: SharedDatabase
    trac_url: str
    url: str


@pytest.fixture(scope="module")
def both(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    """Trac 1.4 by a role that waits 200 ms for a lock and no longer, and LearnTrac by its own."""
    if find_python27() is None:
        pytest.skip("no Python 2.7 here")
    path: Path = tmp_path_factory.mktemp("locks") / "trac"
    with shared_database(postgres, "locks", schema="forge") as shared:
        trac = make_trac14(path, CACHE, shared.in_trac_ini)
        assert shared.set_roles().returncode == 0
        shared.as_superuser(f"ALTER ROLE {shared.trac} SET lock_timeout = '{LOCK_TIMEOUT}'")
        port = find_free_port()
        tracd = serve_trac14(trac, port)
        try:
            variables = {"LEARNTRAC_SYNC_INTERVAL_SECONDS": "0.05", "LEARNTRAC_RATE_LIMIT_PER_HOUR": "1000000"}
            variables |= {"LEARNTRAC_DATABASE_URL": shared.url, "LEARNTRAC_LOG_LEVEL": "ERROR"}
            with running("serve", "--trac-env", path, **variables) as url:
                yield Side(shared, f"http://127.0.0.1:{port}", url)
        finally:
            tracd.terminate()
            tracd.wait()


@contextmanager
def under_load(both: Side) -> Iterator[list[int]]:
    """Three clients ask LearnTrac a hundred times a second: the statuses of what they got."""
    statuses: list[int] = []
    over = threading.Event()
    body = {"username": "alice", "password": PASSWORDS_14["alice"]}
    token = httpx.post(f"{both.url}{API}/auth/login", json=body, timeout=30).json()["access_token"]

    def ask() -> None:
        with httpx.Client(base_url=both.url + API, headers={"Authorization": f"Bearer {token}"}, timeout=30) as http:
            for path in itertools.cycle(("/concepts", "/concepts/3", "/progress", "/auth/me", "/concepts?q=http")):
                if over.is_set():
                    return
                statuses.append(http.get(path).status_code)
                over.wait(0.01)

    with ThreadPoolExecutor(3) as pool:
        clients = [pool.submit(ask) for _ in range(3)]
        try:
            yield statuses
        finally:
            over.set()
        for client in clients:
            client.result()


@contextmanager
def watched(shared: SharedDatabase) -> Iterator[list[tuple[int, int, int]]]:
    """What was seen of the locks on Trac's tables, again and again: waiting, LearnTrac's above a reader's, idle."""
    seen: list[tuple[int, int, int]] = []
    over = threading.Event()

    def watch() -> None:
        with closing(psycopg2.connect(shared.postgres.url(shared.name, "plain"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                while not over.is_set():
                    cursor.execute(_LOOK, {"learntrac": shared.learntrac, "schema": shared.schema})
                    seen.append(cursor.fetchone())
                    time.sleep(0.002)

    with ThreadPoolExecutor(1) as pool:
        watcher = pool.submit(watch)
        try:
            yield seen
        finally:
            over.set()
        watcher.result()


def wait_for_title(both: Side, number: int, title: str) -> None:
    deadline = time.monotonic() + 2
    while (found := httpx.get(f"{both.url}{API}/concepts/{number}", timeout=30).json()["title"]) != title:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def test_trac_edits_fifty_tickets_and_waits_for_no_lock(both: Side) -> None:
    with (
        TracPages(both.trac_url, "ivan", PASSWORDS_14["ivan"]) as pages,
        under_load(both) as statuses,
        watched(both.shared) as seen,
    ):
        for edit in range(50):
            pages.edit_ticket(edit % 4 + 1, summary=f"Edit {edit}", comment="under load")
        wait_for_title(both, 2, "Edit 49")

    assert set(statuses) == {200}
    assert len(statuses) > 100
    assert len(seen) > 100
    assert {look for look in seen if any(look)} == set()


def test_a_reader_who_kept_a_table_open_would_be_seen(both: Side) -> None:
    reader = psycopg2.connect(both.shared.url, options=f"-c search_path={both.shared.schema}")
    with closing(reader), reader.cursor() as cursor, watched(both.shared) as seen:
        cursor.execute("SELECT count(*) FROM ticket")
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            both.shared.as_trac(f"SET lock_timeout = '{LOCK_TIMEOUT}'; ALTER TABLE ticket ADD COLUMN later text")

    assert {look for look in seen if look[0] and look[2]}


def test_an_upgrade_of_tracs_tables_waits_for_no_lock(both: Side) -> None:
    with under_load(both) as statuses, TracPages(both.trac_url, "ivan", PASSWORDS_14["ivan"]) as pages:
        for round_ in range(10):
            pages.edit_ticket(3, summary=f"Round {round_}")
            for table in ("ticket", "ticket_change", "wiki", "permission", "session_attribute"):
                both.shared.as_trac(f"SET lock_timeout = '{LOCK_TIMEOUT}'; ALTER TABLE {table} ADD COLUMN later text")
                both.shared.as_trac(f"SET lock_timeout = '{LOCK_TIMEOUT}'; ALTER TABLE {table} DROP COLUMN later")
        wait_for_title(both, 3, "Round 9")

    assert set(statuses) == {200}
    assert httpx.get(f"{both.url}{API}/status", timeout=30).json()["services"]["trac"] == "healthy"
