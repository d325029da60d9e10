"""What a talk is about: the words that a learner will likely say, and the part of the graph that is shown beside."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from learntrac.backends.graph import Graph
from learntrac.backends.speech import Context
from learntrac.concepts.service import ConceptNotFound
from learntrac.concepts.viewing import Viewer
from learntrac.kit.readers import HotReader, WideReader
from learntrac.knowledge.drawing import as_mermaid
from learntrac.knowledge.service import get_view
from learntrac.voice import queries
from learntrac.voice.effects import Payload

MOST_SHOWN = 12
"""Concepts in one picture: more cannot be taken in while listening."""


@dataclass(frozen=True)
class Topic:
    """`concept_id` None: the whole course. `phrases` are the likeliest first; `near` the concepts beside it."""

    concept_id: int | None
    phrases: tuple[str, ...]
    near: tuple[int, ...]

    def context(self, language: str) -> Context:
        """For the recogniser."""
        return Context(language=language, phrases=self.phrases)


async def get_topic(reader: HotReader, *, viewer: Viewer, concept_id: int | None) -> Topic:
    """The words around a concept, its neighbours' titles after its own. Raises ConceptNotFound."""
    if concept_id is not None and not viewer.visibility.allows(concept_id):
        raise ConceptNotFound
    titles = await reader.rows(queries.TITLES)
    everything = [title for number, title in titles if viewer.visibility.allows(number)]
    if concept_id is None:
        return Topic(None, tuple(everything), ())
    around = [row for row in await reader.rows(queries.AROUND, concept_id) if viewer.visibility.allows(row[0])]
    own = [row for row in around if row[0] == concept_id]
    if not own:
        raise ConceptNotFound
    near = tuple(row[0] for row in around if row[0] != concept_id)
    phrases = [*_phrases(own), *_phrases([row for row in around if row[0] != concept_id]), *everything]
    return Topic(concept_id, tuple(dict.fromkeys(phrases)), near)


def _phrases(rows: Sequence[Sequence[str]]) -> list[str]:
    return [phrase for _, title, objectives in rows for phrase in (title, *orjson.loads(objectives))]


async def find_picture(
    reader: WideReader, graph: Graph, *, viewer: Viewer, user_id: str, concept_id: int | None
) -> list[Payload]:
    """The concept with its neighbours, for Mermaid; nothing where it cannot be seen."""
    if concept_id is None:
        return []
    try:
        view = await get_view(reader, graph, viewer=viewer, user_id=user_id, centre=concept_id, depth=1)
    except ConceptNotFound:
        return []
    shown = view.concepts[:MOST_SHOWN]
    kept = {concept.id for concept in shown}
    edges = [edge for edge in view.edges if edge.source in kept and edge.target in kept]
    drawing = as_mermaid(shown, edges)
    return [{"type": "concept_graph", "content": drawing, "format": "mermaid", "concept_ids": sorted(kept)}]
