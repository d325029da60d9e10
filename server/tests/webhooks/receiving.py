"""A receiver of webhooks: a real HTTP server on loopback that keeps what it got and answers what it is told to."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

NETWORKS = ("127.0.0.0/8",)
Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Got:
    """A request as it came."""

    head: str
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Inbox:
    """Where webhooks are sent to. `answers` are given in turn, the last one for ever."""

    answers: list[bytes] = field(default_factory=lambda: [reply(204)])
    got: list[Got] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def events(self) -> list[str]:
        return [got.json["event"] for got in self.got]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.got.append(await read_request(reader))
        writer.write(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])


def reply(status: int, body: bytes = b"", **headers: str) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status} Something", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def read_request(reader: asyncio.StreamReader) -> Got:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return Got(first, headers, await reader.readexactly(int(headers.get("content-length", 0))))


@asynccontextmanager
async def serving_raw(handle: Handle, **how: Any) -> AsyncIterator[int]:
    """A server on loopback that answers by hand; its port."""

    at_work: set[asyncio.Task[None] | None] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at_work.add(asyncio.current_task())
        try:
            await handle(reader, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            at_work.discard(asyncio.current_task())
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, **how)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        left = [task for task in at_work if task]
        for task in left:
            task.cancel()
        await asyncio.gather(*left)
        await server.wait_closed()


@asynccontextmanager
async def inbox(*answers: bytes) -> AsyncIterator[Inbox]:
    """A receiver for as long as the block runs."""
    made = Inbox(list(answers) or [reply(204)])
    async with serving_raw(made.handle) as port:
        made.port = port
        yield made
