"""An objective turned into a question, and a learner's answer held against what the course says. Pure."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from learntrac.chat.ranking import STOP_WORDS, stem

STOP_STEMS = frozenset(map(stem, STOP_WORDS))
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
_DONE = """
access adapt add allow alter analyse analyze annotate answer arrange ask assemble assign avoid backfill break
build call change check clean close code combine compose compute configure connect construct control create
cut debug decide declare decode delete deploy derive design detect determine develop divide do document encode
encrypt enforce ensure enter establish examine exploit export extend extract fetch fill filter fix follow form
format generate get group guard guess hand handle implement import improve increase insert install instantiate
iterate join judge keep load loop maintain make manage map measure merge migrate model modify move multiply
negotiate obtain open operate order organise organize parse pass perform pick place plan prepare present
prevent print produce program protect provide publish query rank reach reason recover reduce refactor release
remove rename repair replace report represent reproduce return reverse review rewrite rotate round run save
scale search secure select send separate serve set sign size sort split spot start stop store structure
subtract support swap take test throw time train transform traverse turn unpack update upload use validate
verify visualise visualize work wrap
"""
_DOING = frozenset(_DONE.split())
_BEFORE_A_NOUN = "a an the one two three several some any each every all both another other your their its what which"
_DETERMINERS = frozenset(_BEFORE_A_NOUN.split())
_KNOWING = re.compile(
    r"(?:(?:understand|know|learn|realise|realize)(?:ing)?(?:/\w+)*|be aware|see|appreciate|grasp"
    r"|be familiar with|become familiar with)\s+(?:about\s+|of\s+)?(.+)",
    re.IGNORECASE,
)
_ABLE = re.compile(r"\A(?:be able to|you (?:can|will|should)(?: be able to)?|how to|to)\s+", re.IGNORECASE)
_CLAUSE = re.compile(r"(?:how|why|when|what|where|which|whether|if)\b", re.IGNORECASE)
_STATED = re.compile(
    r"that\s+(.+)|((?:(?!\b(?:that|which|who|how|what)\b)[^,;])*?\b(?:are|is|have|has)\b.+)", re.IGNORECASE
)
_FIRST_SENTENCE = re.compile(r"(.{24,}?[^.])\.\s+(?=[A-Z])")


@dataclass(frozen=True)
class Question:
    """A question that was set: about which concept, the objective it is made of, and as it was asked."""

    concept_id: int
    objective: str
    asked: str


@dataclass(frozen=True)
class Checked:
    """What an answer is worth, 0 to 1, and which of the course's terms it had or lacked. It is not `clear` where the
    answer uses the question's own words and none beside them: that may well be right, and proves nothing.
    """

    outcome: float
    named: tuple[str, ...]
    lacking: tuple[str, ...]
    is_clear: bool = True

    @property
    def is_right(self) -> bool:
        """Whether the answer has all that was looked for."""
        return self.outcome >= RIGHT_FROM


def ask(objective: str) -> str:
    """The question that an objective asks: "Name the parts of a message" becomes "Can you name the parts …?"."""
    said = _first_sentence(objective)
    said = _ABLE.sub("", said, count=1)
    knowing = _KNOWING.fullmatch(said)
    if knowing:
        return _ask_of(knowing[1])
    verb = said.split(" ", 1)[0].casefold()
    if verb in _TELLING:
        return f"Can you {_small(said)}?"
    if _CLAUSE.match(said):
        return f"Can you say {_small(said)}?"
    if _is_done(said):
        return f"How would you {_small(said)}?"
    return f"What can you say about {_small(said)}?" if " " in said else f"What is {said}?"


def _first_sentence(objective: str) -> str:
    said = objective.strip()
    first = _FIRST_SENTENCE.match(said)
    return (first[1] if first else said).rstrip(".;:!? ")


def _ask_of(known: str) -> str:
    """What is to be understood: a clause, a statement or a subject."""
    if _CLAUSE.match(known):
        return f"Can you explain {known}?"
    stated = _STATED.fullmatch(known)
    if stated:
        return f"What does it mean that {stated[1] or stated[2]}?"
    return f"What can you say about {known}?"


def _is_done(said: str) -> bool:
    """Whether an objective begins with a verb: something to do rather than a subject."""
    first, _, rest = said.casefold().partition(" ")
    after = rest.split(" ", 1)[0]
    return first.isalpha() and (first in _DOING or (after in _DETERMINERS and not first.endswith(("ing", "tion"))))


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
    is_clear = bool(named) or len(mine & {term for term in given if term not in STOP_STEMS}) < ENOUGH_TERMS
    return Checked(min(1.0, len(named) / needed) if needed else 0.0, named, lacking, is_clear)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())
