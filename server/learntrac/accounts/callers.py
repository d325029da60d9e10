"""Who is asking: from the Authorization header to a `Caller`, with the hourly limit counted on the way.

Doors take `SignedIn` or `MaybeSignedIn`; nobody fetches a learner's row without one.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer

from learntrac.accounts import queries
from learntrac.accounts.service import LOCAL_ROLES, SignInOver
from learntrac.accounts.throttle import rate_limited
from learntrac.accounts.tokens import Claims
from learntrac.backends.cache import Window
from learntrac.kit.db import HotReader
from learntrac.kit.errors import AuthenticationFailed, PermissionRefused

REMEMBERED_SESSIONS = 50_000

_bearer = OAuth2PasswordBearer(tokenUrl="/api/learntrac/v1/auth/login", auto_error=False)


@dataclass(frozen=True)
class Caller:
    """A signed-in user: id, roles, and the sign-in the request came with."""

    user_id: str
    roles: tuple[str, ...]
    session_id: str

    def must_be(self, role: str) -> None:
        """Raise PermissionRefused where the caller lacks `role`."""
        if role not in self.roles:
            raise PermissionRefused(f"This needs the role {role}.")


class NotSignedIn(AuthenticationFailed):
    """401: no access token."""

    def __init__(self) -> None:
        super().__init__("Sign in first: this needs an access token.")


class LiveSessions:
    """Which sign-ins are not over. The database is the truth; an answer is remembered for `remember_seconds`.

    This process's own logouts take effect at once. Zero seconds asks the database each time, which is right as soon as
    another process may close a session.
    """

    def __init__(self, reader: HotReader, *, remember_seconds: float) -> None:
        self._reader = reader
        self._remember_seconds = remember_seconds
        self._live: OrderedDict[str, tuple[float, str | None]] = OrderedDict()
        self._closed: OrderedDict[str, None] = OrderedDict()

    async def find_local_role(self, claims: Claims) -> tuple[bool, str | None]:
        """Whether the session is live, and the role of the user's local account, if there is one."""
        known = self._live.get(claims.session_id)
        if known is not None and known[0] > time.monotonic():
            return True, known[1]
        rows = await self._reader.rows(queries.IS_LIVE, claims.session_id)
        if not rows or rows[0][0] != claims.user_id or claims.session_id in self._closed:
            return False, None
        self._remember(claims.session_id, rows[0][1])
        return True, rows[0][1]

    def close(self, session_id: str) -> None:
        """Forget a session that was closed, and do not let a reading that is under way bring it back."""
        self._live.pop(session_id, None)
        self._closed[session_id] = None
        if len(self._closed) > REMEMBERED_SESSIONS:
            self._closed.popitem(last=False)

    def forget(self) -> None:
        """Ask the database anew for everybody."""
        self._live.clear()

    def _remember(self, session_id: str, role: str | None) -> None:
        if self._remember_seconds > 0:
            self._live[session_id] = (time.monotonic() + self._remember_seconds, role)
            if len(self._live) > REMEMBERED_SESSIONS:
                self._live.popitem(last=False)


async def _find_claims(request: Request, token: Annotated[str | None, Depends(_bearer)]) -> Claims | None:
    if token is None:
        if "authorization" in request.headers:
            raise AuthenticationFailed("Send the access token as `Authorization: Bearer …`.")
        return None
    state = request.app.state
    claims: Claims | None = state.tokens.find_claims(token, now=state.clock())
    if claims is None:
        raise AuthenticationFailed("Invalid or expired access token.")
    return claims


async def _find_caller(request: Request, claims: Annotated[Claims | None, Depends(_find_claims)]) -> Caller | None:
    if claims is None:
        return None
    state = request.app.state
    live, local_role = await state.live_sessions.find_local_role(claims)
    if not live:
        raise SignInOver
    await _count(request, claims.user_id)
    return Caller(
        claims.user_id,
        LOCAL_ROLES.get(local_role) or state.directory.roles(claims.user_id),
        claims.session_id,
    )


async def _get_caller(caller: Annotated[Caller | None, Depends(_find_caller)]) -> Caller:
    if caller is None:
        raise NotSignedIn
    return caller


async def _get_leaver(request: Request, claims: Annotated[Claims | None, Depends(_find_claims)]) -> Claims:
    if claims is None:
        raise NotSignedIn
    request.scope["edge"].user_id = claims.user_id
    live, _role = await request.app.state.live_sessions.find_local_role(claims)
    if live:  # whoever holds the token of a sign-in that is over must not use up its user's limit
        await _count(request, claims.user_id)
    return claims


async def _count(request: Request, user_id: str) -> None:
    state, edge = request.app.state, request.scope["edge"]
    limit = state.settings.rate_limit_per_hour
    window = await state.cache.hit(f"api:{user_id}", limit=limit, window_seconds=3600)
    edge.user_id = user_id
    edge.headers += limit_headers(window)
    if not window.allowed:
        raise rate_limited(window, f"More than {limit} requests in an hour.", state.clock)


def limit_headers(window: Window) -> list[tuple[bytes, bytes]]:
    """The three headers that tell a client where it stands."""
    return [
        (b"x-ratelimit-limit", str(window.limit).encode()),
        (b"x-ratelimit-remaining", str(window.remaining).encode()),
        (b"x-ratelimit-reset", str(window.reset_at).encode()),
    ]


SignedIn = Annotated[Caller, Depends(_get_caller)]
MaybeSignedIn = Annotated[Caller | None, Depends(_find_caller)]
Leaving = Annotated[Claims, Depends(_get_leaver)]
"""Whose token is sound, be the sign-in over or not: a logout that is sent again gets the reply of the first."""
