"""Which tiers of this machine have withstood their self-test lately: what one process has seen, not each has to try.

A verdict holds for exactly the code, the kernel and the walls that were tested, until the machine starts anew, and for
a day at most. It lies beside the interpreters, where only we may write: who could forge it could forge these.
"""

import asyncio
import fcntl
import hashlib
import os
import platform
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path

from learntrac.backends.sandbox import building

HOLDS_SECONDS = 86_400
WAITS_SECONDS = 60.0
"""So long does a process wait for another that tests the same tier; then it tests for itself."""
_ASKED_EVERY_SECONDS = 0.1
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Verdict:
    """What is known of one tier, told apart by whatever could make its test end otherwise."""

    def __init__(self, folder: Path, *tested: object) -> None:
        about = "\0".join([*_machine(), *map(repr, tested)])
        self._folder = folder
        self._file = folder / f"tested-{hashlib.sha256(about.encode()).hexdigest()[:32]}"

    def holds(self) -> bool:
        """Whether this has passed lately. Raises CannotBuild where others may have written it."""
        try:
            age_seconds = time.time() - self._file.lstat().st_mtime
        except OSError:
            return False
        building.check_ours(self._folder)
        building.check_ours(self._file)
        return 0 <= age_seconds < HOLDS_SECONDS

    def passed(self) -> None:
        """It has; where it cannot be kept, the next process tests again."""
        with suppress(OSError):
            self._file.touch(mode=0o600)
            for other in self._folder.glob("tested-*"):
                if time.time() - other.stat().st_mtime > HOLDS_SECONDS:
                    other.unlink()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Of all processes that have this to test one does so, while the others wait for what it finds."""
        try:
            handle = os.open(self._file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            yield
            return
        try:
            await _locked(handle)
            yield
        finally:
            os.close(handle)


async def _locked(handle: int) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(WAITS_SECONDS):
            while True:
                try:
                    return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    await asyncio.sleep(_ASKED_EVERY_SECONDS)


def _machine() -> Sequence[str]:
    """This start of this machine, its kernel, who we are, and our own code."""
    boot = _BOOT.read_text().strip() if _BOOT.exists() else ""
    return [boot, *platform.uname(), sys.version, sys.executable, str(os.geteuid()), _our_code()]


@cache
def _our_code() -> str:
    folder = Path(__file__).parent
    files = sorted(file for file in folder.rglob("*") if file.suffix in (".py", ".go", ".js", ".wit"))
    return hashlib.sha256(
        b"\0".join(str(file.relative_to(folder)).encode() + file.read_bytes() for file in files)
    ).hexdigest()
