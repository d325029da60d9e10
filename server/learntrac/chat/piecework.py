"""After a reply had to be stopped: whoever goes on asking piece by piece gets no more pieces. Pure.

Pieces of earlier replies add up anyhow; but what was stopped was never said, so that nothing is joined to what comes
after it. So the next replies are held to less. A hint still passes: it names one thing, and quotes no code of the
solution.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

NEW_GRAMS, LINE, MARKED = 3, 12, 5
"""So many grams of a secret that were never said before, a line of so many characters, or so many characters that are
marked as code and hold more than one word or sign.
"""
_WORD_OR_SIGN = re.compile(r"\w+|[^\w\s]")


class Piecework:
    """What one reply says of some secrets, by their numbers. `told` are the grams that were said before it; `codes` are
    the secrets without blanks, and what stands in `open_` may be said.
    """

    def __init__(self, told: Mapping[int, frozenset[str]], codes: Mapping[int, str], open_: str) -> None:
        self._told, self._codes, self._open = told, codes, open_
        self._new: dict[int, set[str]] = defaultdict(set)

    def is_too_much(self, number: int, gram: str) -> bool:
        """Whether this gram of a secret is one too many."""
        if gram in self._told.get(number, ()):
            return False
        self._new[number].add(gram)
        return len(self._new[number]) >= NEW_GRAMS

    def find_marked(self, pieces: Iterable[str]) -> int | None:
        """The secret that one of these pieces of code is a part of."""
        for piece in pieces:
            tight = "".join(piece.split()).replace('"', "'")
            if len(tight) >= MARKED and len(_WORD_OR_SIGN.findall(piece)) > 1 and tight not in self._open:
                for number, code in self._codes.items():
                    if tight in code:
                        return number
        return None
