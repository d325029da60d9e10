"""What writing the log of events takes of the requests that cause them: start and complete, in process.

    python -m benchmarks.event_cost [DATABASE …]

The statements that write to `learning_event` are timed within each request. Aim: under a tenth of it.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import Any

import httpx
from sqlalchemy import event

from benchmarks.places import DATABASES, LEARNER, PASSWORD, Place, places
from benchmarks.rounds import print_table
from learntrac.config import Settings
from learntrac.main import API, Parts, create_app, opened, site

CONCEPTS = 400
VERY_MANY = 10**9


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


async def measure(place: Place) -> tuple[int, float, float]:
    """(requests, their seconds, seconds of writing events)."""
    settings = Settings(
        trac_env=place.folder,
        rate_limit_per_hour=VERY_MANY,
        run_jobs=False,
        log_level="WARNING",
    )
    async with opened(settings) as parts:
        timed = _Timed(parts)
        transport = httpx.ASGITransport(site(create_app(parts), settings))
        async with httpx.AsyncClient(transport=transport, base_url="http://bench.test") as client:
            word = {"username": LEARNER, "password": PASSWORD}
            token = (await client.post(f"{API}/auth/login", json=word)).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            began = time.perf_counter()
            for concept in range(1, CONCEPTS + 1):
                begun = await client.post(f"{API}/concepts/{concept}/start", json={})
                done = {"session_id": begun.json()["session_id"]}
                (await client.post(f"{API}/concepts/{concept}/complete", json=done)).raise_for_status()
            return 2 * CONCEPTS, time.perf_counter() - began, timed.seconds


def main(databases: Sequence[str] = DATABASES) -> None:
    """Print the figures."""
    rows = []
    with places() as room:
        for database in databases:
            count, whole, events = asyncio.run(measure(room.make(database, CONCEPTS)))
            each, of_events = 1000 * whole / count, 1000 * events / count
            rows.append(
                (
                    database,
                    f"{each:.2f}",
                    f"{of_events:.3f}",
                    f"{100 * events / whole:.1f} %",
                )
            )
    print_table(
        "Writing events",
        ("", "a request, ms", "its events, ms", "share (aim: 10 %)"),
        rows,
    )


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or DATABASES)
