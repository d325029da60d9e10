"""The verbs of exercises for learners: see one, start it, take a hint, see its solution; and what others ask about.

Handing in is `submitting`, writing exercises `authoring`, what instructors do with attempts `reviewing`.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.exercises import queries, running, showing
from learntrac.exercises.definition import (
    AnyDefinition,
    CodeDefinition,
    DesignDefinition,
    QuizDefinition,
    filled_in,
    read_content,
)
from learntrac.exercises.grading import shown
from learntrac.exercises.running import Task, task_of
from learntrac.exercises.schemas import (
    AttemptItem,
    AttemptList,
    AttemptQuery,
    HintReply,
    Result,
    ResultStatus,
    SolutionReply,
    StartReply,
)
from learntrac.exercises.weighing import HINT_WEIGHTS
from learntrac.kit.clock import from_micros, to_micros
from learntrac.kit.errors import Conflict, NotFound
from learntrac.trac.visibility import Visibility

HINT_AFTER = timedelta(minutes=2)
"""A further hint comes after another attempt, or so long after the last one."""


class ExerciseNotFound(NotFound):
    """404: no such exercise, a retired one, or one of a concept that the caller may not view."""

    def __init__(self) -> None:
        super().__init__("There is no such exercise.")


class ExerciseSessionNotFound(NotFound):
    """404: no such session of this learner with this exercise."""

    def __init__(self) -> None:
        super().__init__("There is no such session of yours with this exercise.")


class SessionOver(Conflict):
    """409: the session was passed, or its time is over."""

    def __init__(self, status: str) -> None:
        why = "You have passed in this session" if status == "passed" else "The time of this session is over"
        super().__init__(f"{why}: start the exercise again to go on.")


class TooSoon(Conflict):
    """409: the next hint wants another attempt or some time first."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"Try it with the last hint first: another comes after an attempt, or in {seconds} s.",
            retry_after_seconds=seconds,
        )


class NoMoreHints(Conflict):
    """409: all rungs were given."""

    def __init__(self) -> None:
        super().__init__("There is no further hint.")


class NotPassedYet(Conflict):
    """409: the worked solution is for whoever has passed."""

    def __init__(self) -> None:
        super().__init__("The worked solution is shown once you have passed.")


@dataclass(frozen=True)
class Found:
    """An exercise with one version of its definition."""

    id: str
    concept_id: int
    type: str
    title: str
    points: int
    version: int
    is_retired: bool
    started_by: int
    completed_by: int
    updated_at: int
    definition: AnyDefinition
    digest: str


async def get_exercise(
    session: AsyncSession,
    *,
    visibility: Visibility,
    exercise_id: str,
    version: int | None = None,
    with_retired: bool = False,
) -> Found:
    """The exercise in its current version or another. Raises ExerciseNotFound."""
    statement = queries.GET if version is None else queries.GET_AT
    values = {"id": exercise_id} | ({} if version is None else {"version": version})
    row = (await session.execute(statement, values)).one_or_none()
    if row is None or not visibility.allows(row.concept_id) or (row.is_retired and not with_retired):
        raise ExerciseNotFound
    return found_of(row, version)


def found_of(row: Row[Any], version: int | None = None) -> Found:
    """What a row of `queries.GET` tells."""
    return Found(
        id=row.id,
        concept_id=row.concept_id,
        type=row.type,
        title=row.title,
        points=row.points,
        version=version or row.version,
        is_retired=bool(row.is_retired),
        started_by=row.started_by,
        completed_by=row.completed_by,
        updated_at=row.updated_at,
        definition=read_content(row.content),
        digest=row.digest,
    )


async def get_session(session: AsyncSession, *, user_id: str, exercise_id: str, session_id: str) -> Row[Any]:
    """The learner's own session with this exercise. Raises ExerciseSessionNotFound."""
    values = {"id": session_id, "user_id": user_id, "exercise_id": exercise_id}
    row = (await session.execute(queries.FIND_SESSION, values)).one_or_none()
    if row is None:
        raise ExerciseSessionNotFound
    return row


