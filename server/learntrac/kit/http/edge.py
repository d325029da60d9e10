"""The outermost layer of the server: request ids, headers, the access log, slow bodies, and the last resort of an
error.

Plain ASGI, one wrapper: a stack of middleware classes would cost more than the handlers it wraps.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException

from learntrac.kit.asgi import ASGI, Message, Receive, Scope, Send, route_of
from learntrac.kit.logs import LogContext, access_log, bind_request, error_log
from learntrac.kit.metrics import Metrics
from learntrac.kit.redaction import is_telling

__all__ = ["ASGI", "Edge", "Message", "Receive", "RequestState", "Scope", "Send"]

_OWN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_JSON_SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
_FORM = b"application/x-www-form-urlencoded"
_FILES = b"multipart/form-data"


@dataclass
class RequestState(LogContext):
    """What one request carries along: its id, who asks (once known) and the headers that its answer gets.

    A door that is handed a password names it in `passwords`, so that no line of the log can hold it.
    """

    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)
    asked_with: Sequence[tuple[bytes, bytes]] = ()
    query: bytes = b""

    def secrets(self) -> Iterable[str]:
        """What this request brought along: credentials, and whatever its query names so."""
        yield from self.passwords
        for name, value in self.asked_with:
            if is_telling(name.decode("latin-1")):
                yield value.decode("latin-1").partition(" ")[2] or value.decode("latin-1")
        for parameter, word in parse_qsl(self.query.decode("latin-1"), errors="replace"):
            if is_telling(parameter):
                yield word


class Edge:
    """Wraps the API: `Edge(app)` is what the server runs.

    `form_paths` are the paths that take a form as well as JSON, `file_paths` those that take a form with files, and
    nothing else. `body_timeout_seconds` bounds the wait for each
    piece of a body, and `whole_body_timeout_seconds` for all of them: the server itself would wait for ever. Every
    answer is noted in `metrics`.
    """

    def __init__(
        self,
        app: ASGI,
        *,
        form_paths: frozenset[str] = frozenset(),
        file_paths: frozenset[str] = frozenset(),
        body_timeout_seconds: float = 20,
        whole_body_timeout_seconds: float = 120,
        metrics: Metrics | None = None,
    ) -> None:
        self._app = app
        self._metrics = metrics or Metrics()
        self._form_paths = form_paths
        self._file_paths = file_paths
        self._body_timeout_seconds = body_timeout_seconds
        self._whole_body_timeout_seconds = whole_body_timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = RequestState(_request_id(scope), asked_with=scope["headers"], query=scope.get("query_string", b""))
        scope["edge"] = state
        bind_request(state)
        await self._answer(scope, receive, _Answer(send, state), state)

    async def _answer(self, scope: Scope, receive: Receive, answer: "_Answer", state: RequestState) -> None:
        begun = time.perf_counter()
        self._metrics.in_flight += 1
        try:
            await self._app(scope, self._bounded(scope, receive), answer.send)
        except Exception as error:
            error_log(error, path=scope["path"])
            if not answer.started:
                raise
        finally:
            seconds = time.perf_counter() - begun
            self._metrics.in_flight -= 1
            self._metrics.answered(route_of(scope), scope["method"], answer.status, seconds)
            access_log(
                method=scope["method"],
                path=scope["path"],
                status=answer.status,
                duration_ms=round(seconds * 1000, 2),
                user_id=state.user_id,
            )

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return receive

        refused = _find_refusal(scope, self._form_paths, self._file_paths)
        # FastAPI refuses a body that is declared too long in plain text; one that it has to count, in the envelope.
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"content-length"]

        now = asyncio.get_running_loop().time
        latest = now() + self._whole_body_timeout_seconds

        async def receive_in_time() -> Message:
            if refused:
                raise HTTPException(415, refused)
            try:
                async with asyncio.timeout_at(min(now() + self._body_timeout_seconds, latest)):
                    return await receive()
            except TimeoutError:
                raise HTTPException(408, "The request's body did not arrive in time.") from None

        # Only a body is waited for: once the handler works, a client that stays silent is quite in order.
        return _until_complete(receive_in_time, receive)


class _Answer:
    """Adds the headers that every answer carries and remembers what was answered."""

    def __init__(self, send: Send, state: RequestState) -> None:
        self._send = send
        self._state = state
        self.status = 500
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            headers = list(message.get("headers", ()))
            present = {name for name, _ in headers}
            headers += [pair for pair in _JSON_SAFE if pair[0] not in present]
            headers.append((b"x-request-id", self._state.request_id.encode()))
            message["headers"] = headers + self._state.headers
        await self._send(message)


def _until_complete(first: Receive, then: Receive) -> Receive:
    complete = False

    async def receive() -> Message:
        nonlocal complete
        if complete:
            return await then()
        message = await first()
        complete = not message.get("more_body", False)
        return message

    return receive


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _OWN_ID.fullmatch(value):
            return str(value, "ascii")
    return "req-" + secrets.token_hex(8)


def _find_refusal(scope: Scope, form_paths: frozenset[str], file_paths: frozenset[str]) -> str | None:
    """What to say of a body that is of a type that this path does not take."""
    headers = dict(scope["headers"])
    kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    empty = headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers
    if empty:
        return None
    if scope["path"] in file_paths:
        return None if kind == _FILES else "Send the body as multipart/form-data."
    if kind == b"application/json" or kind.endswith(b"+json") or (kind == _FORM and scope["path"] in form_paths):
        return None
    return "Send the body as application/json."
