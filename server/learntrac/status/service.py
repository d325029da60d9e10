"""The checks behind `/status`: each asks the real thing, all at once, none longer than two seconds."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from sqlalchemy import text

from learntrac.backends.cache import Cache
from learntrac.kit.db import Database
from learntrac.status.schemas import Check, ServiceState
from learntrac.trac.environment import TracEnvironment
from learntrac.trac.sync import Sync

WITHIN_SECONDS = 2.0
LATE_AFTER_SECONDS = 10.0
"""The catalog counts as late when a step of the sync has been due, and none has succeeded, for so long."""

Probe = Callable[[], Awaitable[tuple[ServiceState, str | None]]]


async def check_all(probes: Mapping[str, Probe]) -> dict[str, Check]:
    """Run every probe at once; one that raises or takes too long is unavailable."""
    results = await asyncio.gather(*(_timed(probe) for probe in probes.values()))
    return dict(zip(probes, results, strict=True))


def overall(checks: Mapping[str, Check]) -> Literal["operational", "degraded", "down"]:
    """Down without the database; degraded while anything else that is configured is not well."""
    if checks["database"].state == "unavailable":
        return "down"
    states = {check.state for check in checks.values()}
    return "degraded" if states & {"degraded", "unavailable"} else "operational"


async def _timed(probe: Probe) -> Check:
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(WITHIN_SECONDS):
            state, detail = await probe()
    except TimeoutError:
        state, detail = "unavailable", f"no answer within {WITHIN_SECONDS:g} s"
    except Exception as error:  # noqa: BLE001 - whatever a probe meets is its answer
        # What follows in a driver's error is the statement: of no use to whoever reads a status.
        state, detail = "unavailable", str(error).partition("\n")[0][:200]
    return Check(state=state, response_time_ms=round((time.perf_counter() - begun) * 1000, 2), detail=detail)


async def check_api() -> tuple[ServiceState, str | None]:
    """Whoever reads this has been answered."""
    return "healthy", None


def database_probe(database: Database) -> Probe:
    """Whether LearnTrac's own database answers."""

    async def probe() -> tuple[ServiceState, str | None]:
        async with database.read() as session:
            await session.execute(text("SELECT generation FROM catalog_state"))
        return "healthy", "sqlite" if database.is_sqlite else "postgresql"

    return probe


def trac_probe(environment: TracEnvironment, sync: Sync, *, sync_interval_seconds: float) -> Probe:
    """Whether Trac can be read and the catalog follows it."""

    async def probe() -> tuple[ServiceState, str | None]:
        if not environment.is_there():
            return (
                "unavailable",
                "the environment's folder or its trac.ini is gone; the catalog is served as it was",
            )
        await environment.source.version()
        if environment.permission_problems():
            return "degraded", environment.permission_problems()[0]
        ago = time.monotonic() - sync.synced_at
        if ago <= sync_interval_seconds + LATE_AFTER_SECONDS:
            return "healthy", None
        return "degraded", sync.last_error or _lateness(sync, ago)

    return probe


def _lateness(sync: Sync, ago_seconds: float) -> str:
    if not sync.synced_at:
        return "the catalog is being brought up to date"
    return f"the catalog was last brought up to date {ago_seconds:.0f} s ago"


def cache_probe(cache: Cache) -> Probe:
    """Whether Redis answers; without one, limits are counted in this process."""

    async def probe() -> tuple[ServiceState, str | None]:
        if cache.name == "embedded":
            return "embedded", "limits are counted in this process"
        await cache.ping()
        return "healthy", None

    return probe


def absent_probe(detail: str) -> Probe:
    """Something that this installation does not have."""

    async def probe() -> tuple[ServiceState, str | None]:
        return "not_configured", detail

    return probe
