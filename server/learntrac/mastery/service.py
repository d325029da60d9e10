"""The verbs of mastery: begin a concept, record an answer, complete or abandon; predict.

A verb that changes what a learner knows holds the learner's row first and reads the standings after that: answers that
come at once are taken one after the other, on PostgreSQL as on SQLite. What a step means is in `steps.py`; here it is
stored.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.kit.clock import to_micros
from learntrac.mastery import queries, steps
from learntrac.mastery.announcing import tell
from learntrac.mastery.awards import award
from learntrac.mastery.model import (
    NOTHING_KNOWN,
    Effect,
    Graded,
    Known,
    Replayed,
    follow,
    replay,
    skill,
    status_of,
    stays_mastered,
)
from learntrac.mastery.parameter_file import Loaded, Model
from learntrac.mastery.rows import evidence_values, graded_of, standing_values, where_of
from learntrac.mastery.steps import Answer, Event, Step, Where
from learntrac.mastery.tracing import State
from learntrac.webhooks.outbox import note_wanted

__all__ = [
    "Answer",
    "Where",
    "abandon",
    "add_event",
    "begin",
    "complete",
    "get_where",
    "predict",
    "read_state",
    "record_answer",
    "replay_log",
]


async def get_where(session: AsyncSession, *, user_id: str, concept_id: int) -> Where:
    """Where the learner stands; new where there is nothing yet."""
    found = await _find_all(session, user_id, [concept_id])
    return found.get(concept_id) or Where(user_id, concept_id)


def predict(model: Model, state: State, concept_ids: Sequence[int]) -> dict[int, float]:
    """{concept: probability that the learner's next graded answer there is right}, for a question of usual difficulty.

    Forgetting is not in it: how long ago the last answer was changes a score, not this.
    """
    tracer = model.current.tracer
    return {concept_id: tracer.skill_mastery(state, skill(concept_id)) for concept_id in concept_ids}


async def begin(session: AsyncSession, *, user_id: str, concept_id: int, mode: str, now: datetime) -> Where:
    """A session has begun: what was new is being learned."""
    where = await _get_held(session, Where(user_id, concept_id), now)
    return await _store(session, steps.begin(where, mode=mode, at=to_micros(now)), now)


async def record_answer(
    session: AsyncSession, where: Where, answer: Answer, *, model: Model, threshold: float, now: datetime
) -> Where:
    """Add a graded answer to the log and to the score. An answer of weight 0 is kept and changes nothing else."""
    step = await _answer(session, where, answer, model.current, threshold, now)
    if not step.events:
        return step.where
    after = await _store(session, step, now)
    await award(session, user_id=where.user_id, now=now)
    return after


async def complete(
    session: AsyncSession,
    where: Where,
    *,
    model: Model,
    threshold: float,
    seconds: int,
    now: datetime,
    answer: Answer | None = None,
) -> Where:
    """A session was closed with the concept worked through, perhaps with an answer as its end."""
    if answer is None:
        step = Step(await _get_held(session, where, now))
    else:
        step = await _answer(session, where, answer, model.current, threshold, now)
    done = steps.complete(step.where, seconds=seconds, at=to_micros(now))
    return await _store(session, step.then(done), now)


async def abandon(session: AsyncSession, where: Where, *, seconds: int, now: datetime) -> Where:
    """A session was given up: neither completed nor failed."""
    where = await _get_held(session, where, now)
    return await _store(session, steps.abandon(where, seconds=seconds), now)


async def _answer(
    session: AsyncSession, where: Where, answer: Answer, learned: Loaded, threshold: float, now: datetime
) -> Step:
    """The answer in the log of evidence, the model's state and the prerequisites' scores; its own standing is to be
    stored. Without events where it weighs nothing.
    """
    user_id, concept_id = where.user_id, where.concept_id
    state = await _hold_read(session, learned, user_id, now)
    below = (await session.execute(queries.PREREQUISITES_OF, {"concept_id": concept_id})).scalars().all()
    found = await _find_all(session, user_id, [concept_id, *below])
    where = found.get(concept_id) or Where(user_id, concept_id)
    graded = Graded(concept_id, answer.item, answer.outcome, answer.weight, threshold, to_micros(now), tuple(below))
    if answer.weight == 0:
        predicted = learned.tracer.predict(state, answer.item, (skill(concept_id),), int(now.timestamp()))
        unchanged = Effect(predicted, where.mastery_score, where.mastery_score, {})
        await session.execute(queries.ADD_EVIDENCE, evidence_values(user_id, answer, graded, unchanged))
        return Step(where)
    effect = follow(learned.tracer, state, {number: one.known for number, one in found.items()}, graded)
    await session.execute(queries.ADD_EVIDENCE, evidence_values(user_id, answer, graded, effect))
    await _keep_state(session, user_id, learned, state)
    await _shift(session, found, effect, but=concept_id)
    return steps.answer(where, answer, effect.changed[concept_id], at=graded.at)


async def _shift(session: AsyncSession, found: Mapping[int, Where], effect: Effect, *, but: int) -> None:
    """Give the prerequisites what the answer above them says of them."""
    shifted = [replace(found[number], known=known) for number, known in effect.changed.items() if number != but]
    if shifted:
        await session.execute(queries.SHIFT_STANDING, [standing_values(where) for where in shifted])


async def replay_log(
    session: AsyncSession, learned: Loaded, *, user_id: str, now: datetime, keep_mastered: bool
) -> None:
    """Make a learner's state, scores and standings anew from the log of evidence, as if every answer came again.

    With `keep_mastered` a concept that is mastered stays so: other parameters are no failed answer.
    """
    await _hold(session, user_id, now)
    await _keep_replayed(session, learned, user_id, now, keep_mastered=keep_mastered)


async def add_event(session: AsyncSession, where: Where, event: Event, *, now: datetime) -> None:
    """Append to the learner's log."""
    await _add_events(session, where, (event,), now)


async def _store(session: AsyncSession, step: Step, now: datetime) -> Where:
    """Append the step's events to the log, and keep where it led; `new` is kept by keeping nothing."""
    where = step.where
    await _add_events(session, where, step.events, now)
    if where.status == "new":
        await session.execute(queries.REMOVE_STANDING, {"user_id": where.user_id, "concept_id": where.concept_id})
    else:
        await session.execute(queries.PUT_STANDING, standing_values(where) | {"now": to_micros(now)})
    await tell(session, where, step.events, now=now)
    return where


async def _add_events(session: AsyncSession, where: Where, events: Sequence[Event], now: datetime) -> None:
    values: dict[str, object] = {"user_id": where.user_id, "concept_id": where.concept_id, "now": to_micros(now)}
    for number, event in enumerate(events):
        values |= {f"{name}_{number}": value for name, value in _columns(event).items()}
    await session.execute(queries.add_events(len(events)), values)


def _columns(event: Event) -> dict[str, object]:
    data = orjson.dumps(event.data).decode()
    return {"kind": event.kind, "seconds": event.seconds, "score": event.score, "data": data}


async def _keep_replayed(
    session: AsyncSession, learned: Loaded, user_id: str, now: datetime, *, keep_mastered: bool
) -> State:
    rows = (await session.execute(queries.LOG, {"user_id": user_id})).all()
    made = replay(learned.tracer, map(graded_of, rows))
    effects = [
        {"id": row.id, "before": effect.before, "after": effect.after}
        for row, effect in zip(rows, made.effects, strict=True)
    ]
    if effects:
        await session.execute(queries.KEEP_EFFECT, effects)
    await _keep_state(session, user_id, learned, made.state)
    for where in await _all_standings(session, user_id, made):
        known = made.known.get(where.concept_id, NOTHING_KNOWN)
        if keep_mastered and where.known.mastered_at is not None:
            known = stays_mastered(known, where.known.mastered_at)
        await _resettle(session, where, known, now)
    return made.state


async def _all_standings(session: AsyncSession, user_id: str, made: Replayed) -> Iterable[Where]:
    rows = await session.execute(queries.ALL_STANDINGS, {"user_id": user_id})
    found = {where.concept_id: where for where in map(where_of, rows)}
    for concept_id in made.known.keys() - found.keys():
        found[concept_id] = Where(user_id, concept_id)
    return found.values()


async def _resettle(session: AsyncSession, where: Where, known: Known, now: datetime) -> None:
    """Give a standing what a replay says; without a session and without any answer left there is none."""
    key = {"user_id": where.user_id, "concept_id": where.concept_id}
    last = (await session.execute(queries.LAST_SESSION_EVENT, key)).scalar_one_or_none()
    settled = replace(where, known=known)
    status = status_of(known, tried=settled.tried, active=last == "started")
    if status == "new":
        await session.execute(queries.REMOVE_STANDING, key)
        return
    if known.mastered_at is not None and where.known.mastered_at is None:
        mastered = Event("mastered", score=known.score, data={"replayed": True})
        await add_event(session, settled, mastered, now=now)
    if not where.begun_at:
        settled = replace(settled, begun_at=known.memory.reviewed_at if known.memory else to_micros(now))
        await session.execute(
            queries.PUT_STANDING, standing_values(replace(settled, status=status)) | {"now": to_micros(now)}
        )
        return
    await session.execute(queries.SHIFT_STANDING, standing_values(replace(settled, status=status)))


async def _hold(session: AsyncSession, user_id: str, now: datetime) -> Row[Any]:
    """Lock the learner's row until the end of the transaction; it is made where there is none."""
    values = {"user_id": user_id, "empty": b"", "now": to_micros(now)}
    row = (await session.execute(queries.HOLD_LEARNER, values)).one()
    note_wanted(session, row.wanted)
    return row


async def _get_held(session: AsyncSession, where: Where, now: datetime) -> Where:
    await _hold(session, where.user_id, now)
    return await get_where(session, user_id=where.user_id, concept_id=where.concept_id)


async def _hold_read(session: AsyncSession, learned: Loaded, user_id: str, now: datetime) -> State:
    """The learner's state, held. One that is missing, damaged or of other parameters is made from the log."""
    row = await _hold(session, user_id, now)
    state = read_state(row.state) if row.model == learned.digest else None
    if state is not None:
        return state
    return await _keep_replayed(session, learned, user_id, now, keep_mastered=True)


def read_state(content: bytes | None) -> State | None:
    """A learner's state as it is stored; None where there is none, or none that can be read."""
    if not content:
        return None
    try:
        return State.from_bytes(content)
    except ValueError:
        return None


async def _keep_state(session: AsyncSession, user_id: str, learned: Loaded, state: State) -> None:
    values = {"user_id": user_id, "model": learned.digest, "state": state.to_bytes()}
    await session.execute(queries.KEEP_STATE, values)


async def _find_all(session: AsyncSession, user_id: str, concept_ids: Sequence[int]) -> dict[int, Where]:
    rows = await session.execute(queries.FIND_STANDINGS, {"user_id": user_id, "concept_ids": concept_ids})
    return {where.concept_id: where for where in map(where_of, rows)}
