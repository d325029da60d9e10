"""The server put together, opened, served and ended: parts, addresses, and the demo in one process."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import httpx
import psycopg2
import pytest
from rich.console import Console
from websockets.sync.client import connect

from learntrac.config import Settings
from learntrac.kit.clock import utc_now
from learntrac.kit.http.doors import API
from learntrac.main import make_api, opened, site
from learntrac.opening import find_database_url, find_secret, open_database
from learntrac.serving import run, serve_demo, serve_forever
from learntrac.trac.environment import EnvironmentProblem
from learntrac.trac.sync import Progress
from tests.conftest import SECRET, TracCopy, make_settings
from tests.contract.servers import PASSWORD, copied_demo, quiet_bar
from tests.environments import Postgres, find_free_port


@pytest.fixture
def bare_trac(tmp_path: Path) -> Path:
    """A folder that looks like a Trac on SQLite, as far as its settings go."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "trac.ini").write_text("[trac]\ndatabase = sqlite:db/trac.db\n")
    return tmp_path


def without_secret(folder: Path) -> Settings:
    return make_settings(folder, secret_key=None)


def test_the_key_is_made_once_and_kept_for_its_owner_only(bare_trac: Path) -> None:
    first = find_secret(without_secret(bare_trac))

    assert len(first) >= 32
    assert find_secret(without_secret(bare_trac)) == first
    (file,) = (bare_trac / "db").iterdir()
    assert file.name == "learntrac.key"
    assert file.stat().st_mode & 0o777 == 0o600


def test_two_that_start_at_once_use_one_key(bare_trac: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: find_secret(without_secret(bare_trac)), range(8)))

    assert len(found) == 1
    assert len(list((bare_trac / "db").iterdir())) == 1


def test_a_key_that_is_set_wins_and_no_file_is_made(bare_trac: Path) -> None:
    assert find_secret(make_settings(bare_trac)) == SECRET.encode()
    assert not (bare_trac / "db").exists()


def test_a_key_file_that_holds_no_key_is_refused(bare_trac: Path) -> None:
    (bare_trac / "db").mkdir()
    (bare_trac / "db" / "learntrac.key").write_text("short\n")

    with pytest.raises(EnvironmentProblem, match=r"learntrac\.key: this key is too short"):
        find_secret(without_secret(bare_trac))


def test_a_place_where_no_key_can_be_kept_is_named(bare_trac: Path) -> None:
    (bare_trac / "db").write_text("a file where the folder should be")

    with pytest.raises(EnvironmentProblem, match=r"^Set LEARNTRAC_SECRET_KEY: .*learntrac\.key cannot be used"):
        find_secret(without_secret(bare_trac))


def test_the_database_is_a_file_beside_tracs(bare_trac: Path) -> None:
    assert find_database_url(make_settings(bare_trac)) == f"sqlite:///{bare_trac}/db/learntrac.db"


def test_the_database_is_tracs_own_postgresql(bare_trac: Path) -> None:
    ini = bare_trac / "conf" / "trac.ini"
    ini.write_text("[trac]\ndatabase = postgres://trac:pw@db.example.org:5433/course?schema=trac\n")

    url = find_database_url(make_settings(bare_trac))

    assert url == "postgresql+asyncpg://trac:pw@db.example.org:5433/course"


def test_a_database_that_is_set_wins(tmp_path: Path) -> None:
    assert find_database_url(make_settings(tmp_path, database_url="sqlite:///x.db")) == "sqlite:///x.db"


@pytest.mark.parametrize("content", ["[trac]\ndatabase = mysql://trac:secret@db/trac\n", "no section = 1\n"])
def test_a_trac_ini_without_a_usable_database_is_told_in_one_line(bare_trac: Path, content: str) -> None:
    (bare_trac / "conf" / "trac.ini").write_text(content)

    with pytest.raises(EnvironmentProblem) as caught:
        find_database_url(make_settings(bare_trac))
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_folder_that_is_no_trac_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=r"it has no conf/trac\.ini"):
        find_secret(without_secret(tmp_path))
    with pytest.raises(EnvironmentProblem, match="LEARNTRAC_TRAC_ENV"):
        find_secret(Settings(trac_env=None))


