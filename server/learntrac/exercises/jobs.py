"""What exercises do later: grading what was stored by a process that died before it was graded."""

from typing import Any

from learntrac.backends.queue import Task
from learntrac.exercises.attempts import Grader, grade_waiting

GRADE_WAITING = "exercises.grade_waiting"
EVERY_SECONDS = 15


def tasks(grader: Grader) -> tuple[Task, ...]:
    """The tasks of this feature."""

    async def grade(_payload: dict[str, Any]) -> None:
        await grade_waiting(grader)

    return (Task(GRADE_WAITING, grade, every_seconds=EVERY_SECONDS),)
