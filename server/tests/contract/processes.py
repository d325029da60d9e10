"""Processes of our own that a test may stop, and kill as a machine does."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.contract.servers import COMMAND, ROOT, learntrac_environ


@contextmanager
def a_process(*arguments: str | Path, **variables: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`learntrac ARGUMENTS`, killed at the end if it still runs."""
    with _started([COMMAND, *arguments], **variables) as process:
        yield process


@contextmanager
def a_python(module: str, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`python -m MODULE ARGUMENTS`, killed at the end if it still runs."""
    with _started([sys.executable, "-m", module, *arguments]) as process:
        yield process


@contextmanager
def _started(command: list[str | Path], **variables: str) -> Iterator["subprocess.Popen[bytes]"]:
    environ = learntrac_environ(**variables)
    with subprocess.Popen(
        command, env=environ, cwd=ROOT / "server", stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            yield process
        finally:
            kill(process)


def kill(process: "subprocess.Popen[bytes]") -> None:
    """kill -9, and wait until the system has let go of what it held."""
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
