"""The HTTP server in this process: uvicorn, with the patience it lacks, stopped cleanly by Ctrl-C or SIGTERM."""

import asyncio
from collections.abc import Sequence
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_WITHIN_SECONDS = 20
STOPPED_WITHIN_SECONDS = 10


class PatientProtocol(HttpToolsProtocol):
    """Drops a connection whose request line and headers are not complete in time, or the rest of a body that was
    answered before it was complete: uvicorn itself waits for ever.
    """

    _waiting: asyncio.TimerHandle | None = None
    _in_body = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._stop_waiting()
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_body:
            self._wait()

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


def make_server(app: Any, *, host: str, port: int, trusted_proxies: Sequence[str] = ()) -> uvicorn.Server:
    """A server for `app`; run it with `await server.serve()`. `trusted_proxies`: whose X-Forwarded-For is believed."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_graceful_shutdown=STOPPED_WITHIN_SECONDS,
    )
    return uvicorn.Server(config)