WRONG_URLS = {
    "no URL": "my database, hidden-password",
    "another kind": "mysql://learn:hidden-password@127.0.0.1/learn",
    "no database named": "postgresql://learn:hidden-password@127.0.0.1",
    "a port that is none": "postgresql://learn:hidden-password@127.0.0.1:no/learn",
    "nobody listens": "postgresql://learn:hidden-password@127.0.0.1:{port}/learn",
    "a folder that cannot be": "sqlite:////dev/null/learn.db?hidden-password",
}


@pytest.mark.parametrize("url", WRONG_URLS.values(), ids=WRONG_URLS.keys())
def test_a_database_that_cannot_be_used_is_told_in_one_line_without_the_password(tmp_path: Path, url: str) -> None:
    settings = make_settings(tmp_path, database_url=url.format(port=find_free_port()))

    with pytest.raises(EnvironmentProblem) as caught:
        run(open_database(settings))

    assert str(caught.value).startswith("LEARNTRAC_DATABASE_URL: ")
    assert "\n" not in str(caught.value)
    assert "hidden-password" not in str(caught.value)


def test_a_wrong_password_of_the_database_is_not_repeated(tmp_path: Path, postgres: Postgres) -> None:
    url = f"postgresql://postgres:hidden-password@127.0.0.1:{postgres.port}/postgres"

    with pytest.raises(EnvironmentProblem, match="password authentication failed") as caught:
        run(open_database(make_settings(tmp_path, database_url=url)))

    assert "hidden-password" not in str(caught.value)


def count_open(trac: TracCopy, postgres: Postgres) -> int:
    """How many connections to the databases of this Trac there are, Trac's own and LearnTrac's."""
    if trac.plain_url is None:
        files = [os.path.realpath(file) for file in Path("/proc/self/fd").iterdir()]
        return len([file for file in files if str(trac.folder) in file])
    connection = psycopg2.connect(postgres.url("postgres", "plain"))
    try:
        with connection.cursor() as cursor:
            name = trac.plain_url.rpartition("/")[2]
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", (name,))
            found: int = cursor.fetchall()[0][0]
            return found
    finally:
        connection.close()


async def nothing_is_open(trac: TracCopy, postgres: Postgres) -> bool:
    for _ in range(40):  # PostgreSQL takes a moment to see that a connection is gone
        if count_open(trac, postgres) == 0:
            break
        await asyncio.sleep(0.05)
    return count_open(trac, postgres) == 0 and asyncio.all_tasks() == {asyncio.current_task()}


async def test_everything_is_closed_at_the_end(trac_copy: TracCopy, postgres: Postgres) -> None:
    async with opened(make_settings(trac_copy.folder)) as parts:
        await parts.database.hot.rows("SELECT 1")
        assert count_open(trac_copy, postgres) > 0

    assert await nothing_is_open(trac_copy, postgres)


async def test_everything_is_closed_when_something_goes_wrong(trac_copy: TracCopy, postgres: Postgres) -> None:
    async def fail() -> None:
        async with opened(make_settings(trac_copy.folder)) as parts:
            await parts.database.hot.rows("SELECT 1")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        await fail()
    assert await nothing_is_open(trac_copy, postgres)


async def test_everything_is_closed_when_the_start_fails(trac_copy: TracCopy, postgres: Postgres) -> None:
    for wrong in ({"database_url": "nonsense"}, {"redis_url": "nonsense"}):
        with pytest.raises(EnvironmentProblem, match=f"^LEARNTRAC_{next(iter(wrong)).upper()}: "):
            async with opened(make_settings(trac_copy.folder, **wrong)):
                pass
        assert await nothing_is_open(trac_copy, postgres)


async def test_a_newer_learntracs_database_is_left_alone(trac_copy: TracCopy, postgres: Postgres) -> None:
    settings = make_settings(trac_copy.folder)
    database = await open_database(settings)
    async with database.begin() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'from the future'")
    await database.close()

    with pytest.raises(EnvironmentProblem, match=r"from the future.*Upgrade LearnTrac"):
        async with opened(settings):
            pass
    assert await nothing_is_open(trac_copy, postgres)


