"""What a graph holds, to be compared with what it should hold. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from learntrac.backends.graph import Edge

Key = tuple[int, int, str]
"""(source, target, relationship): there is one of a kind between two concepts."""


@dataclass(frozen=True)
class Node:
    """A concept as a graph database shows it to its own users."""

    id: int
    title: str
    difficulty: float
    estimated_minutes: int
    component: str
    milestone: str
    type: str


@dataclass(frozen=True)
class State:
    """A catalog, by the name that was drawn for it, and how often it has changed; last at `changed_at`."""

    identity: str
    generation: int
    changed_at: datetime


@dataclass(frozen=True)
class Content:
    """Concepts by number, and the weights of edges; an edge may lead to a concept that is not among these."""

    nodes: Mapping[int, Node]
    edges: Mapping[Key, float]

    @classmethod
    def of(cls, nodes: Mapping[int, Node], edges: Iterable[Edge], *, there: Collection[int]) -> "Content":
        """Without edges that lead to what is no concept: a relationship outlives a ticket that was deleted."""
        kept = (edge for edge in edges if edge.source in there and edge.target in there)
        return cls(nodes, {(edge.source, edge.target, edge.relationship): edge.weight for edge in kept})


@dataclass(frozen=True)
class Difference:
    """What to do to a copy so that it holds what it should."""

    nodes: list[Node]
    gone_nodes: list[int]
    edges: list[Edge]
    gone_edges: list[Key]

    @classmethod
    def between(cls, wanted: Content, held: Content) -> "Difference":
        """From what is held to what is wanted, in the order of their numbers."""
        return cls(
            [node for number, node in sorted(wanted.nodes.items()) if held.nodes.get(number) != node],
            sorted(held.nodes.keys() - wanted.nodes.keys()),
            [Edge(*key, weight) for key, weight in sorted(wanted.edges.items()) if held.edges.get(key) != weight],
            sorted(held.edges.keys() - wanted.edges.keys()),
        )

    @property
    def node_count(self) -> int:
        """How many concepts are missing, different or too many."""
        return len(self.nodes) + len(self.gone_nodes)

    @property
    def edge_count(self) -> int:
        """How many edges are missing, of another weight or too many."""
        return len(self.edges) + len(self.gone_edges)
