"""Simulated learners at real exercises. Quizzes and designs are marked as anybody's; code is not run, so that a demo is
there in seconds: its verdict is made up from the cases, and what was handed in is the model solution or the starter.
"""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.exercises import marking, rubric, running, service, submitting
from learntrac.exercises.definition import CodeDefinition, DesignDefinition, QuizDefinition
from learntrac.exercises.grading import Item, Verdict, shown, shown_call, verdict
from learntrac.exercises.running import Task
from learntrac.exercises.schemas import Solution, SubmitRequest
from learntrac.exercises.service import Found
from learntrac.mastery.parameter_file import Model
from learntrac.trac.visibility import Visibility

_EVERYTHING = Visibility(default=True)
_SHIPPED = Model()
_SAID = (
    "I first tried it by hand on the example and saw which case the simple idea forgets, so the order of the questions"
    " matters here."
)


async def begin(session: AsyncSession, *, user_id: str, exercise_id: str, now: datetime) -> str:
    """Start an exercise, or go on; the session's id."""
    started = await service.start(session, user_id=user_id, visibility=_EVERYTHING, exercise_id=exercise_id, now=now)
    return started.session_id


async def hand_in(
    session: AsyncSession, found: Found, *, user_id: str, passes: bool, dice: random.Random, now: datetime
) -> bool:
    """One attempt that passes or does not; sometimes with a hint before a second try. Whether it passed."""
    session_id = await begin(session, user_id=user_id, exercise_id=found.id, now=now - timedelta(minutes=2))
    task = running.task_of(found.definition, user_id=user_id, exercise_id=found.id, version=found.version)
    source, made = _made(task, dice, passes=passes)
    solution = Solution(code=source, language=None, explanation=_SAID if passes else "")
    if isinstance(task.definition, QuizDefinition):
        solution = Solution(answers=orjson.loads(source))
    request = SubmitRequest(session_id=session_id, solution=solution)
    stored = await submitting.store(
        session,
        user_id=user_id,
        visibility=_EVERYTHING,
        exercise_id=found.id,
        request=request,
        request_key=None,
        now=now,
    )
    if not stored.needs_run:
        return False  # the very same was handed in before
    await submitting.record(session, submission_id=stored.id, task=task, verdict=made, model=_SHIPPED, now=now)
    return made.passed


async def take_hint(session: AsyncSession, *, user_id: str, exercise_id: str, now: datetime) -> None:
    """Take a hint for the exercise that is at hand."""
    session_id = await begin(session, user_id=user_id, exercise_id=exercise_id, now=now)
    await service.give_hint(
        session,
        user_id=user_id,
        visibility=_EVERYTHING,
        exercise_id=exercise_id,
        session_id=session_id,
        now=now,
    )


def _made(task: Task, dice: random.Random, *, passes: bool) -> tuple[str, Verdict]:
    """(what is handed in, its verdict)."""
    definition = task.definition
    if isinstance(definition, QuizDefinition):
        answers = running.right_answers(definition, task)
        if not passes:
            answers = {name: value if dice.random() < 0.4 else None for name, value in answers.items()}
        items = marking.mark(definition.questions, answers, task.orders)
        return orjson.dumps(answers).decode(), verdict(items, pass_share=definition.pass_share)
    if isinstance(definition, DesignDefinition):
        text = definition.solution if passes else _half(definition.solution, dice)
        items = rubric.mark(definition.rubric, text, starter=definition.starter, judged={})
        return text, verdict(items, pass_share=definition.pass_share)
    source = definition.solution if passes else definition.starter + f"\n# try {dice.randrange(100)}\n"
    items = _items(definition, dice, passes=passes)
    found = verdict(items, pass_share=definition.pass_share, milliseconds=dice.randrange(3, 15))
    return source, found


def _half(text: str, dice: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(lines[: max(2, int(len(lines) * dice.uniform(0.25, 0.5)))])


def _items(definition: CodeDefinition, dice: random.Random, *, passes: bool) -> list[Item]:
    """The cases as they would be marked: all right, or some of them not."""
    if not definition.cases:
        return _test_items(definition, dice, passes=passes)
    wrong_from = len(definition.cases) if passes else dice.randrange(max(1, len(definition.cases) // 2))
    cases = sorted(definition.cases, key=lambda case: case.hidden)
    items = [_item(case, definition, right=number < wrong_from) for number, case in enumerate(cases)]
    return [replace(item, name=item.name or f"case {number}") for number, item in enumerate(items, 1)]


def _item(case: Any, definition: CodeDefinition, *, right: bool) -> Item:
    share = 1.0 if right else 0.0
    if case.hidden:
        return Item(case.name or "", share, is_hidden=True)
    expected = f"raises {case.expect_error}" if case.expect_error else shown(case.expect, definition.language)
    got = expected if right else shown(None, definition.language)
    call = shown_call(case, definition.function, definition.language)
    return Item(case.name or "", share, input=call, expected=expected, got=got)


def _test_items(definition: CodeDefinition, dice: random.Random, *, passes: bool) -> list[Item]:
    items = []
    for tests, is_hidden in ((definition.tests, False), (definition.hidden_tests, True)):
        names = [line.split("(")[0].split()[-1] for line in (tests or "").splitlines() if "def test" in line]
        items += [Item(name, float(passes or dice.random() < 0.3), is_hidden=is_hidden) for name in names]
    return items