async def test_a_start_tells_how_far_it_is(trac_copy: TracCopy) -> None:
    seen: list[tuple[int, int]] = []

    async with opened(make_settings(trac_copy.folder), on_progress=lambda done, total: seen.append((done, total))):
        pass
    assert seen == [(6, 6)]
    async with opened(make_settings(trac_copy.folder), on_progress=lambda done, total: seen.append((done, total))):
        pass
    assert seen == [(6, 6)], "a catalog that is there is not waited for"


def browser(settings: Settings) -> httpx.AsyncClient:
    """Whoever calls a server that has nothing behind its doors."""
    transport = httpx.ASGITransport(site(make_api(settings, utc_now), settings))
    return httpx.AsyncClient(transport=transport, base_url="http://learn.test")


@pytest.mark.parametrize(
    ("address", "leads_to"),
    [
        ("/", f"{API}/docs"),
        ("/wiki/Page", "/trac/wiki/Page"),
        ("/ticket/3", "/trac/ticket/3"),
        ("/wiki/Caf%C3%A9/Sub%20page", "/trac/wiki/Caf%C3%A9/Sub%20page"),
        ("/wiki/What%3F", "/trac/wiki/What%3F"),
    ],
)
async def test_addresses_of_trac_lead_there(tmp_path: Path, address: str, leads_to: str) -> None:
    async with browser(make_settings(tmp_path)) as client:
        answer = await client.get(address)

    assert (answer.status_code, answer.headers["location"]) == (307, leads_to)


async def test_trac_may_be_elsewhere(tmp_path: Path) -> None:
    async with browser(make_settings(tmp_path, trac_url="https://trac.example.org/course/")) as client:
        answer = await client.get("/wiki/Page")

    assert answer.headers["location"] == "https://trac.example.org/course/wiki/Page"


async def test_the_interactive_page_comes_from_this_server_alone(tmp_path: Path) -> None:
    async with browser(make_settings(tmp_path)) as client:
        page, script = await client.get(f"{API}/docs"), await client.get(f"{API}/docs/start.js")
        library = await client.get(f"{API}/docs/files/swagger-ui-bundle.js")
        document = await client.get(f"{API}/openapi.json")

    assert page.headers["content-type"].startswith("text/html")
    assert "https:" not in page.text
    assert f"{API}/openapi.json" in script.text
    assert library.status_code == 200
    assert document.json()["info"]["title"] == "LearnTrac"


async def test_only_named_origins_may_call(tmp_path: Path) -> None:
    ours, theirs = "https://app.example.org", "https://evil.example.org"
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,idempotency-key"}
    address = f"{API}/concepts/1/start"
    async with browser(make_settings(tmp_path, cors_origins=(ours,))) as client:
        allowed = await client.options(address, headers={"Origin": ours} | asks)
        refused = await client.options(address, headers={"Origin": theirs} | asks)
        error = await client.get(f"{API}/nothing/here", headers={"Origin": ours})
    async with browser(make_settings(tmp_path)) as client:
        by_default = await client.get(f"{API}/nothing/here", headers={"Origin": ours})

    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == ours
    assert "access-control-allow-credentials" not in allowed.headers
    assert "access-control-allow-origin" not in refused.headers
    assert error.json()["error"]["code"] == "NOT_FOUND"
    assert "Retry-After" in error.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in by_default.headers


