"""The verbs of the knowledge graph: see a part of it, find the way to a concept, add and remove relationships."""

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.backends.graph import ALTERNATIVE, PREREQUISITE, Edge, Graph, Subgraph
from learntrac.backends.queue import Queue
from learntrac.concepts.service import ConceptNotFound
from learntrac.concepts.viewing import Viewer
from learntrac.kit.clock import from_micros, to_micros
from learntrac.kit.errors import Conflict, Detail, NotFound, ValidationFailed
from learntrac.kit.readers import HotReader, WideReader
from learntrac.knowledge import queries
from learntrac.knowledge.paths import Needs, Step, Way, ways
from learntrac.knowledge.schemas import (
    AlternativePath,
    NodeStatus,
    PathQuery,
    PathReply,
    PathStep,
    RelationshipItem,
    RelationshipList,
    RelationshipQuery,
    RelationshipReply,
    RelationshipRequest,
    RemovedReply,
)
from learntrac.trac import catalog

MOST_SHOWN = 1000
"""So many concepts fit into one picture; nearer ones come first."""
MOST_NEEDED = 20_000
FOLLOW = "knowledge.follow"
"""The task that brings a copy of the graph up to the catalog."""
_RELATIONSHIP_ID = re.compile(r"rel-([0-9]{1,18})", re.ASCII)


class RelationshipNotFound(NotFound):
    """404: there is no such relationship."""

    def __init__(self) -> None:
        super().__init__("There is no such relationship.")


class RelationshipExists(Conflict):
    """409: these two concepts are related in this way already."""

    def __init__(self, where: str) -> None:
        super().__init__(f"This relationship is there already: {where}.")


class ClosesCycle(Conflict):
    """409: the prerequisite would make a concept its own prerequisite; `cycle` begins and ends with one concept."""

    def __init__(self, cycle: Sequence[int]) -> None:
        super().__init__("This would close a cycle of prerequisites: " + " → ".join(f"#{one}" for one in cycle) + ".")


class Known(NamedTuple):
    """A concept as one learner sees it in graph and path. A tuple: an answer may have thousands."""

    id: int
    title: str
    difficulty: float
    minutes: int
    component: str
    status: NodeStatus
    mastery: float
    met: bool


@dataclass(frozen=True)
class View:
    """A part of the graph with what the learner knows of it; only what the viewer may see."""

    concepts: tuple[Known, ...]
    edges: tuple[Edge, ...]
    truncated: bool


async def get_view(
    reader: WideReader, graph: Graph, *, viewer: Viewer, user_id: str, centre: int | None, depth: int
) -> View:
    """The neighbourhood of a concept, or the first concepts of all. Raises ConceptNotFound."""
    if centre is not None and not viewer.visibility.allows(centre):
        raise ConceptNotFound
    found = _visible(await graph.neighbourhood(centre, depth=depth, limit=MOST_SHOWN), viewer, centre)
    known = await _known(reader, user_id, found.distance)
    if centre is not None and centre not in known:
        raise ConceptNotFound
    nearest = sorted(known.values(), key=lambda concept: (found.distance[concept.id], concept.id))
    return View(tuple(nearest), found.edges, found.truncated)


async def get_path(reader: WideReader, graph: Graph, *, viewer: Viewer, user_id: str, query: PathQuery) -> PathReply:
    """The way to a concept by the aim, and alternatives. Raises ConceptNotFound for either end."""
    target, start = query.to, query.from_
    if not all(viewer.visibility.allows(end) for end in (target, start) if end is not None):
        raise ConceptNotFound
    needed = await graph.needed_for(target, limit=MOST_NEEDED)
    taken = await graph.needed_for(start, limit=MOST_NEEDED) if start is not None else Subgraph({})
    known = await _known(reader, user_id, viewer.seen({*needed.distance, *taken.distance}))
    if target not in known or (start is not None and start not in known):
        raise ConceptNotFound
    return _reply(query, known, needed, set(taken.distance))


def _reply(query: PathQuery, known: Mapping[int, Known], needed: Subgraph, taken: set[int]) -> PathReply:
    steps = {
        one.id: Step(one.minutes, one.difficulty, one.met or (one.id in taken and one.id != query.to))
        for one in known.values()
    }
    pairs = {kind: [(e.source, e.target) for e in needed.edges if e.relationship == kind] for kind in _NEEDED}
    needs = Needs(pairs[PREREQUISITE], pairs[ALTERNATIVE])
    best, *others = ways(query.to, steps, needs, aim=query.optimize_for)
    before = _taken_for_granted(query, best, steps, needs)
    shown = [*before, *(concept for concept in best.order if concept not in before)] or [query.to]
    to_learn = set(best.order)
    named = {name for concept in to_learn for name in needs.of.get(concept, ())}
    return PathReply(
        path=[
            _step(place, known[one], is_taken=one not in to_learn, reason=_reason(one, query, named, to_learn))
            for place, one in enumerate(shown, 1)
        ],
        total_concepts=len(shown),
        total_estimated_time=best.minutes,
        difficulty_progression=[known[concept].difficulty for concept in shown],
        alternative_paths=[_alternative(before, way, known) for way in others],
    )


