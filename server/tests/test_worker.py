"""Jobs of the server put together: its own housekeeping, run beside the API or by the command `worker`."""

import asyncio
import json
import os
import signal
import subprocess
from collections import Counter
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import text

from learntrac.backends.queue import Depth, Drained
from learntrac.kit.clock import to_micros
from learntrac.kit.http.doors import API
from learntrac.main import all_tasks
from learntrac.worker import drain_once, work_until_told, working
from tests.conftest import SECRET, Api, Clock, TracCopy, eventually, make_settings, serving
from tests.contract.processes import a_process
from tests.contract.servers import quiet_bar
from tests.environments import find_free_port
from tests.scraping import scrape

OLD = "replies.forget_old"
HOURLY = {
    *("accounts.forget_old_sessions", "analytics.find_paths", "mastery.replay_unread", "webhooks.forget_old"),
    *("replies.forget_old", "audit.forget_old", "ai_spending.forget_old", "queue.forget_old"),
}
PERIODIC = dict.fromkeys(HOURLY, 3600) | {
    "analytics.tend_exports": 600,
    "voice.forget_old": 600,
    "activity.roll_up": 60,
    "exercises.grade_waiting": 15,
    "chat.index": 10,
}


class StandingClock(Clock):
    """Time that stands still, so that no period ends while a test looks."""

    at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at + self.ahead


async def ended(process: "subprocess.Popen[bytes]") -> tuple[int, str]:
    """Its exit code and what it said."""
    said, _ = await asyncio.to_thread(process.communicate, timeout=20)
    return process.returncode, said.decode()


async def put(api: Api, task: str) -> None:
    async with api.parts.database.begin() as session:
        await api.parts.queue.put(session, task)


async def keep_old_things(api: Api) -> None:
    """A reply and a sign-in that nobody can ask for any more, beside fresh ones."""
    await api.sign_in("alice")
    now = to_micros(api.clock())
    async with api.parts.database.begin() as session:
        for digest, at in (("old", now - 25 * 3600 * 10**6), ("fresh", now)):
            await session.execute(
                text("INSERT INTO idempotent_reply VALUES (:digest, '', 200, :body, :at)"),
                {"digest": digest, "body": b"", "at": at},
            )
            await session.execute(
                text("INSERT INTO auth_session (id, user_id, refresh_digest, created_at, used_at)"
                     " VALUES (:id, 'alice', :id, :at, :at)"),
                {"id": digest, "at": at - (40 * 86400 * 10**6 if digest == "old" else 0)},
            )  # fmt: skip


async def left(api: Api) -> list[str]:
    async with api.parts.database.read() as session:
        rows = await session.execute(
            text(
                "SELECT digest FROM idempotent_reply UNION ALL SELECT id FROM auth_session WHERE id IN ('old', 'fresh')"
            )
        )
        return [row[0] for row in rows]


async def test_the_house_is_kept_by_periodic_jobs(trac_copy: TracCopy) -> None:
    async with serving(trac_copy, StandingClock()) as api:
        await keep_old_things(api)
        tasks = all_tasks(api.parts)
        assert {task.name: task.every_seconds for task in tasks if task.every_seconds} == PERIODIC

        # One of each, and the index that the first look at Trac asks for.
        await eventually(lambda: waits(api, 1))
        assert await api.parts.queue.drain(tasks, periodic=True) == Drained(ran=len(PERIODIC) + 1)
        assert await left(api) == ["fresh", "fresh"]
        assert await api.parts.queue.drain(tasks, periodic=True) == Drained()


async def waits(api: Api, jobs: int) -> bool:
    return (await api.parts.queue.depth()).waiting == jobs


def done(said: str) -> Counter[str]:
    """How often a job of each task was done, by the log of a process."""
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return Counter(line["task"] for line in lines if line["event"] == "job done")


async def test_a_server_runs_jobs_itself_unless_told_not_to(trac_copy: TracCopy) -> None:
    async with serving(trac_copy, run_jobs=False) as api:
        await eventually(lambda: waits(api, 1))  # the index, which the first look at Trac asks for
        await put(api, OLD)
        async with working(api.parts):
            await asyncio.sleep(0.3)
        assert (await api.parts.queue.depth()).waiting == 2
        api.parts.settings.run_jobs = True
        async with working(api.parts):
            await eventually(lambda: is_empty(api))


async def is_empty(api: Api) -> bool:
    return await api.parts.queue.depth() == Depth(0, 0, 0, 0)


