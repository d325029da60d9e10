"""Errors that a caller is told about: each class carries the code and status that the envelope shows.

Anything else that is raised becomes a 500 with no detail: what went wrong inside is for the log.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Detail:
    """One line of an error's `details`: the field (dotted; empty for the whole request) and what is wrong with it."""

    field: str
    message: str


class LearnTracError(Exception):
    """An error with a code of the API specification and the HTTP status that goes with it."""

    status = 500
    code = "SERVER_ERROR"

    def __init__(self, message: str, *, details: Sequence[Detail] = (), retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = tuple(details)
        self.retry_after_seconds = retry_after_seconds


class ValidationFailed(LearnTracError):
    """400: the request is not of the documented form."""

    status, code = 400, "VALIDATION_ERROR"


class AuthenticationFailed(LearnTracError):
    """401: no, wrong, expired or revoked credentials."""

    status, code = 401, "AUTHENTICATION_ERROR"


class PermissionRefused(LearnTracError):
    """403: known, but the role is missing."""

    status, code = 403, "AUTHORIZATION_ERROR"


class NotFound(LearnTracError):
    """404: there is no such thing, or not for this caller."""

    status, code = 404, "NOT_FOUND"


class Conflict(LearnTracError):
    """409: the thing is not in a state that allows this."""

    status, code = 409, "CONFLICT"


class RateLimited(LearnTracError):
    """429: too many requests; carries the seconds to wait."""

    status, code = 429, "RATE_LIMIT_EXCEEDED"


class Unavailable(LearnTracError):
    """503: an outside system that this needs does not answer."""

    status, code = 503, "SERVICE_UNAVAILABLE"


CODES_BY_STATUS = {
    400: "VALIDATION_ERROR",
    401: "AUTHENTICATION_ERROR",
    403: "AUTHORIZATION_ERROR",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    408: "REQUEST_TIMEOUT",
    409: "CONFLICT",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "RATE_LIMIT_EXCEEDED",
    500: "SERVER_ERROR",
    503: "SERVICE_UNAVAILABLE",
}
"""Every code the API uses, by its status; the guide's table of errors is held to this by a test."""
