"""The verdict on a design: what a rubric's checks find, and a judgement held within bounds. Pure.

A point's share is the share of its checks that hold. A model's judgement may move it by at most `REACH`, and alone
decides a point without checks. Where nobody judged, such a point counts nothing either way: what the learner thinks of
it is kept beside, and marked so.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from learntrac.exercises.grading import Item

REACH = 0.25
"""How far a judgement may move what the checks found."""
_FENCE = re.compile(r"^\s*(```|~~~)", re.MULTILINE)
_HEADING = re.compile(r"^\s{0,3}(?:#{1,6}\s+(.+?)|=+\s*(.+?)\s*=+)\s*$", re.MULTILINE)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Judged:
    """A model's or a person's word on one point: `share` 0 to 1, and why."""

    share: float
    why: str = ""


def mark(rubric: Sequence[Any], text: str, *, starter: str, judged: Mapping[str, Judged]) -> list[Item]:
    """Each point marked. What stands in the starter already proves nothing: its lines are left out."""
    own = without_starter(text, starter)
    return [_point(point, own, judged.get(point.name)) for point in rubric]


def without_starter(text: str, starter: str) -> str:
    """The learner's own lines."""
    given = {line.strip() for line in starter.splitlines() if line.strip()}
    # A heading may be the starter's: what counts is that something of one's own stands below it.
    return "\n".join(line for line in text.splitlines() if line.strip() not in given)


def _point(point: Any, text: str, judged: Judged | None) -> Item:
    found = [holds(check, text) for check in point.checks]
    if not found and judged is None:
        return Item(point.name, 0.0, 0.0, input=point.description, message="not judged: for a person or a model")
    share = sum(found) / len(found) if found else 0.0
    if judged is not None:
        low, high = (share - REACH, share + REACH) if found else (0.0, 1.0)
        share = min(1.0, max(0.0, min(high, max(low, judged.share))))
    message = judged.why if judged is not None and judged.why else point.advice if share < 1 else ""
    return Item(point.name, share, point.weight, input=point.description, message=message)


def holds(check: Any, text: str) -> bool:
    """Whether a text has what a check looks for."""
    folded = " ".join(text.casefold().split())
    if check.all_of and not all(_has(folded, phrase) for phrase in check.all_of):
        return False
    if check.any_of and sum(_has(folded, phrase) for phrase in check.any_of) < check.at_least:
        return False
    if check.heading is not None and not _has_heading(text, check.heading):
        return False
    if check.min_words is not None and len(_WORD.findall(text)) < check.min_words:
        return False
    return not check.code_block or len(_FENCE.findall(text)) >= 2


def _has(folded: str, phrase: str) -> bool:
    """Whether the phrase stands there as words of its own."""
    wanted = " ".join(phrase.casefold().split())
    place = folded.find(wanted)
    while place >= 0:
        before = folded[place - 1 : place]
        after = folded[place + len(wanted) : place + len(wanted) + 1]
        if not (_joins(before, wanted[0]) or _joins(after, wanted[-1])):
            return True
        place = folded.find(wanted, place + 1)
    return False


def _joins(outside: str, edge: str) -> bool:
    return bool(outside) and outside.isalnum() and edge.isalnum()


def _has_heading(text: str, words: str) -> bool:
    headings = (found[1] or found[2] for found in _HEADING.finditer(text))
    return any(_has(" ".join(heading.casefold().split()), words) for heading in headings)


def judged_by_hand(point: Any, item: Item, share: float | None) -> Item:
    """A person's judgement of a point, which no bounds hold; without one the point stays as it was marked."""
    if share is None:
        return item
    message = "" if share >= 1 else point.advice
    return Item(point.name, share, point.weight, input=point.description, message=message)
