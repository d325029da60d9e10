"""The verbs of signing in: open, refresh and close a session; local accounts; who is a learner."""

import asyncio
import hashlib
import secrets
import uuid
from datetime import datetime, timedelta

import orjson
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.accounts import queries
from learntrac.accounts.directory import UserProfile
from learntrac.accounts.schemas import LoginReply, LogoutReply, RefreshReply, RotatedReply, User
from learntrac.accounts.tokens import Tokens
from learntrac.audit.service import NO_REQUEST, SYSTEM, Origin, record
from learntrac.kit.clock import to_micros
from learntrac.kit.errors import AuthenticationFailed, NotFound

IDLE = timedelta(days=7)
ABSOLUTE = timedelta(days=30)
ROTATION_GRACE = timedelta(seconds=10)
"""A reply may be lost on the way: the last refresh token works this long after it was replaced."""

LOCAL_ROLES: dict[str | None, tuple[str, ...]] = {
    "student": ("student",),
    "instructor": ("student", "instructor"),
    "admin": ("student", "instructor", "admin"),
}

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP's first choice for argon2id; about 26 ms."""


class WrongCredentials(AuthenticationFailed):
    """401: the same words for an unknown user and for a wrong password."""

    def __init__(self) -> None:
        super().__init__("Invalid username or password.")


class SignInOver(AuthenticationFailed):
    """401: the token is sound, but its sign-in was ended."""

    def __init__(self) -> None:
        super().__init__("This sign-in is over.")


class LearnerNotFound(NotFound):
    """404: nobody of that name learns here."""

    def __init__(self) -> None:
        super().__init__("There is no such learner.")


class InvalidRefreshToken(AuthenticationFailed):
    """401: unknown, expired, revoked or used up."""

    def __init__(self) -> None:
        super().__init__("Invalid or expired refresh token.")


async def open_session(
    session: AsyncSession,
    *,
    user_id: str,
    profile: UserProfile,
    roles: tuple[str, ...],
    tokens: Tokens,
    now: datetime,
    origin: Origin = NO_REQUEST,
) -> LoginReply:
    """Sign `user_id` in, whose password was checked before: a new session with its two tokens."""
    refresh_token, session_id = secrets.token_urlsafe(32), str(uuid.uuid4())
    kept = await session.execute(
        queries.KEEP_LEARNER,
        {"user_id": user_id, "email": profile.email, "full_name": profile.full_name, "now": to_micros(now)},
    )
    preferences = orjson.loads(kept.one().preferences)
    values = {"id": session_id, "user_id": user_id, "digest": _digest(refresh_token), "now": to_micros(now)}
    await session.execute(queries.OPEN_SESSION, values)
    await record(session, actor=user_id, action="login.ok", subject=user_id, now=now, origin=origin)
    return LoginReply(
        access_token=tokens.issue(user_id=user_id, session_id=session_id, now=now),
        refresh_token=refresh_token,
        expires_in=tokens.lifetime_seconds,
        user=User(id=user_id, username=user_id, email=profile.email, roles=list(roles), preferences=preferences),
    )


async def find_refreshing_user(session: AsyncSession, *, refresh_token: str) -> str | None:
    """The user whose sign-in this refresh token belongs to, be it over or not; None where it belongs to nobody."""
    found = await _find_session(session, refresh_token)
    return None if found is None else str(found.user_id)


async def refresh_session(
    session: AsyncSession, *, refresh_token: str, tokens: Tokens, rotate: bool, now: datetime
) -> RefreshReply:
    """A new access token for a live session; with `rotate` a new refresh token too.

    Raises InvalidRefreshToken. A token that was replaced longer ago than the grace was copied by somebody: the
    caller must then close the session (see `close_reused_session`), as this verb's own transaction is rolled back by
    the error.
    """
    found = await _find_session(session, refresh_token)
    if found is None or _is_over(found, now) or _is_reused(found, refresh_token, now):
        raise InvalidRefreshToken
    access_token = tokens.issue(user_id=found.user_id, session_id=found.id, now=now)
    replacement = await _rotated(session, found.id, refresh_token, now) if rotate else None
    if replacement is None:
        await session.execute(queries.USE_SESSION, {"id": found.id, "now": to_micros(now)})
        return RefreshReply(access_token=access_token, expires_in=tokens.lifetime_seconds)
    return RotatedReply(access_token=access_token, refresh_token=replacement, expires_in=tokens.lifetime_seconds)


