"""Code that is told word by word, with other words between: dictated, explained token by token, read aloud. Pure.

Of a text only the words are compared that are the secret's own, in their order. So whatever else is said between them
does not matter, and numbers may be said in words.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

GRAM = 3
"""Words that are compared at once."""
FEWEST, TOLD = 6, 0.6
"""A secret of fewer such grams is too short to be known by them; it is told when such a share of them is out."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
)
_NUMBERS = {word: number for number, word in enumerate(_SMALL.split())}
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NUMBERS |= {word: number * 10 for number, word in enumerate(_TENS.split(), 2)}
_TIMES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}

Words = tuple[str, ...]


def words_of(text: str, dropped: Collection[str] = ()) -> list[str]:
    """The words of a text, small: names cut at capitals and underscores, numbers in figures, no single letters."""
    found = (word.lower() for word in _WORD.findall(text))
    return [word for word in _in_figures(found) if (len(word) > 1 or word.isdigit()) and word not in dropped]


def _in_figures(words: Iterable[str]) -> Iterator[str]:
    """Words with numbers that are said put together: "one thousand" is 1000, "twenty five" 25."""
    said: int | None = None
    for word in words:
        if word in _TIMES and said is not None:
            said *= _TIMES[word]
        elif word in _NUMBERS and said is not None and said % 10 == 0 and said >= _NUMBERS[word] > 0:
            said += _NUMBERS[word]
        else:
            if said is not None:
                yield str(said)
            said = _NUMBERS.get(word)
            if said is None:
                yield word
    if said is not None:
        yield str(said)


def grams_of(words: Iterable[str], vocabulary: Collection[str]) -> set[Words]:
    """The grams of those words that are of a vocabulary."""
    kept = [word for word in words if word in vocabulary]
    return {tuple(kept[at : at + GRAM]) for at in range(len(kept) - GRAM + 1)}


@dataclass(frozen=True)
class Recital:
    """A secret's own words and their grams, made once. Empty where it is too short to be known by them."""

    vocabulary: frozenset[str] = frozenset()
    grams: frozenset[Words] = frozenset()

    @classmethod
    def of(cls, text: str, dropped: Collection[str]) -> "Recital":
        """The recital of a secret, without words that are in any code."""
        words = words_of(text, dropped)
        grams = frozenset(grams_of(words, frozenset(words)))
        return cls(frozenset(words), grams) if len(grams) >= FEWEST else cls()


class Listener:
    """What was told so far of some secrets, word for word."""

    def __init__(self, secrets: Sequence[Recital]) -> None:
        self._secrets = secrets
        self._told: dict[int, set[Words]] = {}
        self._last: dict[int, Words] = {}
        self._holders: dict[str, list[int]] = {}
        for number, secret in enumerate(secrets):
            for word in secret.vocabulary:
                self._holders.setdefault(word, []).append(number)

    def hear(self, words: Iterable[str], public: Sequence[Sequence[str]] = ()) -> int | None:
        """The number of the secret that these words make known, None as long as they do not. What the public word
        sequences hold is none.
        """
        for word in words:
            for number in self._holders.get(word, ()):
                gram = (*self._last.get(number, ()), word)[-GRAM:]
                self._last[number] = gram
                if gram in self._secrets[number].grams:
                    self._told.setdefault(number, set()).add(gram)
                    if self._is_told(number, public):
                        return number
        return None

    def _is_told(self, number: int, public: Sequence[Sequence[str]]) -> bool:
        grams, told = self._secrets[number].grams, self._told[number]
        if len(told) < TOLD * FEWEST or len(told) * 2 < TOLD * len(grams):
            return False
        vocabulary = self._secrets[number].vocabulary
        open_ = {gram for words in public for gram in grams_of(words, vocabulary)}
        own = grams - open_
        return len(own) >= FEWEST and len(told - open_) >= TOLD * len(own)
