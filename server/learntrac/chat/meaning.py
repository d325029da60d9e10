"""What texts mean, as vectors of an embedding model: which ones are near a question, and two rankings as one. Pure.

A question is compared with all passages by the signs of their numbers, which is a few bits' work each, and exactly with
the nearest of them. What counts as near is learnt from the course itself, as each model has a scale of its own.

Sources: G. Cormack, C. Clarke and S. Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
Learning Methods", 2009 (k = 60); M. Charikar, "Similarity estimation techniques from rounding algorithms", 2002 (the
share of equal signs estimates the angle).
"""

import hashlib
import math
import sys
from array import array
from collections.abc import Container, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import combinations
from operator import mul
from statistics import fmean, pstdev
from typing import TypeAlias, TypeVar

Vector: TypeAlias = "array[float]"
"""Of length one, as 32-bit floats."""

LONGEST_TEXT = 1200
"""Characters of a passage that a model is given: small ones read 512 tokens."""
RANKS_APART = 60
"""The k of reciprocal rank fusion: the larger, the less the first places count."""
SAMPLED = 48
NEAR_ALONE = 0.5
"""What counts as near where there is one passage, and nothing to compare."""
NEAR_SHARE = 0.3
"""How far a near passage is at least on the way from a usual one to the question's own words, whatever the model's
scale (docs/decisions/0044-vectors-in-the-ordinary-database.md says what was measured).
"""
CLOSE_ENOUGH = 0.5
"""A passage is among those that fit where it is at least so far on the way from a usual passage to the nearest one."""
NEAREST = 2000
"""Passages that are looked at, nearest by signs first, until enough may be read by whoever asks."""
MOST_MULTIPLIED = 150_000
FEWEST_COMPARED, MOST_COMPARED = 64, 1000

_Key = TypeVar("_Key", bound=Hashable)


def text_of(title: str, heading: str, content: str) -> str:
    """The text that a passage's vector is made from."""
    return "\n".join(part for part in (title, heading, content) if part)[:LONGEST_TEXT]


def hash_of(title: str, heading: str, content: str) -> str:
    """What a passage's vector is kept under."""
    return hashlib.sha256(text_of(title, heading, content).encode("utf-8", "surrogatepass")).hexdigest()


def vector_of(numbers: Iterable[float]) -> Vector:
    """The vector in the direction of these numbers, which are not all zero."""
    given = list(numbers)
    largest = max(map(abs, given))
    scaled = [value / largest for value in given]
    length = math.sqrt(math.fsum(value * value for value in scaled))
    return array("f", [value / length for value in scaled])


def packed(vector: Vector) -> bytes:
    """A vector as it is stored, the lowest byte of each number first."""
    return _swapped(vector).tobytes()


def unpacked(data: bytes) -> Vector:
    """A stored vector."""
    vector = array("f")
    vector.frombytes(data)
    return _swapped(vector)


def _swapped(vector: Vector) -> Vector:
    if sys.byteorder == "little":
        return vector
    turned = vector[:]
    turned.byteswap()
    return turned


def signs_of(vector: Vector) -> bytes:
    """A bit for each number, set where it is above zero."""
    bits = "".join("1" if value > 0 else "0" for value in vector)
    return int(bits, 2).to_bytes((len(vector) + 7) // 8)


def cosine(one: Vector, other: Vector) -> float:
    """How near two vectors of length one are, -1 to 1; of different lengths, from two models of one name: -1."""
    return sum(map(mul, one, other)) if len(one) == len(other) else -1.0


@dataclass(frozen=True)
class Space:
    """The passages of a course as one model sees them: `signs` of each, by the order of `ids`; a `sample` of their
    vectors, and how near (a cosine) a passage of the course is to another that it has something to do with.
    """

    ids: Sequence[int] = ()
    signs: Sequence[int] = ()
    sample: Sequence[Vector] = ()
    near_from: float = NEAR_ALONE


def spaced(ids: Sequence[int]) -> list[int]:
    """Those of some passages, one of each page or concept, that are sampled: spread over the course."""
    step = max(1, len(ids) // SAMPLED)
    return list(ids[::step][:SAMPLED])


def make_space(ids: Sequence[int], signs: Sequence[bytes], sample: Sequence[Vector]) -> Space:
    """The space of these passages. Near is what is nearer than passages usually are to each other."""
    between = [cosine(one, other) for one, other in combinations(sample, 2)]
    near_from = fmean(between) + pstdev(between) if between else NEAR_ALONE
    return Space(ids, [int.from_bytes(one) for one in signs], sample, near_from)


@dataclass(frozen=True)
class Meant:
    """What a question means: its vector by `model`; passages, the nearest by their signs first; a usual passage's
    cosine, and from which one on a passage is near.
    """

    model: str
    vector: Vector
    nearest: Sequence[int]
    usual: float
    near_from: float

    @property
    def compared(self) -> int:
        """How many passages are compared exactly: as many as take some milliseconds."""
        return max(FEWEST_COMPARED, min(MOST_COMPARED, MOST_MULTIPLIED // len(self.vector)))


def understand(model: str, vector: Vector, space: Space) -> Meant:
    """A question among the passages of a space."""
    mine = int.from_bytes(signs_of(vector))
    apart = [(mine ^ other).bit_count() for other in space.signs]
    places = nsmallest(NEAREST, range(len(apart)), key=apart.__getitem__)
    usual = fmean([cosine(vector, one) for one in space.sample]) if len(space.sample) > 1 else 0.0
    near_from = max(space.near_from, usual + NEAR_SHARE * (1 - usual))
    return Meant(model, vector, [space.ids[place] for place in places], usual, near_from)


def fit(
    meant: Meant, cosines: Mapping[int, float], favoured: Container[int] = (), favour: float = 1.0
) -> dict[int, float]:
    """{passage: how well it fits}, best first, of those whose cosines are given: from `CLOSE_ENOUGH` to 1 for the
    nearest, and so many times more for those that are favoured. Empty where nothing is near.
    """
    best = max(cosines.values(), default=-1.0)
    if best < meant.near_from or best <= meant.usual:
        return {}
    shares = {one: (found - meant.usual) / (best - meant.usual) for one, found in cosines.items()}
    scores = {one: share * (favour if one in favoured else 1) for one, share in shares.items() if share >= CLOSE_ENOUGH}
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0])))


def fuse(*rankings: Sequence[_Key]) -> dict[_Key, float]:
    """{what is ranked: its score} by reciprocal rank fusion, best first; of equals, the first ranking's come first."""
    scores: dict[_Key, float] = {}
    for ranking in rankings:
        for rank, one in enumerate(ranking, 1):
            scores[one] = scores.get(one, 0.0) + 1 / (RANKS_APART + rank)
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


def add_shares(first: Mapping[_Key, float], weight: float, second: Mapping[_Key, float]) -> dict[_Key, float]:
    """Two scores of the same things on scales of their own, as one: each by its best, the first with this weight."""
    scores: dict[_Key, float] = {}
    for scored, counts in ((first, weight), (second, 1.0)):
        best = max(scored.values(), default=0.0)
        for one, score in scored.items():
            scores[one] = scores.get(one, 0.0) + (counts * score / best if best > 0 else 0.0)
    return scores