async def _rotated(session: AsyncSession, session_id: object, refresh_token: str, now: datetime) -> str | None:
    """The refresh token that replaces this one; None where another request has just replaced it."""
    replacement = secrets.token_urlsafe(32)
    values = {
        "id": session_id,
        "digest": _digest(replacement),
        "current": _digest(refresh_token),
        "now": to_micros(now),
    }
    rotated = await session.execute(queries.ROTATE_SESSION, values)
    return None if rotated.one_or_none() is None else replacement


async def close_reused_session(
    session: AsyncSession, *, refresh_token: str, now: datetime, origin: Origin = NO_REQUEST
) -> str | None:
    """End the session whose refresh token was used up before, as somebody holds a copy; the one that was ended."""
    found = await _find_session(session, refresh_token)
    if found is None or found.revoked_at is not None or not _is_reused(found, refresh_token, now):
        return None
    await close_session(session, session_id=str(found.id), user_id=str(found.user_id), now=now)
    await record(session, actor=SYSTEM, action="login.copied", subject=str(found.user_id), now=now, origin=origin)
    return str(found.id)


async def close_session(session: AsyncSession, *, session_id: str, user_id: str, now: datetime) -> LogoutReply:
    """End one sign-in of a user: its refresh token and every access token of it. Raises SignInOver where that is
    done.
    """
    values = {"id": session_id, "user_id": user_id, "now": to_micros(now)}
    if (await session.execute(queries.REVOKE_SESSION, values)).one_or_none() is None:
        raise SignInOver
    return LogoutReply()


async def close_all_sessions(session: AsyncSession, *, user_id: str, now: datetime) -> None:
    """End every sign-in of a user, whose account is gone."""
    await session.execute(queries.REVOKE_USER, {"user_id": user_id, "now": to_micros(now)})


async def forget_old_sessions(session: AsyncSession, *, now: datetime) -> None:
    """Delete sign-ins older than any token can be."""
    await session.execute(queries.FORGET_SESSIONS, {"before": to_micros(now - ABSOLUTE - timedelta(days=1))})


async def add_local_account(session: AsyncSession, *, user_id: str, password: str, role: str, now: datetime) -> None:
    """An account of LearnTrac's own, or a new password and role for one there is. Raises ValueError for an unknown
    role.
    """
    if role not in LOCAL_ROLES:
        raise ValueError(f"the role is one of {', '.join(filter(None, LOCAL_ROLES))}, not {role!r}")
    values = {
        "user_id": user_id,
        "password_hash": _hasher.hash(password),
        "role": role,
        "now": to_micros(now),
    }
    await session.execute(queries.ADD_LOCAL, values)


async def remove_local_account(session: AsyncSession, *, user_id: str, now: datetime) -> bool:
    """Remove a local account and end its sign-ins; whether there was one."""
    removed = (await session.execute(queries.REMOVE_LOCAL, {"user_id": user_id})).one_or_none()
    await close_all_sessions(session, user_id=user_id, now=now)
    return removed is not None


async def find_local_account(session: AsyncSession, *, user_id: str) -> Row[tuple[str, str]] | None:
    """The password hash and role of a local account."""
    return (await session.execute(queries.FIND_LOCAL, {"user_id": user_id})).one_or_none()


async def password_fits(password_hash: str, password: str) -> bool:
    """Check an argon2 hash of ours, off the event loop: it takes tens of milliseconds."""
    return await asyncio.to_thread(verify, password_hash, password)


def verify(password_hash: str, password: str) -> bool:
    """Whether an argon2 hash is of this password."""
    try:
        return _hasher.verify(password_hash, password.encode("utf-8", "surrogatepass"))
    except VerificationError:
        return False


async def find_learner(session: AsyncSession, *, user_id: str) -> Row[tuple[str, str, int]] | None:
    """E-mail address, name and first sign-in of a user who has signed in at least once."""
    return (await session.execute(queries.FIND_LEARNER, {"user_id": user_id})).one_or_none()


async def _find_session(session: AsyncSession, refresh_token: str) -> Row[tuple[object, ...]] | None:
    return (await session.execute(queries.FIND_BY_REFRESH, {"digest": _digest(refresh_token)})).one_or_none()


def _is_over(found: Row[tuple[object, ...]], now: datetime) -> bool:
    return (
        found.revoked_at is not None
        or found.used_at < to_micros(now - IDLE)
        or found.created_at < to_micros(now - ABSOLUTE)
    )


def _is_reused(found: Row[tuple[object, ...]], refresh_token: str, now: datetime) -> bool:
    current: bool = found.refresh_digest == _digest(refresh_token)
    return not current and found.rotated_at < to_micros(now - ROTATION_GRACE)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
