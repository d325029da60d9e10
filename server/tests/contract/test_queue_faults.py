"""A worker that is killed again and again: nothing is lost, and what is done twice counts once."""

import asyncio
import random
import subprocess

from sqlalchemy import text

from learntrac.backends.queue import Depth
from tests.backends.queues import Place
from tests.conftest import eventually
from tests.contract.processes import a_python, kill
from tests.contract.rows_worker import TASK, open_queue

KILLS = 4
JOBS_A_ROUND = 12


async def put_round(place: Place, number: int) -> None:
    """Jobs in a transaction of their own each, as requests put them."""
    queue = open_queue(place.database)
    for n in range(number * JOBS_A_ROUND, (number + 1) * JOBS_A_ROUND):
        async with place.database.begin() as session:
            await queue.put(session, TASK, {"n": n})


async def until_ready(worker: "subprocess.Popen[bytes]") -> None:
    assert worker.stdout
    assert await asyncio.to_thread(worker.stdout.readline) == b"ready\n"


async def test_a_worker_that_is_killed_loses_nothing(place: Place) -> None:
    queue, chance = open_queue(place.database), random.Random(7)
    async with place.database.begin() as session:
        for table in ("rows_done (n INTEGER PRIMARY KEY)", "rows_begun (n INTEGER)", "rows_total (total INTEGER)"):
            await session.execute(text(f"CREATE TABLE {table}"))
        await session.execute(text("INSERT INTO rows_total VALUES (0)"))

    for number in range(KILLS):
        await put_round(place, number)
        with a_python("tests.contract.rows_worker", place.url) as worker:
            await until_ready(worker)
            await asyncio.sleep(chance.uniform(0.15, 0.5))
            kill(worker)
    await put_round(place, KILLS)

    async def done() -> bool:
        return await queue.depth() == Depth(0, 0, 0, 0)

    interrupted = (await queue.depth()).running
    with a_python("tests.contract.rows_worker", place.url) as worker:
        await until_ready(worker)
        await eventually(done, within_seconds=20)

    jobs = (KILLS + 1) * JOBS_A_ROUND
    assert await place.rows("SELECT total FROM rows_total") == [(jobs,)]
    assert await place.rows("SELECT count(*) FROM rows_done") == [(jobs,)]
    begun = (await place.rows("SELECT count(*) FROM rows_begun"))[0][0]
    assert begun > jobs or interrupted > 0, "the kills met no running job: this test shows nothing"
    if place.database.is_sqlite:
        assert await place.rows("PRAGMA integrity_check") == [("ok",)]
