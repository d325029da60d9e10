"""A short adaptive test over the prerequisite graph: which concepts somebody knows already. Pure.

A belief is the probability that a concept is known. Its prior is a logistic curve of the concept's place in the course
(depth in the graph and difficulty, 0 to 1) whose position is learned from the answers, on a grid. An answer then moves
the concept itself, a yes what it needs as well, and a no what builds on it, each by Bayes' rule with the pair's joint
distribution under one assumption: whoever knows a concept knows what it needs. With slip s, guess g and h = 1 − s − g:

    what it needs:      P(yes | known) = g + h · p(asked) ÷ p(needed),       P(yes | not known) = g
    what builds on it:  P(yes | known) = 1 − s,   P(yes | not known) = g + h · (p(asked) − p(later)) ÷ (1 − p(later))

A no says something of what the concept needs as well, and a yes of what builds on it, but that is counted by the curve
alone: by pairs it was counted many times over, and simulated learners were placed no better than by guessing.

The question is the one whose answer is expected to take most uncertainty (entropy, in bits) from the concept itself and
from those around it. Knowledge spaces (Doignon and Falmagne, 1985) are the idea; pairs instead of whole states keep a
step cheap. Asked no more than a quarter of the concepts, and no more than `most` questions.

The state is the list of answers: everything else follows from it and the course.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from math import exp, log, log2

SLIP, GUESS = 0.1, 0.1
"""How often somebody who knows it says no, and somebody who does not says yes."""
_HIT = 1 - SLIP - GUESS
SURE, UNSURE = 0.9, 0.1
SHARE_ASKED = 0.25
MOST_ASKED = 40
LEAST_GAIN = 0.05
"""Bits that a question must be expected to bring."""
REACH = 200
"""So many of what a concept needs, or of what builds on it, are moved by an answer: the nearest."""
LOOKED_AT, REACH_LOOKED_AT = 24, 60
STEEP = 8.0
"""How sharply the chance of knowing falls with the place in the course."""
_GRID = tuple(place / 10 for place in range(-2, 13))
"""Places in the course at which somebody's knowledge may end; below 0 nothing is known, above 1 all."""
_LEAST = 1e-4

Answer = tuple[int, bool]
"""(concept, whether it is known)"""


@dataclass(frozen=True)
class Course:
    """The graph: direct prerequisites and what builds directly on a concept; `place` 0 (first) to 1 (last)."""

    needs: Mapping[int, Sequence[int]]
    opens: Mapping[int, Sequence[int]]
    place: Mapping[int, float]

    def __len__(self) -> int:
        return len(self.place)


def make_course(concepts: Iterable[tuple[int, float]], edges: Iterable[tuple[int, int]]) -> Course:
    """A course of (concept, difficulty 1 to 5) and (prerequisite, concept); edges beyond its concepts are left out."""
    difficulty = dict(concepts)
    needs: dict[int, list[int]] = {concept: [] for concept in difficulty}
    opens: dict[int, list[int]] = {concept: [] for concept in difficulty}
    for prerequisite, concept in edges:
        if prerequisite in needs and concept in needs:
            needs[concept].append(prerequisite)
            opens[prerequisite].append(concept)
    depth = _depths(needs, opens)
    deepest = max(depth.values(), default=0)
    if not deepest:
        return Course(needs, opens, {one: (level - 1) / 4 for one, level in difficulty.items()})
    return Course(
        needs, opens, {one: 0.75 * depth[one] / deepest + 0.25 * (difficulty[one] - 1) / 4 for one in difficulty}
    )


