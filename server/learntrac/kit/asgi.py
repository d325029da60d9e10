"""The types of ASGI, as every layer of the server passes them on."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGI = Callable[[Scope, Receive, Send], Awaitable[None]]


def route_of(scope: Scope) -> str:
    """The path of the door that took this request, with its parameters unnamed; empty where none did."""
    return getattr(scope.get("route"), "path", "")
