"""What one process has found out about a tier, and how long others go by it."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from learntrac.backends.sandbox import selftest, verdicts
from learntrac.backends.sandbox.boxed import BoxedSandbox
from learntrac.backends.sandbox.building import CannotBuild
from learntrac.backends.sandbox.selftest import Ask, Attack
from learntrac.backends.sandbox.verdicts import HOLDS_SECONDS, Verdict


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path


def test_a_verdict_holds_for_what_was_tested(folder: Path) -> None:
    Verdict(folder, "python", "wasm", "landlock, seccomp").passed()

    assert Verdict(folder, "python", "wasm", "landlock, seccomp").holds()
    assert not Verdict(folder, "python", "wasm", "seccomp").holds()


def test_after_a_day_it_is_tested_again(folder: Path) -> None:
    verdict = Verdict(folder, "python")
    verdict.passed()
    [file] = folder.iterdir()
    long_ago = time.time() - HOLDS_SECONDS - 1
    os.utime(file, (long_ago, long_ago))

    assert not verdict.holds()
    Verdict(folder, "javascript").passed()
    assert not file.exists(), "what holds no more is not kept"


def test_a_verdict_of_the_future_says_nothing(folder: Path) -> None:
    verdict = Verdict(folder, "python")
    verdict.passed()
    [file] = folder.iterdir()
    os.utime(file, (time.time() + 3600, time.time() + 3600))

    assert not verdict.holds()


def test_what_others_may_have_written_is_not_believed(folder: Path) -> None:
    verdict = Verdict(folder, "python")
    verdict.passed()
    folder.chmod(0o777)

    with pytest.raises(CannotBuild, match="others may write it"):
        verdict.holds()


async def test_where_nothing_can_be_kept_each_tests_for_itself(folder: Path) -> None:
    verdict = Verdict(folder / "missing", "python")
    async with verdict.alone():
        verdict.passed()

    assert not verdict.holds()


async def test_nobody_waits_for_ever_for_what_another_finds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "WAITS_SECONDS", 0.2)
    async with Verdict(folder, "python").alone(), Verdict(folder, "python").alone():
        assert not Verdict(folder, "python").holds()


async def test_others_wait_for_what_the_first_finds(folder: Path) -> None:
    order = []

    async def test(name: str) -> None:
        verdict = Verdict(folder, "python")
        async with verdict.alone():
            order.append((name, verdict.holds()))
            await asyncio.sleep(0.05)
            verdict.passed()

    await asyncio.gather(test("first"), test("second"))

    assert order == [("first", False), ("second", True)]


async def test_the_second_process_runs_an_honest_program_only(monkeypatch: pytest.MonkeyPatch) -> None:
    test, tried = selftest.failures, list[int]()

    async def counted(attacks: tuple[Attack, ...], language: str, honest: str, ask: Ask) -> str | None:
        tried.append(len(attacks))
        return await test(attacks, language, honest, ask)

    monkeypatch.setattr(selftest, "failures", counted)
    for afresh in (True, False):
        sandbox = BoxedSandbox(None, afresh=afresh)
        await sandbox.opened()
        used = [tier.refused is None for tier in sandbox.tiers()]
        await sandbox.close()
        assert any(used)
    half = len(tried) // 2
    assert min(tried[:half]) > 0
    assert set(tried[half:]) == {0}
