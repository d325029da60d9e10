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
    r"|\bdo(?:n'?t| not) know\b|\bidk\b|\bdunno\b|\bno clue\b|\bwei(?:ß|ss) (?:es |ich )?nicht\b|\bsais pas\b"
    r"|\bno (?:lo )?sé\b|\bnon (?:lo )?so\b|\bnão sei\b|\bweet (?:het )?niet\b",
    re.IGNORECASE,
)
_LOST = re.compile(
    r"(?:(?:sorry|hm+|oh|ok|okay|no|well|but|and|still|honestly|yeah)[,.!…\s]+)*(?:"
    r"i(?:'m| am)? (?:\w+ ){0,2}?(?:(?:do(?:n'?t| not)|did(?:n'?t| not)|can(?:'?t|not)) (?:\w+ )?"
    r"(?:get|understand|follow|see)|(?:lost|confused|stuck|not following))"
    r"|(?:this|that|it) (?:\w+ )?(?:makes no sense|does(?:n'?t| not) make sense"
    r"|is (?:\w+ )?(?:confusing|too hard|difficult))"
    r"|what do you mean\b|huh\b|(?:what|sorry|pardon|no|nope|nah|not really|not yet)\s*[?!.]*$|\?+$"
    r"|(?:can you |could you |please )*(?:explain|say|put|tell)(?: me)? (?:it|that|this) "
    r"(?:again|differently|otherwise|(?:more )?simpl\w+|in (?:other|simple\w*) words|another way))",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"(?:(?:please|now|and|ok(?:ay)?|so|then|but|well)[,\s]+)*"
    r"(?:(?:explain|tell|show|describe|give|help|teach|remind|summari[sz]e)\b"
    r"|(?:what|how|why|when|where|which|who)(?:'s|\s+(?:is|are|was|were|does|do|did|about|would|should|if|can|to|happens"
    r"|many|much|long|often|come|not)\b)"
    r"|(?:can|could|do|does|did|should|would|is|are)\s+(?:i|you|we|it|the|this|that|there|an?)\b"
    r"|i (?:want|would like|need|have a question)\b)",
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
    """Whether a message shows work: code, or some words that are more than a demand, a question or a sigh."""
    if _CODE.search(message):
        return True
    if is_demand(message) or len(message.split()) < FEWEST_WORDS_OF_AN_ATTEMPT:
        return False
    if _THOUGHT.search(message) is not None:
        return True
    return not (message.rstrip().endswith("?") or is_lost(message) or _REQUEST.match(_plain(message)))


def is_lost(message: str) -> bool:
    """Whether a message says that what was said before was not understood."""
    return _LOST.match(_plain(message)) is not None


def _plain(message: str) -> str:
    return message.strip().replace("\u2019", "'")


def is_demand(message: str) -> bool:
    """Whether a message asks for the answer itself, or for the next hint."""
    return _DEMAND.search(message) is not None


def without_demand(message: str) -> str:
    """What a message says beside the demand."""
    return _DEMAND.sub(" ", message)


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
