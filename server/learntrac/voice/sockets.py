"""The door of live voice: `/ws/voice`, one conversation for each socket."""

import asyncio
import secrets
from contextlib import suppress

from fastapi import APIRouter, Response, WebSocket
from starlette.websockets import WebSocketDisconnect

from learntrac.accounts.tokens import Claims
from learntrac.audit.service import Origin
from learntrac.kit.errors import AuthenticationFailed, LearnTracError, Unavailable
from learntrac.kit.http.errors import envelope
from learntrac.kit.logs import bind_request, error_log
from learntrac.voice.conversation import Conversation
from learntrac.voice.effects import (
    FAILED,
    GOODBYE,
    NOT_UNDERSTOOD,
    TOO_SLOW,
    Send,
    closing,
    code_for,
    error,
    established,
)
from learntrac.voice.schemas import (
    ClientMessage,
    Connect,
    Disconnect,
    NotUnderstood,
    Renew,
    as_json,
    read_message,
)
from learntrac.voice.service import Connection
from learntrac.voice.studio import Agreed, Studio
from learntrac.voice.talking import PATH, Talk
from learntrac.voice.tools import Here

FIRST_MESSAGE_WITHIN_SECONDS = 10.0
READ_WITHIN_SECONDS = 10.0
"""A client that has not taken a message for so long is let go."""
MOST_WAITING_BYTES = 4 * 1024 * 1024
MOST_UNKNOWN = 500
"""Sockets of one process of which nobody has said yet whose they are."""

router = APIRouter()


