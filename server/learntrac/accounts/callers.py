"""Who is asking: from the Authorization header to a `Caller`, with the hourly limit counted on the way.

Doors take `SignedIn` or `MaybeSignedIn`; nobody fetches a learner's row without one.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import OAuth2PasswordBearer
from fastapi.security.utils import get_authorization_scheme_param
from starlette.exceptions import HTTPException

from learntrac.accounts.service import LOCAL_ROLES, LearnerNotFound, SignInOver, find_learner
from learntrac.accounts.throttle import rate_limited
from learntrac.accounts.tokens import Claims
from learntrac.audit.requests import origin_of
from learntrac.audit.service import record
from learntrac.backends.cache import Window
from learntrac.kit.errors import AuthenticationFailed, PermissionRefused
from learntrac.kit.http.doors import find_plan


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


class _Asking(OAuth2PasswordBearer):
    """A dependency that is its own security scheme in the OpenAPI document: each level of dependencies costs as much
    as the token's check.
    """

    def __init__(self) -> None:
        super().__init__(tokenUrl="/api/learntrac/v1/auth/login", scheme_name="OAuth2PasswordBearer", auto_error=False)


class _MaybeSignedIn(_Asking):
    async def __call__(self, request: Request) -> Caller | None:  # type: ignore[override] # who bears it, not the token
        claims = _find_claims(request)
        return None if claims is None else await _get_caller(request, claims)


class _SignedIn(_Asking):
    async def __call__(self, request: Request) -> Caller:  # type: ignore[override] # who bears it, not the token
        return await _get_caller(request, _get_claims(request))


class _Leaving(_Asking):
    async def __call__(self, request: Request) -> Claims:  # type: ignore[override] # whose it is, not the token
        claims = _get_claims(request)
        request.scope["edge"].user_id = claims.user_id
        live, _role = await request.app.state.live_sessions.find_local_role(claims)
        if live:  # whoever holds the token of a sign-in that is over must not use up its user's limit
            await _count(request, claims.user_id)
        return claims


def _get_claims(request: Request) -> Claims:
    claims = _find_claims(request)
    if claims is None:
        raise NotSignedIn
    return claims


def _find_claims(request: Request) -> Claims | None:
    authorization = request.headers.get("authorization")
    if authorization is None:
        return None
    scheme, token = get_authorization_scheme_param(authorization)
    if scheme.lower() != "bearer":
        raise AuthenticationFailed("Send the access token as `Authorization: Bearer …`.")
    state = request.app.state
    claims: Claims | None = state.tokens.find_claims(token, now=state.clock())
    if claims is None:
        raise AuthenticationFailed("Invalid or expired access token.")
    return claims


async def _get_caller(request: Request, claims: Claims) -> Caller:
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


async def _count(request: Request, user_id: str) -> None:
    state, edge = request.app.state, request.scope["edge"]
    limit = state.settings.rate_limit_per_hour
    window = await state.cache.hit(f"api:{user_id}", limit=limit, window_seconds=3600)
    edge.user_id = user_id
    edge.headers += limit_headers(window)
    if not window.allowed:
        raise rate_limited(window, f"More than {limit} requests in an hour.", state.clock)


async def whose(request: Request, caller: Caller, user_id: str | None, *, action: str) -> str:
    """The learner a request is about: the caller, or for an instructor anybody who signed in here or whom Trac knows.

    A look at somebody else is in the audit log as `action` before it is answered.
    Raises PermissionRefused and LearnerNotFound.
    """
    if user_id is None or user_id == caller.user_id:
        return caller.user_id
    caller.must_be("instructor")
    state = request.app.state
    async with state.database.read() as session:
        learner = await find_learner(session, user_id=user_id)
    if learner is None and not await state.directory.has_account(user_id):
        raise LearnerNotFound
    origin = origin_of(request)
    async with state.database.begin() as session:
        await record(session, actor=caller.user_id, action=action, subject=user_id, now=state.clock(), origin=origin)
    return user_id


def limit_headers(window: Window) -> list[tuple[bytes, bytes]]:
    """The three headers that tell a client where it stands."""
    return [
        (b"x-ratelimit-limit", str(window.limit).encode()),
        (b"x-ratelimit-remaining", str(window.remaining).encode()),
        (b"x-ratelimit-reset", str(window.reset_at).encode()),
    ]


class GuardedRoute(APIRoute):
    """A route that asks who is there before it complains of a body that cannot be read: FastAPI reads it first. A short
    read is not left to FastAPI at all.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return find_plan(self, _Asking) or self._guarded()

    def _guarded(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        guards = [found.call for found in self.dependant.dependencies if isinstance(found.call, _SignedIn)]

        async def guarded(request: Request) -> Response:
            try:
                return await handle(request)
            except (RequestValidationError, HTTPException) as error:
                if _is_unread(error):
                    for guard in guards:
                        await guard(request)
                raise

        return guarded


def _is_unread(error: RequestValidationError | HTTPException) -> bool:
    """Whether this came of the body before any dependency was asked; our own refusals are of neither class."""
    return isinstance(error, HTTPException) or any(line["type"] == "json_invalid" for line in error.errors())


SignedIn = Annotated[Caller, Depends(_SignedIn())]
MaybeSignedIn = Annotated[Caller | None, Depends(_MaybeSignedIn())]
Leaving = Annotated[Claims, Depends(_Leaving())]
"""Whose token is sound, be the sign-in over or not: a logout that is sent again gets the reply of the first."""
