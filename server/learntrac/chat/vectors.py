"""The vectors of passages: made by jobs after a change, held in memory as signs, and compared with a question's.

No passage waits for a vector to be found by its words, and no answer waits long for a question's: without one, or when
the provider is slow or down, passages are found by words as ever.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from learntrac.backends.llm import BudgetSpent, LanguageModel, ModelDown
from learntrac.chat import queries
from learntrac.chat.meaning import (
    Meant,
    Space,
    hash_of,
    make_space,
    packed,
    signs_of,
    spaced,
    text_of,
    understand,
    unpacked,
    vector_of,
)
from learntrac.kit.db import Database
from learntrac.kit.errors import Unavailable
from learntrac.kit.logs import get_logger

BATCH = 16
"""Texts of one call: a small machine of one's own makes their vectors in seconds."""
BATCHES = 20
"""Calls of one job; the next goes on."""
HASHED = 500
LONGEST_QUESTION = 2000
READ_AGAIN_SECONDS = 3.0
"""How long what is held in memory may be behind while a course is being written."""

_log = get_logger("learntrac.chat")


def key_of(model: LanguageModel) -> str:
    """The name that vectors of this model are kept under."""
    return f"{model.name}/{model.embedding_model}"[:255]


async def follow(database: Database, model: LanguageModel) -> bool:
    """Make vectors that are missing, for so many passages as one job should; whether others are left.

    Raises ModelDown where the provider does not answer. Where the budget is spent they wait for the next time.
    """
    await _hash(database)
    after = 0
    try:
        for _ in range(BATCHES):
            rows = await _missing(database, model, after)
            if not rows:
                await _forget_old(database, model)
                return False
            await _make(database, model, rows)
            after = rows[-1].id
    except BudgetSpent as spent:
        _log.warning("passages wait for their vectors", reason=spent.reason)
        return False
    return True


async def _hash(database: Database) -> None:
    """Give passages their hash that were indexed before there were any."""
    while True:
        async with database.begin_step() as session:
            rows = (await session.execute(queries.UNHASHED, {"limit": HASHED})).all()
            if not rows:
                return
            hashes = [{"id": row.id, "hash": hash_of(row.title, row.heading, row.content)} for row in rows]
            await session.execute(queries.PUT_HASH, hashes)


async def _missing(database: Database, model: LanguageModel, after: int) -> Sequence[Row[Any]]:
    wanted = {"model": key_of(model), "after": after, "limit": BATCH}
    async with database.read() as session:
        return (await session.execute(queries.WITHOUT_VECTOR, wanted)).all()


async def _make(database: Database, model: LanguageModel, rows: Sequence[Row[Any]]) -> None:
    texts = {row.hash: text_of(row.title, row.heading, row.content) for row in rows}
    embedded = await model.embed(list(texts.values()), user_id=None, kind="document")
    made = [(one, vector_of(numbers)) for one, numbers in zip(texts, embedded.vectors, strict=True)]
    key = key_of(model)
    values = [{"hash": one, "model": key, "signs": signs_of(made_), "vector": packed(made_)} for one, made_ in made]
    async with database.begin() as session:
        await session.execute(queries.HOLD_INDEX)
        await session.execute(queries.PUT_VECTOR, values)


async def _forget_old(database: Database, model: LanguageModel) -> None:
    async with database.begin() as session:
        await session.execute(queries.REMOVE_OLD_VECTORS, {"model": key_of(model)})


class Meanings:
    """What questions mean, by a model that offers embeddings."""

    def __init__(self, database: Database, model: LanguageModel, *, within_seconds: float) -> None:
        self._database, self._model, self._within_seconds = database, model, within_seconds
        self._space, self._changes, self._read_at = Space(), -1, -READ_AGAIN_SECONDS
        self._reading: asyncio.Task[None] | None = None

    async def find(self, question: str, *, user_id: str) -> Meant | None:
        """What a question means, or None where that is not known in time. The learner's budget pays."""
        text = question.strip()[:LONGEST_QUESTION]
        if not text:
            return None
        try:
            space = await self._up_to_date()
            if not space.ids:
                return None
            embedded = await self._model.embed(
                [text], user_id=user_id, kind="query", within_seconds=self._within_seconds
            )
        except (ModelDown, Unavailable) as error:
            _log.info("passages are found by words alone", reason=getattr(error, "reason", type(error).__name__))
            return None
        return await asyncio.to_thread(understand, key_of(self._model), vector_of(embedded.vectors[0]), space)

    async def _up_to_date(self) -> Space:
        """The space as it is, or as it was a while ago: whatever it names is read anew before it is used."""
        if self._reading is None or self._reading.done():
            changes = (await self._database.hot.rows(queries.CHANGES))[0][0]
            is_due = time.monotonic() - self._read_at >= READ_AGAIN_SECONDS or not self._space.ids
            if changes == self._changes or not is_due:
                return self._space
            self._reading = asyncio.create_task(self._read(changes))
        # Of a large course that takes longer than a learner should wait; it goes on, and the next one has it.
        await asyncio.wait({self._reading}, timeout=self._within_seconds / 2)
        return self._space

    async def _read(self, changes: int) -> None:
        try:
            self._space = await self._read_space()
        except Unavailable as error:
            _log.info("the vectors could not be read", error=str(error))
            return
        self._changes, self._read_at = changes, time.monotonic()

    async def _read_space(self) -> Space:
        hot, key = self._database.hot, key_of(self._model)
        rows = await hot.slow_rows(queries.SIGNS, key)
        ids = [row[0] for row in rows]
        firsts = {(row[2], row[3]): row[0] for row in reversed(rows)}
        wanted = queries.VECTORS.format(hot.among("p.id", 2))
        sampled = await hot.slow_rows(wanted, key, hot.ids(spaced(sorted(firsts.values()))))
        sample = [unpacked(row[6]) for row in sampled]
        return await asyncio.to_thread(make_space, ids, [row[1] for row in rows], sample)


def open_meanings(database: Database, model: LanguageModel | None, *, within_seconds: float) -> Meanings | None:
    """What finds passages by what they mean, or None where no model offers embeddings."""
    if model is None or not model.embedding_model:
        return None
    return Meanings(database, model, within_seconds=within_seconds)
