"""What events take of the requests that cause them: writing the log, and telling the world.

    python -m benchmarks.event_cost [DATABASE …]

The statements that write to `learning_event` are timed within each start and complete. What telling takes is the
difference to a server that tells nothing and looks up nothing to tell: requests of both, of one that finds out what
there is to tell (is a milestone achieved?) and tells nobody, and of one that reads which events somebody wants with a
statement of its own, come in turn, one by one, in one process, of many learners. A request is timed from its arrival in
the server to the end of its answer, a bare transaction from its beginning to its commit. Aim of writing the log and of
writing what is told: under a tenth of the request.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import httpx
from sqlalchemy import event, text

from benchmarks.crowd import key_of
from benchmarks.places import DATABASES, Place, places
from benchmarks.rounds import print_table
from benchmarks.seeding import put_sign_ins
from learntrac.config import Settings
from learntrac.kit.asgi import ASGI
from learntrac.kit.http.doors import API
from learntrac.main import Parts, create_app, opened, site
from learntrac.mastery import announcing, awards, queries
from learntrac.mastery import service as mastery
from learntrac.webhooks.events import EVENTS
from learntrac.webhooks.outbox import WANTED

CONCEPTS, ROUNDS = 60, 150
VERY_MANY = 10**9
LISTENERS = {"nobody listens": (), "a webhook for export.ready": ("export.ready",), "a webhook for everything": EVENTS}
WAYS = ("nothing told", "found out, nobody told", "read by itself", "LearnTrac")
COMPARED = ((1, 0), (2, 0), (3, 0), (3, 1))
"""Which way over which: the last is what writing alone takes."""
WARM_UP = 5
_HOLD_ALONE = text(queries.HOLD_LEARNER.text.replace(WANTED, "0"))


class _Timed:
    """The seconds of statements that write events."""

    def __init__(self, parts: Parts) -> None:
        self.seconds, self._began = 0.0, 0.0
        engine = parts.database.engines.get("write") or parts.database.engines["transactions"]
        event.listen(engine.sync_engine, "before_cursor_execute", self._begin)
        event.listen(engine.sync_engine, "after_cursor_execute", self._end)

    def _begin(self, *_args: Any) -> None:
        self._began = time.perf_counter()

    def _end(self, _connection: Any, _cursor: Any, statement: str, *_args: Any) -> None:
        if statement.startswith("INSERT INTO learning_event"):
            self.seconds += time.perf_counter() - self._began


@dataclass
class _Server:
    """The whole server, each request of which is timed inside it."""

    parts: Parts
    app: ASGI
    client: httpx.AsyncClient = field(init=False)
    tokens: Sequence[str] = ()
    seconds: float = 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve."""
        began = time.perf_counter()
        await self.app(scope, receive, send)
        self.seconds = time.perf_counter() - began

    async def post(self, path: str, body: dict[str, Any], learner: int) -> tuple[Any, float]:
        """(the answer, seconds)."""
        head = {"Authorization": f"Bearer {self.tokens[learner]}"}
        answer = await self.client.post(f"{API}{path}", json=body, headers=head)
        return answer.raise_for_status().json(), self.seconds


@asynccontextmanager
async def serving(place: Place) -> AsyncIterator[_Server]:
    """A server in this process, and a learner who is signed in."""
    settings = Settings(trac_env=place.folder, rate_limit_per_hour=VERY_MANY, run_jobs=False, log_level="WARNING")
    async with opened(settings) as parts:
        server = _Server(parts, site(create_app(parts), settings))
        transport = httpx.ASGITransport(server)
        async with httpx.AsyncClient(transport=transport, base_url="http://bench.test") as client:
            server.client = client
            with place.learntrac_tables() as tables:
                server.tokens = put_sign_ins(tables, key_of(place), [f"learner-{one}" for one in range(ROUNDS)])
            yield server


