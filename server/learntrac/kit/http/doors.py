"""Doors that everybody waits at. What such a door takes is laid out once; FastAPI works it out anew in every request,
which is a fifth of the time of a short read (docs/decisions/0007-hot-reads.md).
"""

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Annotated, Any, cast, get_args, get_origin

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.params import Depends
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from learntrac.kit.http.query import refused_at

API = "/api/learntrac/v1"
"""The address under which the specification's doors are."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Ask = Callable[[Request], Awaitable[Any]]


def find_plan(route: APIRoute, asking: type) -> Handler | None:
    """The handler of a GET that takes nothing but the request, parts of its path and what dependencies of the class
    `asking` tell of the request, and that answers with a Response. None for any other: FastAPI handles it.

    As with FastAPI, whoever asks is asked for before a part of the path is complained of.
    """
    door = inspect.signature(route.endpoint, eval_str=True)
    if route.methods != {"GET"} or door.return_annotation is not Response:
        return None
    takes = {name: parameter.annotation for name, parameter in door.parameters.items()}
    requests = [name for name, kind in takes.items() if kind is Request]
    asks = {name: ask for name, kind in takes.items() if (ask := _find_ask(kind, asking)) is not None}
    parts = {name: TypeAdapter(kind) for name, kind in takes.items() if f"{{{name}}}" in route.path}
    if len(takes) != len(requests) + len(asks) + len(parts):
        return None

    async def handle(request: Request) -> Response:
        values: dict[str, Any] = dict.fromkeys(requests, request)
        for name, ask in asks.items():
            values[name] = await ask(request)
        values |= _read_path(request.path_params, parts)
        answer: Response = await route.endpoint(**values)
        return answer

    return handle


def _find_ask(kind: Any, asking: type) -> Ask | None:
    if get_origin(kind) is not Annotated:
        return None
    for one in get_args(kind)[1:]:
        if isinstance(one, Depends) and isinstance(one.dependency, asking):
            return cast("Ask", one.dependency)
    return None


def _read_path(given: Mapping[str, str], parts: Mapping[str, TypeAdapter[Any]]) -> dict[str, Any]:
    """The parts of the path. Raises RequestValidationError."""
    values, refused = {}, []
    for name, kind in parts.items():
        try:
            values[name] = kind.validate_python(given[name])
        except ValidationError as error:
            refused += refused_at(error, "path", name)
    if refused:
        raise RequestValidationError(refused)
    return values
