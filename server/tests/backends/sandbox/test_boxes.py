"""What the server makes of a box's process: one that says too much, nothing, nonsense, or is gone."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from learntrac.backends.sandbox import Call, Limits, Run, SandboxBusy, SandboxDown, Suite, boxes, suites
from learntrac.backends.sandbox.boxed import BoxedSandbox
from learntrac.backends.sandbox.boxes import Box, BoxEnded
from learntrac.backends.sandbox.pools import Pool
from learntrac.backends.sandbox.suites import Told
from learntrac.backends.sandbox.tiers import RunningTier
from tests.backends.sandbox.speaking import begin_only_what, box_that, children, pid_of

pytestmark = pytest.mark.asyncio(loop_scope="session")
NATIVE = ("learntrac.backends.sandbox.native", str(Limits().memory_bytes))


@pytest.mark.parametrize(
    ("says", "cause", "why"),
    [
        ("say(b'S', 'x', length=2**31)", "crashed", "an answer of many megabytes"),
        ("say(b'S', b'\\xff')", "lost", "lost"),
        ("say(b'S', 'half', length=100)", "lost", "lost"),
        ("", "lost", "lost"),
        ("say(b'E', 'wasm trap: unreachable')", "crashed", "wasm trap: unreachable"),
        ("say(b'E', 'fatal error: out of memory')", "memory", "fatal error: out of memory"),
    ],
)
async def test_what_is_no_answer_is_an_end(says: str, cause: str, why: str) -> None:
    box = await box_that(f"hear()\n{says}")

    with pytest.raises(BoxEnded, match=why) as ended:
        await box.ask("question")

    assert ended.value.cause == cause
    await box.kill("crashed")


async def test_an_ended_process_is_asked_in_vain_and_uses_nothing() -> None:
    box = await Box.start(*NATIVE)
    pid = pid_of(box)
    assert box.cpu_seconds() > 0
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}").exists():  # noqa: ASYNC110, ASYNC240 - it is ours, and goes at once
        await asyncio.sleep(0.01)

    assert box.has_ended()
    assert (box.cpu_seconds(), box.memory_bytes()) == (0.0, 0)
    box.step_back()
    with pytest.raises(BoxEnded, match="lost"):
        await box.ask("question")
    assert not await box.finish()
    await box.kill("crashed")
    box.kill_now("crashed")


async def test_a_guest_that_does_not_let_go_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "FRESH_WITHIN_SECONDS", 0.2)
    box = await box_that("hear()\nsay(b'S', 'answer')\ntime.sleep(60)")
    assert await box.ask("question") == "answer"

    assert not await box.finish()


@pytest.mark.parametrize(
    ("does", "why"),
    [("say(b'E', 'the kernel has no Landlock')", "the kernel has no Landlock"), ("time.sleep(60)", "it did not start")],
)
async def test_a_box_that_does_not_start_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, does: str, why: str
) -> None:
    monkeypatch.setattr(boxes, "STARTED_WITHIN_SECONDS", 2.0)
    begin_only_what(does, tmp_path, monkeypatch)

    with pytest.raises(BoxEnded, match=why):
        await Box.start(*NATIVE)


async def test_a_tier_whose_boxes_do_not_come_up_is_refused_with_the_reason(
    sandbox: BoxedSandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert sandbox.tiers(), "whose interpreters are built"
    begin_only_what("say(b'E', 'the kernel has no Landlock')", tmp_path, monkeypatch)
    another = BoxedSandbox(None)
    await another.opened()
    refused = {tier.kind: tier.refused for tier in another.tiers() if tier.language == "python"}
    with pytest.raises(SandboxDown, match="Code in python cannot be run here: the kernel has no Landlock"):
        await another.run(Run("python", "", (Call("f"),), threads=True), user_id="alice")
    await another.close()

    assert refused == {"wasm": "the kernel has no Landlock", "jail": "the kernel has no Landlock"}


async def test_a_pool_gives_no_box_that_has_ended_and_makes_do_without_a_new_one() -> None:
    async def start() -> Box:
        if not left:
            raise BoxEnded("crashed", "none can be had")
        return await box_that(left.pop())

    left = ["say(b'R', '')\nhear()"] * 3
    pool = Pool(start, kept=1)
    one, other = await pool.take(), await pool.take()
    pool.give_back(one)
    pool.give_back(other)
    while one.alive and other.alive:  # noqa: ASYNC110 - one is more than are kept
        await asyncio.sleep(0.01)
    kept = one if one.alive else other
    os.kill(pid_of(kept), signal.SIGKILL)
    await asyncio.sleep(0.2)
    third = await pool.take()
    assert third not in (one, other)
    third.spent = True
    pool.give_back(third)
    await asyncio.sleep(0.2)

    with pytest.raises(BoxEnded, match="none can be had"):
        await pool.take()
    await pool.close()


async def test_a_box_that_comes_too_late_does_not_outlive_the_pool() -> None:
    made: list[Box] = []

    async def start() -> Box:
        made.append(await box_that("say(b'R', '')\nhear()\ntime.sleep(60)"))
        if len(made) > 1:
            await asyncio.sleep(0.3)
        return made[-1]

    pool = Pool(start, kept=1, lasting=False)
    pool.give_back(await pool.take())
    while len(made) < 2:  # noqa: ASYNC110 - the second is made in the background
        await asyncio.sleep(0.01)
    await pool.close()

    assert [box.alive for box in made] == [False, False]


async def test_a_box_that_has_said_more_than_anybody_read_ends_when_it_is_killed() -> None:
    """It was waited for for ever, and with it the end of the server."""
    box = await box_that("say(b'R', '')\nhear()\nsys.stdout.buffer.write(bytes(1_000_000))")
    await box.freshened()
    with pytest.raises(BoxEnded):
        await box.ask("")
    await asyncio.sleep(0.2)

    async with asyncio.timeout(5):
        await box.kill("crashed")

    assert pid_of(box) not in children()


async def test_boxes_are_asked_for_before_there_are_any() -> None:
    async def prepare(_tell: object) -> tuple[str, ...]:
        return NATIVE

    tier = RunningTier("python", "jail", True, prepare, (), "", 1)

    with pytest.raises(SandboxDown, match="Code in python cannot be run here: it is made ready"):
        _ = tier.pool
    await tier.close()


LOADED = "hear()\nsay(b'S', '{\"problem\": null, \"names\": 5}')\n"
SUITE = Suite("python", "", "clock", "")


async def told_by(tests: str, submission: str) -> tuple[Told, str | None]:
    """What is noted of two boxes' talk, and how it ended."""
    told, one, other = Told(), await box_that(tests), await box_that(submission)
    cause = await suites.run(SUITE, one, other, told)
    for box in (one, other):
        await box.kill("crashed")
    return told, cause


