"""The doors of the tutor. A reply comes whole as JSON, or as events where the client takes `text/event-stream`."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict
from typing import Annotated, Any

import anyio
import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.accounts.callers import Caller, GuardedRoute, SignedIn, limit_headers
from learntrac.accounts.throttle import rate_limited
from learntrac.chat import handing_over, service
from learntrac.chat.answering import answer
from learntrac.chat.events import Citation, Delta, Draft, Final, Turn
from learntrac.chat.planning import Tutor, list_failing
from learntrac.chat.schemas import (
    ChatFeedbackReply,
    ChatFeedbackRequest,
    ChatHistory,
    ChatList,
    ChatMessageReply,
    ChatMessageRequest,
    ChatsQuery,
    ChatStartReply,
    ChatStartRequest,
    DeletedReply,
    HandoverAnswer,
    HandoverItem,
    HandoverList,
    HandoverRequest,
    HandoversQuery,
    Offers,
)
from learntrac.concepts.service import Learner
from learntrac.concepts.viewing import viewer_of
from learntrac.kit.errors import LearnTracError
from learntrac.kit.fields import TicketId, storable
from learntrac.kit.http.doors import API
from learntrac.kit.http.errors import envelope
from learntrac.kit.http.query import describes, read_query
from learntrac.kit.http.writing import Write, Writing
from learntrac.kit.logs import get_logger

HOUR_SECONDS = 3600
EVENTS = "text/event-stream"
_STREAMS: dict[int | str, dict[str, Any]] = {200: {"content": {EVENTS: {"schema": {"type": "string"}}}}}

ChatId = Annotated[str, AfterValidator(storable), Field(min_length=1, max_length=40)]
Shape = Callable[[Turn, Draft], BaseModel]

router = APIRouter(prefix=f"{API}/chat", tags=["AI Chat Interface"], route_class=GuardedRoute)
_log = get_logger("learntrac.chat")


@router.post("/start", response_model=ChatStartReply, responses=_STREAMS, openapi_extra={"responses": {"404": {}}})
async def start_chat(request: Request, body: ChatStartRequest, caller: SignedIn, write: Write) -> Response:
    """Start a new AI tutoring session

    With `Accept: text/event-stream` the reply comes as events: `citation`, `delta`, and at last `final` with the body
    of the JSON answer.
    """
    learner, now = _learner(request, caller), request.app.state.clock()

    async def begin(session: AsyncSession, once: str | None) -> Turn:
        return await service.open_chat(session, learner=learner, request=body, once=once, now=now)

    counted = body.initial_message is not None
    return await _reply(request, caller, write, begin, service.start_reply, counted=counted)


@router.post("/{chat_id}/message", response_model=ChatMessageReply, responses=_STREAMS)
async def send_message(
    request: Request, chat_id: ChatId, body: ChatMessageRequest, caller: SignedIn, write: Write
) -> Response:
    """Send a message in existing chat session

    With `Accept: text/event-stream` the reply comes as events: `citation`, `delta`, and at last `final` with the body
    of the JSON answer.
    """
    now = request.app.state.clock()

    async def take(session: AsyncSession, once: str | None) -> Turn:
        return await service.take_message(
            session, user_id=caller.user_id, chat_id=chat_id, request=body, once=once, now=now
        )

    async with request.app.state.database.read() as session:
        await service.get_chat(session, user_id=caller.user_id, chat_id=chat_id)
    return await _reply(request, caller, write, take, service.message_reply, counted=True)


Begin = Callable[[AsyncSession, str | None], Awaitable[Turn]]


async def _reply(
    request: Request, caller: Caller, write: Writing, begin: Begin, shape: Shape, *, counted: bool
) -> Response:
    """Store what was said, let the tutor answer, keep the reply: three steps, and no transaction over the second."""
    streams = EVENTS in request.headers.get("accept", "")
    known = await write.find_known()
    if known is not None:
        return Response(_event("final", bytes(known.body)), media_type=EVENTS) if streams else known
    if counted:
        await _count(request, caller)
    name = await write.find_name()
    async with request.app.state.database.begin() as session:
        turn = await begin(session, name)
    if streams:
        return StreamingResponse(_events(request, write, turn, shape), media_type=EVENTS, headers=_UNBUFFERED)
    draft: Draft | None = None
    async for event in answer(_tutor(request), turn):
        draft = event.draft if isinstance(event, Final) else draft
    assert draft is not None  # noqa: S101 - an answer ends with its final event
    return await _keep(request, write, turn, draft, shape)


_UNBUFFERED = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}


async def _keep(request: Request, write: Writing, turn: Turn, draft: Draft, shape: Shape) -> Response:
    state = request.app.state

    async def keep(session: AsyncSession) -> BaseModel:
        await service.keep_reply(session, turn, draft, model=state.model, now=state.clock())
        return shape(turn, draft)

    return await write.run(keep)


async def _events(request: Request, write: Writing, turn: Turn, shape: Shape) -> AsyncIterator[bytes]:
    """The reply as server-sent events. When the client leaves, the answer ends there, and so much of it is kept."""
    said, done = list[str](), False
    draft: Draft | None = None
    try:
        async with aclosing(answer(_tutor(request), turn)) as events:
            async for event in events:
                if isinstance(event, Delta):
                    said.append(event.text)
                    yield _event("delta", orjson.dumps({"text": event.text}))
                elif isinstance(event, Citation):
                    yield _event("citation", orjson.dumps(asdict(event)))
                else:
                    draft = event.draft
        assert draft is not None  # noqa: S101 - an answer ends with its final event
        kept = await _keep(request, write, turn, draft, shape)
        done = True
        yield _event("final", bytes(kept.body))
    except LearnTracError as error:
        done = True
        yield _event("error", _envelope(request, error))
    finally:
        if not done:
            with anyio.CancelScope(shield=True):
                await _keep_cut(request, turn, "".join(said))


async def _keep_cut(request: Request, turn: Turn, said: str) -> None:
    """What the learner was shown before they left stays in the talk."""
    state = request.app.state
    draft = service.cut_draft(said)
    if said.strip():
        async with state.database.begin() as session:
            await service.keep_reply(session, turn, draft, model=state.model, now=state.clock())


def _envelope(request: Request, error: LearnTracError) -> bytes:
    return envelope(error, request_id=request.scope["edge"].request_id, now=request.app.state.clock())


def _event(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


async def _count(request: Request, caller: Caller) -> None:
    """Count one message. The headers then tell of this limit, which is the nearer one."""
    state, edge = request.app.state, request.scope["edge"]
    limit = state.settings.chat_messages_per_hour
    window = await state.cache.hit(f"chat:{caller.user_id}", limit=limit, window_seconds=HOUR_SECONDS)
    edge.headers = [pair for pair in edge.headers if not pair[0].startswith(b"x-ratelimit-")] + limit_headers(window)
    if not window.allowed:
        raise rate_limited(window, f"More than {limit} messages in an hour.", state.clock)


@router.get("", response_model=ChatList, openapi_extra=describes(ChatsQuery))
async def list_chats(request: Request, caller: SignedIn) -> ChatList:
    """List your chats, the latest first"""
    query = read_query(request, ChatsQuery)
    async with request.app.state.database.read() as session:
        return await service.list_chats(session, learner=_learner(request, caller), query=query)


@router.get("/offers", response_model=Offers)
async def list_offers(request: Request, caller: SignedIn) -> Offers:
    """List where help is offered: three failures in a row at one concept"""
    failing = await list_failing(_tutor(request), caller.user_id)
    async with request.app.state.database.read() as session:
        return await handing_over.list_offers(session, learner=_learner(request, caller), failing=failing)


@router.get("/handovers", response_model=HandoverList, openapi_extra=describes(HandoversQuery))
async def list_handovers(request: Request, caller: SignedIn) -> HandoverList:
    """List questions that were handed over to a person: your own, or for an instructor everybody's"""
    query = read_query(request, HandoversQuery)
    everybody = "instructor" in caller.roles and not query.mine
    async with request.app.state.database.read() as session:
        return await handing_over.list_handovers(
            session, learner=_learner(request, caller), query=query, everybody=everybody
        )


