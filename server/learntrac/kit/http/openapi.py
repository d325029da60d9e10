"""The OpenAPI document as it really is: errors in the envelope, 400 for what is invalid, and the repeatable POSTs."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from learntrac.kit.http.errors import ErrorEnvelope

_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent again within 24 hours, the same request gets the same reply and has no second effect.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_ERRORS = {
    "400": "Invalid request parameters",
    "401": "Invalid or missing authentication",
    "403": "Insufficient permissions",
    "404": "Resource not found",
    "408": "The request's body did not arrive in time",
    "409": "Resource conflict",
    "413": "The request's body is too large",
    "415": "The request's body is of a type that is not taken here",
    "429": "Too many requests",
    "503": "Something outside that this needs does not answer",
}


def describe(app: FastAPI) -> dict[str, Any]:
    """The document of `app`, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
            servers=app.servers,
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        error = ErrorEnvelope.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= error.pop("$defs")
        schemas["Error"] = error
        for path in document["paths"].values():
            for method, operation in path.items():
                _complete(method, operation)
        app.openapi_schema = document
    return app.openapi_schema


def _complete(method: str, operation: dict[str, Any]) -> None:
    operation["responses"].pop("422", None)
    operation["summary"], _, more = operation.get("description", operation["summary"]).partition("\n")
    operation["description"] = more.strip()
    named = [status for status in operation["responses"] if int(status) >= 400]
    for status in (*_statuses(method, operation), *named):
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
        operation["responses"][status] = {"description": _ERRORS[status], "content": content}
    if method != "get":
        operation.setdefault("parameters", []).append(_KEY)


def _statuses(method: str, operation: dict[str, Any]) -> list[str]:
    found = ["503"]
    if method == "post" or operation.get("parameters"):
        found.append("400")
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", ())):
        found.append("404")
    if operation.get("security"):
        found += ["401", "403", "429"]
    if method in ("post", "put"):
        found += ["401", "408", "409", "413", "415", "429"]
    elif method != "get":
        found += ["401", "409", "429"]
    return sorted(set(found))