def _depths(needs: Mapping[int, Sequence[int]], opens: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """{concept: edges on the longest way down}; of a cycle, 0."""
    depth, left = dict.fromkeys(needs, 0), {concept: len(direct) for concept, direct in needs.items()}
    waiting = [concept for concept, count in left.items() if count == 0]
    for concept in waiting:
        for other in opens[concept]:
            depth[other] = max(depth[other], depth[concept] + 1)
            left[other] -= 1
            if left[other] == 0:
                waiting.append(other)
    return depth


@dataclass
class Beliefs:
    """What these answers make likely. `evidence` is in logits, for the concepts that an answer has moved."""

    course: Course
    prior: Mapping[float, float]
    evidence: dict[int, float] = field(default_factory=dict)

    def __getitem__(self, concept: int) -> float:
        """The probability that the concept is known."""
        logit = self.prior[self.course.place[concept]]
        return 1 / (1 + exp(-(logit + self.evidence[concept]))) if concept in self.evidence else 1 / (1 + exp(-logit))

    def everything(self) -> dict[int, float]:
        """{concept: probability} of all."""
        plain = {place: 1 / (1 + exp(-logit)) for place, logit in self.prior.items()}
        known = {concept: plain[place] for concept, place in self.course.place.items()}
        for concept in self.evidence:
            known[concept] = self[concept]
        return known

    def answer(self, concept: int, *, knows: bool) -> None:
        """Move the concept; after a yes what it needs too, after a no what builds on it."""
        reach = (REACH, 0) if knows else (0, REACH)
        for other, likely, unlikely in list(_moves(self, concept, *reach)):
            ratio = likely / unlikely if knows else (1 - likely) / (1 - unlikely)
            self.evidence[other] = max(-12.0, min(12.0, self.evidence.get(other, 0.0) + log(ratio)))


def _moves(beliefs: Beliefs, asked: int, below: int, above: int) -> Iterator[tuple[int, float, float]]:
    """(concept, P(yes | it is known), P(yes | it is not)) for the asked one and those around it."""
    belief = beliefs[asked]
    yield asked, 1 - SLIP, GUESS
    for other in _around(beliefs.course.needs, asked, below):
        yield other, GUESS + _HIT * min(1.0, belief / max(_LEAST, beliefs[other])), GUESS
    for other in _around(beliefs.course.opens, asked, above):
        theirs = beliefs[other]
        yield other, 1 - SLIP, GUESS + _HIT * max(0.0, belief - theirs) / max(_LEAST, 1 - theirs)


def _around(edges: Mapping[int, Sequence[int]], start: int, reach: int) -> list[int]:
    """The nearest over these edges, without the start."""
    if not reach:
        return []
    found, waiting = {start}, [start]
    for concept in waiting:
        if len(waiting) > reach:
            break
        for other in edges[concept]:
            if other not in found:
                found.add(other)
                waiting.append(other)
    return waiting[1 : reach + 1]


def believe(course: Course, answers: Sequence[Answer]) -> Beliefs:
    """The beliefs that these answers lead to; concepts that are gone from the course are passed over."""
    known = [answer for answer in answers if answer[0] in course.place]
    beliefs = Beliefs(course, _prior(course, known))
    for concept, knows in known:
        beliefs.answer(concept, knows=knows)
    return beliefs


def _prior(course: Course, answers: Sequence[Answer]) -> dict[float, float]:
    """{place: logit of knowing what is there}, with the learner's own place made likely by the answers."""
    weights = [1.0] * len(_GRID)
    for concept, knows in answers:
        for number, end in enumerate(_GRID):
            yes = GUESS + _HIT * _curve(end, course.place[concept])
            weights[number] *= yes if knows else 1 - yes
    total = sum(weights)
    prior = {}
    for place in set(course.place.values()):
        chance = sum(weight * _curve(end, place) for weight, end in zip(weights, _GRID, strict=True)) / total
        chance = min(0.98, max(0.02, chance))
        prior[place] = log(chance / (1 - chance))
    return prior


def _curve(end: float, place: float) -> float:
    return 1 / (1 + exp(-STEEP * (end - place)))


@dataclass(frozen=True)
class Step:
    """What comes now: a question, or None where the test is over; and how many may still come."""

    question: int | None
    remaining: int


def most_questions(course: Course, most: int = MOST_ASKED) -> int:
    """A quarter of the concepts, rounded down, at least one of any; no more than `most`."""
    return min(most, max(1, int(SHARE_ASKED * len(course)))) if len(course) else 0


def next_step(beliefs: Beliefs, answers: Sequence[Answer], *, most: int = MOST_ASKED) -> Step:
    """Where the next answer is expected to tell most."""
    asked = {concept for concept, _ in answers}
    left = most_questions(beliefs.course, most) - len(asked)
    known = beliefs.everything()
    open_ = [concept for concept, belief in known.items() if UNSURE < belief < SURE and concept not in asked]
    if left <= 0 or not open_:
        return Step(None, 0)
    likely = nsmallest(LOOKED_AT, open_, key=lambda concept: _promise(beliefs.course, known, concept))
    gains = {concept: gain(beliefs, concept) for concept in likely}
    best = min(likely, key=lambda concept: (-round(gains[concept], 9), concept))
    if gains[best] < LEAST_GAIN:
        return Step(None, 0)
    return Step(best, min(left, len(open_)))


def _promise(course: Course, known: Mapping[int, float], concept: int) -> tuple[float, int, int]:
    """Cheap to compute: uncertain concepts first, and among these those with most around them."""
    around = len(course.needs[concept]) + len(course.opens[concept])
    return round(abs(known[concept] - 0.5), 1), -around, concept


def gain(beliefs: Beliefs, concept: int) -> float:
    """The bits of uncertainty that asking is expected to take, from the concept and from the nearest around it."""
    total = 0.0
    for other, likely, unlikely in _moves(beliefs, concept, REACH_LOOKED_AT, REACH_LOOKED_AT):
        total += _information(beliefs[other], likely, unlikely)
    return total


def _information(belief: float, likely: float, unlikely: float) -> float:
    """Entropy of the answer less what remains of it once the state is known: the mutual information of both."""
    yes = belief * likely + (1 - belief) * unlikely
    return max(0.0, _entropy(yes) - belief * _entropy(likely) - (1 - belief) * _entropy(unlikely))


def _entropy(chance: float) -> float:
    if chance <= 0 or chance >= 1:
        return 0.0
    return -chance * log2(chance) - (1 - chance) * log2(1 - chance)


def frontier(beliefs: Beliefs) -> list[int]:
    """Where to begin: what is probably not known though all that it needs probably is; likeliest known first."""
    known = beliefs.everything()
    ready = [
        concept
        for concept, belief in known.items()
        if belief < 0.5 and all(known[other] >= 0.5 for other in beliefs.course.needs[concept])
    ]
    return sorted(ready, key=lambda concept: (-round(known[concept], 6), concept))


def path_from(beliefs: Beliefs, begin: Sequence[int], *, most: int = 10) -> list[int]:
    """The first steps from the frontier, in an order that respects the graph: earliest place in the course first."""
    known = beliefs.everything()
    course = beliefs.course
    done = {concept for concept, belief in known.items() if belief >= 0.5}
    waiting, path = set(begin), list[int]()
    while waiting and len(path) < most:
        concept = min(waiting, key=lambda one: (course.place[one], one))
        waiting.discard(concept)
        done.add(concept)
        path.append(concept)
        waiting |= {
            other
            for other in course.opens[concept]
            if other not in done and all(one in done for one in course.needs[other])
        }
    return path