_NEEDED = (PREREQUISITE, ALTERNATIVE)


def _taken_for_granted(query: PathQuery, way: Way, steps: Mapping[int, Step], needs: Needs) -> list[int]:
    """Where the way sets out from: the start that was asked for, or what the target needs and the learner knows."""
    if query.from_ is not None and query.from_ != query.to:
        return [query.from_]
    return [one for one in needs.of.get(query.to, ()) if way.order and one in steps and steps[one].met]


def _step(place: int, concept: Known, *, is_taken: bool, reason: str) -> PathStep:
    return PathStep(
        step=place,
        concept_id=concept.id,
        title=concept.title,
        status=concept.status,
        estimated_time=0 if is_taken else concept.minutes,
        reason=reason,
    )


def _reason(concept: int, query: PathQuery, named: set[int], to_learn: set[int]) -> str:
    if concept == query.to:
        return "Target concept"
    if concept not in to_learn:
        return "Starting concept" if concept == query.from_ else "Known already"
    return "Required prerequisite" if concept in named else "Alternative to a prerequisite"


def _alternative(before: Sequence[int], way: Way, known: Mapping[int, Known]) -> AlternativePath:
    levels = [known[concept].difficulty for concept in way.order]
    return AlternativePath(
        path=[*before, *way.order],
        total_time=way.minutes,
        difficulty_score=round(sum(levels) / len(levels), 2) if levels else 0.0,
    )


def _visible(found: Subgraph, viewer: Viewer, centre: int | None) -> Subgraph:
    """What the viewer may see, and reaches over what they may see: a hidden concept connects nothing."""
    if viewer.visibility.uniform and viewer.visibility.default:
        return found
    seen = set(viewer.seen(found.distance))
    edges = tuple(edge for edge in found.edges if edge.source in seen and edge.target in seen)
    if centre is not None:
        seen &= _reached(centre, edges)
    distance = {concept: steps for concept, steps in found.distance.items() if concept in seen}
    return Subgraph(distance, tuple(e for e in edges if e.source in seen and e.target in seen), found.truncated)


def _reached(centre: int, edges: Iterable[Edge]) -> set[int]:
    beside: defaultdict[int, list[int]] = defaultdict(list)
    for edge in edges:
        beside[edge.source].append(edge.target)
        beside[edge.target].append(edge.source)
    reached, waiting = {centre}, [centre]
    while waiting:
        for other in beside[waiting.pop()]:
            if other not in reached:
                reached.add(other)
                waiting.append(other)
    return reached


async def _known(reader: WideReader, user_id: str, concepts: Iterable[int]) -> dict[int, Known]:
    ids = reader.ids(concepts)
    rows = await reader.slow_rows(queries.CONCEPTS.format(reader.among("c.id", 1)), ids, user_id)
    locked = await reader.slow_rows(queries.LOCKED.format(reader.among("p.concept_id", 1)), ids, user_id)
    shut = {row[0] for row in locked}
    return {row[0]: _concept(row, is_locked=row[0] in shut) for row in rows}


def _concept(row: Sequence[Any], *, is_locked: bool) -> Known:
    number, title, difficulty, minutes, component, standing, mastery, met = row
    status = _status(standing, is_locked=is_locked)
    return Known(number, title, difficulty, minutes, component, status, mastery, bool(met))


def _status(standing: Any, *, is_locked: bool) -> NodeStatus:
    """As a graph shows it: what was begun by its status, what was not by whether it may be begun."""
    if standing is not None:
        begun: NodeStatus = standing
        return begun
    return "locked" if is_locked else "available"


async def add_relationship(
    session: AsyncSession, *, viewer: Viewer, created_by: str, request: RelationshipRequest, now: datetime
) -> RelationshipReply:
    """Relate two concepts. Raises ConceptNotFound, RelationshipExists, ClosesCycle, and ValidationFailed."""
    _refuse_nonsense(request)
    await session.execute(queries.LOCK)
    ends = {"source": request.source_concept, "target": request.target_concept}
    there = set((await session.execute(queries.EXISTING, ends)).scalars())
    if {*ends.values()} - set(viewer.seen(there)):
        raise ConceptNotFound
    if request.relationship_type == PREREQUISITE:
        await _add_prerequisite(session, ends)
    values = {
        **ends,
        "kind": request.relationship_type,
        "weight": request.weight,
        "bidirectional": request.bidirectional,
        "notes": request.notes,
        "created_by": created_by,
        "now": to_micros(now),
    }
    twin = (await session.execute(queries.FIND_TWIN, values)).first()
    number = None if twin else (await session.execute(queries.ADD, values)).scalar_one_or_none()
    if number is None:
        raise RelationshipExists("it was added before")
    await catalog.mark(session, now=now, changed=ends.values())
    return RelationshipReply(
        relationship_id=f"rel-{number}",
        source=request.source_concept,
        target=request.target_concept,
        type=request.relationship_type,
        created_at=now,
    )


