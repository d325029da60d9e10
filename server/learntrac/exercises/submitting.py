"""Handing in: what was written is stored first, run outside every transaction, and its verdict recorded once.

    store       the source is safe; from here on nothing is lost
    claim       one process runs it; the claim runs out by itself, so that another takes over from one that died
    (run)       the sandbox, or marking: no transaction is open
    record      the verdict, what follows from it, and the reply: one transaction

The same thing handed in again in the same session is the same attempt, whoever races whom.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.backends.sandbox import LONGEST_SOURCE_BYTES
from learntrac.exercises import queries, showing
from learntrac.exercises.definition import AnyDefinition, CodeDefinition, DesignDefinition, QuizDefinition, read_content
from learntrac.exercises.grading import Verdict
from learntrac.exercises.running import Task, task_of
from learntrac.exercises.schemas import (
    ExplainRequest,
    Feedback,
    HiddenTests,
    Reading,
    Solution,
    SubmitReply,
    SubmitRequest,
    Unlocked,
)
from learntrac.exercises.service import (
    SessionOver,
    get_active,
    get_exercise,
    get_session,
    help_used,
    status_now,
    stored_as_result,
    titles_of,
)
from learntrac.exercises.weighing import weight
from learntrac.kit.clock import from_micros, to_micros
from learntrac.kit.errors import Detail, ValidationFailed
from learntrac.mastery import service as mastery
from learntrac.mastery.awards import award, list_awarded
from learntrac.mastery.parameter_file import Model
from learntrac.mastery.steps import Event
from learntrac.trac.visibility import Visibility
from learntrac.webhooks.outbox import announce, note_wanted

CLAIMED = timedelta(seconds=60)
"""How long one process may take over a submission before another tries it."""
_BINARY = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
LEAST_WORDS = 8
"""An explanation is at least so many words of the learner's own."""


def _invalid(field: str, message: str) -> ValidationFailed:
    return ValidationFailed("Invalid request parameters", details=[Detail(f"solution.{field}", message)])


@dataclass(frozen=True)
class Stored:
    """A submission that is stored: where it is, and its task. `is_over` where its session takes nothing any more: it
    was kept for its author to see again, and is not run.
    """

    id: int
    task: Task
    source: str
    needs_run: bool
    is_over: str | None = None


async def store(
    session: AsyncSession,
    *,
    user_id: str,
    visibility: Visibility,
    exercise_id: str,
    request: SubmitRequest,
    request_key: str | None,
    now: datetime,
) -> Stored:
    """Keep what was handed in, before anything is done with it.

    Raises ExerciseNotFound, ExerciseSessionNotFound, SessionOver for a session that was passed, and ValidationFailed.
    """
    own = await get_session(session, user_id=user_id, exercise_id=exercise_id, session_id=request.session_id)
    found = await get_exercise(session, visibility=visibility, exercise_id=exercise_id, version=own.version)
    source, language = read_solution(found.definition, request.solution)
    values = {
        "user_id": user_id,
        "exercise_id": exercise_id,
        "concept_id": found.concept_id,
        "session_id": own.id,
        "version": own.version,
        "language": language,
        "source": source,
        "explanation": request.solution.explanation,
        "self_assessment": orjson.dumps(request.solution.self_assessment).decode(),
        "digest": hashlib.sha256(f"{language}\0{source}".encode()).hexdigest(),
        "request_key": request_key,
        "hints": await help_used(session, user_id=user_id, exercise_id=exercise_id),
        "max_score": found.definition.points,
        "now": to_micros(now),
        "claimed_until": to_micros(now + CLAIMED),
    }
    status = status_now(own, now)
    number, needs_run = await _keep(session, values, status)
    task = task_of(found.definition, user_id=user_id, exercise_id=exercise_id, version=own.version)
    return Stored(number, task, source, needs_run, None if status == "active" or not needs_run else status)


async def _keep(session: AsyncSession, values: dict[str, Any], status: str) -> tuple[int, bool]:
    """(the submission's number, whether it is this caller's to run)."""
    key = {"session_id": values["session_id"], "digest": values["digest"]}
    same = (await session.execute(queries.FIND_SAME, key)).one_or_none()
    if same is None and status == "passed":
        raise SessionOver(status)
    if same is None:
        kept = values | {"status": "stored" if status == "active" else "refused"}
        added = (await session.execute(queries.STORE, kept)).scalar_one_or_none()
        if added is not None:
            return added, True
        same = (await session.execute(queries.FIND_SAME, key)).one()
    return await _known(session, same, values, status)


