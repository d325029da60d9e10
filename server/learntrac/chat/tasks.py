"""The exercises around a talk: which graded ones are open, what the last run of one said, and what may not be told."""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.chat import queries
from learntrac.chat.composing import Work
from learntrac.chat.debugging import tell_of_run
from learntrac.chat.outgoing import Secret, Vault
from learntrac.exercises.service import (
    find_last_attempt,
    list_open_exercises,
    list_public_texts,
    list_secrets,
)
from learntrac.kit.db import Database

MOST_EXERCISES = 60
"""Whose secrets are looked for at once: those that are open first, then those of the nearest concepts."""
REMEMBERED = 500
_SHORT = 40


@dataclass(frozen=True)
class Tasks:
    """A learner's open exercises, and of the one that was begun last the last run and what was handed in."""

    open_concepts: frozenset[int] = frozenset()
    open_ids: tuple[str, ...] = ()
    last_run: Work | None = None
    last_code: str = ""
    in_quiz: bool = False


async def read_tasks(session: AsyncSession, *, user_id: str, now: datetime) -> Tasks:
    """The graded exercises that the learner has open."""
    found = await list_open_exercises(session, user_id=user_id, now=now)
    last_run, last_code = None, ""
    if found:
        attempt = await find_last_attempt(session, user_id=user_id, exercise_id=found[0].exercise_id)
        if attempt is not None:
            last_code = attempt.code
            last_run = tell_of_run(
                passed=attempt.passed, status=attempt.status, issues=attempt.issues, problem=attempt.problem
            )
    concepts = frozenset(one.concept_id for one in found)
    return Tasks(
        concepts, tuple(one.exercise_id for one in found), last_run, last_code, any(one.type == "quiz" for one in found)
    )


class Secrets:
    """What exercises hide, without what they and their concepts' texts show; remembered by version, as to read it anew
    for each message would take longer than all the rest.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int], Vault] = OrderedDict()

    async def vault(self, database: Database, *, open_ids: Collection[str], concepts: Sequence[int]) -> Vault:
        """The secrets of the open exercises and of those of these concepts."""
        async with database.read() as session:
            wanted = {"ids": list(open_ids), "concepts": list(concepts)}
            found = (await session.execute(queries.EXERCISES_AROUND, wanted)).all()
            rows = sorted(found, key=lambda row: (row.id not in open_ids, row.id))[:MOST_EXERCISES]
            if any((row.id, row.version) not in self._known for row in rows):
                await self._learn(session, rows)
        return Vault.merge([*self.extra(), *(self._known[row.id, row.version] for row in rows)])

    def extra(self) -> list[Vault]:
        """Secrets beside those of exercises: the bench has some."""
        return []

    async def _learn(self, session: AsyncSession, rows: Sequence[Row[Any]]) -> None:
        texts = {one.exercise_id: one.text for one in await list_public_texts(session)}
        for row in rows:
            if (row.id, row.version) in self._known:
                continue
            hidden = [_secret(row.id, secret) for secret in await list_secrets(session, row.id)]
            shown = await session.execute(queries.TEXTS_OF_CONCEPT, {"concept_id": row.concept_id})
            self._known[row.id, row.version] = Vault.of(hidden, [texts.get(row.id, ""), *shown.scalars()])
        while len(self._known) > REMEMBERED + len(rows):
            self._known.popitem(last=False)


def _secret(exercise_id: str, text: str) -> Secret:
    is_short = "\n" not in text.strip() and len(text) < _SHORT
    return Secret(exercise_id, "value" if is_short else "solution", text)
