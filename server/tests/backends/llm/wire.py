"""An HTTP server that does at the wire what a test says: for clients of language models, well served or badly."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast

import h11


@dataclass(frozen=True)
class Received:
    """A request as it came; names of headers in small letters."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Exchange:
    """One request, and what is done to its client."""

    def __init__(
        self, received: Received, connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.received = received
        self._connection, self._reader, self._writer = connection, reader, writer

    async def begin(self, status: int = 200, headers: dict[str, str] | None = None) -> None:
        lines = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        await self._send(h11.Response(status_code=status, headers=[*lines, (b"connection", b"close")]))

    async def send(self, data: bytes) -> None:
        await self._send(h11.Data(data))

    async def end(self) -> None:
        await self._send(h11.EndOfMessage())

    async def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        await self.begin(status, headers | {"content-length": str(len(body))})
        await self.send(body)
        await self.end()

    def reset(self) -> None:
        """Not an end but a broken line: RST."""
        connected = cast("socket.socket", self._writer.get_extra_info("socket"))
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def until_client_leaves(self) -> None:
        with suppress(ConnectionError):
            while await self._reader.read(65536):
                pass

    async def _send(self, event: Any) -> None:
        self._writer.write(self._connection.send(event) or b"")
        await self._writer.drain()


Act = Callable[[Exchange], Awaitable[None]]


@dataclass
class WireServer:
    """Does the acts in turn, and the last of them from then on. `left` counts clients that left an act unfinished."""

    url: str = ""
    acts: list[Act] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    left: int = 0
    problems: list[str] = field(default_factory=list)
    """What a client did that no real server would have accepted."""

    def will(self, *acts: Act) -> None:
        """Do these from now on."""
        self.acts = list(acts)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        try:
            received = await _receive(connection, reader)
            if received is None:
                return
            self.received.append(received)
            act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
            await act(Exchange(received, connection, reader, writer))
        except ConnectionError:
            self.left += 1
        finally:
            writer.close()


async def _receive(connection: h11.Connection, reader: asyncio.StreamReader) -> Received | None:
    request, body = None, b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(65536)
            if not data and request is None:
                return None
            connection.receive_data(data)
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        else:
            break
    assert request is not None
    headers = {name.decode().lower(): value.decode() for name, value in request.headers}
    return Received(request.method.decode(), request.target.decode(), headers, body)


@asynccontextmanager
async def wire_server() -> AsyncIterator[WireServer]:
    """A server on a free port of this machine."""
    wire = WireServer()
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield wire


async def hang(exchange: Exchange) -> None:
    """Take the request, and never answer."""
    await exchange.until_client_leaves()


async def reset(exchange: Exchange) -> None:
    """Break the line before a byte of the answer."""
    exchange.reset()


async def garbage(exchange: Exchange) -> None:
    """Answer something that is of no protocol, with a good status."""
    await exchange.reply(200, {"content-type": "application/json"}, b"\x00\xff<html>it works!</html>")


def refusing(status: int, *, retry_after: str | None = None) -> Act:
    """Refuse with a status, as gateways do, and with the caller's own words in the body."""

    async def refuse(exchange: Exchange) -> None:
        headers = {"content-type": "application/json"} | ({"retry-after": retry_after} if retry_after else {})
        said = {"error": {"message": f"no: {exchange.received.body.decode()[:200]}", "code": "overloaded"}}
        await exchange.reply(status, headers, json.dumps(said).encode())

    return refuse


def sending(
    content_type: str, pieces: Iterable[bytes], *, then: Act | None = None, every_seconds: float = 0, status: int = 200
) -> Act:
    """Send pieces of a body one by one, and then end, or do something else."""
    all_pieces = list(pieces)

    async def send(exchange: Exchange) -> None:
        await exchange.begin(status, {"content-type": content_type, "transfer-encoding": "chunked"})
        for piece in all_pieces:
            await exchange.send(piece)
            await asyncio.sleep(every_seconds)
        await (then(exchange) if then else exchange.end())

    return send


def json_reply(body: dict[str, Any], headers: dict[str, str] | None = None) -> Act:
    """One JSON document."""

    async def send(exchange: Exchange) -> None:
        await exchange.reply(200, {"content-type": "application/json"} | (headers or {}), json.dumps(body).encode())

    return send
