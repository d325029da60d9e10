"""`learntrac serve` as a process that a test may kill and start again, and clients that want every answer."""

import asyncio
import http.client
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from learntrac.kit.http.doors import API
from tests.contract.servers import COMMAND, STARTED_WITHIN_SECONDS, learntrac_environ
from tests.environments import find_free_port

MANY = "1000000"


class ServerProcess:
    """One command at one port; what it says goes into a file."""

    def __init__(self, trac_env: Path, said: Path, *arguments: str, **variables: str) -> None:
        self.port = find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command: list[str | Path] = [
            COMMAND,
            "serve",
            "--trac-env",
            trac_env,
            "--port",
            str(self.port),
            *arguments,
        ]
        quiet = {"LEARNTRAC_LOG_LEVEL": "WARNING", "LEARNTRAC_RATE_LIMIT_PER_HOUR": MANY}
        self._environ = learntrac_environ(**quiet | variables)
        self._said = said
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def said(self) -> str:
        """All that was logged."""
        return self._said.read_text()

    def start(self) -> None:
        """Return once it answers."""
        with self._said.open("ab") as said:
            self.process = subprocess.Popen(self._command, env=self._environ, stdout=said, stderr=said)
        deadline = time.monotonic() + STARTED_WITHIN_SECONDS
        while not self.is_healthy():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, "it did not answer in time"
            time.sleep(0.05)

    def is_healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with suppress(OSError, http.client.HTTPException), closing(connection):
            connection.request("GET", f"{API}/health")
            return connection.getresponse().status == 200
        return False

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """What no process can prepare for."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """Have it stop as an operator does; it must end well."""
        if self.process is not None:
            self.process.terminate()
            code = self.process.wait(timeout=60)
            self.process = None
            assert code == 0, self.said

    def children(self) -> list[int]:
        """The process ids of its children."""
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]


@contextmanager
def serving_process(trac_env: Path, said: Path, *arguments: str, **variables: str) -> Iterator[ServerProcess]:
    """A server that answers, until the end of the block."""
    server = ServerProcess(trac_env, said, *arguments, **variables)
    try:
        server.start()
        yield server
        server.stop()
    finally:
        server.kill()


def is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


class KeptConnection:
    """A keep-alive connection that makes no allowances: a request that gets no answer is an error, as for a proxy.

    Only where the last answer said that it was the last, another connection is opened.
    """

    def __init__(self, port: int, token: str = "") -> None:
        self._port = port
        self._authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.opened = 0
        self.head = ""

    async def send(self, method: str, path: str, body: object = None, *, key: str = "") -> tuple[int, Any]:
        """(status, JSON) of the answer, its headers in `head`; `key` makes it idempotent. Raises OSError, EOFError."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            self.opened += 1
        reader, writer = self._streams
        writer.write(self._request(method, path, b"" if body is None else orjson.dumps(body), key))
        self.head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(self.head.partition("content-length: ")[2].partition("\r\n")[0])
        answer = orjson.loads(await reader.readexactly(length))
        if "\r\nconnection: close\r\n" in self.head:
            self.close()
        return int(self.head.split()[1]), answer

    def _request(self, method: str, path: str, content: bytes, key: str) -> bytes:
        idempotency = f"Idempotency-Key: {key}\r\n" if key else ""
        head = f"{method} {API}{path} HTTP/1.1\r\nHost: x\r\n{self._authorization}{idempotency}"
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
