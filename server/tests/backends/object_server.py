"""A small server that speaks S3's protocol: one bucket in memory, and signed requests only."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from learntrac.kit.http.server import served_beside

BUCKET = "spoken"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI-EXAMPLEKEY"}
_XML = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{0}</Code><Message>{0}</Message></Error>'


@dataclass
class ObjectServer:
    """Where it is, and what lies in the bucket: {name: (content, type)}."""

    port: int
    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def _is_signed(request: Request) -> bool:
    """By a header, or, to fetch, by the address, for at most a minute."""
    header = request.headers.get("authorization", "")
    if header.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"):
        return True
    query = parse_qs(request.url.query)
    signed = "X-Amz-Signature" in query and int(query["X-Amz-Expires"][0]) <= 60
    return request.method == "GET" and signed


def _app(server: ObjectServer) -> Starlette:
    async def bucket(request: Request) -> Response:
        return Response(status_code=200 if request.path_params["bucket"] == BUCKET else 404)

    async def one(request: Request) -> Response:
        name = request.path_params["name"]
        if not _is_signed(request):
            return _error("AccessDenied", 403)
        if request.path_params["bucket"] != BUCKET:
            return _error("NoSuchBucket", 404)
        if request.method == "PUT":
            server.objects[name] = (_unchunked(request, await request.body()), request.headers["content-type"])
            return Response(headers={"ETag": '"x"'})
        if request.method == "DELETE":
            server.objects.pop(name, None)
            return Response(status_code=204)
        if name not in server.objects:
            return _error("NoSuchKey", 404)
        content, kind = server.objects[name]
        return Response(content, media_type=kind)

    return Starlette(
        routes=[
            Route("/{bucket}", bucket, methods=["HEAD"]),
            Route("/{bucket}/{name:path}", one, methods=["PUT", "GET", "DELETE"]),
        ]
    )


def _unchunked(request: Request, body: bytes) -> bytes:
    """The content of a body that came in signed chunks, each behind its length."""
    if "aws-chunked" not in request.headers.get("content-encoding", ""):
        return body
    content = b""
    while body:
        head, _, body = body.partition(b"\r\n")
        size = int(head.partition(b";")[0], 16)
        if not size:
            break
        content, body = content + body[:size], body[size + 2 :]
    return content


def _error(code: str, status: int) -> Response:
    return Response(_XML.format(code), status, media_type="application/xml")


@asynccontextmanager
async def object_server() -> AsyncIterator[ObjectServer]:
    """One that listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = ObjectServer(listener.getsockname()[1])
        async with served_beside(_app(server), listener):
            yield server