@pytest.fixture
def harmless_signals() -> Iterator[list[int]]:
    """Signals reach this process and are remembered, whatever the code under test made of them."""
    came: list[int] = []
    meant = {
        number: signal.signal(number, lambda number, _frame: came.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    yield came
    for number, handler in meant.items():
        signal.signal(number, handler)


def serve_and_visit(serve: Callable[[int], None], visit: Callable[[str], None], end_with: signal.Signals) -> None:
    """Serve in this thread while `visit(address)` runs in another, which then ends the server by a signal."""
    port = find_free_port()

    def visit_and_end() -> None:
        deadline = time.monotonic() + 20
        try:
            while time.monotonic() < deadline:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.02)
            visit(f"http://127.0.0.1:{port}")
        finally:
            os.kill(os.getpid(), end_with)

    with ThreadPoolExecutor(1) as pool:
        visited = pool.submit(visit_and_end)
        serve(port)
        visited.result()


@pytest.mark.parametrize("end_with", [signal.SIGTERM, signal.SIGINT])
def test_an_existing_trac_is_served_until_a_signal_comes(
    sqlite_template: Path, postgres: Postgres, harmless_signals: list[int], tmp_path: Path, end_with: signal.Signals
) -> None:
    settings = make_settings(sqlite_template, database_url=f"sqlite:///{tmp_path}/own.db")
    drawn: list[str] = []

    @contextmanager
    def progress_bar(label: str) -> Iterator[Progress]:
        drawn.append(label)
        yield lambda done, total: drawn.append(f"{done} of {total}")
        drawn.append("gone")

    def serve(port: int) -> None:
        run(serve_forever(settings, host="127.0.0.1", port=port, progress_bar=progress_bar))

    def visit(address: str) -> None:
        assert drawn == ["Reading Trac's tickets", "6 of 6", "gone"], "the bar does not stay while people are served"
        assert httpx.get(f"{address}{API}/health").json()["status"] == "healthy"
        assert httpx.get(f"{address}{API}/concepts").json()["total"] == 6
        assert httpx.get(f"{address}/trac/wiki").status_code == 404

    serve_and_visit(serve, visit, end_with)

    assert harmless_signals == [], "the signal ended the server and was used up"
    os.kill(os.getpid(), end_with)
    assert harmless_signals == [end_with], "signals mean again what they meant before"


def test_a_port_that_is_taken_is_told_in_one_line(sqlite_template: Path, tmp_path: Path) -> None:
    settings = make_settings(sqlite_template, database_url=f"sqlite:///{tmp_path}/own.db")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(
            EnvironmentProblem, match=f"^Cannot listen at 127.0.0.1, port {port}: Address already in use"
        ):
            run(serve_forever(settings, host="127.0.0.1", port=port, progress_bar=quiet_bar))


def ends_with_its_sign_in(client: httpx.Client, token: str) -> bool:
    """Whether a voice connection with this token is closed when its learner signs out."""
    address = str(client.base_url).replace("http", "ws", 1).rstrip("/")
    with connect(f"{address}/ws/voice?token={token}") as talk:
        talk.send('{"action": "connect", "data": {}}')
        assert "connection_established" in str(talk.recv(timeout=20))
        client.post(f"{API}/auth/logout", headers={"Authorization": f"Bearer {token}"})
        return "4401" in str(talk.recv(timeout=20))


def test_the_demo_serves_api_and_trac_with_one_account_and_one_throttle(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, harmless_signals: list[int]
) -> None:
    demo, shown = copied_demo(tmp_path_factory, tmp_path / "demo"), StringIO()
    console = Console(file=shown, width=100)

    def serve(port: int) -> None:
        settings = Settings(demo_password=PASSWORD)
        serve_demo(demo, settings, host="127.0.0.1", port=port, serve=True, console=console, progress_bar=quiet_bar)

    def visit(address: str) -> None:
        with httpx.Client(base_url=address, timeout=20) as client:
            assert "Welcome" in client.get("/trac/wiki").text
            wiki = client.get("/wiki/ApiCourse", follow_redirects=True)
            assert (wiki.status_code, wiki.url.path) == (200, "/trac/wiki/ApiCourse")
            assert client.get("/trac").status_code == 200
            assert client.get("/tracker").status_code == 404
            assert client.get("/trac/login").status_code == 401
            signed_in = client.get("/trac/login", auth=("bob", PASSWORD))
            assert "trac_auth" in signed_in.cookies
            for _ in range(10):
                assert client.get("/trac/login", auth=("alice", "a guess")).status_code == 401
            right = {"username": "alice", "password": PASSWORD}
            throttled = client.post(f"{API}/auth/login", json=right)
            assert throttled.status_code == 429, "guesses at Trac's door count at the API's"
            assert client.get("/trac/login", auth=("alice", PASSWORD)).status_code == 401
            bob = client.post(f"{API}/auth/login", json=right | {"username": "bob"})
            assert bob.status_code == 200
            assert ends_with_its_sign_in(client, bob.json()["access_token"]), "talks are looked after here too"

    serve_and_visit(serve, visit, signal.SIGTERM)

    assert harmless_signals == []
    assert PASSWORD in shown.getvalue()
    assert "/trac" in shown.getvalue()
    assert all(name in shown.getvalue() for name in ("admin", "ivan", "alice", "bob"))
