"""What is known of a learner, shown: the concepts begun, and the receipt of one score."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.kit.clock import from_micros, to_micros
from learntrac.kit.errors import NotFound
from learntrac.mastery import queries, receipts
from learntrac.mastery.memory import retention
from learntrac.mastery.rows import memory_of
from learntrac.mastery.schemas import (
    EvidenceItem,
    EvidencePage,
    Expectation,
    MasteryItem,
    MasteryList,
    MasteryQuery,
    MasteryReceipt,
    Receipt,
    ReceiptQuery,
    TermItem,
    Uncertainty,
)
from learntrac.mastery.service import Where, get_where
from learntrac.trac.visibility import Visibility

DIGITS = 4


class NoSuchConcept(NotFound):
    """404: no such ticket, or none that the caller may view."""

    def __init__(self) -> None:
        super().__init__("There is no such concept.")


@dataclass(frozen=True)
class Concept:
    """A concept as its ticket has it now."""

    id: int
    title: str
    component: str
    threshold: float


async def list_mastery(
    session: AsyncSession, *, visibility: Visibility, user_id: str, query: MasteryQuery, now: datetime
) -> MasteryList:
    """The concepts that `user_id` has begun, as far as the caller may know of them."""
    at = to_micros(now)
    rows = await session.execute(queries.BEGUN, {"user_id": user_id, "component": query.component})
    found = [_item(row, at) for row in rows if visibility.allows(row.concept_id)]
    if query.due is not None:
        found = [item for item in found if item.due == query.due]
    if query.due:
        found.sort(key=lambda item: (item.due_at, item.concept_id))
    page = found[query.offset : query.offset + query.limit]
    return MasteryList(user_id=user_id, concepts=page, total=len(found), limit=query.limit, offset=query.offset)


def _item(row: Row[Any], at: int) -> MasteryItem:
    return MasteryItem(
        concept_id=row.concept_id,
        title=row.title,
        component=row.component,
        status=row.status,
        mastery_score=round(row.mastery_score * retention(memory_of(row), at=at), DIGITS),
        score_at_last_answer=round(row.mastery_score, DIGITS),
        threshold=row.mastery_threshold,
        answers=row.answers,
        due=row.due_at is not None and row.due_at <= at,
        due_at=_time(row.due_at),
        mastered_at=_time(row.mastered_at),
    )


async def get_receipt(
    session: AsyncSession,
    *,
    visibility: Visibility,
    user_id: str,
    concept_id: int,
    query: ReceiptQuery,
    now: datetime,
) -> MasteryReceipt:
    """What `user_id`'s score of a concept is made of. Raises NoSuchConcept."""
    concept = await _get_concept(session, visibility, concept_id)
    where, at = await get_where(session, user_id=user_id, concept_id=concept_id), to_micros(now)
    known, score = where.known, where.known.faded(at)
    low, high = receipts.interval(score, known.answers)
    return MasteryReceipt(
        user_id=user_id,
        concept_id=concept_id,
        title=concept.title,
        component=concept.component,
        status=where.status,
        mastery_score=round(score, DIGITS),
        score_at_last_answer=round(known.score, DIGITS),
        threshold=concept.threshold,
        answers=known.answers,
        due=known.due_at is not None and known.due_at <= at,
        due_at=_time(known.due_at),
        mastered_at=_time(known.mastered_at),
        expectation=_expectation(score, known.answers),
        uncertainty=Uncertainty(low=round(low, DIGITS), high=round(high, DIGITS), level=receipts.INTERVAL_LEVEL),
        trend=receipts.trend(await _latest_scores(session, where)),
        receipt=_receipt(where, at),
        evidence=await _evidence(session, where, query),
    )


async def _get_concept(session: AsyncSession, visibility: Visibility, concept_id: int) -> Concept:
    row = (await session.execute(queries.FIND_CONCEPT, {"concept_id": concept_id})).one_or_none()
    if row is None or not visibility.allows(concept_id):
        raise NoSuchConcept
    return Concept(*row)


def _expectation(score: float, answers: int) -> Expectation:
    right = receipts.of_ten(score)
    words = f"will get about {right} of 10 right" if answers else "nothing was answered yet"
    return Expectation(right=right, words=words)


def _receipt(where: Where, at: int) -> Receipt:
    known = where.known
    return Receipt(
        terms=[
            TermItem(term=term.name, meaning=term.meaning, logits=term.logits)
            for term in receipts.terms_of(known.terms)
        ],
        sum_logits=sum(known.terms) if known.terms else None,
        score_at_last_answer=known.score,
        retention=retention(known.memory, at=at),
        mastery_score=known.faded(at),
    )


async def _latest_scores(session: AsyncSession, where: Where) -> list[float]:
    values = {"user_id": where.user_id, "concept_id": where.concept_id, "limit": receipts.TREND_ANSWERS}
    return list((await session.execute(queries.LATEST_SCORES, values)).scalars())


async def _evidence(session: AsyncSession, where: Where, query: ReceiptQuery) -> EvidencePage:
    key = {"user_id": where.user_id, "concept_id": where.concept_id}
    rows = await session.execute(queries.EVIDENCE, key | {"limit": query.limit, "offset": query.offset})
    return EvidencePage(
        items=[_evidence_item(row) for row in rows],
        total=(await session.execute(queries.COUNT_EVIDENCE, key)).scalar_one(),
        limit=query.limit,
        offset=query.offset,
    )


def _evidence_item(row: Row[Any]) -> EvidenceItem:
    return EvidenceItem(
        id=row.id,
        item=row.item_id,
        outcome=row.outcome,
        weight=row.weight,
        source=row.source,
        at=from_micros(row.at),
        right=row.outcome >= row.threshold,
        predicted=_rounded(row.predicted),
        effect=0.0 if row.voided else effect_of(row),
        score_after=_rounded(row.score_after),
        voided=row.voided,
        contest=row.contest,
    )


def effect_of(row: Row[Any]) -> float:
    """What an answer added to the score."""
    if row.score_before is None or row.score_after is None:
        return 0.0
    added: float = row.score_after - row.score_before
    return round(added, DIGITS)


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, DIGITS)


def _time(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
