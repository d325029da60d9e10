"""The verbs of voice: count connections and minutes, keep spoken answers."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.audit.service import NO_REQUEST, Origin, record
from learntrac.kit.clock import from_micros, to_micros
from learntrac.kit.errors import NotFound, RateLimited
from learntrac.kit.readers import HotReader
from learntrac.voice import queries

SEEN_WITHIN = {"socket": timedelta(seconds=90), "gateway": timedelta(minutes=15)}
"""A connection that nobody has kept open for so long does not count. API Gateway itself ends one after 10 minutes
without a message.
"""
KEPT = timedelta(hours=1)
"""How long a spoken answer can be fetched."""
USAGE_KEPT_DAYS = 31
_DAY_SECONDS = 86_400


class TooManyConnections(RateLimited):
    """429: the learner has as many voice connections as may be."""


class MinutesUsedUp(RateLimited):
    """429: the day's minutes are spent."""


class AudioNotFound(NotFound):
    """404: there is no such spoken answer, or not any more, or not for this caller."""

    def __init__(self) -> None:
        super().__init__("There is no such spoken answer.")


@dataclass(frozen=True)
class Connection:
    """A voice connection of a learner: its id, the sign-in it came with, and when its token expires (epoch seconds)."""

    id: str
    user_id: str
    sign_in: str
    door: str
    token_expires_at: int


async def open_connection(
    session: AsyncSession, connection: Connection, *, most: int, now: datetime, origin: Origin = NO_REQUEST
) -> None:
    """Count a connection in. Raises TooManyConnections."""
    user = {"user_id": connection.user_id}
    await session.execute(queries.LOCK_LEARNER, user)
    count = (await session.execute(queries.COUNT_OPEN, user | {"now": to_micros(now)})).scalar_one()
    if count >= most:
        raise TooManyConnections(f"There are {most} voice connections already; close one.")
    values = {
        "id": connection.id,
        "sign_in": connection.sign_in,
        "door": connection.door,
        "now": to_micros(now),
        "expires_at": to_micros(now + SEEN_WITHIN[connection.door]),
        "token_expires_at": connection.token_expires_at * 1_000_000,
    }
    await session.execute(queries.OPEN, user | values)
    await record(
        session,
        actor=connection.user_id,
        action="voice.connect",
        subject=connection.user_id,
        now=now,
        origin=origin,
        details={"door": connection.door},
    )


async def close_connection(session: AsyncSession, *, connection_id: str) -> None:
    """Count it out."""
    await session.execute(queries.CLOSE, {"id": connection_id})


async def renew_connection(session: AsyncSession, connection: Connection) -> None:
    """A new token was shown on the connection."""
    values = {"sign_in": connection.sign_in, "token_expires_at": connection.token_expires_at * 1_000_000}
    await session.execute(queries.RENEW, values | {"id": connection.id})


async def keep_open(session: AsyncSession, *, ids: Sequence[str], door: str, now: datetime) -> None:
    """These are still open."""
    until = to_micros(now + SEEN_WITHIN[door])
    if ids:
        await session.execute(queries.KEEP_OPEN, [{"id": one, "expires_at": until} for one in ids])


async def take_overdue(session: AsyncSession, *, now: datetime) -> list[str]:
    """Count out the gateway's connections whose time, token or sign-in is over; their ids, for the caller to close."""
    return list((await session.execute(queries.TAKE_OVERDUE, {"now": to_micros(now)})).scalars())


async def reserve(session: AsyncSession, *, user_id: str, milliseconds: int, minutes_a_day: int, now: datetime) -> int:
    """Count so much sound in, or what is left of the day: the milliseconds that were got.

    Raises MinutesUsedUp where nothing is left.
    """
    limit, day = minutes_a_day * 60_000, _day(now)
    who = {"user_id": user_id, "day": day}
    while True:
        used = (await session.execute(queries.USED, who)).scalar_one_or_none() or 0
        wanted = min(milliseconds, limit - used)
        if wanted <= 0:
            raise MinutesUsedUp(
                f"{minutes_a_day} minutes of speech a day are used up.", retry_after_seconds=_until_tomorrow(now)
            )
        if (await session.execute(queries.RESERVE, who | {"wanted": wanted, "limit": limit})).one_or_none():
            return wanted


async def reserve_all(
    session: AsyncSession, *, user_id: str, milliseconds: int, minutes_a_day: int, now: datetime
) -> None:
    """Count all of a recording in. Raises MinutesUsedUp where less is left of the day."""
    got = await reserve(session, user_id=user_id, milliseconds=milliseconds, minutes_a_day=minutes_a_day, now=now)
    if got < milliseconds:
        raise MinutesUsedUp(
            f"Of {minutes_a_day} minutes of speech a day {got // 1000} seconds are left, and this is longer.",
            retry_after_seconds=_until_tomorrow(now),
        )


