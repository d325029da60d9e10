"""What a reply is while it comes, and what it was in the end. Pure."""

from dataclasses import dataclass
from typing import Literal

from learntrac.chat.composing import Example
from learntrac.chat.gate import Decision, Mode
from learntrac.chat.ladder import Given
from learntrac.chat.memory import Said
from learntrac.chat.questions import Checked, Question


@dataclass(frozen=True)
class Delta:
    """A piece of the reply's text."""

    text: str


@dataclass(frozen=True)
class Citation:
    """What the reply rests on. `number` is how the text refers to it: `[1]`. `version` is a wiki page's."""

    number: int
    source: Literal["concept", "page", "exercise"]
    title: str
    url: str
    heading: str
    version: int | None
    concept_id: int | None
    quote: str


@dataclass(frozen=True)
class Draft:
    """A whole reply, not yet kept. `checked` is what the learner's message was worth as the answer to `answered`;
    `question` is what the reply asks. `fell_back`: a model should have answered and did not; `withheld`: it was about
    to give something away.
    """

    text: str
    decision: Decision
    rung: int | None = None
    citations: tuple[Citation, ...] = ()
    examples: tuple[Example, ...] = ()
    follow_ups: tuple[str, ...] = ()
    question: Question | None = None
    answered: Question | None = None
    checked: Checked | None = None
    covered: tuple[int, ...] = ()
    ai_model: str = ""
    tokens: int = 0
    retention: float = 1.0
    fell_back: bool = False
    withheld: bool = False
    is_cut: bool = False


@dataclass(frozen=True)
class Final:
    """The end of a reply: all of it."""

    draft: Draft


Event = Delta | Citation | Final


@dataclass(frozen=True)
class Turn:
    """One message that wants a reply, with the talk it stands in. `text` is empty where the tutor opens the talk.

    `place` is the reply's; `said` ends with the learner's message; `given` is the help so far and `open_question` what
    the tutor asked last.
    """

    chat_id: str
    user_id: str
    mode: Mode
    concept_id: int | None
    reply_id: str
    place: int
    text: str
    said: tuple[Said, ...] = ()
    given: tuple[Given, ...] = ()
    asked: tuple[str, ...] = ()
    open_question: Question | None = None
    wants_code: bool = False
