"""What the server measures of itself, read as Prometheus reads it."""

import asyncio
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from learntrac import __version__
from learntrac.kit import metrics
from learntrac.kit.metrics import Metrics
from learntrac.main import create_app, site
from tests.accounts.helpers import log_in
from tests.conftest import Api, TracCopy, eventually, serving
from tests.contract.servers import copied_demo, running
from tests.environments import find_free_port
from tests.scraping import Scraped, scrape

REQUESTS, SECONDS = "learntrac_http_requests_total", "learntrac_http_request_duration_seconds_count"
SIGN_INS = "learntrac_sign_ins_total"
CALLS, FAILURES = "learntrac_backend_call_duration_seconds_count", "learntrac_backend_failures_total"
SCRAPER = {"Authorization": "Bearer the token of the scraper"}


async def test_requests_are_counted_by_the_doors_they_took(api: Api) -> None:
    alice = await api.sign_in("alice")
    for number in (1, 2, 99):
        await alice.get(f"/concepts/{number}")
    await alice.get("/concepts/no-number")
    await alice.get("/made/up/by/a/stranger")
    await alice.send("DELETE", "/concepts")
    seen = await scrape(api.client)

    concept = {"route": "/concepts/{concept_id}", "method": "GET"}
    assert seen.find(REQUESTS, **concept, status="2xx") == 2
    assert seen.find(REQUESTS, **concept, status="4xx") == 2
    assert seen.find(SECONDS, **concept) == 4
    assert seen.find(REQUESTS, route="unmatched", method="GET", status="4xx") == 1
    assert seen.find(REQUESTS, route="/concepts", method="DELETE", status="4xx") == 1
    assert not any("stranger" in route for route in seen.labels(REQUESTS, "route"))


async def test_strange_methods_are_one(api: Api) -> None:
    for method in ("ZORK", "PROPFIND", "CONNECT"):
        await api.anybody.send(method, "/concepts")
    seen = await scrape(api.client)

    assert {"ZORK", "PROPFIND", "CONNECT"}.isdisjoint(seen.labels(REQUESTS, "method"))
    assert seen.find(REQUESTS, route="/concepts", method="other", status="4xx") == 3


