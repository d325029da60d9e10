"""What checking the token, the sign-in and the hourly limit costs, as a share of a whole request; with the limits kept
in this process's memory and in Redis.

    python -m benchmarks.request_parts [DATABASE …]

Each part, and each whole request, is called in this process, without a network before it: by sixteen at once, as a
server under load does, where one question to PostgreSQL or Redis serves all who came meanwhile; and one by one.
Processor time of this process is counted: what PostgreSQL and Redis do is not in it, and neither is waiting for them.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.crowd import gather_crowd
from benchmarks.places import DATABASES, Place, places
from benchmarks.rounds import Spread, print_table
from learntrac.accounts.callers import limit_headers
from learntrac.accounts.tokens import Claims
from learntrac.config import Settings
from learntrac.kit.http.doors import API
from learntrac.kit.http.edge import Message
from learntrac.kit.logs import configure
from learntrac.main import Parts, create_app, opened, site
from learntrac.seeding.order import Order
from tests.backends.redis_server import RedisServer, find_program

CONCEPTS, LEARNERS, EVENTS = 10_000, 200, 6_000
ROUNDS, CALLS = 5, 160
AT_ONCE = (16, 1)
TARGET = 0.15
VERY_MANY = 10**9
WHOLE = {
    "list": "/concepts",
    "detail": "/concepts/7",
    "progress": "/progress",
    "history": "/progress/history",
}

Part = Callable[[], Awaitable[object]]


def door_parts(parts: Parts, token: str) -> dict[str, Part]:
    """What is done before a door opens: `sign-in, asked` is what the first request in five seconds does."""
    claims = parts.tokens.find_claims(token, now=parts.clock())
    assert isinstance(claims, Claims)

    async def check_token() -> object:
        return parts.tokens.find_claims(token, now=parts.clock())

    async def check_sign_in() -> object:
        return await parts.live_sessions.find_local_role(claims)

    async def ask_for_sign_in() -> object:
        parts.live_sessions.forget()
        return await parts.live_sessions.find_local_role(claims)

    async def count() -> object:
        return limit_headers(await parts.cache.hit("api:learner-1", limit=VERY_MANY, window_seconds=3600))

    return {
        "token": check_token,
        "sign-in, remembered": check_sign_in,
        "sign-in, asked": ask_for_sign_in,
        "limit": count,
    }


def whole_requests(parts: Parts, token: str) -> dict[str, Part]:
    """Whole requests, as a server would hand them over."""
    app = site(create_app(parts), parts.settings)

    def asking(path: str) -> Part:
        async def ask() -> object:
            return await app(_scope(API + path, token), _receive, _send)

        return ask

    return {name: asking(path) for name, path in WHOLE.items()}


def _scope(path: str, token: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "state": {},
        "headers": [
            (b"host", b"127.0.0.1"),
            (b"authorization", f"Bearer {token}".encode()),
        ],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 50_000),
    }


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: Message) -> None:
    if message.get("status", 200) != 200:
        raise RuntimeError(str(message))


async def measure(place: Place, token: str, redis_url: str | None, at_once: int) -> dict[str, list[float]]:
    """Microseconds of processor time of each part and each whole request, by round."""
    settings = Settings(
        trac_env=place.folder,
        database_url=None,
        redis_url=redis_url,
        rate_limit_per_hour=VERY_MANY,
        log_format="json",
    )
    async with opened(settings) as parts:
        await parts.sync.step()  # a new server first reads all of Trac
        contestants = door_parts(parts, token) | whole_requests(parts, token)
        taken: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(ROUNDS + 1):
            for name, part in contestants.items():
                taken[name].append(await _microseconds(part, at_once))
    return {name: figures[1:] for name, figures in taken.items()}


async def _microseconds(part: Part, at_once: int) -> float:
    begun = time.process_time()
    for _ in range(CALLS // at_once):
        await asyncio.gather(*(part() for _ in range(at_once)))
    return (time.process_time() - begun) / CALLS * 1e6


def shares(taken: dict[str, list[float]]) -> list[tuple[str, ...]]:
    """Rows: a request, its time, and the share of the three checks where the sign-in is remembered and where not."""
    rows = []
    for name in WHOLE:
        remembered = [_share(taken, name, at, "sign-in, remembered") for at in range(ROUNDS)]
        # The whole request was measured with the sign-in remembered.
        asked = [_share(taken, name, at, "sign-in, asked") for at in range(ROUNDS)]
        whole = f"{Spread.of(taken[name]).median:,.0f}"
        rows.append((name, whole, Spread.of(remembered).show(), Spread.of(asked).show()))
    return rows


def _share(taken: dict[str, list[float]], name: str, at: int, sign_in: str) -> float:
    checks = taken["token"][at] + taken[sign_in][at] + taken["limit"][at]
    return checks / (taken[name][at] + taken[sign_in][at] - taken["sign-in, remembered"][at])


@contextmanager
def redis() -> Iterator[str | None]:
    """A Redis of one's own, by its URL; None where there is none to be had."""
    program = find_program()
    if program is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(program, Path(folder))
        server.start()
        try:
            yield server.url
        finally:
            server.kill()


def main(databases: Sequence[str] = DATABASES) -> None:
    """Print the figures for each database."""
    with (
        places() as room,
        redis() as redis_url,
        Path(os.devnull).open("w") as nowhere,
        redirect_stderr(nowhere),
    ):
        configure("json", "INFO")  # the access log is written, as in a server
        for database in databases:
            place = room.seed(database, Order(CONCEPTS, LEARNERS, EVENTS))
            token = gather_crowd(place, LEARNERS).learners[0][1]
            for kept, url in (("memory", None), ("Redis", redis_url)):
                if kept == "Redis" and url is None:
                    print("No Redis here.")
                    continue
                for at_once in AT_ONCE:
                    taken = uvloop.run(measure(place, token, url, at_once))
                    show(f"{database}, limits in {kept}, {at_once} at once", taken)


def show(title: str, taken: dict[str, list[float]]) -> None:
    """Print one setting's figures."""
    parts = [(name, f"{Spread.of(taken[name]).median:,.1f}") for name in taken if name not in WHOLE]
    print_table(f"Before a door opens, µs of CPU: {title}", ("part", "µs"), parts)
    columns = (
        "request",
        "µs",
        "checks, sign-in remembered",
        "checks, sign-in asked for",
    )
    print_table(f"Share of a request (target: under {TARGET})", columns, shares(taken))


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or DATABASES)
