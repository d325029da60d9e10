"""An answer as it is written, turned into what is said aloud and what is shown beside it, while it comes. Pure.

Code is shown, not spelled; marks of Markdown are neither. Each sentence is given out as soon as it is complete, so that
it can be spoken while the next is being written.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

SHORTEST = 12
"""Characters; what is shorter ("1.", "Yes.") waits for the next sentence: alone it would be spoken with a pause."""
LONGEST = 600

_BORDER = re.compile(r"(?<=[.!?…])[)\"'”]?\s+|\n+")
_FENCE = re.compile(r"^[ \t]*(```+|~~~+|\{\{\{)[ \t]*(?:#!)?([\w+-]*)[^\n]*\n", re.MULTILINE)
_MARKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)"), r"\1"),
    (re.compile(r"\[\[?\d+\]\]?"), ""),
    (re.compile(r"^\s*(?:#{1,6}|>|[-*+]|\d{1,2}[.)])\s+", re.MULTILINE), ""),
    (re.compile(r"https?://\S+"), "the link"),
    (re.compile(r"(\*\*|__|~~|`+)"), ""),
    (re.compile(r"(?<!\w)[*_](\S(?:[^*_\n]*\S)?)[*_](?!\w)"), r"\1"),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True)
class Said:
    """A sentence to be spoken."""

    text: str


@dataclass(frozen=True)
class Shown:
    """A piece of code to be shown."""

    language: str
    code: str


Piece: TypeAlias = Said | Shown


class Wording:
    """`push` what is written, as it comes, and `finish` at the end; both give out what is complete."""

    def __init__(self) -> None:
        self._waiting = ""

    def push(self, written: str) -> list[Piece]:
        """The sentences and code that are complete by now."""
        self._waiting += written
        return list(self._complete())

    def finish(self) -> list[Piece]:
        """The rest."""
        pieces = [*self._complete(), *_said(_without_fences(self._waiting))]
        self._waiting = ""
        return pieces

    def _complete(self) -> Iterator[Piece]:
        while (fence := _FENCE.search(self._waiting)) is not None:
            closing = "}}}" if fence[1] == "{{{" else fence[1]
            end = re.compile(rf"^[ \t]*{re.escape(closing)}[ \t]*(?:\n|$)", re.MULTILINE).search(
                self._waiting, fence.end()
            )
            yield from _said(self._waiting[: fence.start()])
            if end is None:
                self._waiting = self._waiting[fence.start() :]
                return
            yield Shown(fence[2].lower(), self._waiting[fence.end() : end.start()].strip("\n"))
            self._waiting = self._waiting[end.end() :]
        yield from self._sentences()

    def _sentences(self) -> Iterator[Piece]:
        begin = 0
        for border in _BORDER.finditer(self._waiting):
            if "```" in self._waiting[begin : border.end()] or "{{{" in self._waiting[begin : border.end()]:
                break  # it may become a fence when its line is complete
            if len(speakable(self._waiting[begin : border.end()])) >= SHORTEST:
                yield from _said(self._waiting[begin : border.end()])
                begin = border.end()
        self._waiting = self._waiting[begin:]


def speakable(text: str) -> str:
    """The text as it is read aloud."""
    for mark, replacement in _MARKS:
        text = mark.sub(replacement, text)
    return text.strip()


def _said(text: str) -> Iterator[Piece]:
    words = speakable(text)
    while len(words) > LONGEST:
        cut = words.rfind(" ", 1, LONGEST)
        cut = cut if cut > 0 else LONGEST
        yield Said(words[:cut])
        words = words[cut:].strip()
    if any(char.isalnum() for char in words):
        yield Said(words)


def _without_fences(text: str) -> str:
    """A block that was never closed is code all the same."""
    fence = _FENCE.search(text)
    return text if fence is None else text[: fence.start()]
