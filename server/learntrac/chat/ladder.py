"""The ladder of help: a question, a pointer to the source, the idea by name, a worked example of a sibling. Pure.

Each further rung needs an attempt of the learner's or time to think. How many rungs are left is not shown: learners who
see it climb without thinking.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

QUESTION: Final = 1
POINTER: Final = 2
IDEA: Final = 3
SIBLING: Final = 4
Rung = Literal[1, 2, 3, 4]
NAMES: dict[int, str] = {QUESTION: "question", POINTER: "pointer", IDEA: "idea", SIBLING: "worked example"}
TIME_TO_THINK = timedelta(seconds=60)
FEWEST_WORDS_OF_AN_ATTEMPT = 4
FIRST: dict[str, Rung] = {"tutoring": QUESTION, "debugging": QUESTION, "explaining": IDEA, "practice": QUESTION}
"""Where each mode begins. Explaining begins with the idea, of a concept that the learner is ready for."""

_DEMAND = re.compile(
    r"\b(?:just|simply|only)\s+(?:tell|give|show|write|say|solve|do)\b"
    r"|\b(?:give|tell|show|send|write|print|reveal|paste|output)\s+(?:me\s+|us\s+)?(?:the|your|full|whole|complete)"
    r"[\w\s]{0,24}\b(?:answers?|solutions?|code|results?)\b"
    r"|\b(?:full|complete|final|whole|correct|right)\s+(?:answers?|solutions?)\b|\bsolve\s+(?:it|this|that)\b"
    r"|\bwhat(?:'s| is| are)\s+the\s+(?:answers?|solutions?)\b"
    r"|\b(?:another|next|one more|more|a)\s+hints?\b|\bhint\s+please\b|\bi give up\b|\bno idea\b"
    r"|\bdo(?:n'?t| not) know\b",
    re.IGNORECASE,
)
_THOUGHT = re.compile(r"\b(?:i think|i guess|i tried|maybe|because|so that|is it|would it|perhaps)\b", re.IGNORECASE)
_CODE = re.compile(r"```|\{\{\{|^\s{2,}\S+.*[=(:{;]", re.MULTILINE)


@dataclass(frozen=True)
class Given:
    """Help that was given in this talk: about which concept, which rung, when."""

    aim: int
    rung: Rung
    at: datetime


def is_attempt(message: str) -> bool:
    """Whether a message shows work: code, or some words that are more than a demand for the answer."""
    if _CODE.search(message):
        return True
    if is_demand(message) or len(message.split()) < FEWEST_WORDS_OF_AN_ATTEMPT:
        return False
    return not message.rstrip().endswith("?") or _THOUGHT.search(message) is not None


def is_demand(message: str) -> bool:
    """Whether a message asks for the answer itself, or for the next hint."""
    return _DEMAND.search(message) is not None


def next_rung(mode: str, aim: int, message: str, given: Sequence[Given], *, now: datetime) -> Rung:
    """The rung that this message gets; `given` is what this talk gave so far, oldest first."""
    before = [one for one in given if one.aim == aim]
    if not before:
        return FIRST.get(mode, QUESTION)
    last = before[-1]
    highest = max(one.rung for one in before)
    if highest == SIBLING:
        return SIBLING
    earned = is_attempt(message) or now - last.at >= TIME_TO_THINK
    return _UP[highest] if earned else highest


_UP: dict[int, Rung] = {QUESTION: POINTER, POINTER: IDEA, IDEA: SIBLING, SIBLING: SIBLING}
