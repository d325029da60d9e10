"""A second load generator: many learners who read and learn, over one or more servers in turn.

Started by `visit`, in a process of its own, it reads what to do from standard input as JSON and writes what came of it
as JSON. What is asked is a mix of kinds by their shares. A new kind is a method of `Visitors` and a share in a mix.
"""

import asyncio
import json
import random
import statistics
import subprocess
import sys
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, cast
from urllib.parse import urlencode

import uvloop

from benchmarks import ROOT
from benchmarks.load import Load
from benchmarks.mix import SHAPES
from learntrac.kit.http.doors import API

MIXED = {
    "list": 25,
    "detail": 15,
    "progress": 10,
    "history": 10,
    "learn": 30,
    "graph": 4,
    "path": 2,
    "dashboard": 2,
    "own_dashboard": 2,
}
"""60 % reads, 30 % learning (starts and completions), 10 % graph and analytics."""


@dataclass(frozen=True)
class Visit:
    """Who comes: learners' (name, token), an instructor's token, to a course of so many concepts.

    `mix` is {kind: share}; `base` stands before every path; `ports` are the servers, in turn. `keyed` is the share of
    writes with a fresh Idempotency-Key.
    """

    ports: Sequence[int]
    learners: Sequence[tuple[str, str]]
    concepts: int
    mix: Mapping[str, float]
    instructor: str = ""
    base: str = API
    seconds: float = 3.0
    connections: int = 16
    seed: int = 1
    keyed: float = 0.5


@dataclass(frozen=True)
class Visited(Load):
    """What a run gave: also how many of each kind and status, and the median of each kind in milliseconds."""

    kinds: Mapping[str, tuple[int, float, float]] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)


def visit(order: Visit) -> Visited:
    """Run the load. Raises RuntimeError for an answer that is neither 200 nor 409."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.visitors"],
        input=json.dumps(asdict(order)),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=order.seconds + 90,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return Visited(**json.loads(done.stdout))


@dataclass
class _Request:
    kind: str
    data: bytes
    learner: int = 0
    concept_id: int = 0
    is_start: bool = False


class Visitors:
    """Makes one request after the other, and remembers which sessions are open."""

    def __init__(self, order: Visit) -> None:
        self._order, self._dice = order, random.Random(order.seed)
        self._kinds, self._shares = list(order.mix), list(order.mix.values())
        self._lists = [urlencode(query | {"limit": 20}) for shape in SHAPES.values() for query in shape]
        self._open: list[tuple[int, int, str]] = []
        self.latencies: defaultdict[str, list[float]] = defaultdict(list)
        self.statuses: Counter[str] = Counter()

    def next(self) -> _Request:
        """The next request of anybody."""
        kind = self._dice.choices(self._kinds, self._shares)[0]
        made: _Request = getattr(self, kind)(self._dice.randrange(len(self._order.learners)))
        return made

    def heard(self, request: _Request, status: int, body: bytes, seconds: float) -> None:
        """Count an answer."""
        self.latencies[request.kind].append(seconds * 1000)
        self.statuses[str(status)] += 1
        if request.is_start and status == 200:
            self._open.append((request.learner, request.concept_id, json.loads(body)["session_id"]))

    def list(self, learner: int) -> _Request:
        """`GET /concepts` with any of the filters."""
        return self._get("list", f"/concepts?{self._dice.choice(self._lists)}", learner)

    def detail(self, learner: int) -> _Request:
        """`GET /concepts/{id}`"""
        return self._get("detail", f"/concepts/{self._some_concept()}", learner)

    def progress(self, learner: int) -> _Request:
        """`GET /progress`"""
        return self._get("progress", "/progress", learner)

    def history(self, learner: int) -> _Request:
        """`GET /progress/history` of the last thirty days."""
        return self._get("history", "/progress/history", learner)

    def graph(self, learner: int) -> _Request:
        """`GET /knowledge/graph` two steps around a concept."""
        return self._get(
            "graph",
            f"/knowledge/graph?center_concept={self._some_concept()}&depth=2",
            learner,
        )

    def path(self, learner: int) -> _Request:
        """`GET /knowledge/path` to a concept."""
        return self._get("path", f"/knowledge/path?to={self._some_concept()}", learner)

    def dashboard(self, _learner: int) -> _Request:
        """`GET /analytics/dashboard` of all learners, by the instructor."""
        return _Request(
            "dashboard",
            self._head("GET", "/analytics/dashboard", self._order.instructor) + b"\r\n",
        )

    def own_dashboard(self, learner: int) -> _Request:
        """`GET /analytics/dashboard` of the learner's own."""
        return self._get("own_dashboard", "/analytics/dashboard", learner)

    def learn(self, learner: int) -> _Request:
        """Complete what is open, else start something; some with a fresh Idempotency-Key."""
        if self._open:
            learner, concept_id, session_id = self._open.pop()
            body = {
                "session_id": session_id,
                "completion_type": "completed",
                "time_spent": 60,
            }
            return self._post("complete", f"/concepts/{concept_id}/complete", learner, body)
        concept_id = self._some_concept()
        made = self._post(
            "start",
            f"/concepts/{concept_id}/start",
            learner,
            {"learning_mode": "guided"},
        )
        made.learner, made.concept_id, made.is_start = learner, concept_id, True
        return made

    def _some_concept(self) -> int:
        return self._dice.randint(1, self._order.concepts)

    def _get(self, kind: str, path: str, learner: int) -> _Request:
        return _Request(kind, self._head("GET", path, self._order.learners[learner][1]) + b"\r\n")

    def _post(self, kind: str, path: str, learner: int, body: Mapping[str, Any]) -> _Request:
        written = json.dumps(body).encode()
        head = self._head("POST", path, self._order.learners[learner][1])
        if self._dice.random() < self._order.keyed:
            head += f"Idempotency-Key: {uuid.uuid4()}\r\n".encode()
        head += f"Content-Type: application/json\r\nContent-Length: {len(written)}\r\n\r\n".encode()
        return _Request(kind, head + written)

    def _head(self, method: str, path: str, token: str) -> bytes:
        head = f"{method} {self._order.base}{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n"
        return f"{head}Authorization: Bearer {token}\r\n".encode()


