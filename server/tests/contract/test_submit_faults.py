"""A server is killed in the middle of grading, again and again: what was handed in is there, and graded once.

LEARNTRAC_TEST_SUBMIT_KILLS says how often; an operator may raise it.
"""

import asyncio
import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import PASSWORDS, TracCopy
from tests.contract.server_processes import KeptConnection, ServerProcess
from tests.contract.test_faults import assert_whole, log_in, own_rows
from tests.exercises.samples import CODING

KILLS = int(os.environ.get("LEARNTRAC_TEST_SUBMIT_KILLS", "3"))
PATH = f"/exercises/{CODING['id']}"
LEARNERS = ("alice", "bob", "ivan")
GRADED_WITHIN_SECONDS = 40.0


@pytest.fixture
def server(quick_trac: TracCopy, tmp_path: Path) -> Iterator[ServerProcess]:
    server = ServerProcess(quick_trac.folder, tmp_path / "said")
    server.start()
    yield server
    server.kill()


@dataclass
class Learner:
    """Hands in one failing solution after the other, and notes which were acknowledged, and which cut off by a kill."""

    name: str
    connection: KeptConnection
    session_id: str = ""
    acknowledged: list[str] = field(default_factory=list)
    cut_off: list[str] = field(default_factory=list)

    async def begin(self) -> None:
        status, reply = await self.connection.send("POST", f"{PATH}/start", {})
        assert status == 200, reply
        self.session_id = reply["session_id"]

    async def work(self, over: asyncio.Event) -> None:
        number = 0
        while not over.is_set():
            number += 1
            code = (
                f"import time\ndef status_class(code):\n    time.sleep(0.02)\n    return {number}\n# by {self.name}\n"
            )
            if await self.hand_in(code):
                self.acknowledged.append(code)

    async def hand_in(self, code: str) -> bool:
        """Whether it was acknowledged: graded, or kept to be graded in a moment."""
        body = {"session_id": self.session_id, "solution": {"code": code, "language": "python"}}
        try:
            status, reply = await self.connection.send("POST", f"{PATH}/submit", body)
        except (OSError, EOFError):
            self.connection.close()
            self.cut_off.append(code)
            await asyncio.sleep(0.1)
            return False
        # Just after a start no sandbox may be ready: then it is not counted, and may be sent again.
        assert status in (200, 503), reply
        return status == 200


async def kill_now_and_then(server: ServerProcess, trac: TracCopy, learners: list[Learner]) -> None:
    chosen = random.Random(11)
    for _ in range(KILLS):
        await graded(learners, chosen.randint(3, 12))
        await asyncio.sleep(chosen.random() / 20)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(assert_whole, trac)
        await asyncio.to_thread(server.start)
    await graded(learners, 5)


async def graded(learners: list[Learner], count: int) -> None:
    until = sum(len(learner.acknowledged) for learner in learners) + count
    while sum(len(learner.acknowledged) for learner in learners) < until:  # noqa: ASYNC110 - the learners' own tasks go on
        await asyncio.sleep(0.002)


async def test_what_was_handed_in_is_graded_once_after_every_kill(server: ServerProcess, quick_trac: TracCopy) -> None:
    ivan = KeptConnection(server.port, await asyncio.to_thread(log_in, server.url, "ivan"))
    status, reply = await ivan.send("POST", "/exercises", CODING)
    assert status == 201, reply
    ivan.close()
    tokens = {name: await asyncio.to_thread(log_in, server.url, name) for name in LEARNERS if name in PASSWORDS}
    learners = [Learner(name, KeptConnection(server.port, token)) for name, token in tokens.items()]
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for learner in learners:
            await learner.begin()
            group.create_task(learner.work(over))
        await kill_now_and_then(server, quick_trac, learners)
        over.set()
    await asyncio.to_thread(let_claims_run_out, quick_trac)
    await asyncio.to_thread(wait_until_graded, quick_trac)
    for learner in learners:
        learner.connection.close()
    await asyncio.to_thread(server.stop)

    assert any(learner.cut_off for learner in learners)
    assert_whole(quick_trac)
    assert_graded_once(quick_trac, learners)


def let_claims_run_out(trac: TracCopy) -> None:
    """As a minute would."""
    statement = "UPDATE {}submission SET claimed_until = 0 WHERE status = 'stored'"
    if trac.plain_url is not None:
        trac.execute(statement.replace("{}", "learntrac."))
        return
    with closing(sqlite3.connect(trac.folder / "db" / "learntrac.db", timeout=30)) as connection, connection:
        connection.execute(statement.replace("{}", ""))


def wait_until_graded(trac: TracCopy) -> None:
    until = time.monotonic() + GRADED_WITHIN_SECONDS
    while own_rows(trac, "SELECT count(*) FROM {}submission WHERE status = 'stored'") != [(0,)]:
        assert time.monotonic() < until, "what was stored has not been graded"
        time.sleep(0.2)


def assert_graded_once(trac: TracCopy, learners: list[Learner]) -> None:
    rows = own_rows(trac, "SELECT user_id, source FROM {}submission WHERE status = 'graded'")
    found = Counter((str(user), str(source)) for user, source in rows)
    for learner in learners:
        for code in learner.acknowledged:
            assert found[learner.name, code] == 1
    assert max(found.values()) == 1

    times = Counter(str(user) for user, _ in rows)
    evidence = own_rows(trac, "SELECT user_id, count(*) FROM {}evidence GROUP BY 1")
    assert {str(user): count for user, count in evidence} == times
    sessions = own_rows(trac, "SELECT user_id, attempts FROM {}exercise_session")
    assert {str(user): count for user, count in sessions} == times
    standings = own_rows(trac, "SELECT user_id, attempts FROM {}exercise_standing")
    assert {str(user): count for user, count in standings} == times
