"""Processes that speak as a box does, or fail to: what the server makes of them is what tests look at."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from learntrac.backends.sandbox.boxes import Box

_SPEAKS = """
import struct, sys, time

def say(kind, text, length=None):
    content = text if isinstance(text, bytes) else text.encode()
    sys.stdout.buffer.write(struct.pack("!cI", kind, len(content) if length is None else length) + content)
    sys.stdout.buffer.flush()

def hear():
    head = sys.stdin.buffer.read(5)
    return sys.stdin.buffer.read(struct.unpack("!cI", head)[1]).decode() if head else sys.exit()

"""


def children() -> list[int]:
    """The processes that this one has begun."""
    listed = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text()
    return [int(child) for child in listed.split()]


def pid_of(box: Box) -> int:
    """The number of a box's process, for which nobody else has a use."""
    return box._process.pid


async def box_that(does: str) -> Box:
    """A box whose process does this, with `say(kind, text)` and `hear()`, in place of an interpreter."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _SPEAKS + does, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    return Box(process, "")


def begin_only_what(does: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every process of this server's do this, whatever module it was to begin."""
    script, command = folder / "speaks.py", folder / "python"
    script.write_text(_SPEAKS + does)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}"\n')
    command.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(command))