class SocketLine:
    """Sends to one socket, in order, without anybody waiting for it."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._waiting: asyncio.Queue[str | int] = asyncio.Queue()
        self._bytes = 0
        self._is_closing = False
        self.code: int | None = None
        """What it was closed with here, if it was."""
        self.sending = asyncio.create_task(self._send_all())

    async def send(self, message: Send) -> None:
        """After what waits already; a client that does not read is let go."""
        if self._is_closing:
            return
        text = as_json(message.type, message.data)
        if self._bytes + len(text) > MOST_WAITING_BYTES:
            self._drop_all()
            self._end_with(TOO_SLOW)
            return
        self._bytes += len(text)
        self._waiting.put_nowait(text)

    async def close(self, code: int) -> None:
        """After what waits already; a message tells the code too, for clients that cannot see it."""
        if not self._is_closing:
            await self.send(closing(code))
            self._end_with(code)

    def _end_with(self, code: int) -> None:
        self._is_closing, self.code = True, code
        self._waiting.put_nowait(code)

    def _drop_all(self) -> None:
        while not self._waiting.empty():
            self._waiting.get_nowait()

    async def _send_all(self) -> None:
        """Until the connection is closed, by whomever."""
        with suppress(WebSocketDisconnect, RuntimeError, OSError):
            while True:
                message = await self._waiting.get()
                if isinstance(message, int):
                    await self._close(message)
                    return
                await self._send(message)

    async def _send(self, text: str) -> None:
        try:
            async with asyncio.timeout(READ_WITHIN_SECONDS):
                await self._socket.send_text(text)
        except TimeoutError:
            self._is_closing, self.code = True, TOO_SLOW
            await self._close(TOO_SLOW)
            raise WebSocketDisconnect(TOO_SLOW) from None
        self._bytes -= len(text)

    async def _close(self, code: int) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(READ_WITHIN_SECONDS):
                await self._socket.close(code)


class TooManyUnknown(Unavailable):
    """503: too many sockets of which nobody has said whose they are."""


async def _refuse(socket: WebSocket, problem: LearnTracError, request_id: str) -> None:
    """Before the handshake is complete, an error is an HTTP answer like any other."""
    body = envelope(problem, request_id=request_id, now=socket.app.state.clock())
    await socket.send_denial_response(Response(body, problem.status, media_type="application/json"))


class Socket:
    """One socket from its handshake to its end."""

    def __init__(self, socket: WebSocket, studio: Studio, session_id: str) -> None:
        self._socket = socket
        self._studio = studio
        self._session_id = session_id
        self._line = SocketLine(socket)
        self.connection: Connection

    async def end(self, code: int) -> None:
        """Close it with this code."""
        await self._line.close(code)

    async def serve(self, claims: Claims | None) -> None:
        """Until one of the two has closed it. `claims` are those of a token in the address."""
        code = GOODBYE
        try:
            agreed = await self._begin(claims)
            if agreed is not None:
                await self._converse(agreed)
        except WebSocketDisconnect as left:
            code = left.code
        except LearnTracError as problem:
            await self._end_with(problem)
        except Exception as problem:  # noqa: BLE001 - the client is told, and who runs the server reads why
            error_log(problem, path=PATH)
            await self.end(FAILED)
        finally:
            self._studio.served.metrics.voice_closed(self._line.code or code)
            await self._line.close(GOODBYE)
            await self._line.sending

    async def _end_with(self, problem: LearnTracError) -> None:
        told = error(problem.code, problem.message, retry_after_seconds=problem.retry_after_seconds)
        await self._line.send(told)
        await self.end(code_for(problem.status))

    async def _begin(self, claims: Claims | None) -> Agreed | None:
        try:
            async with asyncio.timeout(FIRST_MESSAGE_WITHIN_SECONDS):
                with self._studio.waiting():
                    connect = await self._first_message()
            return await self._agree(connect, claims)
        except TimeoutError:
            await self.end(TOO_SLOW)
        except NotUnderstood as problem:
            await self._line.send(error("VALIDATION_ERROR", problem.message, reason=problem.reason))
            await self.end(NOT_UNDERSTOOD)
        except LearnTracError as problem:
            await self._end_with(problem)
        return None

    async def _first_message(self) -> Connect:
        message = await self._receive()
        if not isinstance(message, Connect):
            raise NotUnderstood("not_connected", "The first message must be connect.")
        return message

    async def _agree(self, connect: Connect, claims: Claims | None) -> Agreed:
        claims = await self._studio.claims_for(connect, claims)
        agreed = await self._studio.agree(self._session_id, "socket", claims, connect)
        address = self._socket.client.host if self._socket.client else ""
        await self._studio.count_in(agreed.connection, Origin(self._session_id, address))
        return agreed

    async def _converse(self, agreed: Agreed) -> None:
        self.connection, connect = agreed.connection, agreed.connect
        talk = self._new_talk(agreed)
        with self._studio.opened(self):
            try:
                await self._line.send(established(self._session_id, chat_id=connect.chat_id, language=connect.language))
                while await self._take_one(talk):
                    pass
            finally:
                await asyncio.shield(self._studio.see_off(self._finish(talk)))

    async def _finish(self, talk: Talk) -> None:
        try:
            await talk.hang_up()
        finally:
            await self._studio.count_out(self.connection.id)

    def _new_talk(self, agreed: Agreed) -> Talk:
        connect = agreed.connect
        conversation = Conversation(
            may_barge_in=connect.barge_in,
            wants_sound=connect.stream_audio,
            format=connect.audio_format,
            chat_id=connect.chat_id,
        )
        ear = self._studio.new_ear(agreed.context)
        return self._studio.new_talk(agreed, place=Here(conversation), line=self._line, ear=ear)

    async def _take_one(self, talk: Talk) -> bool:
        """The next message; whether others may follow."""
        try:
            message = await self._receive()
        except NotUnderstood as problem:
            await talk.misunderstood(problem)
            return True
        match message:
            case Disconnect():
                return False
            case Renew():
                await self._renew(message)
            case _:
                await talk.take(message)
        return True

    async def _renew(self, message: Renew) -> None:
        try:
            self.connection = await self._studio.renew(self.connection, message.token)
        except AuthenticationFailed as problem:
            await self._line.send(error(problem.code, problem.message))
        else:
            await self._line.send(Send("renewed", {"expires_at": self.connection.token_expires_at}))

    async def _receive(self) -> ClientMessage:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        text = message.get("text")
        if text is None:
            raise NotUnderstood("not_text", "Send text messages; sound is base64 in audio_stream.")
        return read_message(text)


@router.websocket(PATH)
async def voice(websocket: WebSocket) -> None:
    """A live talk with the tutor. A token in the address is looked at before the connection is accepted."""
    studio: Studio = websocket.app.state.studio
    session_id = f"voice-{secrets.token_hex(8)}"
    bind_request(session_id)
    token = websocket.query_params.get("token")
    claims = None
    if token is not None:
        try:
            claims = await studio.claims_of(token)
        except LearnTracError as problem:
            await _refuse(websocket, problem, session_id)
            return
    elif studio.unknown >= MOST_UNKNOWN:
        full = TooManyUnknown("Too many connections wait for their first message.", retry_after_seconds=10)
        await _refuse(websocket, full, session_id)
        return
    await websocket.accept()
    await Socket(websocket, studio, session_id).serve(claims)
