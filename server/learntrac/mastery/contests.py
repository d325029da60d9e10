"""Contests: a learner objects to the grade of an answer, and an instructor decides. Nothing is lost by it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.kit.clock import from_micros, to_micros
from learntrac.kit.errors import Conflict, NotFound
from learntrac.mastery import queries
from learntrac.mastery.parameter_file import Model
from learntrac.mastery.reports import DIGITS, effect_of
from learntrac.mastery.schemas import ContestDecided, ContestItem, ContestList, ContestQuery, DecisionRequest
from learntrac.mastery.service import Where, add_event, get_where, replay_log
from learntrac.mastery.steps import Event
from learntrac.trac.visibility import Visibility


class EvidenceNotFound(NotFound):
    """404: no such answer of this learner, or one to a concept they may not view."""

    def __init__(self) -> None:
        super().__init__("There is no such answer of yours.")


class ContestNotFound(NotFound):
    """404: no such contest, or one about a concept that the caller may not view."""

    def __init__(self) -> None:
        super().__init__("There is no such contest.")


class AlreadyContested(Conflict):
    """409: an answer is contested once."""

    def __init__(self) -> None:
        super().__init__("You have contested this answer already.")


class AlreadyDecided(Conflict):
    """409: a decision stands."""

    def __init__(self) -> None:
        super().__init__("This contest is decided.")


async def contest(
    session: AsyncSession, *, visibility: Visibility, user_id: str, evidence_id: int, reason: str, now: datetime
) -> ContestItem:
    """Object to the grade of one's own answer. Raises EvidenceNotFound, and AlreadyContested the second time."""
    row = (await session.execute(queries.FIND_EVIDENCE, {"id": evidence_id})).one_or_none()
    if row is None or row.user_id != user_id or not visibility.allows(row.concept_id):
        raise EvidenceNotFound
    values = {"evidence_id": evidence_id, "user_id": user_id, "concept_id": row.concept_id, "reason": reason}
    added = (await session.execute(queries.ADD_CONTEST, values | {"now": to_micros(now)})).scalar_one_or_none()
    if added is None:
        raise AlreadyContested
    where = Where(user_id, row.concept_id)
    event = Event("contested", data={"evidence": evidence_id, "contest": added})
    await add_event(session, where, event, now=now)
    return _item(await _get(session, visibility, added))


async def list_contests(session: AsyncSession, *, visibility: Visibility, query: ContestQuery) -> ContestList:
    """Contests about concepts that the caller may know of."""
    rows = await session.execute(queries.CONTESTS, {"status": query.status})
    found = [row for row in rows if visibility.allows(row.concept_id)]
    page = found[query.offset : query.offset + query.limit]
    return ContestList(contests=[_item(row) for row in page], total=len(found), limit=query.limit, offset=query.offset)


async def decide(
    session: AsyncSession,
    *,
    visibility: Visibility,
    decided_by: str,
    contest_id: int,
    request: DecisionRequest,
    model: Model,
    now: datetime,
) -> ContestDecided:
    """Strike the answer, and make the learner's state and standings anew without it; or let it stand.

    Raises ContestNotFound, and AlreadyDecided the second time.
    """
    row = await _get(session, visibility, contest_id)
    values = {"id": contest_id, "decided_by": decided_by, "note": request.note, "now": to_micros(now)}
    status = "accepted" if request.accept else "rejected"
    if (await session.execute(queries.DECIDE_CONTEST, values | {"status": status})).one_or_none() is None:
        raise AlreadyDecided
    where = Where(row.user_id, row.concept_id)
    told = {"evidence": row.evidence_id, "contest": contest_id}
    await add_event(session, where, Event("voided" if request.accept else "upheld", data=told), now=now)
    if request.accept:
        await session.execute(queries.VOID_EVIDENCE, {"id": row.evidence_id})
        await replay_log(session, model.current, user_id=row.user_id, now=now, keep_mastered=False)
    where = await get_where(session, user_id=row.user_id, concept_id=row.concept_id)
    item = _item(await _get(session, visibility, contest_id))
    return ContestDecided(
        **item.model_dump(), concept_status=where.status, mastery_score=round(where.mastery_score, DIGITS)
    )


async def _get(session: AsyncSession, visibility: Visibility, contest_id: int) -> Row[Any]:
    row = (await session.execute(queries.FIND_CONTEST, {"id": contest_id})).one_or_none()
    if row is None or not visibility.allows(row.concept_id):
        raise ContestNotFound
    return row


def _item(row: Row[Any]) -> ContestItem:
    return ContestItem(
        contest_id=row.id,
        user_id=row.user_id,
        concept_id=row.concept_id,
        reason=row.reason,
        status=row.status,
        created_at=from_micros(row.created_at),
        decided_by=row.decided_by,
        decided_at=from_micros(row.decided_at) if row.decided_at is not None else None,
        note=row.note,
        evidence_id=row.evidence_id,
        item=row.item_id,
        outcome=row.outcome,
        weight=row.weight,
        source=row.source,
        at=from_micros(row.at),
        predicted=round(row.predicted, DIGITS) if row.predicted is not None else None,
        effect=effect_of(row),
    )
