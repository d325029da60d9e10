"""Knowledge tracing: the probability that a learner answers the next question rightly. Pure, and constant-time.

A logistic regression over counters, in the family of performance factors analysis (Pavlik, Cen and Koedinger 2009) and
DAS3H (Choffin et al. 2019). For an answer to an item with its skills, everything from the past:

    logit P = intercept + learning_curve · logit(share right of all learners with the same history of the skill)
            + recent_form   · the learner's residual, half-life 8 answers
            + item_repeat   · logit(share right at the item, by how the learner's last try of it ended)
            + overall_form  · the learner's residual since the start
            + skill_recency · 1 / answers since the skill was last met
            + skill_form    · the learner's residual in the skill, half-life 32 of its answers
            + item_answers  · log(1 + answers to the item that the tables hold)
            + item_sequence · logit(share right at the item, by the item before and how it was answered)

A residual is an answer, 0 or 1, minus the item's share right. A share backs off to a wider one where it has few
answers: history to skill to all answers to 0.65, and item sequence to last try to item to skill. Where an item has
several skills, each term is the mean over them. A learner's own intercept follows the
misses online, by the gradient of the log loss; a fit chooses how fast, which may be not at all.

An answer may be given with a strength below 1, for evidence that counts for less. Its residual is multiplied by it, and
below `LEAST_REMEMBERED` it enters neither the history of the skill nor that of the item. A part of a residual may be
passed on to skills that this one builds on (`Tracer.pass_on`); nothing of that is done on a log that names no such
edges.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from zlib import crc32

from learntrac.mastery.parameters import HISTORIES, MAX_TRIES, Count, ItemCounts, Parameters

PRIOR = 0.65
"""The share right before there are any answers."""
HISTORY_PSEUDO_COUNT = 20.0
PSEUDO_COUNT = 5.0
"""How many answers a wider share weighs in a narrower one; the first is for a history in its skill."""
LEAST_SHARE = 1e-6
"""However many answers agree, a share is taken to be no nearer to 0 or 1 than this."""
RECENT_FADE = 0.5 ** (1 / 8)
SKILL_FADE = 0.5 ** (1 / 32)
LEAST_REMEMBERED = 0.5
"""From this strength up an answer enters the histories, which know right and wrong and nothing between."""
PASSED_ON = 0.1
"""The part of a residual that a direct prerequisite gets: who fails at recursion may not be so sure of functions."""

_HEADER = struct.Struct("<BIdddBHII")
_SKILL = struct.Struct("<BIdIqH")
_ITEM = struct.Struct("<I")
_VERSION = 1


def _next_history(name: str, outcome: str) -> int:
    tries, _, last = name.partition(":")
    return HISTORIES.index(f"{min(int(tries) + 1, MAX_TRIES)}:{last[-1:]}{outcome}")


NEXT_HISTORY = tuple((_next_history(name, "w"), _next_history(name, "r")) for name in HISTORIES)
"""For each place in `HISTORIES`, the place after a wrong and after a right answer."""
_SKILL_FADED = 1 / (1 - SKILL_FADE)
_RECENT_FADED = 1 / (1 - RECENT_FADE)


@dataclass(slots=True)
class SkillState:
    """A learner and one skill: place in `HISTORIES`, answers, decayed residual, number of the answer that last met it.

    `practised_at` is in seconds since 1970, 0 where unknown: what a retention factor starts from. No term reads it.
    """

    history: int = 0
    answers: int = 0
    residual: float = 0.0
    met: int = 0
    practised_at: int = 0


@dataclass(slots=True)
class State:
    """One learner: answers, residual since the start and decayed, own intercept, last item with outcome, skills, items.

    `items` is keyed by `item_key` and says whether the learner's last answer to the item was right.
    """

    answers: int = 0
    residual: float = 0.0
    recent_residual: float = 0.0
    intercept: float = 0.0
    last: tuple[str, bool] | None = None
    skills: dict[str, SkillState] = field(default_factory=dict)
    items: dict[int, bool] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The state in 40 bytes and the name of the last item; 27 and the name for a skill, 4 for an item."""
        item, right = self.last or ("", False)
        levels = (self.residual, self.recent_residual, self.intercept)
        name = item.encode()
        sizes = (len(name), len(self.skills), len(self.items))
        parts = [_HEADER.pack(_VERSION, self.answers, *levels, right, *sizes), name]
        for skill, known in self.skills.items():
            name = skill.encode()
            numbers = (known.history, known.answers, known.residual, known.met, known.practised_at)
            parts += (_SKILL.pack(*numbers, len(name)), name)
        parts += (_ITEM.pack(key << 1 | right) for key, right in self.items.items())
        return b"".join(parts)

    @classmethod
    def from_bytes(cls, content: bytes) -> "State":
        """What `to_bytes` gave. Raise ValueError where the bytes are anything else."""
        try:
            return _read_state(content)
        except (struct.error, ValueError) as error:
            raise ValueError(f"not the state of a learner: {error}") from error


