"""PostgreSQL goes away under a server that serves, and comes back: nobody has to start anything again."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from learntrac.kit.http.doors import API
from tests.accounts.helpers import write_htpasswd
from tests.conftest import PASSWORDS, _fill
from tests.contract.server_processes import serving_process
from tests.environments import PostgresProcess, make_trac16, stoppable_postgres

WITHIN_SECONDS = 5


@dataclass
class Site:
    """A server and the PostgreSQL of Trac and LearnTrac, with somebody signed in."""

    postgres: PostgresProcess
    client: httpx.Client

    def ask(self) -> dict[str, httpx.Response]:
        """What is answered where a request needs the database: hot reads, sessions and transactions, Trac's tables."""
        login = {"username": "bob", "password": PASSWORDS["bob"]}
        return {
            "list": self.client.get("/concepts"),
            "detail": self.client.get("/concepts/1"),
            "me": self.client.get("/auth/me"),
            "begin": self.client.post("/concepts/1/start", json={}, headers={"Idempotency-Key": "one"}),
            "login": self.client.post("/auth/login", json=login),
        }

    def statuses(self) -> set[int]:
        return {answer.status_code for answer in self.ask().values()}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with stoppable_postgres() as server:
        server.postgres.create_database("course")
        folder = tmp_path / "trac"
        make_trac16(folder, server.postgres.url("course", "trac"))
        _fill(folder)
        write_htpasswd(folder)
        impatient = {"LEARNTRAC_DATABASE_TIMEOUT_SECONDS": "2"}
        with (
            serving_process(folder, tmp_path / "said", **impatient) as process,
            httpx.Client(base_url=process.url + API, timeout=30) as client,
        ):
            alice = client.post("/auth/login", json={"username": "alice", "password": PASSWORDS["alice"]})
            client.headers["Authorization"] = f"Bearer {alice.json()['access_token']}"
            yield Site(server, client)


def test_while_it_is_away_each_is_told_and_afterwards_each_is_served(site: Site) -> None:
    assert site.statuses() == {200}
    site.postgres.stop()
    for _ in range(2):
        for name, answer in site.ask().items():
            assert (name, answer.status_code) == (name, 503)
            assert answer.json()["error"]["code"] == "SERVICE_UNAVAILABLE"
            assert 1 <= int(answer.headers["retry-after"]) <= 5
        assert site.client.get("/health").status_code == 200
        assert site.client.get("/status").json()["services"]["database"] == "unavailable"

    site.postgres.start()
    until = time.monotonic() + WITHIN_SECONDS
    while site.statuses() != {200}:
        assert time.monotonic() < until
    assert site.statuses() == {200}
    assert site.client.get("/status").json()["services"]["database"] == "healthy"


def test_who_was_not_there_meanwhile_does_not_notice(site: Site) -> None:
    assert site.statuses() == {200}
    site.postgres.stop()
    site.postgres.start()

    assert site.statuses() == {200}


def test_one_that_accepts_and_never_answers_is_not_waited_for(site: Site) -> None:
    assert site.statuses() == {200}
    with site.postgres.held_up():
        for name, answer in site.ask().items():
            assert (name, answer.status_code) == (name, 503)
            assert 1 <= int(answer.headers["retry-after"]) <= 5
        assert site.client.get("/health").status_code == 200

    until = time.monotonic() + WITHIN_SECONDS
    while site.statuses() != {200}:
        assert time.monotonic() < until
