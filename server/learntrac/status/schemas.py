"""Bodies of the section "Health & Status"."""

from typing import Literal

from pydantic import BaseModel

from learntrac.kit.fields import ApiTime

ServiceState = Literal["healthy", "degraded", "unavailable", "embedded", "starting", "not_configured"]


class Health(BaseModel):
    """The process answers. Nothing else is asked, so that a slow database does not get it killed."""

    status: Literal["healthy"] = "healthy"
    version: str
    timestamp: ApiTime


class Ready(BaseModel):
    """This process can serve requests."""

    status: Literal["ready"] = "ready"


class Check(BaseModel):
    """How one service answered; `detail` says what is wrong, or which twin is at work."""

    state: ServiceState
    response_time_ms: float
    detail: str | None = None


class Status(BaseModel):
    """All services by name. `embedded`: this process does it itself. `starting`: it will, and is made ready just now.
    `operational` unless one that is needed is not well.
    """

    status: Literal["operational", "degraded", "down"]
    services: dict[str, ServiceState]
    checks: dict[str, Check]
    response_time_ms: float
    uptime_seconds: int
