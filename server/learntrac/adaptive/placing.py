"""The verbs of placement: begin a test, answer a question. What a test finds is a weak prior and never mastery."""

import asyncio
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.adaptive import queries
from learntrac.adaptive.placement import (
    Answer,
    Beliefs,
    Course,
    Step,
    believe,
    frontier,
    make_course,
    next_step,
    path_from,
)
from learntrac.adaptive.schemas import PlacedConcept, PlacementReply, PlacementResult, Question
from learntrac.concepts.viewing import Viewer
from learntrac.kit.clock import to_micros
from learntrac.kit.errors import Conflict, NotFound
from learntrac.kit.readers import WideReader

KNOWN_FROM = 0.8
"""What counts as seeming known, and becomes a prior; so does what is as unlikely."""
MOST_NAMED, MOST_FRONTIER, MOST_PRIORS = 100, 20, 2000


class PlacementNotFound(NotFound):
    """404: no such test of this learner."""

    def __init__(self) -> None:
        super().__init__("There is no such placement test.")


class PlacementOver(Conflict):
    """409: the test is over, another was begun since, or this was not the question."""

    def __init__(self) -> None:
        super().__init__("This placement test does not wait for that answer.")


@dataclass(frozen=True)
class Turn:
    """A test at one point: its answers so far, and what follows. `asked_before` guards against two answers at once."""

    placement_id: str
    user_id: str
    answers: Sequence[Answer]
    step: Step
    beliefs: Beliefs
    reply: PlacementReply
    asked_before: int = 0


async def read_course(reader: WideReader, viewer: Viewer) -> Course:
    """The graph of what the viewer may see."""
    concepts = [(row[0], row[1]) for row in await reader.slow_rows(queries.OUTLINE)]
    edges = [(row[0], row[1]) for row in await reader.slow_rows(queries.EDGES)]
    if not viewer.visibility.uniform or not viewer.visibility.default:
        seen = set(viewer.seen(number for number, _ in concepts))
        concepts = [concept for concept in concepts if concept[0] in seen]
    return await asyncio.to_thread(make_course, concepts, edges)


async def first_turn(reader: WideReader, course: Course, *, user_id: str) -> Turn:
    """A test that begins."""
    return await _turn(reader, course, str(uuid.uuid4()), user_id, [], 0)


async def find_turn(
    reader: WideReader,
    course: Course,
    *,
    placement_id: str,
    user_id: str,
    knows: bool,
    concept_id: int | None,
) -> Turn | None:
    """What follows from this answer; None where the test does not wait for it. Raises PlacementNotFound."""
    rows = await reader.rows(queries.FIND_PLACEMENT, placement_id, user_id)
    if not rows:
        raise PlacementNotFound
    status, question, stored, asked = rows[0]
    if status != "active" or (concept_id is not None and concept_id != question):
        return None
    answers: list[Answer] = [(concept, known) for concept, known in orjson.loads(stored)]
    return await _turn(reader, course, placement_id, user_id, [*answers, (question, knows)], asked)


async def _turn(
    reader: WideReader, course: Course, placement_id: str, user_id: str, answers: Sequence[Answer], asked: int
) -> Turn:
    beliefs, step = await asyncio.to_thread(_think, course, answers)
    reply = PlacementReply(
        placement_id=placement_id,
        done=step.question is None,
        question=None if step.question is None else await _question(reader, step.question),
        asked=len(answers),
        expected_remaining=step.remaining,
        result=await _result(reader, beliefs) if step.question is None else None,
    )
    return Turn(placement_id, user_id, answers, step, beliefs, reply, asked)


def _think(course: Course, answers: Sequence[Answer]) -> tuple[Beliefs, Step]:
    beliefs = believe(course, answers)
    return beliefs, next_step(beliefs, answers)


async def _question(reader: WideReader, concept: int) -> Question:
    title, written = (await reader.rows(queries.QUESTION, concept))[0]
    objectives: list[str] = orjson.loads(written)
    return Question(concept_id=concept, title=title, prompt=prompt(title, objectives), objectives=objectives)


