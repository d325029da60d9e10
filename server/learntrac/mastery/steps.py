"""What each step of a learner does to where they stand, and the events it leaves. Pure.

The verbs store what comes out of here; invented learners (`learntrac seed`) take the same steps without a server.
What an answer means for the score is the model's to say (`model.follow`), and is handed in. Times are microseconds
since 1970.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from learntrac.mastery.model import NOTHING_KNOWN, Known, Status, status_of


@dataclass(frozen=True)
class Where:
    """Where one learner stands with one concept."""

    user_id: str
    concept_id: int
    status: Status = "new"
    known: Known = NOTHING_KNOWN
    begun_at: int = 0
    completed_at: int | None = None

    @property
    def mastery_score(self) -> float:
        """The score as of the last answer."""
        return self.known.score

    @property
    def tried(self) -> bool:
        """Whether there is more than a session that was begun."""
        return self.known.answers > 0 or self.completed_at is not None


@dataclass(frozen=True)
class Answer:
    """A graded answer; `source` is quiz, exercise or reported. A reported one weighs what the installation lets it."""

    item_id: str
    outcome: float
    weight: float
    source: str

    @property
    def item(self) -> str:
        """The item's name for the model."""
        return modelled_item(self.source, self.item_id)


@dataclass(frozen=True)
class Event:
    """A line of the learner's log, as `LearningEvent` keeps it."""

    kind: str
    seconds: int = 0
    score: float | None = None
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """Where the learner stands afterwards (status `new`: nothing is kept of it), and what happened, in order."""

    where: Where
    events: tuple[Event, ...] = ()

    def then(self, following: "Step") -> "Step":
        """Both steps as one."""
        return Step(following.where, (*self.events, *following.events))


def modelled_item(source: str, item_id: str) -> str:
    """The item's name for the model: what a client reports is of a session, and no item that others meet."""
    return "" if source == "reported" else item_id


def begin(where: Where, *, mode: str, at: int) -> Step:
    """A session has begun: what was new is being learned."""
    started = Event("started", data={"mode": mode})
    return _settled(replace(where, begun_at=where.begun_at or at), started, active=True)


def answer(where: Where, given: Answer, known: Known, *, at: int) -> Step:
    """A graded answer of a weight above 0, after which so much is `known`."""
    event = Event("answered", score=given.outcome, data={"item": given.item_id, "source": given.source})
    return _settled(replace(where, known=known, begun_at=where.begun_at or at), event, active=True)


def complete(where: Where, *, seconds: int, at: int) -> Step:
    """A session was closed with the concept worked through."""
    return _settled(replace(where, completed_at=at), Event("completed", seconds), active=False)


def abandon(where: Where, *, seconds: int) -> Step:
    """A session was given up: neither completed nor failed."""
    return _settled(where, Event("abandoned", seconds), active=False)


def _settled(where: Where, event: Event, *, active: bool) -> Step:
    """The status that follows, with an event of its own where the concept is now mastered."""
    status = status_of(where.known, tried=where.tried, active=active)
    if status == "new":
        return Step(replace(where, status="new", begun_at=0), (event,))
    settled = replace(where, status=status)
    if status == "mastered" and where.status != "mastered":
        return Step(settled, (event, Event("mastered", score=where.mastery_score)))
    return Step(settled, (event,))
