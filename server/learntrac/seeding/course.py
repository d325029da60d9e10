"""Invented tickets as rows of Trac's tables. Pure, and the same for a seed.

A course is layered: `width` concepts a layer, a layer a stage of some weeks, and what stands below each other is one
subject. A concept needs about three of the layers above it, at its own place or near it, so that what is needed for a
concept is a fan and not the whole course.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil

COMPONENTS = tuple(f"area-{number:02}" for number in range(20))
MILESTONES = tuple(f"Week {number:02}" for number in range(1, 11))
TYPES = ("task", "task", "task", "defect", "enhancement", "feature")
STATUSES = ("new", "new", "new", "assigned", "accepted", "reopened", "closed")
OWNERS = ("", "", "ivan", "ines", "omar")
WRITTEN_FROM = 1_700_000_000_000_000
"""Microseconds since 1970. Tickets are written from here on, one a minute."""
LAYERS = 40
NARROWEST = 8
_NEAR = 2
_FROM_LAST_LAYER = 0.8
_NEEDED = (2, 3, 3, 4, 4)

TICKET = (
    *("id", "type", "time", "changetime", "component", "severity", "priority", "owner", "reporter", "cc"),
    *("version", "milestone", "status", "resolution", "summary", "description", "keywords"),
)
CUSTOM = ("ticket", "name", "value")
_WORDS = (
    *("request", "answer", "header", "body", "client", "server", "method", "status", "cache", "cookie", "session"),
    *("token", "parser", "function", "module", "class", "value", "list", "mapping", "loop", "branch", "error", "test"),
    *("index", "query", "table", "row", "transaction", "lock", "thread", "queue"),
)

Row = tuple[object, ...]


@dataclass(frozen=True)
class InventedCourse:
    """A course of so many concepts, numbered from 1."""

    concepts: int
    seed: int
    layers: int = LAYERS

    @cached_property
    def width(self) -> int:
        """Concepts in a layer."""
        return max(NARROWEST, ceil(self.concepts / self.layers))

    def tickets(self) -> Iterator[Row]:
        """Rows of `ticket`, by the columns of `TICKET`."""
        choice = self._choice("tickets")
        for number in range(1, self.concepts + 1):
            written = WRITTEN_FROM + number * 60_000_000
            layer, place = divmod(number - 1, self.width)
            yield (
                *(number, choice.choice(TYPES), written, written + 30_000_000),
                *(COMPONENTS[place * len(COMPONENTS) // self.width], "", "major", choice.choice(OWNERS), "ivan", ""),
                *("", self._milestone(layer), choice.choice(STATUSES), ""),
                *(f"{_phrase(choice, 4).capitalize()} {number}", _description(choice), _phrase(choice, 2)),
            )

    def custom(self) -> Iterator[Row]:
        """Rows of `ticket_custom`, by the columns of `CUSTOM`."""
        choice = self._choice("custom")
        for number in range(1, self.concepts + 1):
            needed = ", ".join(f"#{other}" for other in self._prerequisites(number, choice))
            yield number, "learning_difficulty", choice.choice(("1", "2", "2", "3", "3", "3.5", "4", "5"))
            yield number, "mastery_threshold", choice.choice(("0.7", "0.8", "0.9"))
            yield number, "prerequisites", needed
            yield number, "time_estimate", choice.choice(("30m", "1h", "1.5 hours", "2h"))

    def at(self, layer: int, place: int) -> int:
        """The concept at this place of this layer; both begin anew at the end of the course."""
        return (layer * self.width + place % self.width) % self.concepts + 1

    def _prerequisites(self, number: int, choice: random.Random) -> list[int]:
        """Always of a layer before: there is no cycle."""
        layer, place = divmod(number - 1, self.width)
        if layer == 0:
            return []
        named = set()
        for _ in range(choice.choice(_NEEDED)):
            is_last = layer == 1 or choice.random() < _FROM_LAST_LAYER
            earlier = layer - 1 if is_last else choice.randrange(layer - 1)
            named.add(self.at(earlier, place + choice.randint(-_NEAR, _NEAR)))
        return sorted(named)

    def _milestone(self, layer: int) -> str:
        layers = ceil(self.concepts / self.width)
        return MILESTONES[layer * len(MILESTONES) // layers]

    def _choice(self, what: str) -> random.Random:
        return random.Random(f"{self.seed}:{what}")  # noqa: S311 - invented tickets, no secret


def _phrase(choice: random.Random, words: int) -> str:
    return " ".join(choice.choices(_WORDS, k=words))


def _description(choice: random.Random) -> str:
    """Some four hundred characters with objectives and a link, as instructors write them."""
    goals = "\n".join(f" * Explain the {_phrase(choice, 3)}" for _ in range(3))
    page = _phrase(choice, 1).capitalize()
    return (
        f"{_phrase(choice, 24).capitalize()}.\n\n== Learning objectives ==\n{goals}\n\n"
        f"== Resources ==\n * [wiki:{page} About the {page.lower()}]\n"
    )