async def _known(session: AsyncSession, same: Row[Any], values: dict[str, Any], status: str) -> tuple[int, bool]:
    """The same was handed in before: an attempt that is over is only told again to whoever asks with its own key."""
    if same.status == "refused" and status == "active":
        again = await session.execute(queries.AGAIN, values | {"id": same.id})
        return same.id, again.one_or_none() is not None
    repeated = values["request_key"] is not None and values["request_key"] == same.request_key
    if status != "active" and not repeated and same.status != "stored":
        raise SessionOver(status)
    return same.id, False


def read_solution(definition: AnyDefinition, solution: Solution) -> tuple[str, str]:
    """(source, language) of what was handed in. Raises ValidationFailed."""
    if isinstance(definition, QuizDefinition):
        return _answers(solution), "answers"
    code = solution.code
    if len(code.encode()) > LONGEST_SOURCE_BYTES:
        raise _invalid("code", f"must be at most {LONGEST_SOURCE_BYTES} bytes long")
    if _BINARY.search(code):
        raise _invalid("code", "must be text")
    if isinstance(definition, CodeDefinition):
        if solution.language is not None and solution.language.strip().lower() not in _names(definition.language):
            raise _invalid("language", f"must be {definition.language}")
        return code, definition.language
    return code, "markdown"


def _names(language: str) -> set[str]:
    return {language, *{"python": ("python3", "py"), "javascript": ("js", "node"), "go": ("golang",)}[language]}


