"""What is left of boxes when they, or the server, come to an end: nothing. A box that is lost costs nobody a grade."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from learntrac.backends.sandbox import Call, Limits, Ran, Run, SandboxBusy, SandboxDown, Suite
from learntrac.backends.sandbox.boxed import BoxedSandbox
from learntrac.backends.sandbox.boxes import BEHIND_OTHERS, Box
from learntrac.kit.metrics import Metrics

pytestmark = pytest.mark.asyncio(loop_scope="session")
SLOW = Run("python", "import time\ndef f():\n    time.sleep(1)\n    return 1\n", (Call("f"),))
QUICK = Run("python", "def f():\n    return 1\n", (Call("f"),))


def boxes() -> list[int]:
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text()
    return [int(child) for child in children.split() if _is_box(int(child))]


def _is_box(pid: int) -> bool:
    try:
        return b"learntrac.backends.sandbox" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


async def test_a_verdict_survives_a_killed_box(sandbox: BoxedSandbox) -> None:
    running = asyncio.create_task(sandbox.run(SLOW, user_id="alice"))
    await asyncio.sleep(0.5)
    for pid in boxes():
        os.kill(pid, signal.SIGKILL)

    assert (await running).answers[0].value == 1


async def test_a_box_that_stands_still_is_ended_by_the_clock(sandbox: BoxedSandbox) -> None:
    limits = Limits(wall_seconds=1.5)
    running = asyncio.create_task(sandbox.run(Run("python", SLOW.source, SLOW.calls, limits), user_id="alice"))
    await asyncio.sleep(0.3)
    for pid in boxes():
        os.kill(pid, signal.SIGSTOP)

    assert (await running).answers[0].status == "timeout"
    for pid in boxes():
        os.kill(pid, signal.SIGKILL)
    assert (await sandbox.run(QUICK, user_id="alice")).answers[0].value == 1


async def test_a_user_has_one_run_going_and_three_waiting(sandbox: BoxedSandbox) -> None:
    runs = [asyncio.create_task(sandbox.run(SLOW, user_id="mallory")) for _ in range(4)]
    await asyncio.sleep(0.1)

    with pytest.raises(SandboxBusy) as refused:
        await sandbox.run(QUICK, user_id="mallory")
    assert (refused.value.status, refused.value.retry_after_seconds) == (429, 5)
    assert (await sandbox.run(QUICK, user_id="alice")).answers[0].value == 1
    assert sandbox.waiting() == 3
    for run in runs:
        run.cancel()
    await asyncio.wait(runs)
    assert sandbox.waiting() == 0


async def test_what_no_tier_runs_is_refused(sandbox: BoxedSandbox) -> None:
    with pytest.raises(SandboxDown, match="Code in cobol cannot be run here"):
        await sandbox.run(Run("cobol", "", (Call("f"),)), user_id="alice")
    with pytest.raises(SandboxDown, match="in Python only"):
        await sandbox.test(Suite("javascript", "", "solution", ""), user_id="alice")


async def test_a_source_that_is_too_long_is_not_run(sandbox: BoxedSandbox) -> None:
    long = "#" * (100 * 1024 + 1)

    assert (await sandbox.run(Run("python", long, (Call("f"),)), user_id="alice")).problem is not None
    assert (await sandbox.test(Suite("python", long, "solution", ""), user_id="alice")).problem is not None


async def test_runs_and_refusals_are_counted(tmp_path: Path) -> None:
    metrics = Metrics()
    sandbox = BoxedSandbox(tmp_path / "nothing", metrics=metrics)
    with pytest.raises(SandboxDown):
        await sandbox.run(Run("cobol", "", ()), user_id="alice")
    await sandbox.close()

    assert b'learntrac_sandbox_refused_total{reason="no_tier"} 1.0' in metrics.render()[0]


async def test_a_folder_that_others_may_write_is_not_trusted(tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o777)  # noqa: PTH101 - a Path would be asked in a loop
    sandbox = BoxedSandbox(tmp_path)
    await sandbox.opened()
    refused = {(tier.language, tier.kind): tier.refused for tier in sandbox.tiers()}
    await sandbox.close()

    assert "others may write it" in (refused["python", "wasm"] or "")


SERVER = """
import asyncio, sys
from learntrac.backends.sandbox import Call, Run
from learntrac.backends.sandbox.boxed import BoxedSandbox
from learntrac.backends.sandbox.boxes import BEHIND_OTHERS, Box

async def main():
    sandbox = BoxedSandbox(None)
    await sandbox.opened()
    runs = [
        Run("python", "def f():\\n    while True: pass\\n", (Call("f"),), threads=threads) for threads in (False, True)
    ]
    going = [asyncio.create_task(sandbox.run(run, user_id=str(run.threads))) for run in runs]
    await asyncio.sleep(0.5)
    print("running", flush=True)
    await asyncio.wait(going)

asyncio.run(main())
"""


async def test_boxes_end_with_a_server_that_is_killed() -> None:
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVER, stdout=subprocess.PIPE)
    assert server.stdout is not None
    assert await server.stdout.readline() == b"running\n"
    left = [int(pid) for pid in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()]  # noqa: ASYNC240
    server.kill()
    await server.wait()

    assert len(left) >= 4
    until = time.monotonic() + 2
    while any(map(_is_box, left)) and time.monotonic() < until:  # noqa: ASYNC110 - they are not our children
        await asyncio.sleep(0.05)
    assert [pid for pid in left if _is_box(pid)] == []


async def test_nothing_is_left_after_closing() -> None:
    sandbox = BoxedSandbox(None)
    await sandbox.opened()
    before = set(boxes())
    going: asyncio.Task[Ran] = asyncio.create_task(sandbox.run(SLOW, user_id="alice"))
    await asyncio.sleep(0.2)
    await sandbox.close()
    await asyncio.wait([going])

    assert len(before) >= 3
    assert set(boxes()) < before


async def test_a_box_that_steps_back_stands_behind_others() -> None:
    before = set(boxes())
    box = await Box.start("learntrac.backends.sandbox.native", str(Limits().memory_bytes))
    (pid,) = set(boxes()) - before
    box.step_back()

    shared = Path(f"/proc/{pid}/autogroup")
    assert os.getpriority(os.PRIO_PROCESS, pid) == BEHIND_OTHERS
    assert not shared.exists() or shared.read_text().strip().endswith(f"nice {BEHIND_OTHERS}")  # noqa: ASYNC240 - nobody else runs in this loop
    await box.kill("crashed")
