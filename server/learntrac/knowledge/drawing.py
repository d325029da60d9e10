"""A part of the graph as JSON, as DOT for Graphviz, and as Mermaid, so that a wiki page can show it. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

DOT, MERMAID = "text/vnd.graphviz", "text/vnd.mermaid"
_COLOURS = {
    "mastered": "#a6dba0",
    "practicing": "#d9f0d3",
    "learning": "#fee8a3",
    "available": "#ffffff",
    "locked": "#dddddd",
}
_STYLES = {"prerequisite_for": "solid", "related_to": "dotted", "alternative_to": "dashed"}
_ARROWS = {"prerequisite_for": "-->", "related_to": "-.->", "alternative_to": "<-.->"}


class Shown(Protocol):
    """A concept to be drawn."""

    @property
    def id(self) -> int: ...
    @property
    def title(self) -> str: ...
    @property
    def difficulty(self) -> float: ...
    @property
    def minutes(self) -> int: ...
    @property
    def component(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def mastery(self) -> float: ...


class Link(Protocol):
    """An edge to be drawn."""

    @property
    def source(self) -> int: ...
    @property
    def target(self) -> int: ...
    @property
    def relationship(self) -> str: ...
    @property
    def weight(self) -> float: ...


def as_json(concepts: Sequence[Shown], edges: Iterable[Link], *, truncated: bool, with_mastery: bool) -> dict[str, Any]:
    """The body of `GET /knowledge/graph`."""
    return {
        "nodes": [_node(concept, with_mastery=with_mastery) for concept in concepts],
        "edges": [
            {
                "source": f"concept-{edge.source}",
                "target": f"concept-{edge.target}",
                "relationship": edge.relationship,
                "weight": edge.weight,
            }
            for edge in edges
        ],
        "clusters": _clusters(concepts, with_mastery=with_mastery),
        "truncated": truncated,
    }


def _node(concept: Shown, *, with_mastery: bool) -> dict[str, Any]:
    return {
        "id": f"concept-{concept.id}",
        "label": concept.title,
        "type": "concept",
        "mastery": round(concept.mastery, 4) if with_mastery else None,
        "status": concept.status if with_mastery else None,
        "properties": {
            "difficulty": concept.difficulty,
            "estimated_time": short_time(concept.minutes),
            "component": concept.component,
        },
    }


def _clusters(concepts: Sequence[Shown], *, with_mastery: bool) -> list[dict[str, Any]]:
    """A cluster for each component; its mastery is the mean over its concepts shown, 0 for one that was not begun."""
    by_component: defaultdict[str, list[Shown]] = defaultdict(list)
    for concept in concepts:
        by_component[concept.component].append(concept)
    return [
        {
            "id": f"{slug(component)}-cluster",
            "label": component or "No component",
            "concepts": [f"concept-{concept.id}" for concept in members],
            "mastery": round(sum(one.mastery for one in members) / len(members), 4) if with_mastery else None,
        }
        for component, members in sorted(by_component.items())
    ]


def slug(name: str) -> str:
    """A name in small letters and digits with hyphens; `none` for one that has neither."""
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-") or "none"


def short_time(minutes: int) -> str:
    """`45m`, `2h`, `1h 30m`."""
    hours, rest = divmod(max(0, minutes), 60)
    return " ".join(part for part in (f"{hours}h" if hours else "", f"{rest}m" if rest or not hours else "") if part)


def as_dot(concepts: Sequence[Shown], edges: Iterable[Link]) -> str:
    """A digraph for Graphviz: a box for each concept, coloured by the learner's status."""
    lines = ["digraph course {", '  rankdir="LR";', '  node [shape="box", style="rounded,filled"];']
    lines += [
        f'  c{concept.id} [label="{_dot_text(concept.title)}", fillcolor="{_COLOURS[concept.status]}"];'
        for concept in concepts
    ]
    lines += [f'  c{edge.source} -> c{edge.target} [style="{_STYLES[edge.relationship]}"];' for edge in edges]
    return "\n".join([*lines, "}", ""])


def _dot_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ").replace("\r", " ")


def as_mermaid(concepts: Sequence[Shown], edges: Iterable[Link]) -> str:
    """A flowchart for Mermaid, coloured by the learner's status."""
    lines = ["flowchart LR"]
    lines += [f'  c{concept.id}["{_mermaid_text(concept.title)}"]:::{concept.status}' for concept in concepts]
    lines += [f"  c{edge.source} {_ARROWS[edge.relationship]} c{edge.target}" for edge in edges]
    lines += [f"  classDef {status} fill:{colour}" for status, colour in _COLOURS.items()]
    return "\n".join([*lines, ""])


def _mermaid_text(text: str) -> str:
    """Letters as they are; what Mermaid or HTML would read as markup, as the entities that Mermaid knows."""
    plain = " ".join(text.split())
    return "".join(char if char.isalnum() or char in " .,:-/+()!?" else f"#{ord(char)};" for char in plain)
