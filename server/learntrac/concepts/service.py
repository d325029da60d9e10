"""The verbs of concepts: see one, start it, complete it."""

import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson
from sqlalchemy import Row, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.concepts import queries
from learntrac.concepts.learning_path import Material, PathStep, plan
from learntrac.concepts.schemas import (
    CompleteReply,
    CompleteRequest,
    ConceptDetail,
    ConceptMetadata,
    PrerequisiteItem,
    Resource,
    StartReply,
    StartRequest,
    Step,
    TimedResource,
)
from learntrac.concepts.viewing import Viewer
from learntrac.kit.clock import to_micros
from learntrac.kit.errors import Conflict, NotFound
from learntrac.mastery import service as mastery
from learntrac.mastery.service import Answer, Where
from learntrac.trac import values
from learntrac.trac.mapping import read_tail
from learntrac.trac.wikitext import Link, reading_minutes, resource_type


class ConceptNotFound(NotFound):
    """404: no such ticket, or none that the caller may view."""

    def __init__(self) -> None:
        super().__init__("There is no such concept.")


class SessionNotFound(NotFound):
    """404: no such session of this learner with this concept."""

    def __init__(self) -> None:
        super().__init__("There is no such session.")


class AlreadyStarted(Conflict):
    """409: the learner has an active session with this concept."""

    def __init__(self) -> None:
        super().__init__("You have already started this concept.")


class AlreadyEnded(Conflict):
    """409: the session was completed or abandoned before."""

    def __init__(self) -> None:
        super().__init__("This session is over.")


@dataclass(frozen=True)
class Learner:
    """A signed-in viewer, for the verbs that write in their name."""

    user_id: str
    viewer: Viewer


async def get_detail(session: AsyncSession, *, viewer: Viewer, concept_id: int) -> ConceptDetail:
    """A concept as this viewer sees it. Raises ConceptNotFound."""
    row = await _get_concept(session, viewer, concept_id)
    links = _links(row)
    return ConceptDetail(
        **{name: getattr(row, name) for name in _SHOWN},
        status=await _status(session, viewer, row),
        estimated_time=values.show_minutes(row.estimated_minutes),
        tags=read_tail(row.doc_tail)["tags"],
        created_at=values.from_microseconds(row.created_at),
        updated_at=values.from_microseconds(row.updated_at),
        prerequisites=await _prerequisites(session, viewer, concept_id),
        learning_objectives=orjson.loads(row.objectives),
        resources=[Resource(type=resource_type(link), title=link.text, url=_url(link)) for link in links],
        exercises=[],
        metadata=ConceptMetadata(trac_ticket_id=row.id, custom_fields=orjson.loads(row.custom_fields)),
    )


_SHOWN = (
    "id",
    "title",
    "description",
    "type",
    "difficulty",
    "mastery_threshold",
    "component",
    "milestone",
    "owner",
)


async def start(
    session: AsyncSession, *, learner: Learner, concept_id: int, request: StartRequest, now: datetime
) -> StartReply:
    """Begin to learn a concept. Raises ConceptNotFound, and AlreadyStarted while a session is active."""
    row = await _get_concept(session, learner.viewer, concept_id)
    session_id = str(uuid.uuid4())
    opened = await session.execute(
        queries.OPEN_SESSION,
        {
            "id": session_id,
            "user_id": learner.user_id,
            "concept_id": concept_id,
            "mode": request.learning_mode,
            "preferred": orjson.dumps(request.preferred_resources).decode(),
            "now": to_micros(now),
        },
    )
    if opened.one_or_none() is None:
        raise AlreadyStarted
    await mastery.begin(session, user_id=learner.user_id, concept_id=concept_id, mode=request.learning_mode, now=now)
    return StartReply(
        session_id=session_id,
        concept_id=concept_id,
        started_at=now,
        learning_path=_shown(await _plan(session, row, request)),
        ai_tutor_available=False,
    )


async def complete(
    session: AsyncSession,
    *,
    learner: Learner,
    concept_id: int,
    request: CompleteRequest,
    reported_quiz_weight: float,
    now: datetime,
) -> CompleteReply:
    """End a session. Status and score follow from graded evidence only, and time from the server's clock.

    Raises ConceptNotFound, SessionNotFound, and AlreadyEnded for a session that is over.
    """
    row = await _get_concept(session, learner.viewer, concept_id)
    found = (
        await session.execute(queries.FIND_SESSION, {"id": request.session_id, "user_id": learner.user_id})
    ).one_or_none()
    if found is None or found.concept_id != concept_id:
        raise SessionNotFound
    seconds = _spent_seconds(found.started_at, request.time_spent, now)
    await _close(session, request, seconds, now)
    where = await mastery.get_where(session, user_id=learner.user_id, concept_id=concept_id)
    if request.completion_type == "abandoned":
        where = await mastery.abandon(session, where, seconds=seconds, now=now)
    else:
        where = await _work_through(session, where, row.mastery_threshold, request, reported_quiz_weight, seconds, now)
    unlocked = await session.execute(queries.UNLOCKED_BY, {"user_id": learner.user_id, "concept_id": concept_id})
    return CompleteReply(
        concept_id=concept_id,
        status=where.status,
        mastery_score=round(where.mastery_score, 4),
        time_spent=seconds,
        completion_date=now,
        achievements_unlocked=[],
        next_concepts=learner.viewer.seen(unlocked.scalars()),
        certificate_url=None,
    )


