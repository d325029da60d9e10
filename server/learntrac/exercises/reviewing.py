"""What instructors do with exercises and attempts: preview, regrade, judge a design themselves, look for likeness."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.backends.sandbox import Sandbox
from learntrac.exercises import marking, queries, rubric, running, showing, similarity, submitting
from learntrac.exercises.definition import AnyDefinition, CodeDefinition, DesignDefinition, QuizDefinition, filled_in
from learntrac.exercises.grading import Item, Verdict, verdict
from learntrac.exercises.rubric import Judged
from learntrac.exercises.running import Handed, Proved, Task, task_of
from learntrac.exercises.schemas import (
    AttemptItem,
    ExerciseDetail,
    LearnerStanding,
    OverrideRequest,
    PreviewReply,
    ProofItem,
    RegradeRequest,
    SimilarList,
    SimilarPair,
    SimilarQuery,
)
from learntrac.exercises.service import attempt_of, get_exercise, status_now
from learntrac.kit.clock import from_micros, to_micros
from learntrac.kit.errors import Conflict, Detail, NotFound, ValidationFailed
from learntrac.mastery import service as mastery
from learntrac.mastery.parameter_file import Model
from learntrac.trac.visibility import Visibility

MOST_COMPARED = 500


class AttemptNotFound(NotFound):
    """404: no such attempt at this exercise."""

    def __init__(self) -> None:
        super().__init__("There is no such attempt at this exercise.")


class NotGradedYet(Conflict):
    """409: the attempt waits for its first verdict."""

    def __init__(self) -> None:
        super().__init__("This attempt has no verdict yet.")


def preview(definition: AnyDefinition, proved: Sequence[Proved], problems: list[str], *, user_id: str) -> PreviewReply:
    """How learners would see each variant, and what came of its solution and starter."""
    exercise_id = definition.id or "preview"
    tasks = [Task(filled_in(definition, one.row), user_id, exercise_id, 0) for one in proved]
    return PreviewReply(
        acceptable=not problems,
        problems=problems,
        views=[showing.view(task, version=0) for task in tasks],
        proof=[
            ProofItem(
                variant=one.row,
                solution=showing.result_of(one.solution, points=definition.points),
                starter=showing.result_of(one.starter, points=definition.points),
            )
            for one in proved
        ],
    )


_PREREQUISITES_MET = text(
    "SELECT count(*) FROM prerequisite p LEFT JOIN standing t ON t.user_id = :user_id"
    " AND t.concept_id = p.prerequisite_id WHERE p.concept_id = :concept_id AND p.state = 'kept'"
    " AND coalesce(t.status, 'new') <> 'mastered' AND t.completed_at IS NULL"
)


async def show_exercise(
    session: AsyncSession, *, user_id: str, visibility: Visibility, exercise_id: str
) -> ExerciseDetail:
    """An exercise as it is known before it is begun. Raises ExerciseNotFound."""
    found = await get_exercise(session, visibility=visibility, exercise_id=exercise_id)
    key = {"user_id": user_id, "exercise_id": exercise_id}
    mine = (await session.execute(queries.FIND_STANDING, key)).one_or_none()
    unmet = await session.execute(_PREREQUISITES_MET, key | {"concept_id": found.concept_id})
    definition = found.definition
    return ExerciseDetail(
        id=found.id,
        title=found.title,
        concept_id=found.concept_id,
        type=definition.type,
        difficulty=definition.difficulty,
        points=found.points,
        estimated_time=definition.estimated_minutes,
        status=mine.status if mine is not None else "available",
        completion_rate=round(found.completed_by / found.started_by, 4) if found.started_by else 0.0,
        prerequisites_met=unmet.scalar_one() == 0,
        requirements=showing.requirements_of(definition),
        test_cases=showing.count_tests(definition),
        time_limit=showing.time_limit_seconds(definition),
        language=showing.language_of(definition),
        mine=_standing(mine, found.points),
    )


def _standing(row: Row[Any] | None, points: int) -> LearnerStanding:
    if row is None:
        return LearnerStanding(status="available", best_score=0.0, attempts=0, hints=0, completed_at=None)
    return LearnerStanding(
        status=row.status,
        best_score=showing.score(row.best_share, points),
        attempts=row.attempts,
        hints=row.hints,
        completed_at=from_micros(row.completed_at) if row.completed_at is not None else None,
    )


@dataclass(frozen=True)
class Again:
    """An attempt that is to be graded again, with the task in the version that it is held against, and what was handed
    in as an answer to that.
    """

    row: Row[Any]
    task: Task
    source: str


async def prepare_regrade(
    session: AsyncSession, *, visibility: Visibility, exercise_id: str, attempt_id: int, request: RegradeRequest
) -> Again:
    """What is to be run again. Raises ExerciseNotFound, AttemptNotFound and NotGradedYet."""
    row = await _attempt(session, visibility, exercise_id, attempt_id)
    version = row.version if request.version == "own" else None
    found = await get_exercise(
        session, visibility=visibility, exercise_id=exercise_id, version=version, with_retired=True
    )
    task = task_of(found.definition, user_id=row.user_id, exercise_id=exercise_id, version=found.version)
    return Again(row, task, await _as_answer_to(session, row, task))


async def _as_answer_to(session: AsyncSession, row: Row[Any], task: Task) -> str:
    """What was handed in; of a quiz the letters that its choices have in this version."""
    before = await submitting.task_of_submission(session, row)
    if before is None or before.version == task.version:
        return str(row.source)
    old, new = before.definition, task.definition
    if not (isinstance(old, QuizDefinition) and isinstance(new, QuizDefinition)):
        return str(row.source)
    answers = marking.carried_over(running.read_answers(row.source), old.questions, new.questions, task.orders)
    return orjson.dumps(answers, option=orjson.OPT_SORT_KEYS).decode()


async def _attempt(session: AsyncSession, visibility: Visibility, exercise_id: str, attempt_id: int) -> Row[Any]:
    await get_exercise(session, visibility=visibility, exercise_id=exercise_id, with_retired=True)
    row = await submitting.find_submission(session, submission_id=attempt_id)
    if row is None or row.exercise_id != exercise_id:
        raise AttemptNotFound
    if row.status not in ("graded", "unexplained"):
        raise NotGradedYet
    return row


async def run_again(sandbox: Sandbox, again: Again, *, instructor: str) -> Verdict:
    """The new verdict. Raises SandboxDown and SandboxBusy."""
    definition, kept = again.task.definition, _judged_by(again.row)
    points, by_hand = kept.get("points", {}), "by_hand" in kept
    judged = {} if by_hand else {name: Judged(one["share"], one.get("why", "")) for name, one in points.items()}
    handed = Handed(again.source, judged)
    found = await running.judge(sandbox, again.task, handed, user_id=running.AUTHOR.format(instructor))
    if by_hand and isinstance(definition, DesignDefinition):
        return _by_hand(definition, found.items, {name: one["share"] for name, one in points.items()})
    return found


def _judged_by(row: Row[Any]) -> dict[str, Any]:
    """Who judged a design beside its checks, as it was kept; empty where nobody did."""
    return orjson.loads(row.result).get("judged_by") or {}


def _by_hand(definition: DesignDefinition, items: Sequence[Item], shares: Mapping[str, float]) -> Verdict:
    """The verdict with an instructor's word on these points, which no bounds hold."""
    pairs = zip(definition.rubric, items, strict=True)
    judged = [rubric.judged_by_hand(point, item, shares.get(point.name)) for point, item in pairs]
    return verdict(judged, pass_share=definition.pass_share)


