"""Running what is stored: between the transactions of `submitting`, in requests as in jobs."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from learntrac.backends.llm import LanguageModel
from learntrac.backends.sandbox import Sandbox, SandboxBusy, SandboxDown
from learntrac.exercises import submitting
from learntrac.exercises.definition import DesignDefinition
from learntrac.exercises.grading import Verdict
from learntrac.exercises.judging import find_judgement
from learntrac.exercises.running import Handed, Task, judge
from learntrac.exercises.submitting import Stored
from learntrac.kit.clock import Clock
from learntrac.kit.db import Database
from learntrac.mastery.parameter_file import Model

ANOTHER_WITHIN_SECONDS = 30.0
"""So long a request waits for another that runs the same submission; after that it tells that it is pending."""
_LOOK_EVERY_SECONDS = 0.05


@dataclass(frozen=True)
class Grader:
    """What grading needs, handed in as one."""

    database: Database
    sandbox: Sandbox
    model: Model
    clock: Clock
    llm: LanguageModel | None = None


@dataclass(frozen=True)
class Graded:
    """A verdict, and who had a say in it beside the tests and checks."""

    verdict: Verdict
    judged_by: dict[str, Any] | None = None


async def grade(grader: Grader, task: Task, source: str, *, user_id: str) -> Graded:
    """The verdict on a source. Raises SandboxDown and SandboxBusy, for code only."""
    definition, spoken = task.definition, None
    if isinstance(definition, DesignDefinition) and grader.llm is not None:
        spoken = await find_judgement(grader.llm, definition, source, user_id=user_id)
    handed = Handed(source, spoken.points if spoken else {})
    return Graded(await judge(grader.sandbox, task, handed, user_id=user_id), spoken.judged_by if spoken else None)


async def run_stored(grader: Grader, stored: Stored, *, user_id: str) -> Graded | None:
    """The verdict on a stored submission; None where another process made it, or is still at it.

    Raises SandboxDown and SandboxBusy; the submission is then refused: kept, and not counted.
    """
    if not stored.needs_run and not await _taken_over(grader, stored.id):
        return None
    try:
        return await grade(grader, stored.task, stored.source, user_id=user_id)
    except (SandboxDown, SandboxBusy):
        async with grader.database.begin() as session:
            await submitting.refuse(session, submission_id=stored.id)
        raise


async def _taken_over(grader: Grader, submission_id: int) -> bool:
    """Wait for the verdict that another makes; whether it was left to this one instead."""
    until = time.monotonic() + ANOTHER_WITHIN_SECONDS
    while time.monotonic() < until:
        async with grader.database.read() as session:
            row = await submitting.find_submission(session, submission_id=submission_id)
        if row is None or row.status != "stored":
            return False
        async with grader.database.begin() as session:
            if await submitting.claim(session, submission_id=submission_id, now=grader.clock()):
                return True
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
    return False


async def grade_waiting(grader: Grader, *, limit: int = 50) -> int:
    """Grade what is stored and nobody runs: what a process left that died. How many there were."""
    graded = 0
    async with grader.database.read() as session:
        waiting = await submitting.list_waiting(session, now=grader.clock(), limit=limit)
    for submission_id in waiting:
        graded += await grade_one(grader, submission_id)
    return graded


async def grade_one(grader: Grader, submission_id: int) -> bool:
    """Grade one that waits, if it is free; whether this call did. Without a sandbox it goes on waiting."""
    async with grader.database.begin() as session:
        if not await submitting.claim(session, submission_id=submission_id, now=grader.clock()):
            return False
        row = await submitting.find_submission(session, submission_id=submission_id)
        task = await submitting.task_of_submission(session, row) if row is not None else None
    if row is None or task is None:
        return False
    try:
        graded = await grade(grader, task, row.source, user_id=row.user_id)
    except (SandboxDown, SandboxBusy):
        return False  # its claim runs out, and it is tried again
    async with grader.database.begin() as session:
        return await submitting.record(
            session,
            submission_id=submission_id,
            task=task,
            verdict=graded.verdict,
            judged_by=graded.judged_by,
            model=grader.model,
            now=grader.clock(),
        )
