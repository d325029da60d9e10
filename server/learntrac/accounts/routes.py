"""The doors of signing in."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.accounts import service
from learntrac.accounts.callers import Leaving, SignedIn
from learntrac.accounts.directory import LocalProfile
from learntrac.accounts.live_sessions import SIGNED_OUT
from learntrac.accounts.schemas import (
    LearningProfile,
    LoginReply,
    LoginRequest,
    LogoutReply,
    Me,
    RefreshReply,
    RefreshRequest,
)
from learntrac.accounts.throttle import Throttle
from learntrac.audit.requests import origin_of
from learntrac.audit.service import SYSTEM, record
from learntrac.kit.clock import from_micros
from learntrac.kit.errors import NotFound
from learntrac.kit.http.doors import API
from learntrac.kit.http.writing import Write

router = APIRouter(prefix=f"{API}/auth", tags=["Authentication"])

ProfileReader = Callable[[AsyncSession, str], Awaitable[LearningProfile]]
"""Reads a learner's profile from the evidence; handed in, as evidence lives above accounts."""

_LOGIN_FORMS = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": LoginRequest.model_json_schema()},
            "application/x-www-form-urlencoded": {"schema": LoginRequest.model_json_schema()},
        },
    }
}


async def _login_request(request: Request) -> LoginRequest:
    """The body, JSON or form: the form is what OAuth 2 prescribes and the interactive page sends."""
    try:
        body = await request.body()  # first, for the form is read from it and `Writing` asks for it again
        if request.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
            login = LoginRequest.model_validate(dict(await request.form()))
        else:
            login = LoginRequest.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_context=False, include_input=False)) from None
    request.scope["edge"].passwords.append(login.password)
    return login


@router.post("/login", response_model=LoginReply, openapi_extra=_LOGIN_FORMS)
async def login(request: Request, body: Annotated[LoginRequest, Depends(_login_request)], write: Write) -> Response:
    """Login with username and password: those of Trac, or of a local account. 429 after 10 wrong ones in 5 minutes."""
    state = request.app.state
    user_id, local_role = await _authenticated(request, body)
    request.scope["edge"].user_id = user_id
    profile = LocalProfile() if local_role else await state.directory.get_profile(user_id)
    roles = service.LOCAL_ROLES.get(local_role) or state.directory.roles(user_id)
    return await write.run(
        lambda session: service.open_session(
            session,
            user_id=user_id,
            profile=profile,
            roles=roles,
            tokens=state.tokens,
            now=state.clock(),
            origin=origin_of(request),
        )
    )


async def _authenticated(request: Request, body: LoginRequest) -> tuple[str, str | None]:
    """The user's id, and the role where the account is a local one."""
    state = request.app.state
    throttle: Throttle = state.throttle
    found = await throttle.attempt(
        lambda: _find_user(request, body),
        address=request.client.host if request.client else "unknown",
        username=body.username,
        used_up=lambda: _record_guessing(request, body.username),
    )
    state.metrics.signed_in(ok=found is not None)
    if found is None:
        raise service.WrongCredentials
    return found


async def _record_guessing(request: Request, username: str) -> None:
    # Not every wrong password: anybody could fill the log, and now and then it is a password that was typed as a name.
    state, origin = request.app.state, origin_of(request)
    async with state.database.begin() as session:
        await record(session, actor=SYSTEM, action="login.blocked", subject=username, now=state.clock(), origin=origin)


async def _find_user(request: Request, body: LoginRequest) -> tuple[str, str | None] | None:
    state = request.app.state
    async with state.database.read() as session:
        local = await service.find_local_account(session, user_id=body.username)
    if local is not None:
        fits = await service.password_fits(local.password_hash, body.password)
        return (body.username, local.role) if fits else None
    user_id = await state.directory.authenticate(body.username, body.password)
    return None if user_id is None else (user_id, None)


@router.post("/refresh", response_model=RefreshReply)
async def refresh(request: Request, body: RefreshRequest, write: Write) -> Response:
    """Refresh access token"""
    state = request.app.state
    await _identify(request, body.refresh_token)
    try:
        return await write.run(
            lambda session: service.refresh_session(
                session,
                refresh_token=body.refresh_token,
                tokens=state.tokens,
                rotate=state.settings.refresh_rotation,
                now=state.clock(),
            )
        )
    except service.InvalidRefreshToken:
        await _end_where_reused(request, body.refresh_token)
        raise


async def _identify(request: Request, refresh_token: str) -> None:
    """Note whose token this is, and end every sign-in of a user whose account is gone."""
    state = request.app.state
    async with state.database.read() as session:
        user_id = await service.find_refreshing_user(session, refresh_token=refresh_token)
        local = user_id and await service.find_local_account(session, user_id=user_id)
    request.scope["edge"].user_id = user_id
    if user_id is not None and not local and not await state.directory.has_account(user_id):
        async with state.database.begin() as session:
            await service.close_all_sessions(session, user_id=user_id, now=state.clock())
        state.live_sessions.forget()


async def _end_where_reused(request: Request, refresh_token: str) -> None:
    """End the session of a token that was copied."""
    state, now = request.app.state, request.app.state.clock()
    async with state.database.begin() as session:
        closed = await service.close_reused_session(
            session, refresh_token=refresh_token, now=now, origin=origin_of(request)
        )
    if closed is not None:
        state.live_sessions.close(closed)
        await state.cache.publish(SIGNED_OUT, closed.encode())


@router.post("/logout", response_model=LogoutReply)
async def logout(request: Request, leaving: Leaving, write: Write) -> Response:
    """Logout and invalidate tokens"""
    state = request.app.state
    answer = await write.run(
        lambda session: service.close_session(
            session, session_id=leaving.session_id, user_id=leaving.user_id, now=state.clock()
        ),
        about=leaving.session_id,
    )
    state.live_sessions.close(leaving.session_id)
    await state.cache.publish(SIGNED_OUT, leaving.session_id.encode())
    return answer


@router.get("/me", response_model=Me)
async def me(request: Request, caller: SignedIn) -> Me:
    """Get current user profile"""
    state = request.app.state
    async with state.database.read() as session:
        learner = await service.find_learner(session, user_id=caller.user_id)
        profile = await state.read_profile(session, caller.user_id)
    if learner is None:
        raise NotFound("There is no such user.")
    return Me(
        id=caller.user_id,
        username=caller.user_id,
        email=learner.email,
        roles=list(caller.roles),
        created_at=from_micros(learner.created_at),
        learning_profile=profile,
    )
