"""AWS API Gateway as far as voice needs it: a WebSocket in front, an HTTP call behind for each thing that happens, and
the management API through which answers come back.

As in AWS, each message is a call of its own, several may be under way at once, and any of the servers may get any.
"""

import asyncio
import itertools
import secrets
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import websockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request as Handshake
from websockets.http11 import Response as Refusal

from learntrac.kit.http.server import served_beside

SECRET = "a secret of the gateway's, long enough"
LARGEST_MESSAGE_BYTES = 128 * 1024
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI-EXAMPLEKEY",
    "AWS_DEFAULT_REGION": "eu-central-1",
}


@dataclass
class GatewayEmulator:
    """Its two addresses, what it was told, and who is connected."""

    listener: socket.socket
    backends: list[str] = field(default_factory=list)
    port: int = 0
    calls: list[tuple[str, str, int]] = field(default_factory=list)
    """(route, backend, status) of each call behind."""
    connections: dict[str, ServerConnection] = field(default_factory=dict)
    secret: str = SECRET

    @property
    def management_url(self) -> str:
        """What LEARNTRAC_VOICE_GATEWAY_URL names."""
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def url(self, token: str | None = None) -> str:
        """Where clients connect."""
        return f"ws://127.0.0.1:{self.port}/live" + (f"?token={token}" if token else "")


class _Front:
    def __init__(self, emulator: GatewayEmulator, client: httpx.AsyncClient) -> None:
        self._emulator = emulator
        self._client = client
        self._turns = itertools.count()
        self._ids: dict[ServerConnection, str] = {}

    async def greet(self, connection: ServerConnection, handshake: Handshake) -> Refusal | None:
        """`$connect`: whoever answers 200 lets the client in."""
        connection_id = secrets.token_urlsafe(12)
        query = handshake.path.partition("?")[2]
        status = await self._call("$connect", connection_id, b"", query)
        if status >= 400:
            return connection.respond(status if status < 500 else 500, "refused\n")
        self._ids[connection] = connection_id
        self._emulator.connections[connection_id] = connection
        return None

    async def serve(self, connection: ServerConnection) -> None:
        """`$default` for each message, `$disconnect` at the end."""
        connection_id = self._ids.pop(connection)
        try:
            async with asyncio.TaskGroup() as calls:
                async for message in connection:
                    body = message.encode() if isinstance(message, str) else message
                    calls.create_task(self._call("$default", connection_id, body))
        finally:
            self._emulator.connections.pop(connection_id, None)
            await self._call("$disconnect", connection_id, b"")

    async def _call(self, route: str, connection_id: str, body: bytes, query: str = "") -> int:
        backends = self._emulator.backends
        backend = backends[next(self._turns) % len(backends)]
        headers = {
            "X-Gateway-Connection": connection_id,
            "X-Gateway-Route": route,
            "X-Gateway-Secret": self._emulator.secret,
            "Content-Type": "application/json",
        }
        url = f"{backend}/ws/voice/gateway?{query}"
        answer = await self._client.post(url, content=body, headers=headers, timeout=29)
        self._emulator.calls.append((route, backend, answer.status_code))
        return answer.status_code


def _management(emulator: GatewayEmulator) -> Starlette:
    async def connection(request: Request) -> Response:
        assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        found = emulator.connections.get(request.path_params["connection_id"])
        if found is None:
            return Response(status_code=410)
        if request.method == "DELETE":
            await found.close()
            return Response(status_code=204)
        body = await request.body()
        if len(body) > LARGEST_MESSAGE_BYTES:
            return Response(status_code=413)
        try:
            await found.send(body.decode())
        except websockets.ConnectionClosed:
            return Response(status_code=410)
        return Response(status_code=200)

    return Starlette(routes=[Route("/@connections/{connection_id}", connection, methods=["POST", "DELETE"])])


@asynccontextmanager
async def management() -> AsyncIterator[GatewayEmulator]:
    """The gateway's management API, before there is anything behind it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        emulator = GatewayEmulator(listener)
        async with served_beside(_management(emulator), listener):
            yield emulator


@asynccontextmanager
async def in_front_of(emulator: GatewayEmulator, backends: Sequence[str]) -> AsyncIterator[None]:
    """The gateway's WebSocket, with these servers behind."""
    emulator.backends[:] = backends
    async with httpx.AsyncClient() as client:
        front = _Front(emulator, client)
        async with serve(
            front.serve, "127.0.0.1", 0, process_request=front.greet, max_size=LARGEST_MESSAGE_BYTES
        ) as at:
            emulator.port = next(iter(at.sockets)).getsockname()[1]
            yield
