"""All voice connections of this process: who may open one, which are open, and which have to end."""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol, TypeAlias
from urllib.parse import quote

import orjson

from learntrac.accounts.live_sessions import SIGNED_OUT, LiveSessions
from learntrac.accounts.service import SignInOver
from learntrac.accounts.throttle import rate_limited
from learntrac.accounts.tokens import Claims, Tokens
from learntrac.audit.service import NO_REQUEST, Origin
from learntrac.backends.cache import Cache
from learntrac.backends.graph import Graph
from learntrac.backends.objects import ObjectStorage
from learntrac.backends.speech import Context, Speech
from learntrac.chat.planning import Tutor
from learntrac.chat.service import get_chat
from learntrac.concepts.viewing import Viewer, viewer_of
from learntrac.config import Settings
from learntrac.kit.clock import Clock
from learntrac.kit.db import Database
from learntrac.kit.errors import AuthenticationFailed, LearnTracError, Unavailable
from learntrac.kit.logs import get_logger
from learntrac.kit.metrics import Metrics
from learntrac.mastery.parameter_file import Model
from learntrac.trac.environment import TracEnvironment
from learntrac.voice import service
from learntrac.voice.answering import Manner
from learntrac.voice.ear import Ear
from learntrac.voice.effects import NOT_SIGNED_IN, Stop
from learntrac.voice.metering import DayMeter
from learntrac.voice.recording import Shelf
from learntrac.voice.schemas import Connect
from learntrac.voice.service import Connection
from learntrac.voice.spoken_code import context_of
from learntrac.voice.talking import Talk
from learntrac.voice.tools import Line, Place, Tools
from learntrac.voice.topics import get_topic
from learntrac.voice.tutoring import School, SpokenTutor

TICKET_SECONDS = 60
LOOKED_AFTER_EVERY_SECONDS = 1.0
ENDED_WITHIN_SECONDS = 5.0
"""So long does a server that stops wait for what is being written down of its talks."""
StopElsewhere: TypeAlias = Callable[[Stop], Awaitable[None]]
LIVENESS_EVERY, KEPT_OPEN_EVERY = 5, 30
"""In looks: whether sign-ins are over, where no message told so, and that sockets are still there."""

_log = get_logger("learntrac.voice")


class Served(Protocol):
    """What of the server voice is made with."""

    settings: Settings
    database: Database
    cache: Cache
    graph: Graph
    trac: TracEnvironment
    model: Model
    tokens: Tokens
    live_sessions: LiveSessions
    secret: bytes
    metrics: Metrics
    tutor: Tutor
    speech: Speech
    objects: ObjectStorage | None

    @property
    def clock(self) -> Clock:
        """What tells the time."""
        ...


class OpenSocket(Protocol):
    """A socket that this process serves."""

    connection: Connection

    async def end(self, code: int) -> None:
        """Close it with this code."""
        ...


@dataclass(frozen=True)
class Agreed:
    """What a connection begins with: who, and how they want to talk."""

    connection: Connection
    connect: Connect
    context: Context


class BadTicket(AuthenticationFailed):
    """401: no such ticket, or it was used, or its minute is over."""

    def __init__(self) -> None:
        super().__init__("Invalid, used or expired ticket.")