@router.post("/handovers/{handover_id}/answer", response_model=HandoverItem)
async def answer_handover(
    request: Request, handover_id: TicketId, body: HandoverAnswer, caller: SignedIn, write: Write
) -> Response:
    """Answer a question that was handed over, as an instructor: the answer stands in the learner's chat"""
    caller.must_be("instructor")
    now = request.app.state.clock()
    return await write.run(
        lambda session: handing_over.answer_handover(
            session, handover_id=handover_id, answer=body.answer, by=caller.user_id, now=now
        )
    )


@router.get("/{chat_id}/history", response_model=ChatHistory)
async def get_history(request: Request, chat_id: ChatId, caller: SignedIn) -> ChatHistory:
    """Get chat history"""
    async with request.app.state.database.read() as session:
        return await service.get_history(session, learner=_learner(request, caller), chat_id=chat_id)


@router.get("/{chat_id}/export", response_class=Response, responses={200: {"content": {"text/markdown": {}}}})
async def export_chat(request: Request, chat_id: ChatId, caller: SignedIn) -> Response:
    """Get a chat as Markdown, with what its answers cite"""
    learner = _learner(request, caller)
    async with request.app.state.database.read() as session:
        history = await service.get_history(session, learner=learner, chat_id=chat_id)
        title = await service.find_title(session, learner=learner, concept_id=history.concept_id)
    return Response(
        service.to_markdown(history, title=title),
        media_type="text/markdown; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{chat_id}.md"'},
    )


@router.post("/{chat_id}/feedback", response_model=ChatFeedbackReply)
async def give_feedback(chat_id: ChatId, body: ChatFeedbackRequest, caller: SignedIn, write: Write) -> Response:
    """Provide feedback on AI responses: the latest word on a message counts"""
    return await write.run(
        lambda session: service.take_feedback(session, user_id=caller.user_id, chat_id=chat_id, request=body)
    )


@router.post("/{chat_id}/handover", response_model=HandoverItem)
async def hand_over(
    request: Request, chat_id: ChatId, body: HandoverRequest, caller: SignedIn, write: Write
) -> Response:
    """Hand a question of a chat over to a person, with what was said before it"""
    learner, now = _learner(request, caller), request.app.state.clock()
    return await write.run(
        lambda session: handing_over.hand_over(session, learner=learner, chat_id=chat_id, request=body, now=now)
    )


@router.delete("/{chat_id}", response_model=DeletedReply)
async def delete_chat(chat_id: ChatId, caller: SignedIn, write: Write) -> Response:
    """Delete one of your chats, and all that was said in it"""
    return await write.run(lambda session: service.delete_chat(session, user_id=caller.user_id, chat_id=chat_id))


def _learner(request: Request, caller: Caller) -> Learner:
    return Learner(caller.user_id, viewer_of(request.app.state.trac.permissions(), caller.user_id))


def _tutor(request: Request) -> Tutor:
    tutor: Tutor = request.app.state.tutor
    return tutor
