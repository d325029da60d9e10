"""The checks behind `/status`: each asks the real thing, all at once, none longer than two seconds."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal

from sqlalchemy import text

from learntrac.backends.cache import Cache
from learntrac.backends.graph import Graph, GraphBehind
from learntrac.backends.llm import LanguageModel, ModelDown
from learntrac.backends.queue import Queue
from learntrac.backends.sandbox import BEING_BUILT, NOT_STARTED, Sandbox, Tier
from learntrac.kit.db import Database
from learntrac.status.schemas import Check, ServiceState
from learntrac.trac.environment import TracEnvironment
from learntrac.trac.sync import Sync

WITHIN_SECONDS = 2.0
LATE_AFTER_SECONDS = 10.0
"""The catalog counts as late when a step of the sync has been due, and none has succeeded, for so long."""
JOBS_LATE_AFTER_SECONDS = 300
"""So long may a job be due before somebody should look whether any worker runs."""

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


def graph_probe(graph: Graph) -> Probe:
    """Whether Neo4j answers and is in step; without one, the graph is held in memory."""

    async def probe() -> tuple[ServiceState, str | None]:
        try:
            await graph.ping()
        except GraphBehind as behind:
            return "degraded", str(behind)
        return ("embedded", "the graph is held in memory") if graph.name == "embedded" else ("healthy", None)

    return probe


def queue_probe(queue: Queue) -> Probe:
    """Whether jobs get done: degraded once one has been due for a while, as then nobody works."""

    async def probe() -> tuple[ServiceState, str | None]:
        depth = await queue.depth()
        state: ServiceState = "embedded" if queue.name == "embedded" else "healthy"
        if depth.oldest_waiting_seconds > JOBS_LATE_AFTER_SECONDS:
            state = "degraded"
        return state, f"{depth.waiting} jobs waiting, {depth.running} running, {depth.failed} failed"

    return probe


def sandbox_probe(sandbox: Sandbox) -> Probe:
    """Whether submissions can be graded, by language; degraded where not even Python can."""

    async def probe() -> tuple[ServiceState, str | None]:
        tiers = sandbox.tiers()
        return readiness_of(tiers), "; ".join(map(describe_tier, tiers))

    return probe


def readiness_of(tiers: Sequence[Tier]) -> ServiceState:
    """One word for the sandbox: what counts is Python."""
    of_python = {tier.refused for tier in tiers if tier.language == "python"}
    if of_python & {None, NOT_STARTED}:
        return "embedded"
    return "starting" if BEING_BUILT in of_python else "degraded"


def describe_tier(tier: Tier) -> str:
    """One tier in words, such as `python in wasm behind namespaces, landlock, seccomp`."""
    name = f"{tier.language} in {tier.kind}{' with threads' if tier.threads else ''}"
    return f"{name} behind {tier.walls}" if tier.refused is None else f"{name}: refused, {tier.refused}"


def model_probe(model: LanguageModel | None) -> Probe:
    """Whether the language model answers, by its last calls: a status must not cost anything."""

    async def probe() -> tuple[ServiceState, str | None]:
        if model is None:
            return "not_configured", "the tutor answers from the course alone"
        try:
            await model.ping()
        except ModelDown as down:
            return "degraded", f"{model.model}: {down.reason}; the tutor answers from the course alone meanwhile"
        return "healthy", f"{model.model} at {model.name}"

    return probe