def status_now(row: Row[Any], now: datetime) -> str:
    """active, passed or expired, by the clock."""
    if row.status == "active" and row.ends_at is not None and row.ends_at <= to_micros(now):
        return "expired"
    return str(row.status)


async def get_active(
    session: AsyncSession, *, user_id: str, exercise_id: str, session_id: str, now: datetime
) -> Row[Any]:
    """The learner's session, which goes on. Raises ExerciseSessionNotFound and SessionOver."""
    row = await get_session(session, user_id=user_id, exercise_id=exercise_id, session_id=session_id)
    status = status_now(row, now)
    if status != "active":
        raise SessionOver(status)
    return row


async def start(
    session: AsyncSession, *, user_id: str, visibility: Visibility, exercise_id: str, now: datetime
) -> StartReply:
    """Begin an exercise, or go on with the session that is active. Raises ExerciseNotFound."""
    found = await get_exercise(session, visibility=visibility, exercise_id=exercise_id)
    opened, resumed = await _open(session, found, user_id, now)
    if resumed and opened.version != found.version:
        found = await get_exercise(session, visibility=visibility, exercise_id=exercise_id, version=opened.version)
    last = (
        await session.execute(queries.LAST_SUBMISSION, {"user_id": user_id, "exercise_id": exercise_id})
    ).one_or_none()
    return StartReply(
        session_id=opened.id,
        exercise=showing.view(_task(found, user_id), version=found.version),
        started_at=from_micros(opened.started_at),
        ends_at=from_micros(opened.ends_at) if opened.ends_at is not None else None,
        resumed=resumed,
        attempts=opened.attempts,
        last_code=last.source if last is not None else None,
    )


def _task(found: Found, user_id: str) -> Task:
    return task_of(found.definition, user_id=user_id, exercise_id=found.id, version=found.version)


async def _open(session: AsyncSession, found: Found, user_id: str, now: datetime) -> tuple[Row[Any], bool]:
    """(the active session, whether it was there before)."""
    key = {"user_id": user_id, "exercise_id": found.id}
    await session.execute(queries.EXPIRE, key | {"now": to_micros(now)})
    limit = showing.time_limit_seconds(found.definition)
    values = key | {
        "id": f"ex-session-{uuid.uuid4()}",
        "concept_id": found.concept_id,
        "version": found.version,
        "now": to_micros(now),
        "ends_at": to_micros(now) + limit * 1_000_000 if limit else None,
    }
    opened = (await session.execute(queries.OPEN_SESSION, values)).one_or_none()
    if opened is not None:
        began = await session.execute(queries.BEGIN_STANDING, values | {"type": found.type})
        if began.one_or_none() is not None:
            await session.execute(queries.COUNT_STARTED, {"id": found.id})
    row = (await session.execute(queries.FIND_ACTIVE, key)).one()
    return row, opened is None


async def give_hint(
    session: AsyncSession,
    *,
    user_id: str,
    visibility: Visibility,
    exercise_id: str,
    session_id: str,
    now: datetime,
) -> HintReply:
    """The next rung of the ladder. Raises ExerciseNotFound, ExerciseSessionNotFound, SessionOver, TooSoon and
    NoMoreHints.
    """
    row = await get_active(session, user_id=user_id, exercise_id=exercise_id, session_id=session_id, now=now)
    found = await get_exercise(session, visibility=visibility, exercise_id=exercise_id, version=row.version)
    ladder = _task(found, user_id).definition.hints or [await _pointer(session, found.concept_id)]
    if row.hints >= len(ladder):
        raise NoMoreHints
    await _insist_on_trying(session, row, now)
    given = await session.execute(queries.GIVE_HINT, {"id": row.id, "hints": row.hints, "now": to_micros(now)})
    if given.one_or_none() is None:
        raise TooSoon(int(HINT_AFTER.total_seconds()))  # somebody else of the learner's took it at this moment
    await session.execute(queries.COUNT_HINT, {"user_id": user_id, "exercise_id": exercise_id})
    used = await help_used(session, user_id=user_id, exercise_id=exercise_id)
    weight = HINT_WEIGHTS[min(used, len(HINT_WEIGHTS) - 1)]
    return HintReply(rung=row.hints + 1, hint=ladder[row.hints], more=row.hints + 1 < len(ladder), weight=weight)