async def test_a_request_counts_while_it_is_being_answered(sqlite_api: Api) -> None:
    app, go_on = create_app(sqlite_api.parts), asyncio.Event()

    @app.get("/slow")
    async def slow() -> None:
        await go_on.wait()

    transport = httpx.ASGITransport(site(app, sqlite_api.parts.settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://learn.test") as client:
        waiting = [asyncio.create_task(client.get("/slow")) for _ in range(3)]
        await eventually(lambda: _are_in_flight(sqlite_api, 3))
        during = await scrape(client)
        go_on.set()
        await asyncio.gather(*waiting)
        after = await scrape(client)

    # The one who asks is being answered too.
    assert during.find("learntrac_http_requests_in_flight") == 4
    assert after.find("learntrac_http_requests_in_flight") == 1
    assert after.find(REQUESTS, route="/slow", method="GET", status="2xx") == 3


async def _are_in_flight(api: Api, number: int) -> bool:
    return api.parts.metrics.in_flight == number


async def test_sign_ins_and_refusals_are_counted(api: Api) -> None:
    before = await scrape(api.client)
    await api.sign_in("alice")
    for _ in range(12):
        await log_in(api.anybody, "alice", "wrong")
    after = await scrape(api.client)

    assert (before.find(SIGN_INS, outcome="ok"), before.find(SIGN_INS, outcome="failed")) == (0, 0)
    assert (after.find(SIGN_INS, outcome="ok"), after.find(SIGN_INS, outcome="failed")) == (1, 10)
    assert after.find("learntrac_rate_limited_requests_total", route="/auth/login") == 2


async def test_the_backends_are_asked_and_timed(api: Api) -> None:
    async def both_answered() -> bool:
        seen = await scrape(api.client)
        return (
            seen.find("learntrac_backend_up", backend="database")
            == 1
            == seen.find("learntrac_backend_up", backend="trac")
        )

    await eventually(both_answered)
    before = await scrape(api.client)
    alice = await api.sign_in("alice")
    await alice.post("/concepts/1/start", {"learning_mode": "guided"})
    await api.parts.trac.source.count_tickets()
    after = await scrape(api.client)

    for backend in ("database", "trac"):
        assert (after.find(CALLS, backend=backend) or 0) > (before.find(CALLS, backend=backend) or 0)
        assert after.find(FAILURES, backend=backend) == 0
    assert after.find("learntrac_info", version=__version__) == 1
    assert after.find("learntrac_sync_concepts") == 6
    assert 0 <= (after.find("learntrac_sync_lag_seconds") or 0) < 5


async def test_pools_show_who_is_at_work(api: Api) -> None:
    in_use, limit = "learntrac_database_connections_in_use", "learntrac_database_connections_limit"
    pool = "transactions" if api.trac.plain_url else "write"
    async with api.parts.database.begin() as session:
        await session.connection()
        during = await scrape(api.client)

    assert during.labels(in_use, "pool") == ({"transactions", "hot"} if api.trac.plain_url else {"write", "read"})
    assert (during.find(in_use, pool=pool) or 0) >= 1
    # Of the ten connections that a process may open, the hot reads have four.
    assert during.find(limit, pool=pool) == (6 if api.trac.plain_url else 1)


async def test_a_statement_that_fails_is_counted(api: Api) -> None:
    before = await scrape(api.client)
    for reader in (api.parts.database.hot.rows, api.parts.database.hot.slow_rows):
        with pytest.raises(Exception, match="no_such"):
            await reader("SELECT no_such_column FROM learner")
    after = await scrape(api.client)

    assert after.find(FAILURES, backend="database") == (before.find(FAILURES, backend="database") or 0) + 2


async def test_a_backend_that_is_away_is_down(sqlite_copy: TracCopy, tmp_path: Path) -> None:
    redis = f"redis://127.0.0.1:{find_free_port()}/0"
    async with serving(sqlite_copy, redis_url=redis, database_url=f"sqlite:///{tmp_path}/own.db") as api:
        await api.sign_in("alice")

        async def redis_is_down() -> bool:
            return (await scrape(api.client)).find("learntrac_backend_up", backend="redis") == 0

        await eventually(redis_is_down)
        seen = await scrape(api.client)

    assert seen.find("learntrac_backend_up", backend="database") == 1
    assert (seen.find(FAILURES, backend="redis") or 0) >= 1


def rendered(measured: Metrics) -> Scraped:
    measured.sample()
    return Scraped(measured.render()[0].decode())


def test_the_queue_is_shown_by_state() -> None:
    measured = Metrics()
    measured.observe_queue({"waiting": 7, "running": 2, "failed": 0}, oldest_seconds=41.5)
    measured.observe_queue({"waiting": 6, "running": 2, "failed": 1}, oldest_seconds=40)
    seen = rendered(measured)

    assert [seen.find("learntrac_queue_jobs", state=state) for state in ("waiting", "running", "failed")] == [6, 2, 1]
    assert seen.find("learntrac_queue_oldest_job_seconds") == 40


def test_two_servers_in_one_process_share_nothing() -> None:
    one, other = Metrics(version="1"), Metrics(version="2")
    one.signed_in(ok=True)

    assert rendered(one).find(SIGN_INS, outcome="ok") == 1
    assert rendered(other).find(SIGN_INS, outcome="ok") == 0


def test_every_metric_says_what_it_is() -> None:
    seen = rendered(Metrics())

    assert len(seen.help) > 10
    assert all(name.startswith("learntrac_") and text for name, text in seen.help.items())
    assert not any(name.endswith("_created") for name in seen.help)


class TestWhoMayRead:
    async def test_without_a_token_this_machine_only(self, sqlite_api: Api) -> None:
        assert await self.asked(sqlite_api, "127.0.0.1") == (200, None)
        assert await self.asked(sqlite_api, "::1") == (200, None)
        assert await self.asked(sqlite_api, "::ffff:127.0.0.1") == (200, None)
        for address in ("10.0.0.5", "203.0.113.9", "::ffff:10.0.0.5", "testclient", ""):
            assert await self.asked(sqlite_api, address) == (403, "AUTHORIZATION_ERROR"), address

    @pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
    async def test_without_a_token_nothing_that_a_proxy_passed_on(self, sqlite_api: Api, header: str) -> None:
        headers = {header: "127.0.0.1"}
        assert await self.asked(sqlite_api, "127.0.0.1", headers) == (403, "AUTHORIZATION_ERROR")

    async def test_the_networks_that_are_named(self, sqlite_copy: TracCopy) -> None:
        async with serving(sqlite_copy, metrics_from="10.0.0.0/24, 2001:db8::1") as api:
            assert await self.asked(api, "10.0.0.5") == (200, None)
            assert await self.asked(api, "2001:db8::1") == (200, None)
            assert await self.asked(api, "10.0.1.5") == (403, "AUTHORIZATION_ERROR")
            assert await self.asked(api, "127.0.0.1") == (403, "AUTHORIZATION_ERROR")

    async def test_with_a_token_whoever_sends_it_and_nobody_else(self, sqlite_copy: TracCopy) -> None:
        async with serving(sqlite_copy, metrics_token="the token of the scraper") as api:
            assert await self.asked(api, "203.0.113.9", SCRAPER) == (200, None)
            assert await self.asked(api, "203.0.113.9", SCRAPER | {"X-Forwarded-For": "198.51.100.1"}) == (200, None)
            for wrong in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic the token of the scraper"}):
                assert await self.asked(api, "127.0.0.1", wrong) == (401, "AUTHENTICATION_ERROR")

    async def test_every_format_that_a_scraper_may_ask_for(self, sqlite_api: Api) -> None:
        open_metrics = {"Accept": "application/openmetrics-text; version=1.0.0"}
        plain = await sqlite_api.client.get("/metrics")
        other = await sqlite_api.client.get("/metrics", headers=open_metrics)

        assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert other.headers["content-type"].startswith("application/openmetrics-text")
        assert other.text.endswith("# EOF\n")

    async def asked(self, api: Api, address: str, headers: dict[str, str] | None = None) -> tuple[int, str | None]:
        """The status of `/metrics`, and the code where it is refused."""
        app = site(create_app(api.parts), api.parts.settings)
        transport = httpx.ASGITransport(app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://learn.test") as client:
            answer = await client.get("/metrics", headers=headers)
        return answer.status_code, None if answer.status_code == 200 else answer.json()["error"]["code"]


def get(url: str) -> Any:
    answer = httpx.get(url)
    assert answer.status_code == 200, answer.text
    return answer


def test_processes_that_share_a_folder_answer_for_each_other(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    with metrics.shared_between_processes():
        folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
        demo = copied_demo(tmp_path_factory, tmp_path / "demo")
        with running("serve", "--trac-env", demo) as one, running("serve", "--trac-env", demo) as other:
            for url in (one, one, other):
                get(f"{url}/api/learntrac/v1/health")
            seen = [Scraped(get(f"{url}/metrics").text) for url in (one, other)]
        pids = {int(file.stem.rpartition("_")[2]) for file in folder.glob("counter_*.db")}
        for pid in pids:
            metrics.forget_process(pid)
        left = {file.name.partition("_")[0] for file in folder.glob("*.db")}

    assert not folder.exists()
    assert len(pids) == 2
    assert left == {"counter", "histogram"}
    for answer in seen:
        assert answer.find(REQUESTS, route="/health", method="GET", status="2xx") == 3
        assert answer.find("learntrac_processes") == 2
        assert answer.find("learntrac_backend_up", backend="database") == 1
        assert answer.help["learntrac_processes"] == "Processes that serve requests"
