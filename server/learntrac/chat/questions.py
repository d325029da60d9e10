"""An objective turned into a question, and a learner's answer held against what the course says. Pure."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from learntrac.chat.ranking import STOP_WORDS, stem

ENOUGH_TERMS = 3
"""Of the course's own terms in an answer that is taken as right."""
KEY_TERMS = 10
RIGHT_FROM = 0.99

_WORDS = """
apply calculate choose classify compare contrast convert count define demonstrate describe differentiate discuss
distinguish draw estimate evaluate explain express find give identify illustrate interpret justify list match name
outline predict prove quote read recall recognise recognize say show sketch solve spell state summarise summarize tell
trace translate weigh write
"""
_TELLING = frozenset(_WORDS.split())
_KNOWING = re.compile(
    r"(?:understand|know|learn|be aware|see|appreciate|grasp|be familiar with|become familiar with)\s+"
    r"(?:about\s+|of\s+)?(.+)",
    re.IGNORECASE,
)
_ABLE = re.compile(r"(?:be able to|you (?:can|will|should)(?: be able to)?|how to|to)\s+", re.IGNORECASE)
_CLAUSE = re.compile(r"(?:how|why|when|what|where|which|whether|that|if)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Question:
    """A question that was set: about which concept, the objective it is made of, and as it was asked."""

    concept_id: int
    objective: str
    asked: str


@dataclass(frozen=True)
class Checked:
    """What an answer is worth, 0 to 1, and which of the course's terms it had or lacked."""

    outcome: float
    named: tuple[str, ...]
    lacking: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        """Whether the answer has all that was looked for."""
        return self.outcome >= RIGHT_FROM


def ask(objective: str) -> str:
    """The question that an objective asks: "Name the parts of a message" becomes "Can you name the parts …?"."""
    said = _ABLE.sub("", objective.strip().rstrip(".;:!"), count=1) if _ABLE.match(objective.strip()) else objective
    said = said.strip().rstrip(".;:!?")
    knowing = _KNOWING.fullmatch(said)
    if knowing and _CLAUSE.match(knowing[1]):
        return f"Can you explain {_small(knowing[1])}?"
    if knowing:
        return f"What can you say about {_small(knowing[1])}?"
    verb = said.split(" ", 1)[0].casefold()
    if verb in _TELLING:
        return f"Can you {_small(said)}?"
    if _CLAUSE.match(said):
        return f"Can you say {_small(said)}?"
    return f"How would you {_small(said)}?" if verb.isalpha() and not said[:2].isupper() else f"What is {said}?"


def _small(said: str) -> str:
    return said[0].lower() + said[1:] if len(said) > 1 and said[1:2].islower() else said


def choose(objectives: Sequence[str], weights: Mapping[str, float], asked: Sequence[str]) -> str | None:
    """The objective to ask of: the one nearest to what is talked about of those that were asked least."""
    if not objectives:
        return None
    times = Counter(asked)
    return min(objectives, key=lambda one: (times[one], -_nearness(one, weights), objectives.index(one)))


def _nearness(objective: str, weights: Mapping[str, float]) -> float:
    return sum(weights.get(word, 0.0) for word in {stem(word) for word in _words(objective)})


def check(answer: str, *, asked: str, says: Sequence[str], weights: Mapping[str, float]) -> Checked:
    """Hold an answer against what the course says. `weights` is {term: how much it says} of the course's terms.

    Terms of the question itself prove nothing. This sees words, not sense: the evidence it makes is weak.
    """
    given = {stem(word) for word in _words(asked)}
    counts, shown = Counter[str](), dict[str, str]()
    for text in says:
        for word in _words(text):
            if word not in STOP_WORDS and (term := stem(word)) not in given and len(term) > 2:
                counts[term] += 1
                shown.setdefault(term, word)
    keys = sorted(counts, key=lambda term: (-(counts[term] ** 0.5) * weights.get(term, 0.0), term))[:KEY_TERMS]
    mine = {stem(word) for word in _words(answer)}
    named = tuple(shown[term] for term in keys if term in mine)
    lacking = tuple(shown[term] for term in keys if term not in mine)
    needed = min(ENOUGH_TERMS, len(keys))
    return Checked(min(1.0, len(named) / needed) if needed else 0.0, named, lacking)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())
