"""The queue: one suite for the embedded twin on SQLite and procrastinate on PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs
from structlog.typing import EventDict

from learntrac.backends.queue import (
    FAILED_KEPT_SECONDS,
    FINISHED_KEPT_SECONDS,
    MOST_INTERRUPTIONS,
    Depth,
    Drained,
    GiveUp,
    Queue,
    Task,
    Tasks,
    encoded,
    told,
    working,
)
from learntrac.kit.db import Database
from learntrac.kit.errors import Unavailable
from tests.backends.queues import Place, Seen, Template, at_work
from tests.conftest import eventually

JOB = "test.see"


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[EventDict]]:
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def queue(place: Place) -> Queue:
    return place.queue()


class TestPutting:
    async def test_a_job_runs_once_with_what_was_put(self, place: Place, queue: Queue) -> None:
        seen, payload = Seen(), {"user": "zoë", "numbers": [1, 2.5, None], "deep": {"a": True}}
        await place.put(JOB, payload=payload)
        await place.put(JOB)

        assert await queue.drain(seen.tasks()) == Drained(ran=2)
        assert seen.payloads == [payload, {}]
        assert await queue.drain(seen.tasks()) == Drained()

    async def test_what_is_rolled_back_never_was(self, place: Place, queue: Queue) -> None:
        seen = Seen()
        async with place.database.begin() as session:
            await queue.put(session, JOB)
            await queue.put(session, JOB, key="k")
            await session.rollback()
        await place.put(JOB, key="k")

        assert await queue.drain(seen.tasks()) == Drained(ran=1)

    async def test_a_job_for_later_waits(self, place: Place, queue: Queue) -> None:
        seen = Seen()
        await place.put(JOB, at=place.clock() + timedelta(minutes=5))
        assert await queue.drain(seen.tasks()) == Drained()
        assert await queue.depth() == Depth(waiting=1, running=0, failed=0, oldest_waiting_seconds=0)

        place.clock.forward(minutes=6)
        assert (await queue.depth()).oldest_waiting_seconds == pytest.approx(60, abs=2)
        assert await queue.drain(seen.tasks()) == Drained(ran=1)

    async def test_jobs_of_unknown_tasks_wait_for_who_knows_them(self, place: Place, queue: Queue) -> None:
        seen = Seen()
        await place.put("newer.task", JOB)

        assert await queue.drain(seen.tasks()) == Drained(ran=1)
        assert (await queue.depth()).waiting == 1
        assert await queue.drain(seen.tasks("newer.task")) == Drained(ran=1)

    async def test_a_job_may_put_jobs(self, place: Place, queue: Queue) -> None:
        seen = Seen()

        async def split(payload: dict[str, Any]) -> None:
            for number in range(payload["into"]):
                await place.put(JOB, payload={"number": number})

        await place.put("test.split", payload={"into": 5})
        tasks = Tasks(Task("test.split", split), Task(JOB, seen))
        assert await queue.drain(tasks) == Drained(ran=6)
        assert sorted(payload["number"] for payload in seen.payloads) == [0, 1, 2, 3, 4]

    @pytest.mark.parametrize(
        "payload", [{"a": "x\0y"}, {"a": "\\\0"}, {"\0": 1}, {"a": {1, 2}}, {"a": 2**70}, {"a": "\ud800"}]
    )
    def test_what_a_database_cannot_hold_is_refused(self, payload: dict[str, Any]) -> None:
        with pytest.raises((ValueError, TypeError)):
            encoded(payload)

    async def test_what_only_looks_like_it_is_kept(self, place: Place, queue: Queue) -> None:
        seen, payload = Seen(), {"a": "\\u0000", "b": "'; DROP TABLE x; --", "c": ":task %s $1"}
        await place.put(JOB, payload=payload)
        await queue.drain(seen.tasks())

        assert seen.payloads == [payload]


class TestKeys:
    async def test_while_one_waits_another_is_not_added(self, place: Place, queue: Queue) -> None:
        seen = Seen()
        await place.put(JOB, JOB, key="k", payload={"n": 1})
        await place.put(JOB, key="k", payload={"n": 2})
        await place.put(JOB, key="other", payload={"n": 3})

        assert await queue.drain(seen.tasks()) == Drained(ran=2)
        assert [payload["n"] for payload in seen.payloads] == [1, 3]
        await place.put(JOB, key="k")
        assert await queue.drain(seen.tasks()) == Drained(ran=1)

    async def test_a_taken_key_leaves_the_transaction_whole(self, place: Place, queue: Queue) -> None:
        await place.put(JOB, key="k")
        async with place.database.begin() as session:
            await queue.put(session, JOB, key="k")
            await session.execute(text("UPDATE catalog_state SET generation = 7"))

        assert await place.rows("SELECT generation FROM catalog_state") == [(7,)]
        assert (await queue.depth()).waiting == 1

    async def test_of_many_at_once_one_is_added(self, place: Place, queue: Queue) -> None:
        async def put() -> None:
            async with place.database.begin() as session:
                await queue.put(session, JOB, key="k")
                await session.execute(text("UPDATE catalog_state SET generation = generation + 1"))

        await asyncio.gather(*(put() for _ in range(8)))

        assert (await queue.depth()).waiting == 1
        assert await place.rows("SELECT generation FROM catalog_state") == [(8,)]

    async def test_a_job_that_runs_does_not_hold_its_key(self, place: Place, queue: Queue) -> None:
        seen = Seen(seconds=0.3)
        await place.put(JOB, key="k")
        draining = asyncio.create_task(queue.drain(seen.tasks()))
        await seen.called.wait()
        await place.put(JOB, key="k")

        assert await draining == Drained(ran=2)

    async def test_one_that_failed_waits_even_where_its_key_is_taken(self, place: Place, queue: Queue) -> None:
        async def fail_once(payload: dict[str, Any]) -> None:
            seen.payloads.append(payload)
            if len(seen.payloads) == 1:
                await place.put(JOB, key="k", payload={"n": 2})
                raise ValueError

        seen = Seen()
        await place.put(JOB, key="k", payload={"n": 1})

        assert await queue.drain(Tasks(Task(JOB, fail_once, retries=(0.0,)))) == Drained(ran=2, retrying=1)
        assert sorted(payload["n"] for payload in seen.payloads) == [1, 1, 2]

    async def test_one_that_waits_for_its_next_try_holds_its_key(self, place: Place, queue: Queue) -> None:
        seen = Seen(errors=[ValueError()])
        await place.put(JOB, key="k")
        await queue.drain(seen.tasks(retries=(60.0,)))
        await place.put(JOB, key="k")

        assert (await queue.depth()).waiting == 1

    async def test_a_waiting_job_sees_what_was_written_when_it_was_put_again(self, place: Place, queue: Queue) -> None:
        """Or else a change could fall between a job that began and one that was not added."""
        seen: list[Any] = []

        async def look(_payload: dict[str, Any]) -> None:
            seen.extend(await place.rows("SELECT generation FROM catalog_state"))

        await place.put(JOB, key="k")
        async with place.database.begin() as session:
            await queue.put(session, JOB, key="k")
            draining = asyncio.create_task(queue.drain(Tasks(Task(JOB, look))))
            await asyncio.sleep(0.3)
            await session.execute(text("UPDATE catalog_state SET generation = 9"))
        await draining
        await queue.drain(Tasks(Task(JOB, look)))

        assert seen == [(9,)]


class TestTries:
    async def test_come_after_the_policys_delays(self, place: Place, queue: Queue) -> None:
        seen = Seen(errors=[ValueError(str(number)) for number in range(9)])
        tasks = seen.tasks(retries=(5.0, 300.0))
        await place.put(JOB)

        assert await queue.drain(tasks) == Drained(retrying=1)
        place.clock.forward(seconds=4)
        assert await queue.drain(tasks) == Drained()
        place.clock.forward(seconds=2)
        assert await queue.drain(tasks) == Drained(retrying=1)
        place.clock.forward(seconds=299)
        assert await queue.drain(tasks) == Drained()
        place.clock.forward(seconds=2)
        assert await queue.drain(tasks) == Drained(failed=1)
        assert (await queue.depth()).failed == 1

    async def test_one_that_used_them_up_is_listed_and_tried_anew(self, place: Place, queue: Queue) -> None:
        seen = Seen(errors=[ValueError("first"), ValueError("second"), ValueError("third")])
        tasks = seen.tasks(retries=(0.0,))
        await place.put(JOB, payload={"n": 1})
        assert await queue.drain(tasks) == Drained(retrying=1, failed=1)

        (failed,) = await queue.failed()
        assert (failed.task, failed.payload, failed.error) == (JOB, {"n": 1}, "ValueError: second")
        assert abs(failed.failed_at - place.clock()) < timedelta(seconds=5)
        assert await queue.retry(failed.id)
        assert await queue.failed() == []
        assert await queue.drain(tasks) == Drained(ran=1, retrying=1)
        assert not await queue.retry(failed.id)
        assert not await queue.retry(10**12)

    async def test_a_handler_may_give_up(self, place: Place, queue: Queue) -> None:
        seen = Seen(errors=[GiveUp("it is gone")])
        await place.put(JOB)

        assert await queue.drain(seen.tasks()) == Drained(failed=1)
        assert [job.error for job in await queue.failed()] == ["GiveUp: it is gone"]

    async def test_the_latest_failures_come_first(self, place: Place, queue: Queue) -> None:
        for number in range(3):
            seen = Seen(errors=[GiveUp(str(number))])
            await place.put(JOB)
            await queue.drain(seen.tasks())
            place.clock.forward(seconds=1)

        assert [job.error for job in await queue.failed(limit=2)] == ["GiveUp: 2", "GiveUp: 1"]

    async def test_are_logged_with_the_jobs_number_and_task(
        self, place: Place, queue: Queue, logs: list[EventDict]
    ) -> None:
        seen = Seen(errors=[ValueError("no")])
        await place.put(JOB)
        await queue.drain(seen.tasks(retries=(0.0,)))

        assert [(line["event"], line["log_level"]) for line in logs] == [
            ("job failed", "warning"),
            ("job done", "info"),
        ]

    @pytest.mark.parametrize(
        ("retries", "delays"),
        [
            ((0.0, 5.0), [0, 5, None]),
            ((), [None]),
            (0, [None]),
            (3, [5, 10, 20, None]),
            (99, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]),
        ],
    )
    def test_delays(self, retries: Any, delays: list[float | None]) -> None:
        task = Task(JOB, Seen(), retries=retries)
        assert [task.delay_after(failures) for failures in range(len(delays))] == delays

    def test_an_error_is_told_so_that_it_can_be_kept(self) -> None:
        assert told(ValueError("a\0b\ud800")) == "ValueError: a\ufffdb?"
        assert told(KeyError()) == "KeyError"
        assert len(told(ValueError("x" * 9999))) == 2000


def test_a_name_stands_for_one_task() -> None:
    with pytest.raises(ValueError, match="same name"):
        Tasks(Task(JOB, Seen()), Task(JOB, Seen()))


class TestWorking:
    async def test_a_job_starts_as_soon_as_it_is_committed(
        self, place: Place, queue: Queue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(working, "POLL_SECONDS", 600.0)
        seen = Seen()
        async with at_work(queue, seen.tasks()):
            await asyncio.sleep(0.2)
            async with place.database.begin() as session:
                await queue.put(session, JOB)
            async with asyncio.timeout(30):
                await seen.called.wait()

    async def test_what_falls_due_is_run(self, place: Place, queue: Queue) -> None:
        seen = Seen()
        async with at_work(queue, seen.tasks()):
            await place.put(JOB, at=place.clock() + timedelta(seconds=0.3))
            async with asyncio.timeout(30):
                await seen.called.wait()

    async def test_as_many_run_at_once_as_is_said(self, place: Place, queue: Queue) -> None:
        running, most, together = 0, 0, asyncio.Barrier(3)

        async def count(_payload: dict[str, Any]) -> None:
            nonlocal running, most
            running, most = running + 1, max(most, running + 1)
            await together.wait()
            running -= 1

        await place.put(*[JOB] * 9)
        async with asyncio.timeout(30):
            assert await queue.drain(Tasks(Task(JOB, count)), concurrency=3) == Drained(ran=9)
        assert most == 3

    async def test_the_end_waits_for_what_runs(self, place: Place, queue: Queue) -> None:
        seen = Seen(seconds=0.5)
        await place.put(JOB)
        async with at_work(queue, seen.tasks()):
            await seen.called.wait()

        assert await queue.depth() == Depth(0, 0, 0, 0)

    async def test_what_does_not_end_in_time_waits_again(self, place: Place, queue: Queue) -> None:
        seen = Seen(seconds=60)
        await place.put(JOB)
        begun = time.monotonic()
        async with at_work(queue, seen.tasks(), grace_seconds=0.2):
            await seen.called.wait()
            assert (await queue.depth()).running == 1

        assert time.monotonic() - begun < 5
        assert (await queue.depth()).waiting == 1
        seen.seconds = 0
        assert await queue.drain(seen.tasks(retries=())) == Drained(ran=1)

    async def test_workers_share_the_jobs(self, place: Place) -> None:
        others = [Database(place.url) for _ in range(2)]
        seen = Seen(seconds=0.01)
        await place.put(*[JOB] * 30)
        drained = await asyncio.gather(*(place.queue(other).drain(seen.tasks()) for other in others))
        for other in others:
            await other.close()

        assert sum(each.ran for each in drained) == len(seen.payloads) == 30

    async def test_draining_ends_where_a_worker_works(self, place: Place, queue: Queue) -> None:
        seen = Seen(seconds=0.3)
        async with at_work(queue, seen.tasks()):
            await place.put(*[JOB] * 6)
            await queue.drain(seen.tasks())
            await eventually(lambda: self._is_empty(queue))
        assert len(seen.payloads) == 6

    async def _is_empty(self, queue: Queue) -> bool:
        return await queue.depth() == Depth(0, 0, 0, 0)


async def die_at_work(place: Place, tasks: Tasks) -> None:
    """Leave a job running whose worker is gone, as kill -9 does."""
    worker_database = Database(place.url)
    queue: Any = place.queue(worker_database)
    store = queue._open_store(tasks)
    assert await store.ready()
    assert await store.take() is not None
    # What the system does for a process that ends.
    if place.database.is_sqlite:
        await store._lease.release()
    else:
        store._listener.terminate()
    await worker_database.close()


class TestTheDead:
    async def test_their_jobs_are_run_by_the_living(self, place: Place, queue: Queue) -> None:
        seen = Seen()
        await place.put(JOB)
        await die_at_work(place, seen.tasks())
        async with at_work(queue, seen.tasks(retries=())), asyncio.timeout(30):
            await seen.called.wait()

        assert (await queue.depth()).failed == 0

    async def test_the_key_of_such_a_job_may_be_taken_meanwhile(self, place: Place, queue: Queue) -> None:
        seen = Seen()
        for number in (1, 2):
            await place.put(JOB, key="k", payload={"n": number})
            await die_at_work(place, seen.tasks())
        async with at_work(queue, seen.tasks()):

            async def both_ran() -> bool:
                return sorted(payload["n"] for payload in seen.payloads) == [1, 2]

            await eventually(both_ran)

    async def test_a_job_that_kills_its_workers_fails_at_last(self, place: Place, queue: Queue) -> None:
        seen = Seen()
        await place.put(JOB)
        await die_at_work(place, seen.tasks())
        async with place.database.begin() as session:
            if place.database.is_sqlite:
                await session.execute(text("UPDATE queue_job SET interruptions = :n"), {"n": MOST_INTERRUPTIONS})
            else:
                await session.execute(
                    text("INSERT INTO queue_note SELECT id, '', :n, 0 FROM procrastinate_jobs"),
                    {"n": MOST_INTERRUPTIONS},
                )

        async def failed() -> bool:
            return (await queue.depth()).failed == 1

        async with at_work(queue, seen.tasks()):
            await eventually(failed)
        assert [job.error for job in await queue.failed()] == ["Its worker died while it ran."]
        assert seen.payloads == []


@asynccontextmanager
async def away(place: Place, template: Template) -> AsyncIterator[None]:
    """The database cannot be reached, or on SQLite the table of jobs is not there."""
    if template.postgres is None:
        async with place.database.begin() as session:
            await session.execute(text("ALTER TABLE queue_job RENAME TO elsewhere"))
        yield
        async with place.database.begin() as session:
            await session.execute(text("ALTER TABLE elsewhere RENAME TO queue_job"))
    else:
        name = str(place.database.url.database)
        template.postgres.rename_database(name, f"{name}_away")
        yield
        template.postgres.rename_database(f"{name}_away", name)


class TestTrouble:
    async def test_work_goes_on_when_the_database_is_back(
        self, place: Place, queue: Queue, queue_template: Template, logs: list[EventDict]
    ) -> None:
        seen = Seen(seconds=0.5)
        await place.put(JOB)
        async with at_work(queue, seen.tasks(retries=())):
            await seen.called.wait()
            # What ends meanwhile is written down later.
            async with away(place, queue_template):
                await asyncio.sleep(2.5)
            with suppress(Unavailable):  # the first to meet a connection that ended
                await place.put(JOB, key="again")
            await place.put(JOB, key="again")
            begun = time.monotonic()

            async def all_done() -> bool:
                return len(seen.payloads) >= 2 and await queue.depth() == Depth(0, 0, 0, 0)

            await eventually(all_done)
        assert time.monotonic() - begun < 5
        told_of_it = [line["event"] for line in logs if line["event"].startswith("jobs ")]
        assert told_of_it == ["jobs have to wait", "jobs are run again"]

    async def test_a_worker_that_was_taken_for_dead_goes_on(self, place: Place, queue: Queue) -> None:
        seen = Seen()
        async with at_work(queue, seen.tasks()):
            await asyncio.sleep(0.3)
            if not place.database.is_sqlite:
                async with place.database.begin() as session:
                    await session.execute(text("DELETE FROM procrastinate_workers"))
            await place.put(JOB)
            async with asyncio.timeout(30):
                await seen.called.wait()

    async def test_draining_tells_that_the_database_is_away(self) -> None:
        gone = Database("postgresql://nobody:wrong@127.0.0.1:1/nothing")
        with pytest.raises(Unavailable):
            await Place("", gone).queue().drain(Seen().tasks())
        await gone.close()


class TestPeriods:
    async def test_each_has_one_job_in_the_whole_cluster(self, place: Place, queue: Queue) -> None:
        others = [Database(place.url) for _ in range(2)]
        queues = [queue, *(place.queue(other) for other in others)]
        seen = Seen()
        tasks = seen.tasks(every_seconds=3600)
        place.clock.forward(seconds=3600 - place.clock().timestamp() % 3600 + 60)  # no hour ends meanwhile
        for hours in range(1, 4):
            await asyncio.gather(*(each.drain(tasks, periodic=True) for each in queues))
            assert len(seen.payloads) == hours
            place.clock.forward(hours=1)
        for other in others:
            await other.close()

    async def test_one_whose_last_job_still_waits_is_left_out(self, place: Place, queue: Queue) -> None:
        seen = Seen(errors=[ValueError()])
        tasks = seen.tasks(every_seconds=60, retries=(150.0,))
        for _ in range(3):
            await queue.drain(tasks, periodic=True)
            place.clock.forward(seconds=60)

        assert len(seen.payloads) == 1
        assert (await queue.depth()).waiting == 1

    async def test_are_begun_by_workers(self, queue: Queue) -> None:
        seen = Seen()
        async with at_work(queue, seen.tasks(every_seconds=1)):

            async def twice() -> bool:
                return len(seen.payloads) >= 2

            await eventually(twice)


async def test_what_is_old_is_forgotten(place: Place, queue: Queue) -> None:
    async def left() -> tuple[int, int]:
        table = "queue_job" if place.database.is_sqlite else "procrastinate_jobs"
        return (await place.rows(f"SELECT count(*) FROM {table}"))[0][0], (await queue.depth()).failed

    await place.put(JOB, "test.fail")
    await queue.drain(Tasks(Task(JOB, Seen()), Task("test.fail", Seen(errors=[GiveUp()]))))
    await place.put(JOB)
    place.clock.forward(seconds=FINISHED_KEPT_SECONDS - 60)
    await queue.forget_old()
    assert await left() == (3, 1)
    place.clock.forward(seconds=120)
    await queue.forget_old()
    assert await left() == (2, 1)
    place.clock.forward(seconds=FAILED_KEPT_SECONDS)
    await queue.forget_old()
    assert await left() == (1, 0)
    assert (await queue.depth()).waiting == 1
