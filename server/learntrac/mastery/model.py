"""What follows from graded answers: score, memory, status, and what concepts below get of it. Pure.

`follow` takes one answer and is what happens online; `replay` takes a learner's whole log and is the same function over
and over, so that a log replayed gives exactly what was there. A concept is a skill of the learner model (`tracing`).

An answer is right where its outcome is at or above the concept's threshold. Its strength is its weight; a wrong answer
that was partly right is weaker by its outcome: strength = weight · (1 − outcome). A strength of 1 is an answer as the
model was calibrated on.

The score of a concept is the model's probability that the next answer, to a question of usual difficulty, is right,
taken just after an answer, and held to what people expect of a score: no right answer lowers it, no wrong one raises it
above what it had faded to. Where the model alone would say otherwise, the difference is kept as a term of its own.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from learntrac.mastery.memory import Memory, fades_at, retention, review
from learntrac.mastery.tracing import State, Tracer

Status = Literal["new", "learning", "practicing", "mastered"]

MICROS_PER_SECOND = 1_000_000
CONTRIBUTIONS = 10
"""So many terms come from the model; `HELD` and `PASSED` stand behind them."""
HELD, PASSED = CONTRIBUTIONS, CONTRIBUTIONS + 1
_LEAST = 1e-9


@dataclass(frozen=True)
class Graded:
    """A graded answer as the log has it. `at` is in µs since 1970; `item` empty where it is no item of the course.

    `threshold` is the concept's at that moment, `prerequisites` its direct ones: both may change in Trac later.
    """

    concept_id: int
    item: str
    outcome: float
    weight: float
    threshold: float
    at: int
    prerequisites: tuple[int, ...] = ()

    @property
    def right(self) -> bool:
        """Whether the answer passed."""
        return self.outcome >= self.threshold

    @property
    def strength(self) -> float:
        """How much it counts, 0 to 1."""
        return self.weight if self.right else self.weight * (1 - self.outcome)


@dataclass(frozen=True)
class Known:
    """What the answers say of a learner and a concept, as of the last one.

    `terms` are the parts of the score in logits: the model's contributions, `HELD` and `PASSED`. `due_at` is when a
    mastered concept fades below its `threshold`. Times are µs since 1970.
    """

    score: float = 0.0
    answers: int = 0
    threshold: float = 1.0
    memory: Memory | None = None
    mastered_at: int | None = None
    due_at: int | None = None
    terms: tuple[float, ...] = ()

    def faded(self, at: int) -> float:
        """The score at a later moment."""
        return self.score * retention(self.memory, at=at)


NOTHING_KNOWN = Known()
SHORT_OF_MASTERY = 0.01
"""So far below the threshold a wrong answer leaves at least what was not mastered: failing is no way to mastery."""


@dataclass(frozen=True)
class Effect:
    """What an answer did: the prediction before it, the score before and after it, and all that changed by concept.

    Before a first answer there is no score: `before` is then what the model expected of the concept.
    """

    predicted: float
    before: float
    after: float
    changed: dict[int, Known]


@dataclass
class Replayed:
    """A learner's log replayed: the state of the model, every concept with answers, and the effect of each answer."""

    state: State = field(default_factory=State)
    known: dict[int, Known] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)


def skill(concept_id: int) -> str:
    """The name by which the learner model knows a concept."""
    return str(concept_id)


def follow(tracer: Tracer, state: State, known: Mapping[int, Known], graded: Graded) -> Effect:
    """Add an answer of a weight above 0 to the state, in place, and tell what follows for the concepts it touches.

    `known` has at least the answer's own concept and its prerequisites, as far as there were answers. Constant time in
    the length of the log.
    """
    name, seconds = skill(graded.concept_id), graded.at // MICROS_PER_SECOND
    old = known.get(graded.concept_id, NOTHING_KNOWN)
    predicted = tracer.predict(state, graded.item, (name,), seconds)
    before = old.score if old.answers else tracer.skill_mastery(state, name)
    residual = tracer.update(state, graded.item, (name,), graded.right, seconds, graded.strength)
    new = _answered(old, tracer, state, graded)
    changed = {graded.concept_id: new}
    for below in graded.prerequisites:
        if below != graded.concept_id and below in known and known[below].answers:
            changed[below] = _shifted(known[below], tracer.pass_on(state, skill(below), residual))
    return Effect(predicted, before, new.score, changed)


def replay(tracer: Tracer, log: Iterable[Graded]) -> Replayed:
    """All that follows from a learner's answers in their order; an answer of weight 0 is passed over."""
    made = Replayed()
    for graded in log:
        effect = follow(tracer, made.state, made.known, graded)
        made.known.update(effect.changed)
        made.effects.append(effect)
    return made


def _answered(old: Known, tracer: Tracer, state: State, graded: Graded) -> Known:
    name = skill(graded.concept_id)
    modelled = tracer.skill_mastery(state, name)
    score = _held(old, modelled, graded)
    held = _logit(score) - _logit(modelled) if score != modelled else 0.0
    mastered = score >= graded.threshold or (old.mastered_at is not None and graded.right)
    new = Known(
        score=score,
        answers=old.answers + 1,
        threshold=graded.threshold,
        memory=review(old.memory, right=graded.right, weight=graded.weight, at=graded.at),
        mastered_at=(old.mastered_at or graded.at) if mastered else None,
        terms=(*tracer.contributions(state, name), held, 0.0),
    )
    return replace(new, due_at=_due_at(new))


def _held(old: Known, modelled: float, graded: Graded) -> float:
    if graded.right:
        return max(modelled, old.score)
    most = old.faded(graded.at) if old.answers else modelled
    return min(modelled, most if old.mastered_at else min(most, max(0.0, graded.threshold - SHORT_OF_MASTERY)))


def _shifted(known: Known, logits: float) -> Known:
    score = 0.5 + 0.5 * math.tanh((_logit(known.score) + logits) / 2)
    terms = (*known.terms[:PASSED], known.terms[PASSED] + logits)
    new = replace(known, score=score, terms=terms)
    return replace(new, due_at=_due_at(new))


def stays_mastered(known: Known, mastered_at: int) -> Known:
    """What is known of a concept that stays mastered though a replay with other parameters would not say so."""
    kept = replace(known, mastered_at=mastered_at)
    return replace(kept, due_at=_due_at(kept))


def _due_at(known: Known) -> int | None:
    if known.mastered_at is None or known.memory is None:
        return None
    return fades_at(known.memory, score=known.score, threshold=known.threshold)


def _logit(share: float) -> float:
    share = min(max(share, _LEAST), 1 - _LEAST)
    return math.log(share / (1 - share))


def status_of(known: Known, *, tried: bool, active: bool) -> Status:
    """The learner's status with a concept.

    Mastered: at or above the threshold on graded evidence, and from then on until an answer fails below it.
    Practicing: something was tried or completed. Learning: begun, nothing tried.
    """
    if known.mastered_at is not None:
        return "mastered"
    if tried:
        return "practicing"
    return "learning" if active else "new"


def level(mean_difficulty: float) -> Literal["beginner", "intermediate", "advanced"]:
    """A learner's level by the mean difficulty (1 to 5) of what is mastered; 0 where nothing is."""
    if mean_difficulty < 2.5:
        return "beginner"
    return "intermediate" if mean_difficulty < 3.75 else "advanced"
