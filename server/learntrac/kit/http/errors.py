"""Every error as the specification's envelope: one handler, the framework's own errors included."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from learntrac.kit.clock import Clock, iso
from learntrac.kit.errors import CODES_BY_STATUS, Detail, LearnTracError, ValidationFailed

_MESSAGES = {
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "The request's body is too large.",
}


class ErrorDetail(BaseModel):
    """One field that was refused, and why."""

    field: str
    message: str


class ErrorBody(BaseModel):
    """What went wrong. `request_id` is also in the `X-Request-ID` header and in the server's log."""

    code: str
    message: str
    details: list[ErrorDetail]
    request_id: str
    timestamp: datetime


class ErrorEnvelope(BaseModel):
    """The form of every error."""

    model_config = ConfigDict(title="Error")

    error: ErrorBody


def handle_errors(app: FastAPI, clock: Clock) -> None:
    """Make `app` answer every error in the envelope: its own classes, validation, unknown routes, and the
    unforeseen.
    """

    def respond(request: Request, error: LearnTracError, status: int | None = None) -> Response:
        return _render(request, error, status or error.status, clock())

    @app.exception_handler(LearnTracError)
    async def ours(request: Request, error: LearnTracError) -> Response:
        return respond(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return respond(request, ValidationFailed("Invalid request parameters", details=_details(error.errors())))

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> Response:
        named = LearnTracError(_MESSAGES.get(error.status_code, str(error.detail)))
        named.code = CODES_BY_STATUS.get(error.status_code, "VALIDATION_ERROR")
        response = respond(request, named, error.status_code)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, _error: ClientDisconnect) -> Response:
        return respond(request, ValidationFailed("The request ended before its body was complete."))

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, _error: Exception) -> Response:
        return respond(request, LearnTracError("Internal server error"))


def envelope(error: LearnTracError, *, request_id: str, now: datetime) -> bytes:
    """The JSON body that tells of `error`."""
    body = {
        "code": error.code,
        "message": error.message,
        "details": [{"field": line.field, "message": line.message} for line in error.details],
        "request_id": request_id,
        "timestamp": iso(now),
    }
    return orjson.dumps({"error": body})


def _render(request: Request, error: LearnTracError, status: int, now: datetime) -> Response:
    body = envelope(error, request_id=request.scope["edge"].request_id, now=now)
    response = Response(body, status, media_type="application/json")
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _details(errors: Sequence[Any]) -> list[Detail]:
    # The refused value itself is left out: it may be a password, or text that JSON cannot carry.
    return [Detail(_field(error), _printable(error["msg"])) for error in errors[:20]]


def _field(error: Any) -> str:
    # Of a body that is no JSON the framework gives the place in the text, which is no field.
    location = () if error["type"] == "json_invalid" else error["loc"]
    parts = [str(part) for part in location if part not in ("body", "query", "path", "header")]
    return _printable(".".join(parts))


def _printable(text: str) -> str:
    return text.removeprefix("Value error, ").encode("utf-8", "replace").decode()[:300]
