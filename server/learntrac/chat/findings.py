"""What was found in the course for a question, as values. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Found:
    """A passage that fits, with its score; `version` is that of a page. `concept_id` is the concept it is of, or the
    one that sends its readers to this page.
    """

    id: int
    source: str
    key: str
    concept_id: int | None
    version: int
    title: str
    heading: str
    kind: str
    language: str
    content: str
    score: float


@dataclass(frozen=True)
class Findings:
    """What was found: passages best first; concepts by how well they fit, best first; the weight of each term of the
    question that the course knows; and the share of the question that one of the best passages covers.
    """

    passages: tuple[Found, ...] = ()
    concepts: tuple[tuple[int, float], ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    covered: float = 0.0

    @property
    def concept_ids(self) -> list[int]:
        """The concepts, best first."""
        return [number for number, _ in self.concepts]
