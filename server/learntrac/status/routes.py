"""The doors of health and status."""

import time

from fastapi import APIRouter, Request

from learntrac import __version__
from learntrac.status import service
from learntrac.status.schemas import Health, Status

router = APIRouter(tags=["Health & Status"])


@router.get("/health", response_model=Health)
async def health(request: Request) -> Health:
    """Basic health check"""
    return Health(version=__version__, timestamp=request.app.state.clock())


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
            "neo4j": service.absent_probe("the knowledge graph is not part of this version"),
            "ai_service": service.absent_probe("the tutor is not part of this version"),
        }
    )
    return Status(
        status=service.overall(checks),
        services={name: check.state for name, check in checks.items()},
        checks=checks,
        response_time_ms=round((time.perf_counter() - begun) * 1000, 2),
        uptime_seconds=int(time.monotonic() - state.started),
    )