async def test_the_command_works_until_a_signal_comes(trac_copy: TracCopy) -> None:
    async with serving(trac_copy) as api:
        port = str(find_free_port())
        options = ("worker", "--trac-env", trac_copy.folder, "--concurrency", "2", "--metrics-port", port)
        with a_process(*options, LEARNTRAC_SECRET_KEY=SECRET) as process:
            await put(api, OLD)
            await eventually(lambda: is_empty(api))
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as prometheus:
                seen = await scrape(prometheus)
                assert (await prometheus.get(f"{API}/concepts")).json()["error"]["code"] == "NOT_FOUND"
            process.send_signal(signal.SIGTERM)
            code, said = await ended(process)

    assert code == 0, said
    assert seen.find("learntrac_backend_up", backend="database") == 1
    lines = [json.loads(line) for line in said.splitlines()]
    (started,) = [line for line in lines if line["event"] == "the worker works"]
    assert (started["concurrency"], OLD in started["tasks"]) == (2, True)
    assert OLD in {line["task"] for line in lines if line["event"] == "job done" and line["job_id"] > 0}


async def test_working_ends_at_a_signal_and_draining_by_itself(trac_copy: TracCopy) -> None:
    settings = make_settings(trac_copy.folder)
    async with serving(trac_copy) as api:
        await put(api, OLD)
        drained = await drain_once(settings, concurrency=2, progress_bar=quiet_bar)
        # A period of seconds may begin meanwhile.
        assert drained.ran >= len(PERIODIC) + 1
        assert (drained.retrying, drained.failed, await is_empty(api)) == (0, 0, True)

        await put(api, OLD)
        worker = asyncio.create_task(work_until_told(settings, concurrency=2, progress_bar=quiet_bar))
        await eventually(lambda: is_empty(api))
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(30):
            await worker


KEPT_ON_SQLITE = (
    "CREATE TRIGGER kept BEFORE DELETE ON idempotent_reply BEGIN SELECT RAISE(ABORT, 'idempotent_reply is kept'); END",
)
KEPT_ON_POSTGRESQL = (
    (
        "CREATE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RAISE EXCEPTION ''idempotent_reply is kept''; END'"
    ),
    "CREATE TRIGGER kept BEFORE DELETE ON idempotent_reply FOR EACH ROW EXECUTE FUNCTION kept()",
)


@pytest.fixture
async def api_with_a_hopeless_job(api: Api) -> Api:
    """A job that has one try left, and cannot succeed."""
    await put(api, OLD)
    on_sqlite = api.parts.database.is_sqlite
    async with api.parts.database.begin() as session:
        await session.execute(
            text("UPDATE queue_job SET failures = 5" if on_sqlite else "UPDATE procrastinate_jobs SET attempts = 5")
        )
        await session.execute(text("INSERT INTO idempotent_reply VALUES ('old', 'old', 200, '', 0)"))
        for statement in KEPT_ON_SQLITE if on_sqlite else KEPT_ON_POSTGRESQL:
            await session.execute(text(statement))
    return api


async def test_draining_tells_what_became_of_the_jobs(api: Api) -> None:
    await put(api, OLD)
    with a_process("worker", "--drain", "--trac-env", api.trac.folder, LEARNTRAC_SECRET_KEY=SECRET) as process:
        code, said = await ended(process)

    ran = done(said)
    assert ran.keys() == PERIODIC.keys()
    assert {name: ran[name] for name in HOURLY} == dict.fromkeys(HOURLY, 1) | {OLD: 2}
    assert said.splitlines()[-1] == f"Jobs: {ran.total()} done, 0 to be tried again, 0 failed."
    assert code == 0


async def test_draining_ends_with_an_error_where_a_job_failed(api_with_a_hopeless_job: Api) -> None:
    folder = api_with_a_hopeless_job.trac.folder
    with a_process("worker", "--drain", "--trac-env", folder, LEARNTRAC_SECRET_KEY=SECRET) as process:
        code, said = await ended(process)

    ran = done(said)
    assert ran.keys() == PERIODIC.keys() - {OLD}
    assert said.splitlines()[-1] == f"Jobs: {ran.total()} done, 1 to be tried again, 1 failed."
    assert code == 1
    (failed,) = await api_with_a_hopeless_job.parts.queue.failed()
    assert failed.task == OLD
    assert "idempotent_reply" in failed.error
