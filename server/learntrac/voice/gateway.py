"""The door of an API gateway: its `$connect`, `$disconnect` and `$default`, each an HTTP call with a secret."""

import hmac

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from learntrac.audit.requests import origin_of
from learntrac.kit.errors import AuthenticationFailed, NotFound, ValidationFailed
from learntrac.voice.gateway_talks import GatewayTalks

PATH = "/ws/voice/gateway"
CONNECTION, ROUTE, SECRET = "x-gateway-connection", "x-gateway-route", "x-gateway-secret"
"""The headers that the gateway's integrations set."""
LONGEST_CONNECTION_ID = 128


async def gateway(request: Request) -> Response:
    """What the gateway tells of one connection."""
    state = request.app.state
    talks: GatewayTalks | None = state.gateway_talks
    if talks is None:
        raise NotFound("There is nothing at this address.")
    given = request.headers.get(SECRET, "")
    if not hmac.compare_digest(given.encode(), (state.settings.voice_gateway_secret or "").encode()):
        raise AuthenticationFailed("This is for the gateway.")
    connection_id = request.headers.get(CONNECTION, "")
    if not 0 < len(connection_id) <= LONGEST_CONNECTION_ID:
        raise ValidationFailed(f"{CONNECTION} must name the connection.")
    await _tell(talks, request, connection_id)
    return JSONResponse({"ok": True})


async def _tell(talks: GatewayTalks, request: Request, connection_id: str) -> None:
    match request.headers.get(ROUTE):
        case "$connect":
            await talks.connected(connection_id, request.query_params.get("token"))
        case "$default":
            await talks.message(connection_id, await request.body(), origin_of(request))
        case "$disconnect":
            await talks.disconnected(connection_id)
        case _:
            raise ValidationFailed(f"{ROUTE} must be $connect, $default or $disconnect.")


route = Route(PATH, gateway, methods=["POST"])
