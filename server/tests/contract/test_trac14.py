"""A Trac 1.4 that runs under Python 2.7, as many do, and LearnTrac beside it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from learntrac.kit.http.doors import API
from tests.contract.servers import running
from tests.contract.walking import assert_conforms, walk
from tests.environments import (
    CACHE,
    PASSWORDS_14,
    Postgres,
    Trac14,
    edit_ticket14,
    find_free_port,
    find_python27,
    make_trac14,
    serve_trac14,
)
from tests.exercises.samples import QUIZ

pytestmark = pytest.mark.service("python2.7")


@dataclass(frozen=True)
class Both:
    """A Trac 1.4 and a LearnTrac that are served side by side."""

    trac: Trac14
    trac_url: str
    url: str

    def get(self, path: str, token: str | None = None, **params: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.get(self.url + API + path, headers=headers, params=params, timeout=10).json()

    def login(self, name: str) -> Any:
        body = {"username": name, "password": PASSWORDS_14[name]}
        return httpx.post(f"{self.url}{API}/auth/login", json=body, timeout=10).json()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    if find_python27() is None:
        pytest.skip("no Python 2.7 here")
    database = "sqlite:db/trac.db"
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        postgres.create_database("trac14")
        database = postgres.url("trac14", "trac")
    path: Path = tmp_path_factory.mktemp("trac14") / request.param
    trac = make_trac14(path, CACHE, database)
    port = find_free_port()
    trac_url = f"http://127.0.0.1:{port}"
    served = serve_trac14(trac, port)
    try:
        with running("serve", "--trac-env", path, LEARNTRAC_TRAC_URL=trac_url, LEARNTRAC_LOG_LEVEL="ERROR") as url:
            yield Both(trac, trac_url, url)
    finally:
        served.terminate()
        served.wait()


def test_people_sign_in_with_their_passwords_of_trac(both: Both) -> None:
    people = {name: both.login(name)["user"] for name in PASSWORDS_14}

    assert people["alice"]["roles"] == ["student"]
    assert people["alice"]["email"] == "alice@example.org"
    assert people["ivan"]["roles"] == ["student", "instructor"]
    assert people["admin"]["roles"] == ["student", "instructor", "admin"]
    assert people["bob"]["id"] == "bob"


def test_its_tickets_are_concepts(both: Both) -> None:
    listed = both.get("/concepts")["concepts"]
    found = {concept["id"]: concept for concept in listed}

    assert [concept["title"] for concept in listed[:2]] == ["HTTP methods", "Status codes"]
    assert found[1]["difficulty"] == 2
    assert found[1]["estimated_time"] == "1 hour 30 minutes"
    assert (found[2]["type"], found[2]["prerequisites"], found[2]["mastery_threshold"]) == ("bug", [1], 0.9)
    assert found[3]["title"] == "Überschriften «headings»"
    assert found[3]["prerequisites"] == [1, 2]
    assert {number: concept["status"] for number, concept in found.items()} == {
        1: "new",
        2: "learning",
        3: "new",
        4: "mastered",
    }


def test_an_edit_made_by_trac_shows(both: Both) -> None:
    edit_ticket14(both.trac, 3, {"summary": "Headings «anew»", "learning_difficulty": "4,5"}, comment="clearer")
    saved = time.monotonic()

    while (concept := both.get("/concepts/3"))["title"] != "Headings «anew»":
        assert time.monotonic() < saved + 20, concept["title"]
        time.sleep(0.05)

    assert concept["difficulty"] == 4.5


def test_a_concepts_address_leads_to_tracs_page(both: Both) -> None:
    ticket = httpx.get(f"{both.url}/ticket/1", follow_redirects=True, timeout=10)
    page = httpx.get(f"{both.url}/wiki/HttpMethods", follow_redirects=True, timeout=10)

    assert (ticket.status_code, str(ticket.url)) == (200, f"{both.trac_url}/ticket/1")
    assert "HTTP methods" in ticket.text
    assert (page.status_code, str(page.url)) == (200, f"{both.trac_url}/wiki/HttpMethods")


def test_it_conforms(both: Both) -> None:
    authorization = {"Authorization": f"Bearer {both.login('ivan')['access_token']}"}
    written = httpx.post(f"{both.url}{API}/exercises", json=QUIZ, headers=authorization, timeout=30)
    assert written.status_code == 201, written.text
    steps = walk(both.url, student=f"alice:{PASSWORDS_14['alice']}", instructor=f"ivan:{PASSWORDS_14['ivan']}")

    assert_conforms(steps)
    assert len([step for step in steps if step.verdict in ("ok", "thin")]) > 35
