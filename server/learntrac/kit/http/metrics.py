"""`GET /metrics`: what this server measures of itself, for a Prometheus that may read it and for nobody else."""

import asyncio
import hmac
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from fastapi import FastAPI, Request, Response

from learntrac.kit.errors import AuthenticationFailed, PermissionRefused

Network = IPv4Network | IPv6Network

_THIS_MACHINE = ("127.0.0.0/8", "::1")
_PASSED_ON = ("x-forwarded-for", "forwarded", "x-real-ip", "via")
"""Headers that tell of a proxy: what it passes on comes from its own address, whoever asked."""


class ScraperToken(AuthenticationFailed):
    """401: metrics are read with a token here, and it is missing or wrong."""

    def __init__(self) -> None:
        super().__init__("Metrics need the token of LEARNTRAC_METRICS_TOKEN, as `Authorization: Bearer …`.")


class ScraperAddress(PermissionRefused):
    """403: metrics are not for this address."""

    def __init__(self) -> None:
        super().__init__("Metrics are not for this address: see LEARNTRAC_METRICS_TOKEN and LEARNTRAC_METRICS_FROM.")


def add_metrics(app: FastAPI, *, token: str | None, networks: Iterable[str]) -> None:
    """Add the door. With a token everybody needs it; without one, only these networks may read, by default this
    machine, and nothing that a proxy has passed on.
    """
    allowed = tuple(map(ip_network, (*networks,) or _THIS_MACHINE))

    @app.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        if token is not None:
            _check_token(request, token)
        elif not _is_from(request, allowed):
            raise ScraperAddress
        measured = request.app.state.metrics
        measured.sample()
        body, kind = await asyncio.to_thread(measured.render, request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": kind})


def _check_token(request: Request, token: str) -> None:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not hmac.compare_digest(given.encode(), token.encode()):
        raise ScraperToken


def _is_from(request: Request, networks: tuple[Network, ...]) -> bool:
    if any(name in request.headers for name in _PASSED_ON):
        return False
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