class Studio:
    """Where the talks of this process take place."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.open: dict[str, OpenSocket] = {}
        self.unknown = 0
        """Sockets of which nobody has said yet whose they are."""
        self._ending: set[asyncio.Task[None]] = set()
        self.tools = Tools(
            speaker=served.speech.speaker,
            shelf=Shelf(served.database, served.objects, served.clock),
            clock=served.clock,
            address_of=self.audio_address,
            turn_took=served.metrics.voice_turn,
        )
        self.school = School(
            tutor=served.tutor,
            database=served.database,
            cache=served.cache,
            graph=served.graph,
            model=served.model,
            clock=served.clock,
            viewer_of=self.viewer,
            messages_per_hour=served.settings.chat_messages_per_hour,
        )

    def viewer(self, user_id: str) -> Viewer:
        """Whose eyes the course is seen with."""
        return viewer_of(self.served.trac.permissions(), user_id)

    # Who is there

    async def claims_of(self, token: str) -> Claims:
        """Whose access token this is. Raises AuthenticationFailed."""
        claims = self.served.tokens.find_claims(token, now=self.served.clock())
        if claims is None:
            raise AuthenticationFailed("Invalid or expired access token.")
        return await self._live(claims)

    async def _live(self, claims: Claims) -> Claims:
        live, _role = await self.served.live_sessions.find_local_role(claims)
        if not live:
            raise SignInOver
        return claims

    async def issue_ticket(self, claims: Claims) -> str:
        """A ticket for one connection, good for a minute."""
        ticket = secrets.token_urlsafe(32)
        kept = orjson.dumps([claims.user_id, claims.session_id, claims.expires_at])
        await self.served.cache.put(_ticket(ticket), kept, seconds=TICKET_SECONDS)
        return ticket

    async def redeem(self, ticket: str) -> Claims:
        """Whose ticket this is; it is used up. Raises BadTicket and SignInOver."""
        name, cache = _ticket(ticket), self.served.cache
        kept = await cache.get(name)
        # Two that come at once both find it; only one gets it.
        if kept is None or not await cache.claim(name, "used", seconds=TICKET_SECONDS):
            raise BadTicket
        await cache.drop(name)
        claims = Claims(*orjson.loads(kept))
        if claims.expires_at <= self.served.clock().timestamp():
            raise BadTicket
        return await self._live(claims)

    # Opening and closing

    async def claims_for(self, connect: Connect, in_address: Claims | None) -> Claims:
        """Whose connection it is to be: by `connect`, else by the token in the address. Raises AuthenticationFailed."""
        if connect.token is not None:
            return await self.claims_of(connect.token)
        if connect.ticket is not None:
            return await self.redeem(connect.ticket)
        if in_address is None:
            raise AuthenticationFailed("Send an access token or a ticket with connect.")
        return await self._live(in_address)

    async def still_signed_in(self, connection: Connection) -> None:
        """Return where the token has not expired and the sign-in is not over. Raises AuthenticationFailed."""
        if connection.token_expires_at <= self.served.clock().timestamp():
            raise AuthenticationFailed("Invalid or expired access token.")
        await self._live(_claims(connection))

    async def agree(self, connection_id: str, door: str, claims: Claims, connect: Connect) -> Agreed:
        """What a connection may begin with. Raises RateLimited, ConceptNotFound and ChatNotFound."""
        served = self.served
        limit = served.settings.rate_limit_per_hour
        window = await served.cache.hit(f"api:{claims.user_id}", limit=limit, window_seconds=3600)
        if not window.allowed:
            raise rate_limited(window, f"More than {limit} requests in an hour.", served.clock)
        context = await self.context(claims.user_id, connect)
        if connect.chat_id is not None:
            async with served.database.read() as session:
                await get_chat(session, user_id=claims.user_id, chat_id=connect.chat_id)
        connection = Connection(connection_id, claims.user_id, claims.session_id, door, claims.expires_at)
        return Agreed(connection, connect, context)

    async def context(self, user_id: str, connect: Connect) -> Context:
        """What a talk is about, for the recogniser. Raises ConceptNotFound."""
        viewer = self.viewer(user_id)
        topic = await get_topic(self.served.database.hot, viewer=viewer, concept_id=connect.concept_id)
        return topic.context(connect.language)

    async def count_in(self, connection: Connection, origin: Origin = NO_REQUEST) -> None:
        """It is open from here on. Raises TooManyConnections."""
        served = self.served
        async with served.database.begin() as session:
            most, now = served.settings.voice_connections, served.clock()
            await service.open_connection(session, connection, most=most, now=now, origin=origin)

    async def count_out(self, connection_id: str) -> None:
        """It is closed."""
        with suppress(Unavailable):  # it runs out by itself
            async with self.served.database.begin() as session:
                await service.close_connection(session, connection_id=connection_id)

    async def renew(self, connection: Connection, token: str) -> Connection:
        """The connection with another token of the same learner. Raises AuthenticationFailed."""
        claims = await self.claims_of(token)
        if claims.user_id != connection.user_id:
            raise AuthenticationFailed("This token is another user's.")
        renewed = Connection(connection.id, claims.user_id, claims.session_id, connection.door, claims.expires_at)
        async with self.served.database.begin() as session:
            await service.renew_connection(session, renewed)
        return renewed

    # Talks

    def new_ear(self, context: Context) -> Ear:
        """An ear that listens while somebody speaks."""
        speech = self.served.speech
        return Ear(decoding=speech.decoding, listen=lambda code: speech.recogniser.hear(context_of(context, code)))

    def new_talk(
        self, agreed: Agreed, *, place: Place, line: Line, ear: Ear, stop_elsewhere: StopElsewhere | None = None
    ) -> Talk:
        """A talk of what was agreed."""
        connection, connect = agreed.connection, agreed.connect
        return Talk(
            self.tools,
            user_id=connection.user_id,
            place=place,
            line=line,
            ear=ear,
            meter=self.meter(connection.user_id),
            tutor=SpokenTutor(self.school, connection.user_id, connect.concept_id),
            manner=Manner(connect.preferred_voice, connect.language, aloud=connect.stream_audio),
            stop_elsewhere=stop_elsewhere,
        )

    def meter(self, user_id: str) -> DayMeter:
        """The learner's minutes."""
        served = self.served
        minutes = served.settings.voice_minutes_per_day
        return DayMeter(
            served.database,
            served.clock,
            user_id=user_id,
            minutes_a_day=minutes,
            on_heard=served.metrics.voice_heard,
        )

    def audio_address(self, audio_id: str, user_id: str) -> str:
        """Where a spoken answer is fetched, by an <audio> tag too."""
        served = self.served
        expires_at = served.clock() + service.KEPT
        token = service.sign_audio(served.secret, audio_id=audio_id, user_id=user_id, expires_at=expires_at)
        base = (served.settings.public_url or "").rstrip("/")
        return f"{base}{AUDIO_PATH}/{audio_id}.mp3?audio_token={quote(token)}"

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Nobody knows whose it is while the block runs."""
        self.unknown += 1
        try:
            yield
        finally:
            self.unknown -= 1

    @contextmanager
    def opened(self, socket: OpenSocket) -> Iterator[None]:
        """It is served here while the block runs."""
        self.open[socket.connection.id] = socket
        self.served.metrics.voice_sockets = len(self.open)
        try:
            yield
        finally:
            del self.open[socket.connection.id]
            self.served.metrics.voice_sockets = len(self.open)

    def see_off(self, ending: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        """Let a talk come to its end, whatever becomes of the one who asks for it."""
        task = asyncio.create_task(ending)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task

    async def close(self) -> None:
        """Wait for the talks that are being ended: the history keeps what was heard of their answers."""
        if self._ending:
            _done, late = await asyncio.wait(self._ending, timeout=ENDED_WITHIN_SECONDS)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    # Looking after what is open

    async def run(self) -> None:
        """Close what is over, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_sign_outs())
            tasks.create_task(self._look_after())

    async def _follow_sign_outs(self) -> None:
        async with self.served.cache.subscribe(SIGNED_OUT) as sign_ins:
            async for sign_in in sign_ins:
                await self._end([one for one in self.open.values() if one.connection.sign_in.encode() == sign_in])

    async def _look_after(self) -> None:
        looks = 0
        while True:
            await asyncio.sleep(LOOKED_AFTER_EVERY_SECONDS)
            looks += 1
            try:
                await self._look(looks)
            except LearnTracError as error:
                _log.warning("voice connections could not be looked after", error=error.message)

    async def _look(self, looks: int) -> None:
        now = self.served.clock()
        await self._end([one for one in self.open.values() if one.connection.token_expires_at <= now.timestamp()])
        if looks % LIVENESS_EVERY == 0:
            await self._end(await self._signed_out())
        if looks % KEPT_OPEN_EVERY == 0 and self.open:
            async with self.served.database.begin() as session:
                await service.keep_open(session, ids=list(self.open), door="socket", now=now)

    async def _signed_out(self) -> list[OpenSocket]:
        """Sockets whose sign-in is over; asked of the database, for a message may be lost."""
        over = []
        for one in list(self.open.values()):
            live, _role = await self.served.live_sessions.find_local_role(_claims(one.connection))
            if not live:
                over.append(one)
        return over

    async def _end(self, sockets: list[OpenSocket]) -> None:
        for one in sockets:
            await one.end(NOT_SIGNED_IN)


AUDIO_PATH = "/api/learntrac/v1/voice/audio"


def _claims(connection: Connection) -> Claims:
    return Claims(connection.user_id, connection.sign_in, connection.token_expires_at)


def _ticket(ticket: str) -> str:
    # What is kept must not be what is shown: Redis may be read by others.
    return f"voice:ticket:{hashlib.sha256(ticket.encode(errors='surrogatepass')).hexdigest()}"