async def test_a_submission_that_speaks_nonsense_while_it_is_loaded_is_ended() -> None:
    assert (await told_by("hear()", "hear()\nsay(b'S', 'nonsense')"))[1] == "crashed"
    assert (await told_by("hear()", "hear()\nsay(b'E', 'out of memory')"))[1] == "memory"


async def test_what_the_tests_tell_is_looked_at_too() -> None:
    last = "say(b'S', '{\"output\": \"printed\"}')"
    made_up = (
        '{"result": {"status": "splendid"}}',
        '{"result": 1}',
        '{"tests": 5}',
        '{"begin": "now"}',
        "[]",
        "nonsense",
    )
    for event in made_up:
        _, cause = await told_by(f"hear()\nsay(b'S', '={event}')\nhear()\n{last}", LOADED)
        assert cause == "crashed"
    told, cause = await told_by(f"hear()\nsay(b'S', '={{\"weather\": 1}}')\nhear()\n{last}", LOADED)
    assert (told.results, told.output, cause) == ([], "printed", None)


@pytest.mark.parametrize(("end", "heard"), [("", "!crashed"), ("say(b'E', 'out of memory')", "!memory")])
async def test_the_tests_hear_that_the_submission_is_gone(end: str, heard: str) -> None:
    tests = f"hear()\nsay(b'S', '>call')\nassert hear() == '{heard}'\nsay(b'S', '{{\"output\": \"\"}}')"

    assert (await told_by(tests, f"{LOADED}hear()\n{end}"))[1] is None


async def test_a_suite_whose_box_is_lost_is_run_again(sandbox: BoxedSandbox) -> None:
    suite = Suite("python", "import time\ndef f():\n    time.sleep(2)\n    return 1\n", "clock",
                  "import clock\ndef test_f(): assert clock.f() == 1\n")  # fmt: skip
    await sandbox.test(SUITE, user_id="alice")  # two boxes are ready after that
    running = asyncio.create_task(sandbox.test(suite, user_id="alice"))
    await asyncio.sleep(1)
    for pid in children():
        os.kill(pid, signal.SIGKILL)

    assert [result.status for result in (await running).results] == ["passed"]


