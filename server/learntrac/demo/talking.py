"""Talks of the demo's learners with the tutor: said by them, answered by the tutor as ever."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import text

from learntrac.chat import handing_over, service
from learntrac.chat.answering import answer
from learntrac.chat.events import Final, Turn
from learntrac.chat.indexing import follow
from learntrac.chat.planning import Tutor
from learntrac.chat.schemas import (
    ChatContext,
    ChatFeedbackRequest,
    ChatMessageRequest,
    ChatStartRequest,
    HandoverRequest,
    Mode,
)
from learntrac.concepts.service import Learner
from learntrac.concepts.viewing import Viewer
from learntrac.kit.db import Database
from learntrac.mastery.parameter_file import Model
from learntrac.trac.visibility import Visibility

_EVERYTHING = Visibility(default=True)
_SHIPPED = Model()


@dataclass(frozen=True)
class _Talk:
    """What somebody said, about the concept of this title, so many days ago."""

    user_id: str
    title: str
    mode: Mode
    days_ago: float
    said: tuple[str, ...]
    rating: int | None = None
    hands_over: str | None = None
    answer: str | None = field(default=None)


_TALKS = (
    _Talk(
        "alice",
        "Requests, responses and representations",
        "tutoring",
        11.2,
        (
            "How does a server know where my header fields end?",
            "I think it counts the lines?",
            "Maybe there is an empty line, and what comes after it is the body.",
        ),
        rating=5,
    ),
    _Talk(
        "bob",
        "Status codes that tell the truth",
        "explaining",
        6.4,
        ("When is it 404 and when is it 410?", "Can you show me an example?"),
        rating=4,
        hands_over="Our old links were printed in a book. Is 410 too harsh for them?",
        answer="410 says that it will not come back. If somebody may bring the page back, stay with 404.",
    ),
    _Talk(
        "chen",
        "Caching: freshness and validators",
        "explaining",
        4.1,
        ("What does a validator do that max-age does not?",),
        rating=5,
    ),
    _Talk(
        "dana",
        "Requests, responses and representations",
        "practice",
        2.3,
        ("A request has a method, a target, header fields and a body; a response has a status code instead.",),
    ),
    _Talk(
        "alice",
        "Retry without doing it twice: idempotency keys",
        "tutoring",
        0.8,
        (
            "Why is a key better than trying the POST again?",
            "Because the server may have done it already, I think.",
        ),
        hands_over="Who should make the key, the client or the server?",
    ),
)


async def talk(database: Database, tutor: Tutor, *, now: datetime) -> int:
    """Have the learners talk, where nobody has talked yet; how many talks there were."""
    await follow(database)
    async with database.read() as session:
        if (await session.execute(text("SELECT 1 FROM chat LIMIT 1"))).first() is not None:
            return 0
        rows = await session.execute(text("SELECT id, title FROM concept"))
        numbers = {row.title: row.id for row in rows}
    found = [one for one in _TALKS if one.title in numbers]
    for one in found:
        await _hold(database, tutor, one, numbers[one.title], now - timedelta(days=one.days_ago))
    return len(found)


async def _hold(database: Database, tutor: Tutor, one: _Talk, concept_id: int, at: datetime) -> None:
    learner = Learner(one.user_id, Viewer(one.user_id, _EVERYTHING))
    request = ChatStartRequest(context=ChatContext(concept_id=concept_id, mode=one.mode), initial_message=None)
    if one.mode != "practice":
        request = request.model_copy(update={"initial_message": one.said[0]})
    async with database.begin() as session:
        turn = await service.open_chat(session, learner=learner, request=request, now=at)
    await _answered(database, tutor, turn, at)
    for place, said in enumerate(one.said[0 if one.mode == "practice" else 1 :], 1):
        at += timedelta(seconds=70 + 20 * place)
        async with database.begin() as session:
            message = ChatMessageRequest(message=said)
            turn = await service.take_message(
                session, user_id=one.user_id, chat_id=turn.chat_id, request=message, now=at
            )
        await _answered(database, tutor, turn, at)
    await _close(database, learner, turn, one, at)


async def _answered(database: Database, tutor: Tutor, turn: Turn, at: datetime) -> None:
    async for event in answer(tutor, turn):
        if isinstance(event, Final):
            async with database.begin() as session:
                later = at + timedelta(seconds=2)
                await service.keep_reply(session, turn, event.draft, model=_SHIPPED, now=later)


async def _close(database: Database, learner: Learner, turn: Turn, one: _Talk, at: datetime) -> None:
    """The last reply is rated, and what is still open goes over to a person."""
    async with database.begin() as session:
        if one.rating is not None:
            said = ChatFeedbackRequest(message_id=turn.reply_id, rating=one.rating, helpful=True)
            await service.take_feedback(session, user_id=one.user_id, chat_id=turn.chat_id, request=said)
        if one.hands_over is None:
            return
        asked = HandoverRequest(question=one.hands_over)
        kept = await handing_over.hand_over(
            session, learner=learner, chat_id=turn.chat_id, request=asked, now=at + timedelta(minutes=3)
        )
        if one.answer is not None:
            await handing_over.answer_handover(
                session, handover_id=kept.handover_id, answer=one.answer, by="ivan", now=at + timedelta(hours=5)
            )
