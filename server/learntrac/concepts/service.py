"""The verbs of concepts: see one, start it, complete it."""

import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson
from sqlalchemy import Row, TextClause
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.certificates.service import certify_concept
from learntrac.concepts import queries
from learntrac.concepts.learning_path import Material, PathStep, plan
from learntrac.concepts.schemas import (
    AchievementItem,
    CompleteReply,
    CompleteRequest,
    ExerciseStep,
    StartReply,
    StartRequest,
    Step,
    TimedResource,
)
from learntrac.concepts.viewing import Viewer
from learntrac.exercises import service as practice
from learntrac.exercises.service import OF_CONCEPT
from learntrac.kit.clock import to_micros
from learntrac.kit.errors import Conflict, NotFound
from learntrac.kit.readers import WideReader
from learntrac.mastery import service as mastery
from learntrac.mastery.awards import award
from learntrac.mastery.parameter_file import Model
from learntrac.mastery.service import Answer, Where
from learntrac.trac.mapping import read_tail, write_tail
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


_EXERCISE = ("id", "title", "type", "points")


@dataclass(frozen=True)
class Learner:
    """A signed-in viewer, for the verbs that write in their name."""

    user_id: str
    viewer: Viewer


async def get_detail(reader: WideReader, *, viewer: Viewer, concept_id: int) -> bytes:
    """A concept as this viewer sees it: the JSON of a ConceptDetail. Raises ConceptNotFound."""
    sql = queries.show_concept(
        reader.as_json(queries.SHOW_PREREQUISITES, "id", "title", "standing", "status"),
        reader.as_json(OF_CONCEPT.format("$2"), "id", "title", "type", "points"),
    )
    rows = await reader.rows(sql, viewer.user_id, concept_id)
    if not rows or not viewer.visibility.allows(concept_id):
        raise ConceptNotFound
    head, standing, status, tail, needs, objectives, links, exercises, custom_fields = rows[0]
    rest = read_tail(tail) | {
        "prerequisites": _prerequisites(viewer, needs),
        "learning_objectives": orjson.loads(objectives),
        "resources": [{"type": resource_type(link), "title": link.text, "url": _url(link)} for link in _links(links)],
        "exercises": [dict(zip(_EXERCISE, row, strict=True)) for row in orjson.loads(exercises)],
        "metadata": {"trac_ticket_id": concept_id, "custom_fields": orjson.loads(custom_fields)},
    }
    return f"{head}{_status(viewer, standing, status)}{write_tail(rest)}".encode()


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
        learning_path=_shown(await _plan(session, row, request, learner.user_id)),
        ai_tutor_available=True,
    )


async def complete(
    session: AsyncSession,
    *,
    learner: Learner,
    concept_id: int,
    request: CompleteRequest,
    reported_quiz_weight: float,
    model: Model,
    now: datetime,
) -> CompleteReply:
    """End a session. Status and score follow from graded evidence only, and time from the server's clock.

    Raises ConceptNotFound, SessionNotFound, and AlreadyEnded for a session that is over.
    """
    row = await _get_concept(session, learner.viewer, concept_id, queries.GET_THRESHOLD)
    found = (
        await session.execute(queries.FIND_SESSION, {"id": request.session_id, "user_id": learner.user_id})
    ).one_or_none()
    if found is None or found.concept_id != concept_id:
        raise SessionNotFound
    seconds = _spent_seconds(found.started_at, request.time_spent, now)
    await _close(session, request, seconds, now)
    where = Where(learner.user_id, concept_id)
    if request.completion_type == "abandoned":
        where = await mastery.abandon(session, where, seconds=seconds, now=now)
    else:
        weight = reported_quiz_weight
        where = await _work_through(session, where, row.mastery_threshold, request, weight, model, seconds, now)
    unlocked = await session.execute(queries.UNLOCKED_BY, {"user_id": learner.user_id, "concept_id": concept_id})
    return CompleteReply(
        concept_id=concept_id,
        status=where.status,
        mastery_score=round(where.mastery_score, 4),
        time_spent=seconds,
        completion_date=now,
        achievements_unlocked=await _achievements(session, learner.user_id, now),
        next_concepts=learner.viewer.seen(unlocked.scalars()),
        certificate_url=await _certify(session, where, request.session_id, now),
    )