async def give_back(session: AsyncSession, *, user_id: str, milliseconds: int, now: datetime) -> None:
    """What was counted in and not spoken."""
    await session.execute(queries.GIVE_BACK, {"user_id": user_id, "day": _day(now), "unused": milliseconds})


def _day(now: datetime) -> int:
    return int(now.timestamp()) // _DAY_SECONDS


def _until_tomorrow(now: datetime) -> int:
    return _DAY_SECONDS - int(now.timestamp()) % _DAY_SECONDS


# Spoken answers


@dataclass(frozen=True)
class SpokenAnswer:
    """A spoken answer: whose it is, and where it lies."""

    id: str
    user_id: str
    expires_at: datetime
    is_complete: bool
    stored_as: str

    def must_be_of(self, user_id: str) -> None:
        """Raise AudioNotFound where it is another's."""
        if self.user_id != user_id:
            raise AudioNotFound


def new_audio_id() -> str:
    """A name that cannot be guessed."""
    return "audio-" + secrets.token_urlsafe(16)


async def begin_audio(session: AsyncSession, *, audio_id: str, user_id: str, now: datetime) -> None:
    """A spoken answer that is being made."""
    values = {"id": audio_id, "user_id": user_id, "now": to_micros(now), "expires_at": to_micros(now + KEPT)}
    await session.execute(queries.BEGIN_AUDIO, values | {"incomplete": False})


async def add_part(session: AsyncSession, *, audio_id: str, user_id: str, place: int, mp3: bytes) -> None:
    """The next piece of it."""
    await session.execute(queries.ADD_PART, {"id": audio_id, "user_id": user_id, "place": place, "mp3": mp3})


async def complete_audio(session: AsyncSession, *, audio_id: str, stored_as: str = "") -> None:
    """It is whole; where it lies in an object storage, its pieces go."""
    await session.execute(queries.COMPLETE_AUDIO, {"id": audio_id, "complete": True, "stored_as": stored_as})
    if stored_as:
        await session.execute(queries.DROP_PARTS, {"id": audio_id})


async def get_audio(reader: HotReader, *, audio_id: str, now: datetime) -> SpokenAnswer:
    """A spoken answer that has not expired, whose caller is to be checked. Raises AudioNotFound."""
    rows = await reader.rows(queries.FIND_AUDIO, audio_id)
    if not rows or rows[0][1] <= to_micros(now):
        raise AudioNotFound
    owner, expires_at, complete, stored_as = rows[0]
    return SpokenAnswer(audio_id, owner, from_micros(expires_at), bool(complete), stored_as)


async def is_complete(reader: HotReader, *, audio_id: str) -> bool:
    """Whether nothing more of it comes."""
    rows = await reader.rows(queries.FIND_AUDIO, audio_id)
    return not rows or bool(rows[0][2])


async def read_parts(reader: HotReader, *, audio_id: str, after: int) -> list[tuple[int, bytes]]:
    """The pieces after this place, by their places."""
    return [(place, bytes(mp3)) for place, mp3 in await reader.rows(queries.PARTS_AFTER, audio_id, after)]


async def forget_old(session: AsyncSession, *, now: datetime) -> list[str]:
    """Delete what is over: spoken answers, connections, old days' usage. Names what to delete from object storage."""
    await session.execute(queries.FORGET_CONNECTIONS, {"now": to_micros(now)})
    await session.execute(queries.FORGET_USAGE, {"before": _day(now) - USAGE_KEPT_DAYS})
    await session.execute(queries.FORGET_PARTS, {"now": to_micros(now)})
    gone = await session.execute(queries.FORGET_AUDIO, {"now": to_micros(now)})
    return [name for name in gone.scalars() if name]


def sign_audio(secret: bytes, *, audio_id: str, user_id: str, expires_at: datetime) -> str:
    """A token with which an <audio> tag, which sends no header, may fetch this one answer until then."""
    until = int(expires_at.timestamp())
    return f"{until}.{_mac(secret, audio_id, user_id, until)}"


def audio_token_fits(secret: bytes, token: str, *, audio_id: str, owner: str, now: datetime) -> bool:
    """Whether the token lets its bearer fetch this answer now."""
    until, _, mac = token.partition(".")
    if not until.isdecimal() or len(until) > 12 or int(until) <= now.timestamp():
        return False
    return hmac.compare_digest(mac.encode(), _mac(secret, audio_id, owner, int(until)).encode())


def _mac(secret: bytes, audio_id: str, user_id: str, until: int) -> str:
    message = f"voice-audio\0{audio_id}\0{user_id}\0{until}".encode()
    return urlsafe_b64encode(hmac.digest(secret, hashlib.sha256(message).digest(), "sha256")).rstrip(b"=").decode()