async def test_a_suite_waits_for_its_turn_too(sandbox: BoxedSandbox) -> None:
    suite = Suite("python", "import time\ntime.sleep(1)\n", "clock", "import clock\ndef test_f(): pass\n")
    runs = [asyncio.create_task(sandbox.test(suite, user_id="mallory")) for _ in range(4)]
    await asyncio.sleep(0.1)

    with pytest.raises(SandboxBusy):
        await sandbox.test(suite, user_id="mallory")
    for run in runs:
        run.cancel()
    await asyncio.wait(runs)


async def test_a_guest_that_holds_more_than_its_share_is_ended(sandbox: BoxedSandbox) -> None:
    source = "def f():\n    held = b'x' * (200 * 2 ** 20)\n    while True: pass\n"
    limits = Limits(cpu_seconds=20, wall_seconds=30, memory_bytes=2**20)

    ran = await sandbox.run(Run("python", source, (Call("f"),), limits), user_id="alice")

    assert ran.answers[0].status == "memory"


async def test_a_long_run_makes_room_for_a_short_one(sandbox: BoxedSandbox) -> None:
    assert sandbox.tiers(), "whose interpreters are built"
    one_place = BoxedSandbox(None, places=1)
    await one_place.opened()
    endless = Run("python", "def f():\n    while True: pass\n", (Call("f"),), Limits(cpu_seconds=20, wall_seconds=20))
    running = asyncio.create_task(one_place.run(endless, user_id="alice"))
    await asyncio.sleep(0.6)
    short = await one_place.run(Run("python", "def f(): return 1\n", (Call("f"),)), user_id="bob")

    assert (short.answers[0].value, running.done()) == (1, False)
    await one_place.close()
    await asyncio.wait([running])


async def test_where_no_further_box_comes_up_grading_is_refused_and_none_is_held_back(
    sandbox: BoxedSandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    suite = Suite("python", "", "clock", "import clock\ndef test_f(): pass\n", threads=True)
    quick = Run("python", "def f(): return 1\n", (Call("f"),), threads=True)
    assert (await sandbox.run(quick, user_id="alice")).answers[0].value == 1
    before = set(children())
    begin_only_what("sys.exit(1)", tmp_path, monkeypatch)

    for _ in range(2):
        with pytest.raises(SandboxDown, match="Code in python cannot be run just now"):
            await sandbox.test(suite, user_id="alice")
    with pytest.raises(SandboxDown, match="just now"):
        await sandbox.run(quick, user_id="alice")
    assert set(children()) <= before


async def test_that_others_have_the_processor_is_not_held_against_a_run_for_some_time(
    sandbox: BoxedSandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    waits = tmp_path / "self"
    waits.write_text("0 0 1")
    monkeypatch.setattr(boxes, "SCHEDSTAT", f"{tmp_path}/{{}}")
    slow = "import time\ndef f(seconds):\n    time.sleep(seconds)\n    return 1\n"
    limits = Limits(wall_seconds=1.0)

    async def take(seconds: float, waited: float) -> str:
        running = asyncio.create_task(
            sandbox.run(Run("python", slow, (Call("f", (seconds,)),), limits), user_id="alice")
        )
        await asyncio.sleep(0.3)
        waits.write_text(f"0 {int(waited * 1e9)} 1")
        answer = (await running).answers[0]
        waits.write_text("0 0 1")
        return answer.status

    assert await take(1.5, waited=60) == "returned"
    assert await take(1.5, waited=0.01) == "timeout"
    assert await take(60, waited=60) == "timeout"


async def test_that_the_server_was_at_something_else_is_not_held_against_a_run(sandbox: BoxedSandbox) -> None:
    source = "import time\ndef f(seconds):\n    time.sleep(seconds)\n    return 1\n"

    async def take(seconds: float) -> str:
        run = Run("python", source, (Call("f", (0.6,)), Call("f", (seconds,))), Limits(wall_seconds=1.0))
        running = asyncio.create_task(sandbox.run(run, user_id="alice"))
        await asyncio.sleep(0.3)
        time.sleep(1.2)  # noqa: ASYNC251 - as collecting garbage does, or a processor that was taken away
        return (await running).answers[1].status

    assert await take(0.0) == "returned"
    assert await take(60) == "timeout"


async def test_a_run_that_has_made_room_ends_in_its_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(boxes, "SCHEDSTAT", f"{tmp_path}/{{}}")
    box = await Box.start(*NATIVE)
    async with boxes.clocked([box], Limits(wall_seconds=1.0)):
        (tmp_path / "self").write_text("0 60000000000 1")
        await asyncio.sleep(1.5)
        lives = [box.alive]
        box.step_back()
        await asyncio.sleep(0.5)
        lives.append(box.alive)
    assert lives == [True, False]
    await box.kill("crashed")
