"""Conversations behind an API gateway, which holds the clients' sockets and makes an HTTP call of each message.

Any process may get any message. What they share lies in the cache (`Shared`); each has a talk of its own for what it is
doing just now, such as an answer that is on its way.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from learntrac.accounts.tokens import Claims
from learntrac.audit.service import Origin
from learntrac.backends.gateway import ConnectionGone, Gateway, GatewayDown
from learntrac.kit.errors import AuthenticationFailed, LearnTracError, NotFound
from learntrac.kit.logs import get_logger
from learntrac.voice import service
from learntrac.voice.chunks import Chunks
from learntrac.voice.conversation import Conversation
from learntrac.voice.effects import (
    GOODBYE,
    NOT_SIGNED_IN,
    NOT_UNDERSTOOD,
    RESTART,
    Send,
    Stop,
    closing,
    code_for,
    error,
    established,
)
from learntrac.voice.schemas import ClientMessage, Connect, Disconnect, NotUnderstood, Renew, as_json, read_message
from learntrac.voice.service import Connection
from learntrac.voice.shared import Shared, SharedEar, TalkLost, WholeHearing
from learntrac.voice.spoken_code import context_of
from learntrac.voice.studio import Agreed, Studio
from learntrac.voice.talking import Talk

STOPS = "voice.stops"
"""The channel on which processes tell each other which answers have to stop."""
FIRST_MESSAGE_SECONDS = 10 * 60
CONNECT_WITHIN_SECONDS = 2.0
"""Another message may overtake the first one."""
IDLE_SECONDS = 30.0
KEPT_OPEN_EVERY_SECONDS = 60.0

_log = get_logger("learntrac.voice")


class UnknownConnection(NotFound):
    """404: the gateway has not told of this connection, or long ago."""

    def __init__(self) -> None:
        super().__init__("There is no such connection.")


class GatewayLine:
    """Sends to one connection through the gateway."""

    def __init__(self, gateway: Gateway, connection_id: str) -> None:
        self._gateway = gateway
        self._connection_id = connection_id

    async def send(self, message: Send) -> None:
        """Now; nobody is told where it cannot be."""
        try:
            await self._gateway.post(self._connection_id, as_json(message.type, message.data).encode())
        except ConnectionGone:
            return
        except GatewayDown as problem:
            _log.warning("a message could not be sent through the gateway", error=str(problem))

    async def close(self, code: int) -> None:
        """The gateway's own closing tells no code, so a message does."""
        await self.send(closing(code))
        try:
            await self._gateway.close_connection(self._connection_id)
        except GatewayDown as problem:
            _log.warning("a connection could not be closed through the gateway", error=str(problem))


@dataclass
class _Here:
    """A talk in this process. Times are monotonic."""

    talk: Talk
    agreed: Agreed
    used_at: float
    kept_open_at: float


