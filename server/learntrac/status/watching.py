"""Keeping the metrics of what the server stands on: whether it answers, how long its calls take, how late the
catalog is.
"""

import asyncio
import time
from contextlib import suppress
from typing import Protocol

from learntrac.activity.service import read_as_of
from learntrac.activity.totals import read_part
from learntrac.activity.windows import WINDOWS
from learntrac.backends.cache import Cache
from learntrac.backends.queue import Queue
from learntrac.backends.sandbox import Sandbox
from learntrac.config import Settings
from learntrac.kit.db import Database
from learntrac.kit.errors import Unavailable
from learntrac.kit.metrics import SAMPLED_EVERY_SECONDS, Metrics
from learntrac.kit.watching import watch_database, watch_engine
from learntrac.status import service
from learntrac.trac.environment import TracEnvironment
from learntrac.trac.sync import Sync
from learntrac.webhooks.queries import PENDING


class Watched(Protocol):
    """What is asked whether it is well."""

    metrics: Metrics
    settings: Settings
    database: Database
    trac: TracEnvironment
    sync: Sync
    cache: Cache
    queue: Queue
    sandbox: Sandbox
    started: float


def watch_backends(metrics: Metrics, database: Database, trac: TracEnvironment) -> None:
    """From here on, note every statement to LearnTrac's own database and to Trac's."""
    watch_database(database, metrics)
    watch_engine(trac.source.engine, metrics.calls("trac"))


async def keep_measured(watched: Watched) -> None:
    """Ask every backend whether it answers, and read what is sampled, every few seconds until cancelled."""
    metrics, sync = watched.metrics, watched.sync

    def sample() -> None:
        # Until the first look has ended, the catalog is as old as this process.
        lag = time.monotonic() - (sync.synced_at or watched.started)
        metrics.observe_sync(lag_seconds=lag, concepts=sync.concepts)

    def sample_sandbox() -> None:
        metrics.observe_sandbox(waiting=watched.sandbox.waiting())
        for tier in watched.sandbox.tiers():
            name = f"{tier.kind} with threads" if tier.threads else tier.kind
            metrics.observe_tier(tier.language, name, up=tier.refused is None)

    metrics.add_sampler(sample)
    metrics.add_sampler(sample_sandbox)
    probes = _probes(watched)
    while True:
        # To its end, even when all ends: a connection that is given up half open is never closed.
        asked = asyncio.ensure_future(service.check_all(probes))
        try:
            checks = await asyncio.shield(asked)
        finally:
            await asyncio.wait([asked])
        for name, check in checks.items():
            metrics.observe_up(name, up=check.state != "unavailable")
        await _measure_queue(watched)
        await _measure_deliveries(watched)
        await _measure_learning(watched)
        metrics.sample()
        await asyncio.sleep(SAMPLED_EVERY_SECONDS)


async def _measure_queue(watched: Watched) -> None:
    with suppress(Unavailable, TimeoutError):
        async with asyncio.timeout(service.WITHIN_SECONDS):
            depth = await watched.queue.depth()
        states = {"waiting": depth.waiting, "running": depth.running, "failed": depth.failed}
        watched.metrics.observe_queue(states, oldest_seconds=depth.oldest_waiting_seconds)


async def _measure_deliveries(watched: Watched) -> None:
    with suppress(Unavailable, TimeoutError):
        async with asyncio.timeout(service.WITHIN_SECONDS):
            rows = await watched.database.hot.slow_rows(PENDING)
        watched.metrics.observe_pending_deliveries(rows[0][0])


async def _measure_learning(watched: Watched) -> None:
    reader = watched.database.hot
    with suppress(Unavailable, TimeoutError):
        async with asyncio.timeout(service.WITHIN_SECONDS):
            today, unread = await read_as_of(reader)
            for timeframe in WINDOWS:
                part = await read_part(reader, timeframe, today)
                watched.metrics.observe_learning(timeframe, part.shown(), unread=unread)


def _probes(watched: Watched) -> dict[str, service.Probe]:
    probes = {
        "database": service.database_probe(watched.database),
        "trac": service.trac_probe(
            watched.trac, watched.sync, sync_interval_seconds=watched.settings.sync_interval_seconds
        ),
    }
    if watched.cache.name == "redis":
        probes["redis"] = service.cache_probe(watched.cache)
    return probes