@contextmanager
def told(way: str) -> Iterator[None]:
    """Find out and tell nothing, tell nobody, or read which events are wanted by a statement of its own."""

    async def nothing(*_args: object, **_more: object) -> None:
        return None

    with ExitStack() as changed:
        if way != "LearnTrac":
            changed.enter_context(patch.object(queries, "HOLD_LEARNER", _HOLD_ALONE))
            changed.enter_context(patch.object(mastery, "note_wanted", lambda *_: None))
        if way == "nothing told":
            changed.enter_context(patch.object(mastery, "tell", nothing))
        if way in WAYS[:2]:
            changed.enter_context(patch.object(announcing, "announce", nothing))
            changed.enter_context(patch.object(awards, "announce", nothing))
        yield


async def listen(parts: Parts, events: Sequence[str]) -> None:
    """Have a webhook for these events, which nobody delivers to."""
    async with parts.database.begin() as session:
        await session.execute(text("DELETE FROM webhook_subscription"))
        for name in events:
            await session.execute(text("INSERT INTO webhook_subscription VALUES (:event, 1)"), {"event": name})


async def bare(server: _Server, mark: str) -> float:
    """Seconds of a transaction of its own in which a learner begins a concept."""
    began = time.perf_counter()
    async with server.parts.database.begin() as session:
        await mastery.begin(session, user_id=mark, concept_id=1, mode="guided", now=server.parts.clock())
    return time.perf_counter() - began


async def study(server: _Server, learner: int, concept: int) -> tuple[float, float]:
    """Seconds of a start and of a completion."""
    begun, start = await server.post(f"/concepts/{concept}/start", {}, learner)
    body = {"session_id": begun["session_id"]}
    _, complete = await server.post(f"/concepts/{concept}/complete", body, learner)
    return start, complete


Taken = dict[str, list[tuple[float, float, float]]]
"""{way: seconds of each bare transaction, start and completion}."""


async def measure(place: Place) -> tuple[dict[str, Taken], float]:
    """{who listens: what was taken}, and the share of all requests that went into the log of events."""
    found: dict[str, Taken] = {}
    async with serving(place) as server:
        timed, log, whole = _Timed(server.parts), 0.0, 0.0
        for first, (listener, events) in enumerate(LISTENERS.items()):
            await listen(server.parts, events)
            found[listener] = {way: [] for way in WAYS}
            for turn in range(ROUNDS):
                for place_, way in enumerate(_turned(turn)):
                    with told(way):
                        alone = await bare(server, f"{first}-{turn}-{way}")
                        timed.seconds = 0.0
                        start, complete = await study(server, turn, 1 + len(WAYS) * first + place_)
                    log, whole = log + timed.seconds, whole + start + complete
                    found[listener][way].append((alone, start, complete))
    return found, log / whole


def _turned(turn: int) -> tuple[str, ...]:
    """The ways, each turn beginning with another."""
    first = turn % len(WAYS)
    return (*WAYS[first:], *WAYS[:first])


def rows_of(database: str, found: dict[str, Taken]) -> Iterator[tuple[str, ...]]:
    """What a way takes more than another: the median of the turns, each against its own neighbour."""
    for listener, taken in found.items():
        base = taken[WAYS[0]][WARM_UP:]
        medians = (statistics.median(kind) for kind in zip(*base, strict=True))
        yield f"{database}, {listener}: {WAYS[0]}", *(f"{1000 * seconds:.2f} ms" for seconds in medians)
        for way, other in COMPARED:
            more_and_less = (taken[WAYS[one]][WARM_UP:] for one in (way, other))
            ratios = (
                [more / less for more, less in zip(*pair, strict=True)] for pair in zip(*more_and_less, strict=True)
            )
            medians = (statistics.median(kind) - 1 for kind in zip(*ratios, strict=True))
            yield f"  {WAYS[way]} over {WAYS[other]}", *(f"{median:+.1%}" for median in medians)


def main(databases: Sequence[str] = DATABASES) -> None:
    """Print the figures."""
    logs, tellings = [], list[tuple[str, ...]]()
    with places() as room:
        for database in databases:
            found, log = asyncio.run(measure(room.make(database, CONCEPTS)))
            logs.append((database, f"{log:.1%}"))
            tellings += rows_of(database, found)
    print_table("Writing events to the log", ("", "of start and complete (aim: 10 %)"), logs)
    columns = ("what telling the world adds (aim of the last of each: 10 %)", "bare transaction", "start", "complete")
    print_table("Telling the world", columns, tellings)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or DATABASES)