class GatewayTalks:
    """What the gateway tells, and what is done about it in this process."""

    def __init__(self, studio: Studio, gateway: Gateway) -> None:
        self._studio = studio
        self._gateway = gateway
        self._cache = studio.served.cache
        self._here: dict[str, _Here] = {}

    # What the gateway tells

    async def connected(self, connection_id: str, token: str | None) -> None:
        """Somebody wants to open a connection. Raises AuthenticationFailed."""
        claims = None if token is None else await self._studio.claims_of(token)
        kept = orjson.dumps(None if claims is None else asdict(claims))
        await self._cache.put(_waiting(connection_id), kept, seconds=FIRST_MESSAGE_SECONDS)

    async def message(self, connection_id: str, body: bytes, origin: Origin) -> None:
        """A message of the client's. Raises UnknownConnection and Unavailable."""
        line = GatewayLine(self._gateway, connection_id)
        try:
            await self._take(connection_id, line, body, origin)
        except TalkLost:
            await line.close(RESTART)
        except NotUnderstood as problem:
            await line.send(error("VALIDATION_ERROR", problem.message, reason=problem.reason))
            await line.close(NOT_UNDERSTOOD)
        except UnknownConnection:
            raise
        except LearnTracError as problem:
            told = error(problem.code, problem.message, retry_after_seconds=problem.retry_after_seconds)
            await line.send(told)
            await self._close(connection_id, line, code_for(problem.status))

    async def disconnected(self, connection_id: str) -> None:
        """The connection is closed. It may have been so for long, or never been known."""
        here = await self._find(connection_id)
        if here is not None:
            with suppress(TalkLost):
                await here.talk.hang_up()
        self._here.pop(connection_id, None)
        await Shared(self._cache, connection_id).end()
        await self._cache.drop(_waiting(connection_id))
        await self._studio.count_out(connection_id)

    async def _take(self, connection_id: str, line: GatewayLine, body: bytes, origin: Origin) -> None:
        here = await self._find(connection_id)
        if here is None:
            kept = await self._cache.get(_waiting(connection_id))
            if kept is None:
                raise UnknownConnection
            message = read_message(body)
            if isinstance(message, Connect):
                await self._begin(connection_id, line, message, orjson.loads(kept), origin)
                return
            here = await self._wait_for_connect(connection_id)
        await self._check(here)
        try:
            message = read_message(body)
        except NotUnderstood as problem:
            await here.talk.misunderstood(problem)
            return
        await self._do(here, line, message)

    async def _do(self, here: _Here, line: GatewayLine, message: ClientMessage) -> None:
        match message:
            case Disconnect():
                await self._close(here.agreed.connection.id, line, GOODBYE)
            case Renew():
                await self._renew(here, line, message)
            case _:
                await here.talk.take(message)

    async def _renew(self, here: _Here, line: GatewayLine, message: Renew) -> None:
        try:
            connection = await self._studio.renew(here.agreed.connection, message.token)
        except AuthenticationFailed as problem:
            await line.send(error(problem.code, problem.message))
            return
        here.agreed = replace(here.agreed, connection=connection)
        await Shared(self._cache, connection.id).agree(_as_plain(here.agreed))
        await line.send(Send("renewed", {"expires_at": connection.token_expires_at}))

    # A conversation's beginning and end

    async def _begin(
        self, connection_id: str, line: GatewayLine, connect: Connect, kept: dict[str, Any] | None, origin: Origin
    ) -> None:
        claims = await self._studio.claims_for(connect, None if kept is None else Claims(**kept))
        agreed = await self._studio.agree(connection_id, "gateway", claims, connect)
        await self._studio.count_in(agreed.connection, origin)
        conversation = Conversation(
            may_barge_in=connect.barge_in,
            wants_sound=connect.stream_audio,
            format=connect.audio_format,
            chat_id=connect.chat_id,
            chunks=Chunks(may_overtake=True),
        )
        await Shared(self._cache, connection_id).begin(conversation, _as_plain(agreed))
        await line.send(established(connection_id, chat_id=connect.chat_id, language=connect.language))

    async def _close(self, connection_id: str, line: GatewayLine, code: int) -> None:
        self._studio.served.metrics.voice_closed(code)
        await self.disconnected(connection_id)
        await line.close(code)

    async def _wait_for_connect(self, connection_id: str) -> _Here:
        until = time.monotonic() + CONNECT_WITHIN_SECONDS
        while time.monotonic() < until:
            await asyncio.sleep(0.05)
            if (here := await self._find(connection_id)) is not None:
                return here
        raise NotUnderstood("not_connected", "The first message must be connect.")

    async def _find(self, connection_id: str) -> _Here | None:
        """The talk in this process; begun here where the conversation was begun elsewhere."""
        kept = await Shared(self._cache, connection_id).find_agreed()
        if kept is None:
            return None
        if connection_id not in self._here:
            agreed = await self._agreed(kept)
            if connection_id not in self._here:  # another message may have been quicker
                self._here[connection_id] = _Here(self._new_talk(agreed), agreed, time.monotonic(), 0.0)
        here = self._here[connection_id]
        here.used_at = time.monotonic()
        here.agreed = replace(here.agreed, connection=Connection(**kept["connection"]))
        return here

    async def _agreed(self, kept: dict[str, Any]) -> Agreed:
        connection, connect = Connection(**kept["connection"]), Connect.model_validate(kept["connect"])
        return Agreed(connection, connect, await self._studio.context(connection.user_id, connect))

    async def _check(self, here: _Here) -> None:
        """Whether the sign-in is still good; and the connection goes on counting. Raises AuthenticationFailed."""
        connection, now = here.agreed.connection, time.monotonic()
        await self._studio.still_signed_in(connection)
        if now - here.kept_open_at >= KEPT_OPEN_EVERY_SECONDS:
            here.kept_open_at = now
            async with self._studio.served.database.begin() as session:
                at = self._studio.served.clock()
                await service.keep_open(session, ids=[connection.id], door="gateway", now=at)

    def _new_talk(self, agreed: Agreed) -> Talk:
        connection, speech = agreed.connection, self._studio.served.speech
        ear = SharedEar(
            self._cache,
            connection.id,
            decoding=speech.decoding,
            listen=lambda code: WholeHearing(speech.recogniser, context_of(agreed.context, code)),
        )
        return self._studio.new_talk(
            agreed,
            place=Shared(self._cache, connection.id),
            line=GatewayLine(self._gateway, connection.id),
            ear=ear,
            stop_elsewhere=lambda stop: self._tell(connection.id, stop),
        )

    async def _tell(self, connection_id: str, stop: Stop) -> None:
        told = {"connection": connection_id, "stop": asdict(stop)}
        await self._cache.publish(STOPS, orjson.dumps(told))

    # Looking after what is here

    async def run(self) -> None:
        """Stop what others say has to stop, and end what is over, until cancelled."""
        async with self._cache.subscribe(STOPS) as told, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_after())
            async for message in told:
                found = orjson.loads(message)
                here = self._here.get(found["connection"])
                if here is not None:
                    here.talk.stop(Stop(**found["stop"]))

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            try:
                await self._end_overdue()
                await self._leave_idle()
            except LearnTracError as problem:
                _log.warning("voice connections could not be looked after", error=problem.message)

    async def _end_overdue(self) -> None:
        async with self._studio.served.database.begin() as session:
            overdue = await service.take_overdue(session, now=self._studio.served.clock())
        for connection_id in overdue:
            await self._close(connection_id, GatewayLine(self._gateway, connection_id), NOT_SIGNED_IN)

    async def _leave_idle(self) -> None:
        before = time.monotonic() - IDLE_SECONDS
        for connection_id, here in list(self._here.items()):
            if here.used_at < before and not here.talk.is_busy:
                del self._here[connection_id]
                await here.talk.leave()

    async def close(self) -> None:
        """Let what is under way come to its end: another process has the rest."""
        await asyncio.gather(*(here.talk.finish() for here in self._here.values()))
        for here in self._here.values():
            await here.talk.leave()


def _waiting(connection_id: str) -> str:
    return f"voice:gateway:{connection_id}"


def _as_plain(agreed: Agreed) -> dict[str, Any]:
    return {"connection": asdict(agreed.connection), "connect": agreed.connect.model_dump()}