def prompt(title: str, objectives: Sequence[str]) -> str:
    """A question somebody can answer about themself: by the objectives, where the concept names any."""
    if not objectives:
        return f"Could you explain “{title}” to somebody else, without looking it up?"
    return "Can you, without looking it up: " + "; ".join(one.rstrip(".;?") for one in objectives) + "?"


async def _result(reader: WideReader, beliefs: Beliefs) -> PlacementResult:
    known = beliefs.everything()
    seems = sorted((one for one in known if known[one] >= KNOWN_FROM), key=lambda one: (-round(known[one], 4), one))
    begin = frontier(beliefs)
    named = [*seems[:MOST_NAMED], *begin[:MOST_FRONTIER]]
    titles = await _titles(reader, named)
    sure = sum(1 for belief in known.values() if belief >= KNOWN_FROM or belief <= 1 - KNOWN_FROM)
    return PlacementResult(
        seems_known=_placed(seems[:MOST_NAMED], known, titles),
        known_count=len(seems),
        frontier=_placed(begin[:MOST_FRONTIER], known, titles),
        suggested_path=path_from(beliefs, begin),
        sure_of=round(sure / len(known), 4) if known else 0.0,
    )


async def _titles(reader: WideReader, concepts: Iterable[int]) -> dict[int, str]:
    wanted = list(concepts)
    if not wanted:
        return {}
    rows = await reader.rows(queries.TITLES.format(reader.among("c.id", 1)), reader.ids(wanted))
    return {row[0]: row[1] for row in rows}


def _placed(concepts: Iterable[int], known: Mapping[int, float], titles: Mapping[int, str]) -> list[PlacedConcept]:
    return [
        PlacedConcept(concept_id=one, title=titles[one], probability=round(known[one], 4))
        for one in concepts
        if one in titles
    ]


async def open_placement(session: AsyncSession, turn: Turn, *, now: datetime) -> PlacementReply:
    """Keep a test that begins; one that was open ends, and leaves what was found at its last end."""
    values: dict[str, Any] = {"user_id": turn.user_id, "now": to_micros(now)}
    await session.execute(queries.END_OPEN, values)
    status = "done" if turn.reply.done else "active"
    row = values | {"id": turn.placement_id, "status": status, "question": turn.step.question}
    await session.execute(queries.OPEN_PLACEMENT, row)
    return turn.reply


async def keep_answer(session: AsyncSession, turn: Turn | None, *, now: datetime) -> PlacementReply:
    """Keep an answer, and at the end what it all makes likely. Raises PlacementOver, also for the second of two."""
    if turn is None:
        raise PlacementOver
    values: dict[str, Any] = {"user_id": turn.user_id, "id": turn.placement_id, "now": to_micros(now)}
    moved = values | {
        "status": "done" if turn.reply.done else "active",
        "question": turn.step.question,
        "answers": orjson.dumps(turn.answers).decode(),
        "asked": turn.asked_before,
    }
    if (await session.execute(queries.MOVE, moved)).one_or_none() is None:
        raise PlacementOver
    if turn.reply.done:
        await _keep_priors(session, turn, now)
    return turn.reply


async def _keep_priors(session: AsyncSession, turn: Turn, now: datetime) -> None:
    await session.execute(queries.FORGET_PRIORS, {"user_id": turn.user_id})
    known = turn.beliefs.everything()
    sure = [one for one in known if known[one] >= KNOWN_FROM or known[one] <= 1 - KNOWN_FROM]
    surest = sorted(sure, key=lambda one: (-abs(known[one] - 0.5), one))[:MOST_PRIORS]
    rows = [
        {"user_id": turn.user_id, "concept_id": one, "probability": round(known[one], 4), "now": to_micros(now)}
        for one in surest
    ]
    if rows:
        await session.execute(queries.PUT_PRIOR, rows)