async def help_used(session: AsyncSession, *, user_id: str, exercise_id: str) -> int:
    """How far up the ladder this learner has been, in earlier sessions too: a hint that was read stays read."""
    found = await session.execute(queries.MOST_HELP, {"user_id": user_id, "exercise_id": exercise_id})
    return int(found.scalar_one())


async def _pointer(session: AsyncSession, concept_id: int) -> str:
    concept = (await session.execute(queries.FIND_CONCEPT, {"concept_id": concept_id})).one()
    return f"Read “{concept.title}” again: what does it say about what is asked here?"


_TRIED_SINCE = text("SELECT count(*) FROM submission WHERE session_id = :id AND submitted_at > :at")


async def _insist_on_trying(session: AsyncSession, row: Row[Any], now: datetime) -> None:
    if row.hinted_at is None:
        return
    waited = now - from_micros(row.hinted_at)
    if waited >= HINT_AFTER:
        return
    tried = await session.execute(_TRIED_SINCE, {"id": row.id, "at": row.hinted_at})
    if not tried.scalar_one():
        raise TooSoon(max(1, int((HINT_AFTER - waited).total_seconds())))


async def show_solution(
    session: AsyncSession, *, user_id: str, visibility: Visibility, exercise_id: str, now: datetime
) -> SolutionReply:
    """A worked solution, for whoever has passed. Raises ExerciseNotFound and NotPassedYet."""
    found = await get_exercise(session, visibility=visibility, exercise_id=exercise_id)
    key = {"user_id": user_id, "exercise_id": exercise_id}
    standing = (await session.execute(queries.FIND_STANDING, key)).one_or_none()
    if standing is None or standing.status != "completed":
        raise NotPassedYet
    await session.execute(queries.SEE_SOLUTION, key | {"now": to_micros(now)})
    task = _task(found, user_id)
    definition = task.definition
    is_quiz = isinstance(definition, QuizDefinition)
    return SolutionReply(
        exercise_id=exercise_id,
        version=found.version,
        language=showing.language_of(definition),
        code="" if isinstance(definition, QuizDefinition) else definition.solution,
        explanation=definition.worked_solution or "",
        answers=running.right_answers(definition, task) if is_quiz and isinstance(definition, QuizDefinition) else {},
    )


async def list_attempts(
    session: AsyncSession, *, visibility: Visibility, exercise_id: str, user_id: str | None, query: AttemptQuery
) -> AttemptList:
    """Attempts at an exercise, the latest first; `user_id` None: everybody's. Raises ExerciseNotFound."""
    await get_exercise(session, visibility=visibility, exercise_id=exercise_id, with_retired=True)
    values = {"exercise_id": exercise_id, "user_id": user_id}
    rows = await session.execute(queries.LIST_ATTEMPTS, values | {"limit": query.limit, "offset": query.offset})
    total = (await session.execute(queries.COUNT_ATTEMPTS, values)).scalar_one()
    return AttemptList(attempts=[attempt_of(row) for row in rows], total=total, limit=query.limit, offset=query.offset)


RESULT_STATUS: dict[str, ResultStatus] = {
    "stored": "pending",
    "unexplained": "explanation_needed",
    "refused": "pending",
}


def stored_as_result(row: Row[Any]) -> Result:
    """A submission's verdict as the API tells it."""
    return Result(
        score=row.score,
        max_score=row.max_score,
        tests_passed=row.tests_passed,
        tests_total=row.tests_total,
        status=RESULT_STATUS.get(row.status) or ("passed" if row.passed else "failed"),
        execution_time=row.milliseconds,
    )