async def keep_regrade(
    session: AsyncSession,
    *,
    again: Again,
    verdict: Verdict,
    instructor: str,
    note: str,
    model: Model,
    now: datetime,
) -> AttemptItem:
    """Write the new verdict over the old one, strike the evidence the old one gave, and give the new one's."""
    return await _rewrite(
        session,
        row=again.row,
        task=again.task,
        source=again.source,
        found=verdict,
        judged_by=_judged_by(again.row),
        instructor=instructor,
        note=note,
        model=model,
        now=now,
    )


async def override(
    session: AsyncSession,
    *,
    visibility: Visibility,
    exercise_id: str,
    attempt_id: int,
    request: OverrideRequest,
    instructor: str,
    model: Model,
    now: datetime,
) -> AttemptItem:
    """Put an instructor's judgement in the place of checks and model. Raises ExerciseNotFound, AttemptNotFound,
    NotGradedYet, and ValidationFailed where it is no design or names no point of it.
    """
    row = await _attempt(session, visibility, exercise_id, attempt_id)
    task = await submitting.task_of_submission(session, row)
    if task is None or not isinstance(task.definition, DesignDefinition):
        raise ValidationFailed("Only a design is for an instructor to judge; regrade this attempt instead.")
    _insist_on_points(task.definition, request)
    before, items = _judged_by(row), showing.read_items(orjson.loads(row.result))
    found = _by_hand(task.definition, items, request.points)
    points = {name: {"share": share} for name, share in request.points.items()}
    kept = {"by_hand": True, "points": (before["points"] if "by_hand" in before else {}) | points}
    return await _rewrite(
        session,
        row=row,
        task=task,
        source=row.source,
        found=found,
        judged_by=kept,
        instructor=instructor,
        note=request.note,
        model=model,
        now=now,
    )


