"""The load generator: a process of its own, sixteen connections that are kept open, each asking as soon as it is
answered.

Started by `generate`, it reads what to do from standard input as JSON and writes what came of it as JSON.
"""

import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import uvloop

from benchmarks import ROOT

CONNECTIONS = 16
_LAST_CHUNK = b"\r\n0\r\n\r\n"


@dataclass(frozen=True)
class Load:
    """What one run gave: answers, the seconds it took, and latencies of answers in milliseconds."""

    answers: int
    seconds: float
    median_ms: float
    p95_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def generate(
    port: int,
    paths: Sequence[str],
    *,
    token: str | None = None,
    seconds: float = 3.0,
    most: int = 200_000,
    connections: int = CONNECTIONS,
) -> Load:
    """Ask 127.0.0.1 for these paths in turn, for so many seconds and no more than `most` times.

    Raises RuntimeError where an answer is not 200.
    """
    order = {
        "port": port,
        "paths": list(paths),
        "token": token,
        "seconds": seconds,
        "most": most,
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(order | {"connections": connections}),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=seconds + 60,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return Load(**json.loads(done.stdout))


class _Asking(asyncio.Protocol):
    """One connection: sends a request, waits for the whole answer, sends the next."""

    def __init__(self, requests: Iterator[bytes], until: float) -> None:
        self._requests, self._until = requests, until
        self._transport: asyncio.Transport
        self._head, self._missing, self._sent_at = b"", 0, 0.0
        self._end_of_chunks = b""
        self._is_done = False
        self.latencies: list[float] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        self._sent_at = time.perf_counter()
        request = next(self._requests, None) if self._sent_at < self._until else None
        if request is None:
            self._is_done = True
            self._transport.close()
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._end_of_chunks:
            self._receive_chunks(data)
        elif self._missing:
            self._missing -= len(data)
        else:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            body, length = self._head[end + 4 :], _body_length(self._head[:end])
            self._head = b""
            if length is None:
                self._receive_chunks(body)
            else:
                self._missing = length - len(body)
        if self._missing <= 0 and not self._end_of_chunks:
            self._missing = 0
            self.latencies.append(time.perf_counter() - self._sent_at)
            self._ask()

    def _receive_chunks(self, data: bytes) -> None:
        """Until the empty chunk; no row of Trac's CSV is a lone 0."""
        end = (self._end_of_chunks + data)[-len(_LAST_CHUNK) :]
        self._end_of_chunks = b"" if end == _LAST_CHUNK else end or b"\r"

    def connection_lost(self, exc: Exception | None) -> None:
        if self._is_done:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(exc or ConnectionError("the server closed a connection"))


def _body_length(head: bytes) -> int | None:
    """None for a body in chunks."""
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode("latin-1"))
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
        if name.lower() == b"transfer-encoding":
            return None
    raise RuntimeError("an answer without Content-Length")


def _request(path: str, token: str | None) -> bytes:
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n{authorization}\r\n".encode()


async def _run(
    port: int,
    paths: Sequence[str],
    token: str | None,
    seconds: float,
    most: int,
    connections: int,
) -> Load:
    requests = itertools.islice(itertools.cycle([_request(path, token) for path in paths]), most)
    loop, begun = asyncio.get_running_loop(), time.perf_counter()
    made = [
        (await loop.create_connection(lambda: _Asking(requests, begun + seconds), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    async with asyncio.timeout(seconds + 30):
        await asyncio.gather(*(asking.ended for asking in made))
    took = time.perf_counter() - begun
    latencies = sorted(latency * 1000 for asking in made for latency in asking.latencies)
    p95, p99 = (latencies[len(latencies) * share // 100] for share in (95, 99))
    return Load(len(latencies), took, statistics.median(latencies), p95, p99)


def main() -> None:
    """Do what standard input says."""
    load = uvloop.run(_run(**json.load(sys.stdin)))
    print(json.dumps(vars(load)))


if __name__ == "__main__":
    main()