def _refuse_nonsense(request: RelationshipRequest) -> None:
    if request.source_concept == request.target_concept:
        raise ValidationFailed(
            "Invalid request parameters", details=[Detail("target_concept", "must be another concept than the source")]
        )
    if request.bidirectional and request.relationship_type == PREREQUISITE:
        raise ValidationFailed(
            "Invalid request parameters", details=[Detail("bidirectional", "a prerequisite goes one way only")]
        )


async def _add_prerequisite(session: AsyncSession, ends: Mapping[str, int]) -> None:
    written = (await session.execute(queries.IS_WRITTEN, ends)).scalar_one_or_none()
    if written is not None:
        raise RelationshipExists("it was added before" if written == "learntrac" else f"the ticket's {written} says so")
    needs: defaultdict[int, list[int]] = defaultdict(list)
    for concept, prerequisite in await session.execute(queries.NEEDED_BY, {"concept": ends["source"]}):
        needs[concept].append(prerequisite)
    cycle = _find_way(needs, ends["source"], ends["target"])
    if cycle:
        raise ClosesCycle([*cycle, ends["source"]])
    await session.execute(queries.ADD_PREREQUISITE, ends)


def _find_way(needs: Mapping[int, Sequence[int]], start: int, end: int) -> list[int]:
    """The shortest way from `start` to `end` over what is needed; empty where there is none."""
    came_from, waiting = {start: start}, deque([start])
    while waiting and end not in came_from:
        concept = waiting.popleft()
        for other in sorted(needs.get(concept, ())):
            if other not in came_from:
                came_from[other] = concept
                waiting.append(other)
    if end not in came_from:
        return []
    way = [end]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]


async def tell_graph(session: AsyncSession, *, queue: Queue, graph: Graph) -> None:
    """Have the copy of the graph follow what is written in this transaction, where there is one."""
    if graph.name != "embedded":
        await queue.put(session, FOLLOW, key=FOLLOW)


async def added_prerequisites(reader: HotReader) -> dict[int, tuple[int, ...]]:
    """{concept: prerequisites} that were added here, for the catalog to join with what Trac's tickets say."""
    added: defaultdict[int, tuple[int, ...]] = defaultdict(tuple)
    for concept, prerequisite in await reader.rows(queries.ADDED):
        added[concept] += (prerequisite,)
    return dict(added)


async def list_relationships(session: AsyncSession, *, viewer: Viewer, query: RelationshipQuery) -> RelationshipList:
    """The relationships that were added here, both ends of which the viewer may see."""
    rows = await session.execute(queries.LIST, {"kind": query.type, "concept": query.concept})
    seen = [row for row in rows if len(viewer.seen([row.source_concept, row.target_concept])) == 2]
    page = seen[query.offset : query.offset + query.limit]
    return RelationshipList(
        relationships=[_item(row) for row in page], total=len(seen), limit=query.limit, offset=query.offset
    )


def _item(row: Row[Any]) -> RelationshipItem:
    return RelationshipItem(
        relationship_id=f"rel-{row.id}",
        source=row.source_concept,
        target=row.target_concept,
        type=row.kind,
        created_at=from_micros(row.created_at),
        weight=row.weight,
        bidirectional=bool(row.is_bidirectional),
        notes=row.notes,
        created_by=row.created_by,
    )


async def remove_relationship(session: AsyncSession, *, relationship_id: str, now: datetime) -> RemovedReply:
    """Take a relationship away again. Raises RelationshipNotFound."""
    number = _RELATIONSHIP_ID.fullmatch(relationship_id)
    await session.execute(queries.LOCK)
    row = number and (await session.execute(queries.REMOVE, {"id": int(number[1])})).one_or_none()
    if not row:
        raise RelationshipNotFound
    ends = {"source": row.source_concept, "target": row.target_concept}
    if row.kind == PREREQUISITE:
        await session.execute(queries.REMOVE_PREREQUISITE, ends)
    await catalog.mark(session, now=now, changed=ends.values())
    return RemovedReply(relationship_id=relationship_id)
