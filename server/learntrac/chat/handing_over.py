"""Questions that go over to a person, and the help that is offered before anybody asks for it."""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.chat import queries, service
from learntrac.chat.schemas import (
    HandoverItem,
    HandoverList,
    HandoverRequest,
    HandoversQuery,
    OfferItem,
    Offers,
)
from learntrac.concepts.service import Learner
from learntrac.kit.clock import from_micros, to_micros
from learntrac.kit.errors import Conflict, NotFound, ValidationFailed
from learntrac.webhooks.outbox import announce

LINES_OF_TALK = 12
LONGEST_LINE = 600


class HandoverNotFound(NotFound):
    """404: no such question."""

    def __init__(self) -> None:
        super().__init__("There is no such question.")


class AlreadyAnswered(Conflict):
    """409: somebody answered it before."""

    def __init__(self) -> None:
        super().__init__("This question is answered already.")


class AlreadyHandedOver(Conflict):
    """409: a question of this talk waits for an answer."""

    def __init__(self) -> None:
        super().__init__("A question of this chat waits for an answer already.")


async def hand_over(
    session: AsyncSession, *, learner: Learner, chat_id: str, request: HandoverRequest, now: datetime
) -> HandoverItem:
    """Hand a question of a talk over to a person, with what was said before it. Raises ChatNotFound and
    AlreadyHandedOver.
    """
    held = {"id": chat_id, "user_id": learner.user_id, "now": to_micros(now)}
    chat = (await session.execute(queries.HOLD_CHAT, held)).one_or_none()
    if chat is None:
        raise service.ChatNotFound
    if (await session.execute(queries.OPEN_HANDOVER, {"chat_id": chat_id})).first() is not None:
        raise AlreadyHandedOver
    said = (await session.execute(queries.MESSAGES, {"chat_id": chat_id})).all()
    question = request.question or next((row.content for row in reversed(said) if row.role == "user"), "")
    if not question:
        raise ValidationFailed("Say what the question is.")
    talk = [f"{row.role}: {row.content}"[:LONGEST_LINE] for row in said[-LINES_OF_TALK:]]
    values = {
        "chat_id": chat_id,
        "user_id": learner.user_id,
        "concept_id": chat.concept_id,
        "question": question,
        "context": orjson.dumps({"talk": talk, "mode": chat.mode}).decode(),
        "now": to_micros(now),
    }
    number = (await session.execute(queries.ADD_HANDOVER, values)).scalar_one()
    # Neither question nor talk: these are read here, by who may.
    told = {"user_id": learner.user_id, "handover_id": number, "concept_id": chat.concept_id}
    await announce(session, "tutor.handover_requested", told, now=now, user_id=learner.user_id)
    return _item(await _get(session, number))


async def list_handovers(
    session: AsyncSession, *, learner: Learner, query: HandoversQuery, everybody: bool
) -> HandoverList:
    """The questions of a learner, or for an instructor of everybody; those that wait come first."""
    wanted = {"user_id": None if everybody else learner.user_id, "status": query.status}
    rows = (await session.execute(queries.LIST_HANDOVERS, wanted)).all()
    seen = [row for row in rows if row.concept_id is None or learner.viewer.visibility.allows(row.concept_id)]
    page = seen[query.offset : query.offset + query.limit]
    return HandoverList(handovers=[_item(row) for row in page], total=len(seen), limit=query.limit, offset=query.offset)


async def answer_handover(
    session: AsyncSession, *, handover_id: int, answer: str, by: str, now: datetime
) -> HandoverItem:
    """Answer a question as an instructor: the answer stands in the learner's talk as well. Raises HandoverNotFound and
    AlreadyAnswered.
    """
    row = await _get(session, handover_id)
    values = {"id": handover_id, "answer": answer, "by": by, "now": to_micros(now)}
    if (await session.execute(queries.ANSWER_HANDOVER, values)).one_or_none() is None:
        raise AlreadyAnswered
    if row.chat_id is not None:
        await service.add_line(
            session, chat_id=row.chat_id, user_id=row.user_id, role="instructor", content=answer, now=now
        )
    return _item(await _get(session, handover_id))


async def _get(session: AsyncSession, number: int) -> Row[Any]:
    row = (await session.execute(queries.FIND_HANDOVER, {"id": number})).one_or_none()
    if row is None:
        raise HandoverNotFound
    return row


def _item(row: Row[Any]) -> HandoverItem:
    context = orjson.loads(row.context)
    return HandoverItem(
        handover_id=row.id,
        status=row.status,
        chat_id=row.chat_id,
        user_id=row.user_id,
        concept_id=row.concept_id,
        concept_title=row.title or "",
        question=row.question,
        talk=context.get("talk", []),
        answer=row.answer or None,
        answered_by=row.answered_by,
        created_at=from_micros(row.created_at),
        answered_at=from_micros(row.answered_at) if row.answered_at is not None else None,
    )


async def list_offers(session: AsyncSession, *, learner: Learner, failing: dict[int, int]) -> Offers:
    """Help for the concepts that a learner fails at again and again, those with most failures first."""
    seen = learner.viewer.seen(sorted(failing, key=lambda number: (-failing[number], number)))
    titles = {row.id: row.title for row in await session.execute(queries.TITLES, {"ids": seen})}
    return Offers(
        offers=[
            OfferItem(
                concept_id=number,
                title=titles[number],
                failures_in_a_row=failing[number],
                message=f"{failing[number]} tries in a row did not work out. Shall we look at it together?",
                mode="debugging",
            )
            for number in seen
            if number in titles
        ]
    )