def _insist_on_points(definition: DesignDefinition, request: OverrideRequest) -> None:
    known = {point.name for point in definition.rubric}
    if unknown := [name for name in request.points if name not in known]:
        details = [Detail("points", f"the rubric has no point {name!r}") for name in unknown]
        raise ValidationFailed("Invalid request parameters", details=details)


async def _rewrite(
    session: AsyncSession,
    *,
    row: Row[Any],
    task: Task,
    source: str,
    found: Verdict,
    judged_by: dict[str, Any] | None,
    instructor: str,
    note: str,
    model: Model,
    now: datetime,
) -> AttemptItem:
    definition = task.definition
    waits = found.passed and await _lacks_explanation(session, row, definition, now)
    values = {
        "id": row.id,
        "before": row.status,
        "status": "unexplained" if waits else "graded",
        "passed": found.passed,
        "score": showing.score(found.share, definition.points),
        "max_score": definition.points,
        "tests_passed": found.tests_passed,
        "tests_total": len(found.items),
        "milliseconds": found.milliseconds,
        "result": showing.stored_result(found, judged_by=judged_by),
        "issues": showing.issues_of(found.items),
        "explanation": row.explanation,
        "now": to_micros(now),
    }
    if (await session.execute(queries.GRADE, values)).one_or_none() is None:
        raise NotGradedYet
    noted = {"id": row.id, "by": instructor, "note": note, "version": task.version, "source": source}
    await session.execute(queries.REGRADED, noted)
    await _strike(session, row, model, now)
    if not waits:
        await submitting.follow(
            session,
            submission_id=row.id,
            task=task,
            passed=found.passed,
            share=found.share,
            model=model,
            by_checks_alone=isinstance(definition, DesignDefinition) and not judged_by,
            now=now,
        )
    key = {"user_id": row.user_id, "exercise_id": row.exercise_id, "now": to_micros(now)}
    await session.execute(queries.LOOK_FOR_BEST, key)
    if not found.passed and (await session.execute(queries.UNCOMPLETE, key)).one_or_none() is not None:
        await session.execute(queries.COUNT_COMPLETED, {"id": row.exercise_id, "change": -1})
    again = await submitting.find_submission(session, submission_id=row.id)
    assert again is not None  # noqa: S101 - it was written in this transaction
    return attempt_of(again)


async def _lacks_explanation(session: AsyncSession, row: Row[Any], definition: AnyDefinition, now: datetime) -> bool:
    """Whether a pass still has to be explained, by a learner whose session goes on: nobody else could."""
    if definition.explain is None or submitting.is_explained(row.explanation, row.source):
        return False
    own = (await session.execute(queries.GET_SESSION, {"id": row.session_id})).one()
    return status_now(own, now) == "active"


async def _strike(session: AsyncSession, row: Row[Any], model: Model, now: datetime) -> None:
    """What the old verdict proved does not count any more: the learner's scores are made anew without it."""
    if row.at_evidence is None:
        return
    values = {
        "user_id": row.user_id,
        "concept_id": row.concept_id,
        "item_id": submitting.item_of(row.exercise_id),
        "at": row.at_evidence,
    }
    if (await session.execute(queries.VOID_EVIDENCE, values)).first() is not None:
        await mastery.replay_log(session, model.current, user_id=row.user_id, now=now, keep_mastered=False)


async def list_similar(
    session: AsyncSession, *, visibility: Visibility, exercise_id: str, query: SimilarQuery
) -> SimilarList:
    """Pairs of learners whose last passing solutions are much alike. Raises ExerciseNotFound."""
    found = await get_exercise(session, visibility=visibility, exercise_id=exercise_id, with_retired=True)
    rows = (await session.execute(queries.LAST_OF_EACH, {"exercise_id": exercise_id, "limit": MOST_COMPARED})).all()
    definition = found.definition
    is_code = isinstance(definition, CodeDefinition)
    sources = [row.source for row in rows] if is_code else []
    starter = definition.starter if isinstance(definition, CodeDefinition) else ""
    pairs, too_short = await asyncio.to_thread(similarity.pairs, sources, starter=starter, at_least=query.at_least)
    return SimilarList(
        pairs=[
            SimilarPair(
                attempts=(rows[pair.one].id, rows[pair.other].id),
                users=(rows[pair.one].user_id, rows[pair.other].user_id),
                likeness=pair.likeness,
                shared_fingerprints=pair.shared,
            )
            for pair in pairs[: query.limit]
        ],
        compared=len(sources),
        too_short=too_short,
        remark="Alike is not copied: short programs resemble each other, and people learn together. Read both first.",
    )