def _read_state(content: bytes) -> State:
    version, answers, residual, recent_residual, intercept, right, length, skills, items = _HEADER.unpack_from(content)
    if version != _VERSION or not all(abs(level) <= answers for level in (residual, recent_residual, intercept)):
        raise ValueError("its header is damaged")
    place = _HEADER.size + length
    item = content[_HEADER.size : place].decode()
    state = State(answers, residual, recent_residual, intercept, (item, bool(right)) if item else None)
    for _ in range(skills):
        *numbers, length = _SKILL.unpack_from(content, place)
        place += _SKILL.size + length
        state.skills[content[place - length : place].decode()] = _checked(SkillState(*numbers), answers)
    if len(content) != place + items * _ITEM.size:
        raise ValueError("its length is wrong")
    state.items = {mark >> 1: bool(mark & 1) for (mark,) in _ITEM.iter_unpack(content[place:])}
    return state


def _checked(skill: SkillState, answers: int) -> SkillState:
    possible = skill.history < len(HISTORIES) and 0 < skill.met <= answers
    if not possible or not abs(skill.residual) <= skill.answers <= answers:
        raise ValueError("a skill is damaged")
    return skill


def item_key(item: str) -> int:
    """The hash under which a learner's state knows an item: 1 to 2³¹ − 1, 0 for the item without a name."""
    return (crc32(item.encode()) >> 1 or 1) if item else 0


@dataclass(slots=True)
class _Skill:
    """The share right at a skill, and the logit of the share for each history."""

    share: float
    curve: tuple[float, ...]


@dataclass(slots=True)
class _Item:
    """An item's counts as the terms use them."""

    key: int
    right: int
    answers: int
    tries: list[Count]
    following: dict[tuple[str, bool], Count]
    log_answers: float


def _logit(share: float) -> float:
    if not LEAST_SHARE <= share <= 1 - LEAST_SHARE:
        share = min(max(share, LEAST_SHARE), 1 - LEAST_SHARE)
    return math.log(share / (1 - share))


def _share(count: Count, wider: float, pseudo_count: float = PSEUDO_COUNT) -> float:
    return (count[0] + pseudo_count * wider) / (count[1] + pseudo_count)


def _skill(counts: list[Count], overall: float) -> _Skill:
    total = [sum(count[0] for count in counts), sum(count[1] for count in counts)]
    share = _share(total, overall)
    return _Skill(share, tuple(_logit(_share(count, share, HISTORY_PSEUDO_COUNT)) for count in counts))


def _item(name: str, counts: ItemCounts) -> _Item:
    new, failed, passed = counts.tries
    right, answers = new[0] + failed[0] + passed[0], new[1] + failed[1] + passed[1]
    return _Item(item_key(name), right, answers, counts.tries, counts.following, math.log1p(answers))