class _Connection(asyncio.Protocol):
    """Asks, waits for the whole answer, asks again."""

    def __init__(self, visitors: Visitors, until: float) -> None:
        self._visitors, self._until = visitors, until
        self._transport: asyncio.Transport
        self._request: _Request
        self._received, self._whole, self._sent_at = bytearray(), 0, 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        self._sent_at = time.perf_counter()
        if self._sent_at >= self._until:
            self.ended.set_result(None)
            self._transport.close()
            return
        self._request = self._visitors.next()
        self._transport.write(self._request.data)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._whole:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._whole = end + 4 + _body_length(bytes(self._received[:end]))
        if len(self._received) >= self._whole:
            self._answered(bytes(self._received))
            self._received, self._whole = bytearray(), 0
            self._ask()

    def _answered(self, answer: bytes) -> None:
        seconds, status = time.perf_counter() - self._sent_at, int(answer[9:12])
        head, _, body = answer.partition(b"\r\n\r\n")
        if status not in (200, 409):
            self.ended.set_exception(RuntimeError(f"{self._request.kind}: {head!r} {body!r}"))
            self._transport.close()
        self._visitors.heard(self._request, status, body, seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(exc or ConnectionError("the server closed a connection"))


def _body_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise RuntimeError("an answer without Content-Length")


async def _run(order: Visit) -> Visited:
    loop, begun, visitors = (
        asyncio.get_running_loop(),
        time.perf_counter(),
        Visitors(order),
    )
    made = [
        (
            await loop.create_connection(
                lambda: _Connection(visitors, begun + order.seconds),
                "127.0.0.1",
                order.ports[number % len(order.ports)],
            )
        )[1]
        for number in range(order.connections)
    ]
    async with asyncio.timeout(order.seconds + 60):
        await asyncio.gather(*(connection.ended for connection in made))
    took = time.perf_counter() - begun
    everything = [latency for kind in visitors.latencies.values() for latency in kind]
    kinds = {name: (len(kind), statistics.median(kind), _top(kind, 99)) for name, kind in visitors.latencies.items()}
    return Visited(
        answers=len(everything),
        seconds=took,
        median_ms=statistics.median(everything),
        p95_ms=_top(everything, 95),
        p99_ms=_top(everything, 99),
        kinds=kinds,
        statuses=dict(visitors.statuses),
    )


def _top(latencies: Sequence[float], share: int) -> float:
    return sorted(latencies)[len(latencies) * share // 100]


def main() -> None:
    """Do what standard input says."""
    print(json.dumps(asdict(uvloop.run(_run(Visit(**json.load(sys.stdin)))))))


if __name__ == "__main__":
    main()
