"""A real Neo4j for tests: Maven brings it once, Java runs it, one for all processes of a test session.

It ends when the last of these closes its end of a pipe, however that process ends.
"""

import asyncio
import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neo4j import GraphDatabase

from tests.environments import find_free_port

USER, PASSWORD = "neo4j", "a password / with @ signs"
_SOURCES = Path(__file__).with_name("neo4j")
_START_SECONDS = 180
# A shell gives what it starts behind itself no input, unless told.
_BEHIND = 'exec 3<&0; "$@" <&3 3<&- &'
_JAVA = ("java", "-Xmx512m", "-XX:+UseSerialGC", "--add-opens=java.base/java.nio=ALL-UNNAMED")


def find_missing() -> str | None:
    """What this machine lacks to run one; None: nothing."""
    return next((name for name in ("java", "javac", "mvn") if shutil.which(name) is None), None)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Alone with a file, among all processes."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install_neo4j(cache: Path) -> Path:
    """The class path's folder: Neo4j's jars, by Maven, and our own class. Made once; a marker says that it is whole."""
    folder, pom, source = cache.resolve() / "neo4j", _SOURCES / "pom.xml", _SOURCES / "Server.java"
    marker, wanted = folder / "installed", pom.read_text() + source.read_text()
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "neo4j.lock"):
        if not marker.exists() or marker.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            repository = f"-Dmaven.repo.local={cache.resolve() / 'm2'}"
            copy = ("dependency:copy-dependencies", f"-DoutputDirectory={folder}")
            _run("mvn", "--batch-mode", "--quiet", "--file", pom, repository, *copy)
            _run("javac", "-cp", f"{folder}/*", "-d", folder, source)
            marker.write_text(wanted)
    return folder


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])


@dataclass(frozen=True)
class Neo4jServer:
    """A running Neo4j; it holds nothing when a test gets it."""

    port: int
    folder: Path

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else of the session uses it in the block."""
        with locked(self.folder / "in use"):
            yield

    @property
    def url(self) -> str:
        """Without user and password."""
        return f"bolt://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        """As LearnTrac's settings name it."""
        return {"neo4j_url": self.url, "neo4j_user": USER, "neo4j_password": PASSWORD}

    def kill(self) -> None:
        """End its process at once, and with it all it holds."""
        data = str(self.folder / "data").encode()
        for command in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if data in command.read_bytes().split(b"\0"):
                    os.kill(int(command.parent.name), signal.SIGKILL)

    def run(self, query: Any, **parameters: Any) -> list[list[Any]]:
        """One statement, as an administrator types it; its rows."""
        with GraphDatabase.driver(self.url, auth=(USER, PASSWORD), notifications_min_severity="OFF") as driver:
            return [row.values() for row in driver.execute_query(query, parameters).records]


@contextmanager
def shared_server(folder: Path, cache: Path) -> Iterator[Neo4jServer]:
    """The Neo4j of everybody who names this folder; whoever is first starts it."""
    folder.mkdir(parents=True, exist_ok=True)
    pipe, address = folder / "alive", folder / "port"
    with locked(folder / "lock"):
        try:
            holding = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads it: no server yet, or no more
            address.unlink(missing_ok=True)
            holding = _start(folder, pipe, install_neo4j(cache))
            address.write_text(str(_wait_for_port(folder)))
    try:
        yield Neo4jServer(int(address.read_text()), folder)
    finally:
        os.close(holding)


def _start(folder: Path, pipe: Path, installed: Path) -> int:
    """Start it with the pipe as its input; our end of that."""
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    holding = os.open(pipe, os.O_WRONLY)
    os.set_blocking(reading, True)
    arguments = ("-cp", f"{installed}:{installed}/*", "Server", folder / "data", str(find_free_port()), PASSWORD)
    with (folder / "output").open("wb") as output:
        # A session of its own: control-C must not stop it before the tests have cleaned up.
        subprocess.run(
            ["sh", "-c", _BEHIND, "sh", *_JAVA, *arguments],
            stdin=reading,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            check=True,
        )
    os.close(reading)
    return holding


def _wait_for_port(folder: Path) -> int:
    until = time.monotonic() + _START_SECONDS
    while True:
        said = (folder / "output").read_text(errors="replace")
        for line in said.splitlines():
            if line.startswith("bolt://"):
                return int(line.rstrip("/").rpartition(":")[2])
        if time.monotonic() > until:
            raise RuntimeError(f"Neo4j does not start: {said[-2000:]}")
        time.sleep(0.1)


class Wire:
    """A way to a server that a test may cut and hang, and mend again, at one address."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.port = find_free_port()
        self._flows = asyncio.Event()
        self._flows.set()
        self._listener: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"bolt://127.0.0.1:{self.port}"

    async def lead_to(self, port: int) -> None:
        """Another server is at its address from now on."""
        await self.cut()
        self._to = port
        await self.mend()

    async def mend(self) -> None:
        """Let everything through again."""
        self._flows.set()
        if self._listener is None:
            self._listener = await asyncio.start_server(self._join, "127.0.0.1", self.port)

    async def hang(self) -> None:
        """Take whatever comes, and let nothing through."""
        self._flows.clear()

    async def cut(self) -> None:
        """Nobody is there."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for pump in [*self._pumps]:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        for source, target in ((reader, back), (there, writer)):
            pump = asyncio.create_task(self._pump(source, target))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                while data := await source.read(65536):
                    await self._flows.wait()
                    target.write(data)
                    await target.drain()
        finally:
            target.close()


@asynccontextmanager
async def wired(server: Neo4jServer) -> AsyncIterator[Wire]:
    """A wire to this server, mended."""
    wire = Wire(server.port)
    await wire.mend()
    yield wire
    await wire.cut()
