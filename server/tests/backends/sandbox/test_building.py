"""Interpreters are built once, by whoever comes first, and only we may have written them."""

import asyncio
import io
import os
import signal
import time
from pathlib import Path

import pytest

from learntrac.backends.sandbox import BEING_BUILT, Call, Run, SandboxDown, building, frames, toolchain
from learntrac.backends.sandbox.boxed import BoxedSandbox
from learntrac.backends.sandbox.building import CannotBuild
from learntrac.backends.sandbox.tiers import build_aside
from tests.backends.sandbox.speaking import children

LONG_AGO = time.time() - 8 * 86_400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "kept"
    folder.mkdir(mode=0o700)
    return folder


def test_what_was_built_is_found_and_what_is_old_is_forgotten(folder: Path) -> None:
    old, older, recent = (
        folder / "javascript-old.cwasm",
        folder / "javascript-older",
        folder / "javascript-recent.cwasm",
    )
    older.mkdir()
    for file in (old, recent, folder / "python-old.cwasm"):
        file.touch()
    for file in (old, older, folder / "python-old.cwasm"):
        os.utime(file, (LONG_AGO, LONG_AGO))
    steps: list[str] = []

    built = building.build(folder, "javascript", steps.append)
    again = building.build(folder, "javascript", steps.append)

    assert built == again == building.find_code(folder, "javascript")
    assert steps == [building.STEPS[2]]
    assert built.stat().st_mode & 0o777 == 0o600
    assert {file.name for file in folder.iterdir()} == {built.name, recent.name, "python-old.cwasm", "building.lock"}


def test_each_user_has_a_folder_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert building.default_folder() == tmp_path / "learntrac"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert building.default_folder() == Path.home() / ".cache" / "learntrac"


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(CannotBuild, match="file/below: Not a directory"):
        building.build(folder / "file" / "below", "javascript")
    monkeypatch.setattr(building, "_ENGINE", "no-such-engine")
    with pytest.raises(CannotBuild, match="has no interpreter in it"):
        building.build(folder, "javascript")
    monkeypatch.setattr(building, "JAVASCRIPT_PACKAGE", "no-such-package")
    with pytest.raises(CannotBuild, match="the package no-such-package is not installed"):
        building.build(folder, "javascript")


def test_code_that_others_may_have_written_is_not_run(folder: Path) -> None:
    built = building.build(folder, "javascript")
    assert building.find_code(folder, "javascript") == built
    built.chmod(0o666)

    with pytest.raises(CannotBuild, match="others may write it"):
        building.find_code(folder, "javascript")


def stand_in(folder: Path, name: str, does: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{does}\n")
    (folder / name).chmod(0o755)


def test_gos_packages_are_listed_for_the_compiler_and_for_the_linker(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    stand_in(tools, "compile", 'while [ "$1" != -o ]; do shift; done; echo harness > "$2"')
    stand_in(tools, "link", "exit 1")
    env = f'{{"GOVERSION": "go1.26.1", "GOTOOLDIR": "{tools}"}}'
    listing = 'echo fmt > "$GOCACHE.a"; echo "fmt $GOCACHE.a"; echo "internal/own $GOCACHE.a"; echo unsafe'
    stand_in(tools, "go", f"[ $1 = env ] && echo '{env}' && exit\n{listing}")
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")

    built = building.build(folder, "go")

    assert sorted(file.name for file in built.iterdir()) == ["0.a", "1.a", "compile.list", "harness.a", "link.list"]
    assert {file.stat().st_mode & 0o777 for file in built.iterdir()} == {0o644}
    harness = f"packagefile learntrac/harness={toolchain.STANDARD}/harness.a\n"
    fmt = f"packagefile fmt={toolchain.STANDARD}/0.a\n"
    assert (built / "compile.list").read_text() == fmt + harness
    assert (built / "link.list").read_text() == f"{fmt}packagefile internal/own={toolchain.STANDARD}/1.a\n{harness}"


async def test_a_build_aside_tells_its_steps_and_its_end(folder: Path, tmp_path: Path) -> None:
    steps: list[str] = []

    built = await build_aside(folder, "javascript", steps.append)

    assert (built, steps) == (building.find_code(folder, "javascript"), [building.STEPS[2]])
    (tmp_path / "file").touch()
    with pytest.raises(CannotBuild, match="file: File exists"):
        await build_aside(tmp_path / "file", "javascript")


async def test_a_build_that_is_given_up_or_ended_leaves_no_process(folder: Path) -> None:
    before, steps = set(children()), list[str]()
    given_up = asyncio.create_task(build_aside(folder / "one", "python", steps.append))
    ended = asyncio.create_task(build_aside(folder / "other", "python", steps.append))
    while len(steps) < 2:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.01)
    begun = set(children()) - before
    given_up.cancel()
    await asyncio.wait([given_up])
    for pid in set(children()) & begun:
        os.kill(pid, signal.SIGKILL)

    with pytest.raises(CannotBuild, match="the build was ended"):
        await ended
    assert given_up.cancelled()
    assert len(begun) == 2
    assert not set(children()) & begun


async def test_while_it_is_built_grading_is_refused(folder: Path) -> None:
    sandbox = BoxedSandbox(folder)
    sandbox.start()
    # Python has the jail as well, which nothing is built for; JavaScript has nothing else.
    while ("javascript", BEING_BUILT) not in [(tier.language, tier.refused) for tier in sandbox.tiers()]:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.01)

    with pytest.raises(SandboxDown, match="its interpreter is being built"):
        await sandbox.run(Run("javascript", "function f() {}", (Call("f"),)), user_id="alice")
    await sandbox.close()


async def test_whoever_only_looks_builds_nothing(folder: Path) -> None:
    sandbox = BoxedSandbox(folder, build=False)
    await sandbox.opened()
    refused = {(tier.language, tier.kind): tier.refused for tier in sandbox.tiers()}
    await sandbox.close()

    assert "its interpreter is not built yet" in str(refused["javascript", "wasm"])
    assert building.find_code(folder, "javascript") is None


def test_messages_come_whole_or_not_at_all() -> None:
    pipe = io.BytesIO()
    frames.write(pipe, frames.SAID, "é\ud800")
    written = pipe.getvalue()

    assert frames.read(io.BytesIO(written)) == "é\ud800"
    for length in (0, 3, len(written) - 1):
        with pytest.raises(EOFError):
            frames.read(io.BytesIO(written[:length]))