class Tracer:
    """The model with its parameters: predicts, follows a learner's answers, and tells mastery."""

    def __init__(self, parameters: Parameters) -> None:
        tables = parameters.tables
        overall = _share(tables.total, PRIOR)
        self._weights = parameters.weights
        self._rate = parameters.intercept_rate
        self._skills = {name: _skill(counts, overall) for name, counts in tables.skills.items()}
        self._items = {name: _item(name, counts) for name, counts in tables.items.items()}
        self._unknown = _skill([[0, 0] for _ in HISTORIES], overall)
        weighed = sum(item.answers * item.log_answers for item in self._items.values())
        self._typical_log_answers = weighed / max(1, sum(item.answers for item in self._items.values()))

    def predict(self, state: State, item: str, skills: Sequence[str], now: int) -> float:  # noqa: ARG002 - see below
        """The probability that the learner's next answer, to this item, is right; 0 to 1.

        `skills` are the item's, each once. `item` is empty where it has no name; unknown items and skills are normal.
        `now` is in seconds since 1970. No term reads it: forgetting is a factor beside the model, not a part of it.
        """
        return self._probability(state, self.terms(state, item, skills))

    def update(
        self,
        state: State,
        item: str,
        skills: Sequence[str],
        correct: bool,  # noqa: FBT001
        now: int,
        strength: float = 1.0,
    ) -> float:
        """Add one graded answer to the state, which is changed in place; return its residual, times the strength.

        `now` is 0 where the time is unknown; `strength` is 0 to 1.
        """
        if self._rate:
            state.intercept += self._rate * strength * (correct - self.predict(state, item, skills, now))
        known = self._items.get(item)
        share = self._share(skills)
        if known is not None:
            share = (known.right + PSEUDO_COUNT * share) / (known.answers + PSEUDO_COUNT)
        residual = strength * (correct - share)
        remembered = strength >= LEAST_REMEMBERED
        state.answers += 1
        state.residual += residual
        state.recent_residual = state.recent_residual * RECENT_FADE + residual
        for name in skills:
            _practise(state, name, correct if remembered else None, residual, now)
        key = known.key if known is not None else item_key(item)
        if key and remembered:
            state.items[key] = correct
            state.last = (item, correct)
        else:
            state.last = None
        return residual

    def pass_on(self, state: State, skill: str, residual: float) -> float:
        """Pass a part of a residual to a skill that the learner has answers in; return by how much its mastery moves.

        That is in logits, and it never moves against the residual. No more comes together in this way than the
        learner's own answers there could have made. Raise KeyError for a skill without answers.
        """
        known = state.skills[skill]
        answers = min((1 - SKILL_FADE**known.answers) * _SKILL_FADED, known.answers)
        passed = min(max(known.residual + PASSED_ON * residual, -answers), answers)
        change = passed - known.residual
        known.residual = passed
        return max(0.0, self._weights.skill_form) * change / (answers + 2)

    def mastery(self, state: State) -> dict[str, tuple[float, int]]:
        """For each skill the learner has met: the mastery, and the number of answers behind it."""
        return {name: (self.skill_mastery(state, name), skill.answers) for name, skill in state.skills.items()}

    def skill_mastery(self, state: State, skill: str) -> float:
        """The probability of a right answer to a question of this skill that is as difficult as its questions are."""
        return self._probability(state, self._mastery_terms(state, skill))

    def contributions(self, state: State, skill: str) -> tuple[float, ...]:
        """The parts of `skill_mastery` in logits: one for each of the weights, then the learner's own intercept."""
        parts = zip(self._weights, (1.0, *self._mastery_terms(state, skill)), strict=True)
        return (*(weight * term for weight, term in parts), state.intercept if self._rate else 0.0)

    def _mastery_terms(self, state: State, skill: str) -> tuple[float, ...]:
        curve, share, recency, form = self._skill_terms(state, (skill,))
        typical = _logit(share)
        recent, overall = _form_terms(state)
        return curve, recent, typical, overall, recency, form, self._typical_log_answers, typical

    def terms(self, state: State, item: str, skills: Sequence[str]) -> tuple[float, ...]:
        """The terms of the model in the order of their weights, without the intercept."""
        curve, share, recency, form = self._skill_terms(state, skills)
        repeat, log_answers, sequence = self._item_terms(state, item, share)
        recent, overall = _form_terms(state)
        return curve, recent, repeat, overall, recency, form, log_answers, sequence

    def _probability(self, state: State, terms: tuple[float, ...]) -> float:
        w0, w1, w2, w3, w4, w5, w6, w7, w8 = self._weights
        t1, t2, t3, t4, t5, t6, t7, t8 = terms
        logit = w0 + w1 * t1 + w2 * t2 + w3 * t3 + w4 * t4 + w5 * t5 + w6 * t6 + w7 * t7 + w8 * t8
        if self._rate:
            logit += state.intercept
        return 0.5 + 0.5 * math.tanh(logit / 2)  # the logistic function, in a form that cannot overflow

    def _share(self, skills: Sequence[str]) -> float:
        if not skills:
            return self._unknown.share
        total = 0.0
        for name in skills:
            total += self._skills.get(name, self._unknown).share
        return total / len(skills)

    def _skill_terms(self, state: State, skills: Sequence[str]) -> tuple[float, float, float, float]:
        """Learning curve, share right, recency and form: means over the skills."""
        curve = share = recency = form = 0.0
        for name in skills:
            known = self._skills.get(name, self._unknown)
            share += known.share
            met = state.skills.get(name)
            if met is None:
                curve += known.curve[0]
            else:
                curve += known.curve[met.history]
                recency += 1 / (state.answers + 1 - met.met)
                form += met.residual / ((1 - SKILL_FADE**met.answers) * _SKILL_FADED + 2)
        many = len(skills)
        if many == 1:
            return curve, share, recency, form
        if many == 0:
            return self._unknown.curve[0], self._unknown.share, 0.0, 0.0
        return curve / many, share / many, recency / many, form / many

    def _item_terms(self, state: State, item: str, share: float) -> tuple[float, float, float]:
        """Item repeat, log of answers and item sequence; `share` is that of the item's skills."""
        known = self._items.get(item)
        if known is None:
            unknown = _logit(share)
            return unknown, 0.0, unknown
        share = (known.right + PSEUDO_COUNT * share) / (known.answers + PSEUDO_COUNT)
        last = state.items.get(known.key)
        share = _share(known.tries[0 if last is None else 1 + last], share)
        repeat = _logit(share)
        count = known.following.get(state.last) if state.last is not None else None
        return repeat, known.log_answers, repeat if count is None else _logit(_share(count, share))


def _form_terms(state: State) -> tuple[float, float]:
    answers = state.answers
    recent = state.recent_residual / ((1 - RECENT_FADE**answers) * _RECENT_FADED + 3)
    return recent, state.residual / (answers + 10)


def _practise(state: State, name: str, correct: bool | None, residual: float, now: int) -> None:  # noqa: FBT001
    """Add an answer in a skill; with None for `correct` its history stays as it is."""
    skill = state.skills.get(name)
    if skill is None:
        skill = state.skills[name] = SkillState()
    if correct is not None:
        skill.history = NEXT_HISTORY[skill.history][correct]
    skill.answers += 1
    skill.residual = skill.residual * SKILL_FADE + residual
    skill.met = state.answers
    skill.practised_at = now
