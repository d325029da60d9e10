"""Webhooks: how soon a receiver that is well hears of an event while a thousand others hang, and what announcing costs.

On SQLite, in one process. The dead accept a connection and never answer, which is the worst they can do.
`python -m benchmarks.webhooks [DEAD]`.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from benchmarks.rounds import print_table
from learntrac.backends.receivers.addresses import parse_networks
from learntrac.backends.receivers.sending import Receivers
from learntrac.kit.clock import utc_now
from learntrac.kit.db import Database
from learntrac.kit.metrics import Metrics
from learntrac.kit.sealing import Sealer
from learntrac.mastery import announcing
from learntrac.mastery.service import begin
from learntrac.schema import migrate
from learntrac.webhooks.delivering import Deliverer
from learntrac.webhooks.outbox import announce
from learntrac.webhooks.schemas import WebhookRequest
from learntrac.webhooks.service import Owner, register
from learntrac.webhooks.trying import Trier
from tests.webhooks.receiving import NETWORKS, read_request, reply, serving_raw

DEAD, EVENTS, EVERY_SECONDS = 1000, 60, 0.25
AIM_SECONDS = 5
WRITES, ROUNDS = 150, 5
SEALER = Sealer(b"a key for measuring, long enough", "webhooks")


@asynccontextmanager
async def database() -> AsyncIterator[Database]:
    """An empty database."""
    with tempfile.TemporaryDirectory() as folder:
        made = Database(f"sqlite:///{folder}/learntrac.db")
        await migrate(made)
        yield made
        await made.close()


async def add(made: Database, *urls: str) -> None:
    async with made.begin() as session:
        for url in urls:
            request = WebhookRequest(url=url, events=["export.ready", "concept.started"])
            await register(
                session,
                owner=Owner("ivan"),
                request=request,
                sealer=SEALER,
                now=utc_now(),
            )


async def dead_and_alive(dead: int) -> Sequence[float]:
    """Seconds from an event's commit to its arrival at the one that lives, the first event included."""
    arrived: dict[str, float] = {}
    told: dict[str, float] = {}

    async def live(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.setdefault((await read_request(reader)).json["data"]["export_id"], time.monotonic())
        writer.write(reply(204))

    async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()
        await asyncio.sleep(600)

    async with (
        database() as made,
        serving_raw(live) as well,
        serving_raw(hang, backlog=4096) as ill,
    ):
        # The one that lives is registered in the middle: neither first nor last to be tried.
        await add(made, *(f"http://127.0.0.1:{ill}/{number}" for number in range(dead // 2)))
        await add(made, f"http://127.0.0.1:{well}/")
        await add(
            made,
            *(f"http://127.0.0.1:{ill}/{number}" for number in range(dead // 2, dead)),
        )
        trier = Trier(Receivers(networks=parse_networks(NETWORKS)), clock=utc_now, store=None)
        deliverer = Deliverer(made, trier, sealer=SEALER, clock=utc_now, metrics=Metrics())
        running = asyncio.create_task(deliverer.run())
        for number in range(EVENTS):
            async with made.begin() as session:
                await announce(session, "export.ready", {"export_id": str(number)}, now=utc_now())
            told[str(number)] = time.monotonic()
            await asyncio.sleep(EVERY_SECONDS)
        while len(arrived) < EVENTS:  # noqa: ASYNC110 - it is what is measured
            await asyncio.sleep(0.1)
        running.cancel()
        await asyncio.wait([running])
    return [arrived[name] - at for name, at in told.items()]


async def writing(made: Database, mark: str) -> float:
    """Milliseconds of a write that announces: a learner begins a concept, in a transaction of its own."""
    begun = time.perf_counter()
    for number in range(WRITES):
        async with made.begin() as session:
            await begin(
                session,
                user_id=f"{mark}-{number}",
                concept_id=1,
                mode="guided",
                now=utc_now(),
            )
    return (time.perf_counter() - begun) / WRITES * 1000


async def announcing_costs() -> dict[str, float]:
    """The median of a write without announcing, with nobody listening, and with one webhook."""

    async def say_nothing(*_args: object, **_more: object) -> None:
        return None

    found: dict[str, list[float]] = {
        "nothing announced": [],
        "nobody listens": [],
        "one webhook": [],
    }
    real = announcing.announce
    async with database() as alone, database() as heard:
        await add(heard, "https://example.com/")
        for turn in range(ROUNDS):
            announcing.announce = say_nothing  # type: ignore[assignment] # what is measured is what it adds
            found["nothing announced"].append(await writing(alone, f"a{turn}"))
            announcing.announce = real
            found["nobody listens"].append(await writing(alone, f"b{turn}"))
            found["one webhook"].append(await writing(heard, f"c{turn}"))
    return {name: statistics.median(times) for name, times in found.items()}


def main(dead: int = DEAD) -> None:
    """Print both tables."""
    costs = asyncio.run(announcing_costs())
    base = costs["nothing announced"]
    rows = [[name, f"{cost:.2f} ms", f"{cost / base - 1:+.0%}"] for name, cost in costs.items()]
    print_table(
        "What announcing costs: a learner begins a concept",
        ["", "a write", "more"],
        rows,
    )
    waits = sorted(asyncio.run(dead_and_alive(dead)))
    p95 = waits[int(len(waits) * 0.95)]
    told = [f"{seconds:.2f} s" for seconds in (statistics.median(waits), p95, waits[-1])]
    columns = ["dead receivers", "events", "median", "p95", "longest", "aim for p95"]
    print_table(
        "From an event to its arrival",
        columns,
        [[str(dead), str(EVENTS), *told, f"{AIM_SECONDS} s"]],
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
