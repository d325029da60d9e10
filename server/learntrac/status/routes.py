"""The doors of health and status."""

import time

from fastapi import APIRouter, Request

from learntrac import __version__
from learntrac.kit.errors import Unavailable
from learntrac.kit.http.doors import API
from learntrac.status import service
from learntrac.status.schemas import Health, Ready, Status

router = APIRouter(prefix=API, tags=["Health & Status"])


@router.get("/health", response_model=Health)
async def health(request: Request) -> Health:
    """Basic health check"""
    return Health(version=__version__, timestamp=request.app.state.clock())


@router.get("/ready", response_model=Ready)
async def ready(request: Request) -> Ready:
    """Whether requests should come here: 503 while the database does not answer

    For load balancers. What else is not well degrades an answer, but no other instance would do better.
    """
    checks = await service.check_all({"database": service.database_probe(request.app.state.database)})
    if checks["database"].state == "unavailable":
        raise Unavailable("The database does not answer.", retry_after_seconds=2)
    return Ready()


@router.get("/status", response_model=Status)
async def status(request: Request) -> Status:
    """Detailed system status"""
    state, begun = request.app.state, time.perf_counter()
    checks = await service.check_all(
        {
            "api": service.check_api,
            "database": service.database_probe(state.database),
            "trac": service.trac_probe(
                state.trac, state.sync, sync_interval_seconds=state.settings.sync_interval_seconds
            ),
            "redis": service.cache_probe(state.cache),
            "neo4j": service.graph_probe(state.graph),
            "queue": service.queue_probe(state.queue),
            "sandbox": service.sandbox_probe(state.sandbox),
            "ai_service": service.model_probe(state.llm),
        }
    )
    return Status(
        status=service.overall(checks),
        services={name: check.state for name, check in checks.items()},
        checks=checks,
        response_time_ms=round((time.perf_counter() - begun) * 1000, 2),
        uptime_seconds=int(time.monotonic() - state.started),
    )
