"""The HTTP server in this process: uvicorn, with the patience it lacks, stopped cleanly by Ctrl-C or SIGTERM."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from learntrac.kit.logs import get_logger

HEADERS_WITHIN_SECONDS = 20
BACKLOG = 2048
"""Connections that may wait to be taken."""
ONE_BY_ONE_TIMES = 16
OTHERS_FIRST_SECONDS = 0.001
WHILE_FULL_SECONDS = 1.0
KEPT_ALIVE_SECONDS = 75
"""Longer than a proxy keeps an idle connection (60 s in nginx and in AWS), so that it is the proxy that closes it."""
LARGEST_FRAME_BYTES = 1024 * 1024
"""Of one message over a WebSocket. A larger one ends the connection with code 1009, unread."""
LAST_REQUEST_WITHIN_SECONDS = 1
STOPPED_WITHIN_SECONDS = 10

_log = get_logger("learntrac.server")


class PatientProtocol(HttpToolsProtocol):
    """Drops a connection whose request line and headers are not complete in time, or the rest of a body that was
    answered before it was complete: uvicorn itself waits for ever.

    While the server stops, the next answer on each connection says that it is the last. uvicorn closes idle
    connections at once, and a request that is on its way meets a reset.
    """

    _waiting: asyncio.TimerHandle | None = None
    _in_body = False
    _stopping = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()
        if getattr(self.server_state, "stopping", False):
            self.shutdown()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        self._in_body = True
        super().on_headers_complete()
        if self._stopping:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        self._stop_waiting()
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_body:
            self._wait()

    def shutdown(self) -> None:
        self._stopping = True
        if self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = False
        self.loop.call_later(LAST_REQUEST_WITHIN_SECONDS, self._close_when_idle)

    def _close_when_idle(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        elif not self.transport.is_closing():
            self.loop.call_later(0.1, self._close_when_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop_waiting()
        self._waiting = self.loop.call_later(HEADERS_WITHIN_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


class RefusingProtocol(WebSocketsSansIOProtocol):
    """Takes a WebSocket that was refused with an HTTP answer for settled: uvicorn calls each an error of the server."""

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True


class Server(uvicorn.Server):
    """Takes connections one by one at a socket that processes share, and tells them when it stops; also those that
    were accepted while it told the others.
    """

    heeds_signals = True

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """SIGINT and SIGTERM end it, unless somebody else in the process heeds them."""
        with super().capture_signals() if self.heeds_signals else nullcontext():
            yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        if sockets is None:
            await super().startup()
            return
        await super().startup(sockets=[])
        doors = [_Door(listener, self._make_protocol) for listener in sockets]
        self.servers = cast("list[asyncio.Server]", doors)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is under way, and end."""
        setattr(self.server_state, "stopping", True)  # noqa: B010 - a name that uvicorn's class does not declare
        await super().shutdown(sockets)

    def _make_protocol(self) -> asyncio.Protocol:
        return PatientProtocol(self.config, self.server_state, self.lifespan.state, asyncio.get_running_loop())


class _Door:
    """What uvicorn needs of asyncio's own server. That one takes all the connections that wait, so that of many
    processes the first to wake has nearly all of them. This takes one and lets the others go first for a moment; if
    that leaves some waiting time after time, twice as many each time.
    """

    def __init__(self, listener: socket.socket, make_protocol: Callable[[], asyncio.Protocol]) -> None:
        self._listener, self._make_protocol = listener, make_protocol
        self._loop = asyncio.get_running_loop()
        self._entering: set[asyncio.Task[Any]] = set()
        self._times, self._closed = 0, False
        listener.settimeout(0)
        listener.listen(BACKLOG)
        self._open()

    def close(self) -> None:
        """Take those that wait, who would be cut off with the socket, and no more."""
        self._closed = True
        self._loop.remove_reader(self._listener.fileno())
        with suppress(OSError):
            while True:
                self._enter(self._listener.accept()[0])

    async def wait_closed(self) -> None:
        """Return when those that were taken are inside."""
        await asyncio.gather(*self._entering, return_exceptions=True)

    def _open(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listener.fileno(), self._take)

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener.fileno())
        self._loop.call_later(seconds, self._open)

    def _take(self) -> None:
        taken, at_once = 0, 2 ** max(0, self._times - ONE_BY_ONE_TIMES)
        try:
            while taken < at_once:
                self._enter(self._listener.accept()[0])
                taken += 1
            self._times = min(self._times + 1, ONE_BY_ONE_TIMES + 10)
        except (BlockingIOError, ConnectionAbortedError):
            self._times = 0  # the others took the rest, or whoever came is gone
        except OSError as error:  # no descriptors or memory are left: asked again at once, it would say so again
            _log.error("no connection can be taken", error=str(error))
            self._pause(WHILE_FULL_SECONDS)
            return
        if taken:
            self._pause(OTHERS_FIRST_SECONDS)

    def _enter(self, connection: socket.socket) -> None:
        connection.settimeout(0)
        task = self._loop.create_task(self._loop.connect_accepted_socket(self._make_protocol, connection))
        self._entering.add(task)
        task.add_done_callback(self._entering.discard)


@asynccontextmanager
async def served_beside(app: Any, listener: socket.socket) -> AsyncIterator[None]:
    """Serve `app` at this socket for the length of the block, in a process whose work is another."""
    host, port = listener.getsockname()[:2]
    server = make_server(app, host=host, port=port)
    server.heeds_signals = False
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


def make_server(app: Any, *, host: str, port: int, trusted_proxies: Sequence[str] = ()) -> Server:
    """A server for `app`; run it with `await server.serve()`. `trusted_proxies`: whose X-Forwarded-For is believed."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=PatientProtocol,
        ws=RefusingProtocol,
        ws_max_size=LARGEST_FRAME_BYTES,
        # Each connection's compressor would take more memory than all the rest of it.
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_keep_alive=KEPT_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOPPED_WITHIN_SECONDS,
    )
    return Server(config)