def attempt_of(row: Row[Any]) -> AttemptItem:
    """A submission as lists of attempts show it."""
    items = showing.read_items(orjson.loads(row.result))
    return AttemptItem(
        attempt_id=row.id,
        user_id=row.user_id,
        session_id=row.session_id,
        version=row.version,
        submitted_at=from_micros(row.submitted_at),
        graded_at=from_micros(row.graded_at) if row.graded_at is not None else None,
        result=stored_as_result(row),
        language=row.language,
        code=row.source,
        explanation=row.explanation,
        hints=row.hints,
        weight=row.weight,
        regraded_by=row.regraded_by,
        note=row.note,
        tests=showing.tests_of(items),
        hidden_tests=showing.hidden_of(items),
    )


async def titles_of(session: AsyncSession, concept_ids: Sequence[int], visibility: Visibility) -> list[tuple[int, str]]:
    """(concept, title) of those that are there and that the caller may view, in the order asked for."""
    wanted = [number for number in concept_ids if visibility.allows(number)]
    if not wanted:
        return []
    titles = {row.id: row.title for row in await session.execute(queries.CONCEPT_TITLES, {"ids": wanted})}
    return [(number, titles[number]) for number in wanted if number in titles]


# What other sections ask.

OF_CONCEPT = queries.OF_CONCEPT
"""Part of written SQL: the rows (id, title, type, points) of the exercises of the concept that is put in."""


@dataclass(frozen=True)
class ToPractise:
    """An exercise that a learner has not completed, with the instructions of their variant."""

    id: str
    title: str
    minutes: int
    instructions: str


async def list_to_practise(session: AsyncSession, *, user_id: str, concept_id: int) -> list[ToPractise]:
    """The concept's exercises that the learner has not completed, easier ones first."""
    rows = await session.execute(queries.TO_PRACTISE, {"user_id": user_id, "concept_id": concept_id})
    found = []
    for row in rows:
        task = task_of(read_content(row.content), user_id=user_id, exercise_id=row.id, version=row.version)
        minutes = row.estimated_minutes
        found.append(ToPractise(row.id, task.definition.title, minutes, task.definition.instructions))
    return found


@dataclass(frozen=True)
class OpenExercise:
    """A learner's session with an exercise that goes on."""

    session_id: str
    exercise_id: str
    concept_id: int
    version: int
    title: str
    type: str
    hints: int
    attempts: int
    started_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True)
class PublicText:
    """What everybody may read of an exercise, as one text."""

    exercise_id: str
    concept_id: int
    title: str
    text: str


@dataclass(frozen=True)
class LastAttempt:
    """What a learner last handed in. `issues` are the names of the visible tests that failed."""

    attempt_id: int
    language: str
    code: str
    status: ResultStatus
    passed: bool
    issues: tuple[str, ...]
    problem: str
    submitted_at: datetime


async def find_open_exercise(
    session: AsyncSession, *, user_id: str, now: datetime, concept_id: int | None = None
) -> OpenExercise | None:
    """The session that the learner began last and that still goes on, of one concept or of any."""
    values = {"user_id": user_id, "concept_id": concept_id, "now": to_micros(now)}
    row = (await session.execute(queries.OPEN_OF_LEARNER, values)).one_or_none()
    return _open_exercise(row) if row is not None else None


async def list_open_exercises(session: AsyncSession, *, user_id: str, now: datetime) -> list[OpenExercise]:
    """Every session of the learner's that still goes on, the one begun last first."""
    rows = await session.execute(queries.ALL_OPEN_OF_LEARNER, {"user_id": user_id, "now": to_micros(now)})
    return [_open_exercise(row) for row in rows]


