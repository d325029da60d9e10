"""The tiers of this machine: each is made ready, tested, and then used or refused."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

from learntrac.backends.sandbox import (
    BEING_BUILT,
    NOT_STARTED,
    Limits,
    SandboxDown,
    Tier,
    building,
    selftest,
    toolchain,
)
from learntrac.backends.sandbox.boxes import Box, BoxEnded
from learntrac.backends.sandbox.pools import Pool
from learntrac.backends.sandbox.selftest import Attack

_THREADS, _NO_THREADS = True, False
_PACKAGE = "learntrac.backends.sandbox."
_HONEST_PYTHON = "def attack():\n    return sum([40, 2])\n"
_HONEST_GO = "package answer\n\nfunc attack() int { return 40 + 2 }\n"
_HONEST_JAVASCRIPT = "const attack = () => [40, 2].reduce((a, b) => a + b)"
Prepare = Callable[[Callable[[str], None]], Awaitable[tuple[str, ...]]]
"""Get what is needed, telling what is going on, and give back what `Box.start` is to start. Raises CannotBuild."""


class RunningTier:
    """One tier with its boxes, or the reason why there are none."""

    def __init__(
        self,
        language: str,
        kind: Literal["wasm", "jail"],
        threads: bool,  # noqa: FBT001 - as Tier has it
        prepare: Prepare,
        attacks: tuple[Attack, ...],
        honest: str,
        kept: int,
    ) -> None:
        self.language, self.kind, self.threads = language, kind, threads
        self.attacks, self.honest = attacks, honest
        self._prepare, self._kept = prepare, kept
        self.refused: str | None = NOT_STARTED
        self.walls = ""
        self.command: tuple[str, ...] = ()
        self.compiles = language == "go"
        """Whether a submission is compiled before its run begins."""
        self._pool: Pool | None = None

    async def open(self, test: Callable[["RunningTier"], Awaitable[str | None]]) -> None:
        """Make it ready and try the attacks on it; what is wrong is told in `refused`."""
        try:
            self.command = await self._prepare(self._tell)
            self._pool = Pool(lambda: Box.start(*self.command), kept=self._kept, lasting=self.kind == "wasm")
            await self._look_at_walls()
            self.refused = await test(self)
        except (building.CannotBuild, BoxEnded, OSError, toolchain.NoToolchain) as problem:
            self.refused = str(problem)

    async def _look_at_walls(self) -> None:
        box = await self.pool.take()
        self.walls = box.walls
        self.pool.give_back(box)

    def _tell(self, what: str) -> None:
        self.refused = what

    @property
    def pool(self) -> Pool:
        """Its boxes. Raises SandboxDown before there are any."""
        if self._pool is None:
            raise SandboxDown(f"Code in {self.language} cannot be run here: {self.refused}.")
        return self._pool

    def described(self) -> Tier:
        """As others see it."""
        return Tier(self.language, self.kind, self.threads, self.refused, self.walls)

    async def close(self) -> None:
        """End its boxes."""
        if self._pool is not None:
            await self._pool.close()


def all_tiers(folder: Path, *, kept: int, build: bool) -> list[RunningTier]:
    """What this machine may have, in the order in which it is tried. `build`: whether what is missing is built."""
    memory = str(Limits().memory_bytes)

    async def built(language: str, tell: Callable[[str], None]) -> Path:
        code = await asyncio.to_thread(building.find_code, folder, language)
        if code is None and not build:
            raise building.CannotBuild("its interpreter is not built yet, a server does so when it is started")
        if code is None:
            tell(BEING_BUILT)
            code = await build_aside(folder, language)
        return code

    def wasm(language: str, worker: str) -> Prepare:
        async def prepare(tell: Callable[[str], None]) -> tuple[str, ...]:
            return (worker, str(await built(language, tell)), memory)

        return prepare

    async def native(_tell: Callable[[str], None]) -> tuple[str, ...]:
        return (_PACKAGE + "native", memory)

    async def compiled(tell: Callable[[str], None]) -> tuple[str, ...]:
        packages = await built("go", tell)
        tools = await asyncio.to_thread(toolchain.find_toolchain)
        return (_PACKAGE + "golang", str(packages), str(tools.compiler), str(tools.linker), memory)

    python, script = wasm("python", _PACKAGE + "worker"), wasm("javascript", _PACKAGE + "javascript")
    return [
        RunningTier("python", "wasm", _NO_THREADS, python, selftest.PYTHON, _HONEST_PYTHON, kept),
        RunningTier("python", "jail", _THREADS, native, selftest.NATIVE, _HONEST_PYTHON, 1),
        RunningTier("javascript", "wasm", _NO_THREADS, script, selftest.JAVASCRIPT, _HONEST_JAVASCRIPT, 2),
        RunningTier("go", "jail", _THREADS, compiled, selftest.GO, _HONEST_GO, 1),
    ]


async def build_aside(folder: Path, language: str, on_step: Callable[[str], None] = lambda _step: None) -> Path:
    """Build in a process of its own, behind everything else. Raises CannotBuild."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        building.__name__,
        str(os.getpid()),
        str(folder),
        language,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None  # noqa: S101 - asked for just now
    assert process.stderr is not None  # noqa: S101
    try:
        async for line in process.stdout:
            on_step(line.decode().strip())
        said = await process.stderr.read()
        await process.wait()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    component = building.find_code(folder, language) if process.returncode == 0 else None
    if component is None:
        raise building.CannotBuild(said.decode(errors="replace").strip()[-300:] or "the build was ended")
    return component
