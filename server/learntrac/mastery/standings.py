"""What a learner has begun and where they stand with it, in one statement: what progress, profiles and recommendations
are made of. Times are microseconds since 1970.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from learntrac.kit.readers import HotReader
from learntrac.mastery.memory import Memory, retention
from learntrac.mastery.model import Status, level
from learntrac.trac.visibility import Visibility

STRONG_FROM = 0.7
"""A component counts as a strength from this mean mastery up."""

BEGUN = (
    "SELECT c.id, c.title, c.milestone, c.component, c.difficulty, c.estimated_minutes, c.mastery_threshold, s.status,"
    " s.mastery_score, s.answers, s.due_at, s.completed_at, s.mastered_at, s.updated_at, s.stability,"
    " s.difficulty AS hard, s.reviewed_at, (SELECT generation FROM catalog_state)"
    " FROM standing s JOIN concept c ON c.id = s.concept_id WHERE s.user_id = $1 ORDER BY c.id"
)


class Begun(NamedTuple):
    """A concept that a learner has begun: what it is, and where they stood with it at the last answer.

    `due_at` is when what is mastered falls below its threshold; `stability`, `hard` and `reviewed_at` are of the memory
    that fades the score. `generation` is the catalog's at that moment.
    """

    id: int
    title: str
    milestone: str
    component: str
    difficulty: float
    minutes: int
    threshold: float
    status: Status
    score: float
    answers: int
    due_at: int | None
    completed_at: int | None
    mastered_at: int | None
    updated_at: int
    stability: float | None
    hard: float | None
    reviewed_at: int | None
    generation: int

    @property
    def is_met(self) -> bool:
        """Whether what builds on it may be begun (docs/decisions/0006-when-a-prerequisite-is-met.md)."""
        return self.status == "mastered" or self.completed_at is not None

    def is_due(self, at: int) -> bool:
        """Whether it was mastered and is due for review."""
        return self.status == "mastered" and self.due_at is not None and self.due_at <= at

    def score_at(self, at: int) -> float:
        """What is left of the score then."""
        if self.stability is None or self.hard is None or self.reviewed_at is None:
            return self.score
        return self.score * retention(Memory(self.stability, self.hard, self.reviewed_at), at=at)


async def list_begun(reader: HotReader, *, user_id: str) -> list[Begun]:
    """Every concept of the course that the learner has begun, by number."""
    return [Begun._make(row) for row in await reader.rows(BEGUN, user_id)]


@dataclass(frozen=True)
class Area:
    """A component in which something is begun: the mean score of that, and how much of it is mastered."""

    name: str
    mean: float
    mastered: int


@dataclass(frozen=True)
class Profile:
    """What the evidence says of a learner: level, strong and weak components, each best or worst first."""

    level: str
    mean_difficulty: float
    strengths: tuple[str, ...]
    weaknesses: tuple[str, ...]


def areas_of(begun: Iterable[Begun]) -> list[Area]:
    """The components in which something is begun, best first."""
    of: defaultdict[str, list[Begun]] = defaultdict(list)
    for one in begun:
        if one.component:
            of[one.component].append(one)
    areas = [
        Area(name, sum(one.score for one in ones) / len(ones), sum(one.status == "mastered" for one in ones))
        for name, ones in of.items()
    ]
    return sorted(areas, key=lambda area: (-area.mean, area.name))


def profile_of(begun: Iterable[Begun]) -> Profile:
    """A beginner without strengths where nothing is begun."""
    known = list(begun)
    difficulties = [one.difficulty for one in known if one.status == "mastered"]
    mean = sum(difficulties) / len(difficulties) if difficulties else 0.0
    areas = areas_of(known)
    strong = tuple(area.name for area in areas if area.mean >= STRONG_FROM)
    weak = tuple(area.name for area in reversed(areas) if area.mean < STRONG_FROM)
    return Profile(level(mean), mean, strong, weak)


async def get_profile(reader: HotReader, *, user_id: str, visibility: Visibility) -> Profile:
    """What the evidence says of a learner, in the concepts that whoever looks may know of."""
    return profile_of(one for one in await list_begun(reader, user_id=user_id) if visibility.allows(one.id))