async def note_help(session: AsyncSession, *, user_id: str, concept_id: int, rung: int) -> None:
    """The tutor helped with this concept, up to a rung of its ladder: open sessions there weigh less, as for as many
    hints.
    """
    await session.execute(queries.HELPED, {"user_id": user_id, "concept_id": concept_id, "rung": rung})


def _open_exercise(row: Row[Any]) -> OpenExercise:
    return OpenExercise(
        session_id=row.id,
        exercise_id=row.exercise_id,
        concept_id=row.concept_id,
        version=row.version,
        title=row.title,
        type=row.type,
        hints=row.hints,
        attempts=row.attempts,
        started_at=from_micros(row.started_at),
        ends_at=from_micros(row.ends_at) if row.ends_at is not None else None,
    )


async def list_offered(session: AsyncSession) -> list[Found]:
    """Every exercise that is offered, of all concepts, by id."""
    return [found_of(row) for row in await session.execute(queries.ALL)]


async def list_public_texts(session: AsyncSession) -> list[PublicText]:
    """The public parts of every exercise that is offered: title, instructions, requirements, prompts of questions.

    Whoever shows them to somebody leaves out those of concepts that this reader may not view.
    """
    rows = await session.execute(queries.ALL)
    return [PublicText(row.id, row.concept_id, row.title, _public_text(read_content(row.content))) for row in rows]


def _public_text(definition: AnyDefinition) -> str:
    first = filled_in(definition, definition.variants[0] if definition.variants else {})
    parts = [first.title, first.instructions, *first.requirements]
    if isinstance(first, QuizDefinition):
        parts += [question.prompt for question in first.questions]
    if isinstance(first, DesignDefinition):
        parts += [f"{point.name}: {point.description}" for point in first.rubric]
    return "\n\n".join(parts)


async def list_secrets(session: AsyncSession, exercise_id: str) -> list[str]:
    """What must not be told to whoever works on an exercise, of all variants: the solution, what hidden tests hold,
    right choices, hints. Empty where there is no such exercise.
    """
    row = (await session.execute(queries.GET, {"id": exercise_id})).one_or_none()
    if row is None:
        return []
    definition = read_content(row.content)
    found: dict[str, None] = {}
    for variant in definition.variants or [{}]:
        found |= dict.fromkeys(_secrets(filled_in(definition, variant)))
    return [secret for secret in found if secret.strip()]


def _secrets(definition: AnyDefinition) -> list[str]:
    common = [*definition.hints, definition.worked_solution or ""]
    if isinstance(definition, CodeDefinition):
        hidden = [case for case in definition.cases if case.hidden]
        values = [shown(case.expect, definition.language) for case in hidden if case.expect is not None]
        printed = [case.expect_output or "" for case in hidden]
        return [definition.solution, definition.hidden_tests or "", *values, *printed, *common]
    if isinstance(definition, DesignDefinition):
        return [definition.solution, *common]
    return [*(one for question in definition.questions for one in _right_texts(question)), *common]


def _right_texts(question: Any) -> list[str]:
    if question.kind in ("single", "multiple"):
        return [choice.text for choice in question.choices if choice.correct]
    if question.kind == "ordering":
        return ["\n".join(question.items)]
    return [str(question.answer)] if question.kind == "numeric" else list(question.accept)


async def find_last_attempt(session: AsyncSession, *, user_id: str, exercise_id: str) -> LastAttempt | None:
    """What the learner last handed in to this exercise, and what became of it."""
    values = {"user_id": user_id, "exercise_id": exercise_id}
    row = (await session.execute(queries.LAST_SUBMISSION, values)).one_or_none()
    if row is None:
        return None
    result = orjson.loads(row.result)
    failed = [item.name for item in showing.read_items(result) if not item.is_hidden and not item.passed]
    return LastAttempt(
        attempt_id=row.id,
        language=row.language,
        code=row.source,
        status=stored_as_result(row).status,
        passed=bool(row.passed),
        issues=tuple(failed),
        problem=str(result.get("problem", "")),
        submitted_at=from_micros(row.submitted_at),
    )
