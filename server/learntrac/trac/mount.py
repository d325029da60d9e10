"""Trac 1.6 inside LearnTrac's own process, as an ASGI application to mount under a path such as `/trac`.

Trac keeps running as it would behind a web server: it makes its own pages, cookies and form tokens. LearnTrac
stands where the web server stood, and asks for name and password at `/login` only.
"""

import base64
import io
import locale
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Any

from a2wsgi import WSGIMiddleware

from learntrac.trac.trac16 import dispatch_request

MAX_BODY_BYTES = 10 * 2**20
WORKERS = 4

_CHALLENGE = ("WWW-Authenticate", 'Basic realm="LearnTrac", charset="UTF-8"')
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApplication = Callable[[Message, Receive, Send], Awaitable[None]]
SignIn = Callable[[str, str, str], bool]
WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def mounted(environment: Path, check: SignIn) -> AsgiApplication:
    """The Trac of this folder; its links, redirects and cookies follow the path it is mounted under.

    `check(username, password, address)` says whether to sign in. It runs in a worker thread, and slowing down who
    guesses is its own business. A body over 10 MiB is refused with 413, a query that is not ASCII with 400.
    """
    # The queue has no bound, or a reader that is slow or gone would hold a worker for as long as it likes.
    bridge = WSGIMiddleware(_trac(environment, check), workers=WORKERS, send_queue_size=0)

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await bridge(scope, receive, send)
        elif not scope["query_string"].isascii():
            await _refuse(send, 400)
        else:
            await _serve(bridge, scope, receive, send)

    return application


async def _serve(bridge: AsgiApplication, scope: Message, receive: Receive, send: Send) -> None:
    """With the whole body at hand, so that a slow sender holds no worker."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY_BYTES:
            await _refuse(send, 413)
            return

    async def receive_whole() -> Message:
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    await bridge(scope, receive_whole, send)


async def _refuse(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def _trac(environment: Path, check: SignIn) -> WsgiApplication:
    path = str(environment.resolve())
    process_locale = locale.setlocale(locale.LC_ALL)

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        environ |= {"trac.env_path": path, "trac.locale": process_locale}  # or Trac sets the process another
        if re.match("/login(/|$)", environ["PATH_INFO"]) and not _sign_in(environ, check):
            start_response("401 Unauthorized", [_CHALLENGE, ("Content-Length", "0")])
            return []

        def start_without_error(status: str, headers: list[tuple[str, str]], _error: object = None) -> Any:
            """The error is one that Trac has logged and answers itself; the bridge would raise it again."""
            return start_response(status, headers)

        answer: Iterable[bytes] = dispatch_request(environ, start_without_error)
        return answer

    return application


def _sign_in(environ: dict[str, Any], check: SignIn) -> bool:
    credentials = read_basic(environ.get("HTTP_AUTHORIZATION", ""))
    if credentials is None or not check(*credentials, environ.get("REMOTE_ADDR", "")):
        return False
    environ["REMOTE_USER"] = credentials[0]
    return True


def read_basic(header: str) -> tuple[str, str] | None:
    """User name and password of an `Authorization: Basic` header (RFC 7617); None for anything else.

    The header is one character per byte. What is not UTF-8 is read as Latin-1, as old browsers send it.
    """
    scheme, _, encoded = header.strip().partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except ValueError:
        return None
    try:
        text = decoded.decode()
    except UnicodeDecodeError:
        text = decoded.decode("latin-1")
    username, colon, password = text.partition(":")
    if scheme.lower() != "basic" or not username or not colon or _CONTROL_CHARACTER.search(text):
        return None
    return username, password