async def _close(session: AsyncSession, request: CompleteRequest, seconds: int, now: datetime) -> None:
    reported = request.model_dump_json(exclude={"session_id"}, exclude_none=True)
    status = "abandoned" if request.completion_type == "abandoned" else "completed"
    values_ = {
        "id": request.session_id,
        "status": status,
        "seconds": seconds,
        "reported": reported,
        "now": to_micros(now),
    }
    if (await session.execute(queries.CLOSE_SESSION, values_)).one_or_none() is None:
        raise AlreadyEnded


async def _work_through(
    session: AsyncSession,
    where: Where,
    threshold: float,
    request: CompleteRequest,
    weight: float,
    seconds: int,
    now: datetime,
) -> Where:
    if request.quiz_score is not None:
        answer = Answer(f"session:{request.session_id}", request.quiz_score, weight, "reported")
        where = await mastery.record_answer(session, where, answer, threshold=threshold, now=now)
    where = await mastery.complete(session, where, threshold=threshold, seconds=seconds, now=now)
    if where.status == "mastered":
        await session.execute(queries.SET_SESSION_STATUS, {"id": request.session_id, "status": "mastered"})
    return where


async def find_preferred_resource(session: AsyncSession, *, user_id: str) -> str | None:
    """The kind of resource that the learner's last fifty sessions asked for most; None where none did."""
    rows = await session.execute(queries.ASKED_FOR, {"user_id": user_id})
    asked = Counter(kind for row in rows for kind in orjson.loads(row.preferred_resources))
    return min(asked, key=lambda kind: (-asked[kind], kind)) if asked else None


async def _get_concept(session: AsyncSession, viewer: Viewer, concept_id: int) -> Row[Any]:
    if not viewer.visibility.allows(concept_id):
        raise ConceptNotFound
    row = (await session.execute(queries.GET_CONCEPT, {"concept_id": concept_id})).one_or_none()
    if row is None:
        raise ConceptNotFound
    return row


async def _status(session: AsyncSession, viewer: Viewer, row: Row[Any]) -> Any:
    if viewer.user_id is None:
        return row.standing
    key = {"user_id": viewer.user_id, "concept_id": row.id}
    return (await session.execute(queries.STATUS_OF, key)).scalar_one_or_none() or "new"


async def _prerequisites(session: AsyncSession, viewer: Viewer, concept_id: int) -> list[PrerequisiteItem]:
    rows = await session.execute(queries.PREREQUISITES_OF, {"user_id": viewer.user_id, "concept_id": concept_id})
    return [
        PrerequisiteItem(
            id=row.id, title=row.title, status=row.standing if viewer.user_id is None else row.status or "new"
        )
        for row in rows
        if viewer.visibility.allows(row.id)
    ]


async def _plan(session: AsyncSession, row: Row[Any], request: StartRequest) -> list[PathStep]:
    links = _links(row)
    words = await _page_words(session, [link.target for link in links if link.kind == "wiki"])
    ticket = Material(
        "documentation", row.title, f"/ticket/{row.id}", reading_minutes(len(row.description.split())) or None
    )
    return plan(
        mode=request.learning_mode,
        ticket=ticket,
        materials=[Material(resource_type(link), link.text, _url(link), words.get(link.target)) for link in links],
        objectives=orjson.loads(row.objectives),
        estimated_minutes=row.estimated_minutes,
        commitment_minutes=request.time_commitment,
        preferred=request.preferred_resources,
    )


async def _page_words(session: AsyncSession, names: list[str]) -> dict[str, int]:
    """{page: minutes to read it} of the wiki pages that there are."""
    if not names:
        return {}
    statement = text(queries.PAGE_WORDS).bindparams(bindparam("names", expanding=True))
    return {row.name: reading_minutes(row.words) for row in await session.execute(statement, {"names": names})}


def _shown(steps: list[PathStep]) -> list[Step]:
    return [
        Step(
            step=number,
            type=step.type,
            resource=TimedResource(
                type=step.material.type,
                title=step.material.title,
                url=step.material.url,
                estimated_time=step.minutes,
            ),
            objectives=list(step.objectives) or None,
        )
        for number, step in enumerate(steps, 1)
    ]


def _links(row: Row[Any]) -> list[Link]:
    return [Link(kind, target, label) for kind, target, label in orjson.loads(row.links)]


def _url(link: Link) -> str:
    return link.target if link.kind == "url" else "/wiki/" + quote(link.target, safe="/")


def _spent_seconds(started_at: int, claimed: int | None, now: datetime) -> int:
    """What the client says, as far as the server's clock allows it."""
    elapsed = max(0, (to_micros(now) - started_at) // 1_000_000)
    return elapsed if claimed is None else min(claimed, elapsed)