async def _certify(session: AsyncSession, where: Where, session_id: str, now: datetime) -> str | None:
    """The address of the learner's certificate, where the concept is mastered by graded answers."""
    if where.status != "mastered":
        return None
    return await certify_concept(
        session, user_id=where.user_id, concept_id=where.concept_id, session_id=session_id, now=now
    )


async def _achievements(session: AsyncSession, user_id: str, now: datetime) -> list[AchievementItem]:
    """What this end of a session earned, its graded answer included."""
    new = await award(session, user_id=user_id, now=now)
    return [
        AchievementItem(id=rule.id, title=rule.title, description=rule.description)
        for rule in sorted(new, key=lambda rule: rule.id)
    ]


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
    model: Model,
    seconds: int,
    now: datetime,
) -> Where:
    answer = None
    if request.quiz_score is not None:
        answer = Answer(f"session:{request.session_id}", request.quiz_score, weight, "reported")
    where = await mastery.complete(
        session, where, model=model, threshold=threshold, seconds=seconds, now=now, answer=answer
    )
    if where.status == "mastered":
        await session.execute(queries.SET_SESSION_STATUS, {"id": request.session_id, "status": "mastered"})
    return where


async def find_preferred_resource(session: AsyncSession, *, user_id: str) -> str | None:
    """The kind of resource that the learner's last fifty sessions asked for most; None where none did."""
    rows = await session.execute(queries.ASKED_FOR, {"user_id": user_id})
    asked = Counter(kind for row in rows for kind in orjson.loads(row.preferred_resources))
    return min(asked, key=lambda kind: (-asked[kind], kind)) if asked else None


async def _get_concept(
    session: AsyncSession, viewer: Viewer, concept_id: int, what: TextClause = queries.GET_CONCEPT
) -> Row[Any]:
    if not viewer.visibility.allows(concept_id):
        raise ConceptNotFound
    row = (await session.execute(what, {"concept_id": concept_id})).one_or_none()
    if row is None:
        raise ConceptNotFound
    return row


def _status(viewer: Viewer, standing: Any, status: Any) -> Any:
    """The learner's own status, or what the ticket's stands for where nobody is signed in."""
    return standing if viewer.user_id is None else status or "new"


def _prerequisites(viewer: Viewer, needs: str) -> list[dict[str, Any]]:
    return [
        {"id": number, "title": title, "status": _status(viewer, standing, status)}
        for number, title, standing, status in orjson.loads(needs)
        if viewer.visibility.allows(number)
    ]


async def _plan(session: AsyncSession, row: Row[Any], request: StartRequest, user_id: str) -> list[PathStep]:
    links = _links(row.links)
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
        exercises=await _exercises(session, row.id, user_id),
    )


async def _exercises(session: AsyncSession, concept_id: int, user_id: str) -> list[Material]:
    return [
        Material("exercise", one.title, f"/exercises/{quote(one.id)}", one.minutes, one.id, one.instructions)
        for one in await practice.list_to_practise(session, user_id=user_id, concept_id=concept_id)
    ]


async def _page_words(session: AsyncSession, names: list[str]) -> dict[str, int]:
    """{page: minutes to read it} of the wiki pages that there are."""
    if not names:
        return {}
    rows = await session.execute(queries.PAGE_WORDS, {"names": names})
    return {row.name: reading_minutes(row.words) for row in rows}


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
            exercise=_exercise_step(step),
            objectives=list(step.objectives) or None,
        )
        for number, step in enumerate(steps, 1)
    ]


def _exercise_step(step: PathStep) -> ExerciseStep | None:
    if step.type != "practice":
        return None
    material = step.material
    return ExerciseStep(
        id=material.exercise_id,
        title=material.title,
        instructions=material.instructions,
        estimated_time=step.minutes,
    )


def _links(written: str) -> list[Link]:
    return [Link(kind, target, label) for kind, target, label in orjson.loads(written)]


def _url(link: Link) -> str:
    return link.target if link.kind == "url" else "/wiki/" + quote(link.target, safe="/")


def _spent_seconds(started_at: int, claimed: int | None, now: datetime) -> int:
    """What the client says, as far as the server's clock allows it."""
    elapsed = max(0, (to_micros(now) - started_at) // 1_000_000)
    return elapsed if claimed is None else min(claimed, elapsed)
