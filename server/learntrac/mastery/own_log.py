"""The installation's own log of evidence: fitting the model on it, and making every learner's state anew from it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from zlib import crc32

from sqlalchemy import TextClause

from learntrac.kit.db import Database
from learntrac.mastery import queries
from learntrac.mastery.evaluation import Figures, judge, predict, timed_fit
from learntrac.mastery.fitting import Answer, Learner, Progress, no_progress
from learntrac.mastery.model import MICROS_PER_SECOND, skill
from learntrac.mastery.parameter_file import Loaded, Model, load, write
from learntrac.mastery.rows import graded_of
from learntrac.mastery.service import replay_log
from learntrac.mastery.tracing import LEAST_REMEMBERED

LEAST_ANSWERS, LEAST_LEARNERS = 1000, 20
"""With less the shipped defaults are the better model."""
HELD_OUT = 5
"""Each learner whose name falls into one of so many parts is never learned from, so that old and new parameters are
judged alike on somebody whom neither has seen."""


@dataclass(frozen=True)
class Refit:
    """A fit on the installation's own log: what there was, the figures on held-out learners, and what came of it."""

    answers: int
    learners: int
    before: Figures | None = None
    after: Figures | None = None
    written: bool = False
    replayed: int = 0

    @property
    def enough(self) -> bool:
        """Whether there was enough to learn from."""
        return self.answers >= LEAST_ANSWERS and self.learners >= LEAST_LEARNERS


async def refit(database: Database, path: Path, *, now: datetime, progress: Progress = no_progress) -> Refit:
    """Learn the parameters from the log; write them where they are no worse, and make every learner's state anew.

    No worse is: on held-out learners the log loss is not above that of the parameters at work. What is written is what
    was measured.
    """
    learners = await read_learners(database)
    found = Refit(sum(len(learner.answers) for learner in learners), len(learners))
    held_out = [learner for learner in learners if is_held_out(learner.name)]
    if not found.enough or not held_out:
        return found
    at_work = Model(path).current
    learned, _ = timed_fit([learner for learner in learners if not is_held_out(learner.name)], 0, progress)
    before = judge(predict(at_work.parameters, held_out), held_out)
    after = judge(predict(learned, held_out), held_out)
    if (after.log_loss or 0.0) > (before.log_loss or 0.0):
        return Refit(found.answers, found.learners, before, after)
    write(learned, path)
    replayed = await replay_all(database, load(learned), now=now, progress=progress)
    return Refit(found.answers, found.learners, before, after, written=True, replayed=replayed)


def is_held_out(name: str) -> bool:
    """Whether this learner is one of the fifth that is only judged by; always the same ones."""
    return crc32(name.encode()) % HELD_OUT == 0


async def read_learners(database: Database) -> list[Learner]:
    """The log as learners with their answers in order, without those that were struck or count for little."""
    async with database.read() as session:
        rows = (await session.execute(queries.LOGS)).all()
    learners = (Learner(name, _answers(found)) for name, found in groupby(rows, key=lambda row: str(row.user_id)))
    return [learner for learner in learners if learner.answers]


def _answers(rows: Iterable[Any]) -> list[Answer]:
    graded = (graded_of(row) for row in rows)
    return [
        Answer(one.item, (skill(one.concept_id),), one.right, one.at // MICROS_PER_SECOND)
        for one in graded
        if one.strength >= LEAST_REMEMBERED
    ]


async def replay_all(database: Database, learned: Loaded, *, now: datetime, progress: Progress = no_progress) -> int:
    """Make every learner's state and standings anew with these parameters; how many learners there were."""
    return await _replay(database, learned, await _names(database, queries.LEARNERS), now, progress)


async def replay_unread(database: Database, learned: Loaded, *, now: datetime) -> int:
    """The same for the learners whose answers no model has read yet: those of a version before there was one."""
    return await _replay(database, learned, await _names(database, queries.UNREAD_LEARNERS), now, no_progress)


async def _names(database: Database, statement: TextClause) -> Sequence[str]:
    async with database.read() as session:
        return (await session.execute(statement)).scalars().all()


async def _replay(database: Database, learned: Loaded, names: Sequence[str], now: datetime, progress: Progress) -> int:
    for number, name in enumerate(names):
        progress("replaying", number, len(names))
        async with database.begin() as session:
            await replay_log(session, learned, user_id=name, now=now, keep_mastered=True)
    return len(names)
