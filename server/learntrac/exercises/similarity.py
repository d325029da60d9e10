"""How alike two programs are: winnowing of token fingerprints (Schleimer, Wilkerson, Aiken, 2003). Pure.

Names, white space and comments do not count: a renamed copy is a copy. Every run of K tokens has a hash; of each
window of W hashes the least is kept, so that any shared run of K + W - 1 tokens is surely found. What stands in the
starter is everybody's, and left out. Likeness is the share of the smaller program's fingerprints that both have.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

K, W = 9, 6
FEWEST = 5
"""A program of fewer fingerprints is too short to say anything."""

_TOKEN = re.compile(
    r"""
    (?P<comment>\#[^\n]*|//[^\n]*|/\*.*?\*/)
  | (?P<text>'''.*?'''|\"\"\".*?\"\"\"|`(?:\\.|[^`\\])*`|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
  | (?P<number>\d[\w.]*)
  | (?P<name>[^\W\d]\w*)
  | (?P<sign>[^\w\s])
    """,
    re.VERBOSE | re.DOTALL,
)
_KEPT = frozenset({
    *("and", "as", "async", "await", "break", "case", "catch", "class", "const", "continue", "def", "del"),
    *("do", "elif", "else", "except", "finally", "for", "from", "func", "function", "global", "go", "if"),
    *("import", "in", "is", "lambda", "let", "new", "nonlocal", "not", "of", "or", "pass", "raise", "range"),
    *("return", "struct", "switch", "throw", "try", "type", "typeof", "var", "while", "with", "yield"),
    *("True", "False", "None", "true", "false", "null", "self", "this", "print", "len"),
})  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """Two programs (by their places) and how alike they are, 0 to 1."""

    one: int
    other: int
    likeness: float
    shared: int


def tokens(source: str) -> list[str]:
    """The program's tokens with names, numbers and texts made alike."""
    found = []
    for match in _TOKEN.finditer(source):
        kind, value = match.lastgroup, match[0]
        if kind == "name":
            found.append(value if value in _KEPT else "N")
        elif kind != "comment":
            found.append({"text": "T", "number": "0"}.get(str(kind), value))
    return found


def fingerprints(source: str) -> frozenset[int]:
    """The winnowed hashes of a program."""
    names = tokens(source)
    hashes = [_hash(names[place : place + K]) for place in range(len(names) - K + 1)]
    if len(hashes) <= W:
        return frozenset(hashes)
    return frozenset(min(hashes[place : place + W]) for place in range(len(hashes) - W + 1))


def _hash(names: Sequence[str]) -> int:
    return int.from_bytes(hashlib.blake2b("\0".join(names).encode(), digest_size=8).digest())


def pairs(sources: Sequence[str], *, starter: str = "", at_least: float = 0.7) -> tuple[list[Pair], int]:
    """(the pairs that are so much alike, most alike first; how many programs are too short to say)."""
    given = fingerprints(starter)
    prints = [fingerprints(source) - given for source in sources]
    long_enough = {place for place, found in enumerate(prints) if len(found) >= FEWEST}
    found = []
    for (one, other), shared in _shared(prints, long_enough).items():
        likeness = shared / min(len(prints[one]), len(prints[other]))
        if likeness >= at_least:
            found.append(Pair(one, other, round(likeness, 4), shared))
    found.sort(key=lambda pair: (-pair.likeness, -pair.shared, pair.one, pair.other))
    return found, len(sources) - len(long_enough)


def _shared(prints: Sequence[frozenset[int]], places: Iterable[int]) -> Mapping[tuple[int, int], int]:
    """{two places: how many fingerprints both have}, by an index of who has what."""
    owners: defaultdict[int, list[int]] = defaultdict(list)
    for place in sorted(places):
        for one in prints[place]:
            owners[one].append(place)
    counts: defaultdict[tuple[int, int], int] = defaultdict(int)
    for having in owners.values():
        for pair in combinations(having, 2):
            counts[pair] += 1
    return counts