def _answers(solution: Solution) -> str:
    """A quiz's answers as JSON; a text that holds none answers nothing."""
    answers = solution.answers
    if answers is None:
        try:
            answers = orjson.loads(solution.code)
        except ValueError:
            answers = {}
    if not isinstance(answers, dict):
        answers = {}
    try:
        written = orjson.dumps(answers, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        raise _invalid("answers", "must be numbers of at most 64 bits, texts, or lists of such") from None
    if len(written) > LONGEST_SOURCE_BYTES:
        raise _invalid("answers", f"must be at most {LONGEST_SOURCE_BYTES} bytes long")
    return written


async def claim(session: AsyncSession, *, submission_id: int, now: datetime) -> bool:
    """Whether the submission waits, and nobody else runs it: it is the caller's for a while."""
    values = {"id": submission_id, "now": to_micros(now), "until": to_micros(now + CLAIMED)}
    return (await session.execute(queries.CLAIM, values)).one_or_none() is not None


async def refuse(session: AsyncSession, *, submission_id: int) -> None:
    """It could not be run: not counted, but not lost."""
    await session.execute(queries.REFUSE, {"id": submission_id})


async def find_submission(session: AsyncSession, *, submission_id: int) -> Row[Any] | None:
    """A submission as it is stored."""
    return (await session.execute(queries.GET_SUBMISSION, {"id": submission_id})).one_or_none()


async def task_of_submission(session: AsyncSession, row: Row[Any]) -> Task | None:
    """The task that a submission belongs to, in the version that it was made for; None where its concept is gone."""
    found = (await session.execute(queries.GET_AT, {"id": row.exercise_id, "version": row.version})).one_or_none()
    if found is None:
        return None
    definition = read_content(found.content)
    return task_of(definition, user_id=row.user_id, exercise_id=row.exercise_id, version=row.version)


async def record(
    session: AsyncSession,
    *,
    submission_id: int,
    task: Task,
    verdict: Verdict,
    model: Model,
    now: datetime,
    judged_by: dict[str, Any] | None = None,
) -> bool:
    """Write the verdict down, and all that follows from it, once; whether it was this call that did."""
    row = await find_submission(session, submission_id=submission_id)
    if row is None or row.status != "stored":
        return False
    definition = task.definition
    explained = definition.explain is None or is_explained(row.explanation, row.source)
    waits = verdict.passed and not explained
    values = {
        "id": submission_id,
        "before": "stored",
        "status": "unexplained" if waits else "graded",
        "passed": verdict.passed,
        "score": showing.score(verdict.share, definition.points),
        "max_score": definition.points,
        "tests_passed": verdict.tests_passed,
        "tests_total": len(verdict.items),
        "milliseconds": verdict.milliseconds,
        "result": showing.stored_result(verdict, judged_by=judged_by),
        "issues": showing.issues_of(verdict.items),
        "explanation": row.explanation,
        "now": to_micros(now),
    }
    wanted = (await session.execute(queries.GRADE, values)).scalar_one_or_none()
    if wanted is None:
        return False
    note_wanted(session, wanted)
    await _count(session, row, verdict.share, now)
    await announce(session, "exercise.submitted", _told(row, values, verdict), now=now, user_id=row.user_id)
    if not waits:
        await follow(
            session,
            submission_id=submission_id,
            task=task,
            passed=verdict.passed,
            share=verdict.share,
            model=model,
            by_checks_alone=isinstance(definition, DesignDefinition) and not judged_by,
            now=now,
        )
    return True


def _told(row: Row[Any], values: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
    return {
        "user_id": row.user_id,
        "exercise_id": row.exercise_id,
        "concept_id": row.concept_id,
        "attempt_id": row.id,
        "status": "passed" if verdict.passed else "failed",
        **{name: values[name] for name in ("score", "max_score", "tests_passed", "tests_total")},
    }


async def _count(session: AsyncSession, row: Row[Any], share: float, now: datetime) -> None:
    await session.execute(queries.COUNT_ATTEMPT, {"id": row.session_id})
    values = {"user_id": row.user_id, "exercise_id": row.exercise_id, "share": share, "now": to_micros(now)}
    await session.execute(queries.COUNT_TRY, values)


async def follow(
    session: AsyncSession,
    *,
    submission_id: int,
    task: Task,
    passed: bool,
    share: float,
    model: Model,
    by_checks_alone: bool,
    now: datetime,
) -> None:
    """What an attempt that counts leads to: evidence, the session's end, the exercise completed, achievements."""
    row = await find_submission(session, submission_id=submission_id)
    assert row is not None  # noqa: S101 - the caller has just written it
    key = {"user_id": row.user_id, "exercise_id": row.exercise_id}
    if passed:
        await session.execute(queries.PASS_SESSION, {"id": row.session_id, "now": to_micros(now)})
    weighed = await _weigh(session, row, passed=passed, by_checks_alone=by_checks_alone)
    concept = (await session.execute(queries.FIND_CONCEPT, {"concept_id": row.concept_id})).one_or_none()
    threshold = concept.mastery_threshold if concept is not None else 0.8
    source = "quiz" if isinstance(task.definition, QuizDefinition) else "exercise"
    answer = mastery.Answer(item_of(row.exercise_id), outcome(passed, share, threshold), weighed, source)
    where = await mastery.get_where(session, user_id=row.user_id, concept_id=row.concept_id)
    await mastery.record_answer(session, where, answer, model=model, threshold=threshold, now=now)
    await session.execute(queries.WEIGHED, {"id": row.id, "weight": weighed, "at": to_micros(now)})
    if passed and (await session.execute(queries.COMPLETE, key | {"now": to_micros(now)})).one_or_none() is not None:
        await session.execute(queries.COUNT_COMPLETED, {"id": row.exercise_id, "change": 1})
        solved = Event("solved", score=share, data={"exercise": row.exercise_id, "type": task.definition.type})
        await mastery.add_event(session, where, solved, now=now)
    await award(session, user_id=row.user_id, now=now)


def item_of(exercise_id: str) -> str:
    """The exercise's name in the log of evidence."""
    return f"exercise:{exercise_id}"


def outcome(passed: bool, share: float, threshold: float) -> float:  # noqa: FBT001 - it is what it is about
    """An attempt as the log of evidence takes it: a pass is right whatever the concept's threshold, a failure is not,
    and weighs the less the nearer it came.
    """
    if passed:
        return max(share, threshold)
    return max(0.0, min(share, threshold - 0.01))


async def _weigh(session: AsyncSession, row: Row[Any], *, passed: bool, by_checks_alone: bool) -> float:
    key = {"user_id": row.user_id, "exercise_id": row.exercise_id, "id": row.id}
    standing = (await session.execute(queries.FIND_STANDING, key)).one_or_none()
    failures = (await session.execute(queries.FAILED_BEFORE, {"session_id": row.session_id, "id": row.id})).scalar_one()
    passes = (await session.execute(queries.PASSED_BEFORE, key)).scalar_one()
    return weight(
        passed=passed,
        hints=row.hints,
        failures_before=failures,
        passed_before=passes > 0,
        solution_seen=standing is not None and standing.solution_seen_at is not None,
        by_checks_alone=by_checks_alone,
    )


def is_explained(explanation: str, source: str) -> bool:
    """Whether there is an explanation in words: so many, and no copy of the code."""
    words = re.findall(r"[^\W\d_]{2,}", explanation)
    code = set(re.findall(r"[^\W\d_]{2,}", source))
    return len(words) >= LEAST_WORDS and sum(word not in code for word in words) >= LEAST_WORDS // 2


async def explain(
    session: AsyncSession,
    *,
    user_id: str,
    visibility: Visibility,
    exercise_id: str,
    request: ExplainRequest,
    model: Model,
    now: datetime,
) -> SubmitReply:
    """Add the explanation that a right solution still lacks, and let it count.

    Raises ExerciseNotFound, ExerciseSessionNotFound, SessionOver, and ValidationFailed where there is nothing to
    explain or too little is said.
    """
    own = await get_active(session, user_id=user_id, exercise_id=exercise_id, session_id=request.session_id, now=now)
    await get_exercise(session, visibility=visibility, exercise_id=exercise_id, version=own.version)
    row = (await session.execute(queries.FIND_UNEXPLAINED, {"session_id": own.id})).one_or_none()
    if row is None:
        raise ValidationFailed("There is no solution in this session that waits for an explanation.")
    if not is_explained(request.explanation, row.source):
        said = f"must be at least {LEAST_WORDS} words of your own, not your code again"
        raise ValidationFailed("Invalid request parameters", details=[Detail("explanation", said)])
    await _accept(session, row, request.explanation, model=model, now=now)
    return await reply_of(session, submission_id=row.id, visibility=visibility, with_feedback=True)


async def explain_along(
    session: AsyncSession, *, submission_id: int, explanation: str, model: Model, now: datetime
) -> None:
    """The same solution handed in again, with the explanation that it lacked."""
    row = await find_submission(session, submission_id=submission_id)
    if row is not None and row.status == "unexplained" and is_explained(explanation, row.source):
        await _accept(session, row, explanation, model=model, now=now)


async def _accept(session: AsyncSession, row: Row[Any], explanation: str, *, model: Model, now: datetime) -> None:
    task = await task_of_submission(session, row)
    done = await session.execute(queries.EXPLAINED, {"id": row.id, "explanation": explanation})
    if task is None or done.one_or_none() is None:
        return
    await follow(
        session,
        submission_id=row.id,
        task=task,
        passed=True,
        share=row.score / row.max_score,
        model=model,
        by_checks_alone=graded_by(row.language, orjson.loads(row.result)) == "checks",
        now=now,
    )


async def reply_of(
    session: AsyncSession, *, submission_id: int, visibility: Visibility, with_feedback: bool
) -> SubmitReply:
    """What is told of a submission, made from what is stored: the same whoever asks again."""
    row = (await session.execute(queries.GET_SUBMISSION, {"id": submission_id})).one()
    task = await task_of_submission(session, row)
    result = stored_as_result(row)
    unlocked = []
    if row.at_evidence is not None:
        earned = await list_awarded(session, user_id=row.user_id, at=from_micros(row.at_evidence))
        unlocked = [Unlocked(id=o.rule.id, title=o.rule.title, description=o.rule.description) for o in earned]
    feedback = await _feedback(session, row, task, visibility) if with_feedback else _NO_FEEDBACK
    return SubmitReply(attempt_id=row.id, result=result, feedback=feedback, achievements=unlocked)


_NO_FEEDBACK = Feedback(
    strengths=[],
    improvements=[],
    detailed_feedback="",
    suggested_reading=[],
    tests=[],
    hidden_tests=HiddenTests(passed=0, total=0),
    graded_by="",
    self_assessment={},
)


async def _feedback(session: AsyncSession, row: Row[Any], task: Task | None, visibility: Visibility) -> Feedback:
    stored = orjson.loads(row.result)
    items = showing.read_items(stored)
    result, problem = stored_as_result(row), str(stored.get("problem", ""))
    wanted = list(task.definition.suggested_reading) if task is not None else []
    if not wanted and not row.passed:
        wanted = [row.concept_id]
    reading = await titles_of(session, wanted, visibility)
    return Feedback(
        strengths=showing.strengths(items),
        improvements=showing.improvements(items, problem),
        detailed_feedback=showing.in_words(result, items, problem),
        suggested_reading=[Reading(concept_id=number, title=title) for number, title in reading],
        tests=showing.tests_of(items),
        hidden_tests=showing.hidden_of(items),
        graded_by=graded_by(row.language, stored),
        self_assessment=orjson.loads(row.self_assessment),
    )


def graded_by(language: str, stored: dict[str, Any]) -> str:
    """What the verdict rests on."""
    if language == "answers":
        return "questions"
    if language != "markdown":
        return "tests"
    judged = stored.get("judged_by") or {}
    if judged.get("by_hand"):
        return "an instructor"
    return f"checks and {judged['model']}" if judged.get("model") else "checks"


async def list_waiting(session: AsyncSession, *, now: datetime, limit: int) -> list[int]:
    """Submissions without a verdict that nobody runs, the oldest first."""
    found = await session.execute(queries.WAITING, {"now": to_micros(now), "limit": limit})
    return list(found.scalars())
