"""One engine's loop: told what to do by frames, ended by the end of the pipe, held to what it may use."""

import ctypes
import importlib
import os
import resource
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeAlias

from learntrac.backends.speech.frames import Frame, read_frame_blocking, write_frame_blocking

MEBIBYTE = 1024 * 1024
MEMORY_BYTES = {"decode": 768 * MEBIBYTE, "speak": 768 * MEBIBYTE, "hear": 2048 * MEBIBYTE}
"""Of address space, which is more than what is used. Models that an operator brings (whisper, piper) are not held."""
CPU_SECONDS_OF_A_TASK = 120
"""Of the same: a minute of speech takes a fifth of it. A large model takes what it takes."""
LOWEST = 19
_SET_PARENT_DEATH_SIGNAL = 1


@dataclass
class Asked:
    """The two pipes to the server."""

    incoming: BinaryIO
    outgoing: BinaryIO

    def next(self) -> Frame | None:
        """The next message; None when the server is gone."""
        return read_frame_blocking(self.incoming)

    def tell(self, head: dict[str, Any], data: bytes = b"") -> None:
        """Answer."""
        write_frame_blocking(self.outgoing, Frame(head, data))


Task: TypeAlias = Callable[[Frame, Asked], None]
"""Does what the first frame asks, reads the frames that belong to it, and tells how it ended."""

_MODULES = {
    "decode": "learntrac.backends.speech.engines.decoding",
    "hear": "learntrac.backends.speech.engines.sphinx",
    "whisper": "learntrac.backends.speech.engines.whisper",
    "speak": "learntrac.backends.speech.engines.espeak",
    "piper": "learntrac.backends.speech.engines.piper",
}


def confine(kind: str) -> None:
    """Take from this process what the engine has no need of: other files, much memory, life without its parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if kind in MEMORY_BYTES:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES[kind], MEMORY_BYTES[kind]))
    # Ctrl+C at the server's terminal is for the server to answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def serve(kind: str, options: tuple[str, ...], asked: Asked, *, is_gentle: bool = False) -> None:
    """Load what `kind` names, behind everything else where it `is_gentle`, and do its tasks until the pipe ends."""
    try:
        task = _gently_loaded(kind, options) if is_gentle else _loaded(kind, options)
    except Exception as error:  # noqa: BLE001 - whatever a library raises, the server is told
        asked.tell({"problem": f"{kind}: {error}"})
        return
    asked.tell({"ready": kind})
    while (first := asked.next()) is not None:
        if kind in MEMORY_BYTES:
            _allow_cpu()
        task(first, asked)


def _loaded(kind: str, options: tuple[str, ...]) -> Task:
    task: Task = importlib.import_module(_MODULES[kind]).load(*options)
    return task


def _gently_loaded(kind: str, options: tuple[str, ...]) -> Task:
    """Loaded in a thread of the lowest priority. Who has given priority up does not get it back, but on Linux it is
    each thread's own, and the tasks are done by another.
    """

    def load() -> Task:
        if sys.platform == "linux":
            os.nice(LOWEST)
        return _loaded(kind, options)

    with ThreadPoolExecutor(max_workers=1) as aside:
        return aside.submit(load).result()


def _allow_cpu() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime) + CPU_SECONDS_OF_A_TASK
    _soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (until, hard))
