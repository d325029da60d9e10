"""What a question is about: its terms, and how well a passage fits them (BM25). Pure.

Both databases only find candidates; the score is computed here, so that they answer the same.

Sources: S. Robertson and H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009 (formula 3.15,
k1 and b within the ranges they give); the stems follow D. Harman, "How effective is suffixing?", 1991.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

K1, B = 1.2, 0.6
MOST_TERMS = 32
CANDIDATES = 400
"""Passages that are scored for one question, unless a single term is in more of them."""

_STOP_WORDS = """
a about after again all already also always am an and another answer any are as ask at be because been before begin
being between but by can cannot code concept confused could course did difference do does doing don done each else
even ever example examples exercise explain few first for from get gets give go got had has have having he hello
help her here hey hi him hint his how i if in into is it its just know learn learning lesson let like ll look lost
make may me mean means might mine more most much must my need no not now of off ok okay on once one only or other
our out over own person please question re really s same say see shall she should show since so some start step
still stuck such t tell than thank thanks that the their them then there these they thing things this those to too
topic trouble try under understand up us use used using ve very want was way we well were what when where whether
which while who whom whose why will with without work would yes yet you your
ain aren cause causes couldn d didn doesn far goes going gone gonna hadn happen happened happening happens hasn haven
helped helps idk isn looked looking looks ll m made makes making meaning needed needs shouldn showed showing shown shows
something stuff tried tries trying ve wanna wants wasn weren won worked working works wouldn
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Words of English that say nothing of a subject. In another language every word counts, and the common ones little."""


@dataclass(frozen=True)
class Totals:
    """The index as a whole: its passages, and their words."""

    passages: int
    words: int

    @property
    def mean_words(self) -> float:
        """Words of a passage on average, at least 1."""
        return max(1.0, self.words / max(1, self.passages))


def stem(word: str) -> str:
    """A word without the endings that change nothing of its subject: `caching`, `cached` and `caches` are `cach`."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith(("us", "ss", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            word = word.removesuffix(ending)
            break
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "lse":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def stems(words: Iterable[str]) -> list[str]:
    """The stems of all words, in order: what the index holds."""
    return [stem(word) for word in words]


def terms(words: Sequence[str], *, keep: Collection[str] = ()) -> list[str]:
    """The terms of a question: its stems without words that say nothing of a subject, each once, in order.

    Words of `keep` are terms in any case: `with` and `for` are subjects where they are written as code.
    """
    telling = dict.fromkeys(stem(word) for word in words if word in keep or word not in STOP_WORDS)
    return list(telling)[:MOST_TERMS]


def weigh(wanted: Sequence[str], holding: Mapping[str, float], totals: Totals) -> dict[str, float]:
    """{term: weight}: the rarer in the course, the more it says. `holding` is {term: passages that hold it}."""
    return {
        term: math.log(1 + (totals.passages - holding[term] + 0.5) / (holding[term] + 0.5))
        for term in wanted
        if holding.get(term)
    }


def to_look_up(weights: Mapping[str, float], holding: Mapping[str, int]) -> list[str]:
    """The terms by which candidates are found: the rarest, until they are in `CANDIDATES` passages together."""
    chosen, passages = list[str](), 0
    for term in sorted(weights, key=lambda one: (holding[one], one)):
        if chosen and passages + holding[term] > CANDIDATES:
            break
        chosen.append(term)
        passages += holding[term]
    return chosen


def score(words: str, length: int, weights: Mapping[str, float], totals: Totals) -> float:
    """How well a passage fits: 0 where it has none of the terms. `words` are its stems, each with a blank around it."""
    ratio = K1 * (1 - B + B * length / totals.mean_words)
    found = 0.0
    for term, weight in weights.items():
        if count := words.count(f" {term} "):
            found += weight * count * (K1 + 1) / (count + ratio)
    return found


def coverage(words: str, weights: Mapping[str, float]) -> float:
    """The share of the question's weight whose terms are among these words, 0 to 1."""
    total = sum(weights.values())
    return sum(weight for term, weight in weights.items() if f" {term} " in words) / total if total else 0.0
