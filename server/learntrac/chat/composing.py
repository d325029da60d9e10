"""The built-in tutor's words: the course quoted, its objectives asked, the next rung of help. Pure; no model is asked.

A reply is made of pieces, one after the other, so that the first is on its way while the rest is made.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from learntrac.chat import questions
from learntrac.chat.courtesies import Courtesy
from learntrac.chat.findings import Findings, Found
from learntrac.chat.gate import Decision, Mode
from learntrac.chat.ladder import IDEA, POINTER, QUESTION, SIBLING
from learntrac.chat.languages import Language
from learntrac.chat.questions import Checked, Question

MODEL = "learntrac-retrieval-1"
"""The name under which the built-in tutor answers."""
QUOTED_WORDS = 120
AGAIN_FROM = 0.4
"""Whoever asks again is shown passages that fit so well at least, compared with the best one."""
CODE_EXAMPLES = 2
FOLLOW_UPS = 3


@dataclass(frozen=True)
class Topic:
    """A concept as the tutor talks of it."""

    id: int
    title: str
    objectives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Work:
    """A learner's own work that was looked at: what was seen first (a syntax error, a failed visible test), in words,
    and where.
    """

    seen: str = ""
    passed: bool = False


@dataclass(frozen=True)
class Brief:
    """All that a reply is made of.

    `here` is the concept of the talk, `aim` the one that the gate aims at; `passages` fit the question, `help` the aim.
    `rung` is of the ladder, None where the gate lets the tutor answer. `open_question` was set before, and `checked` is
    what the message was worth as its answer; `next_question` may be set now. `repeated`: the same rung again, as there
    was no attempt. `courtesy` is what a message was that asks nothing; `is_lost`: what was said before was not
    understood; `wants_question`: the learner wants to be asked. `quoted` are passages that this talk has shown already,
    and `again`: the learner wants others. `near` is what the course has that comes nearest, where it has nothing.
    `elsewhere` is the learner's language, where the course is in another one. `target` is the concept of the question.
    """

    decision: Decision
    mode: Mode
    findings: Findings
    here: Topic | None = None
    aim: Topic | None = None
    help: Findings = field(default_factory=Findings)
    rung: int | None = None
    repeated: bool = False
    wants_code: bool = False
    opens: bool = False
    open_question: Question | None = None
    checked: Checked | None = None
    next_question: Question | None = None
    work: Work | None = None
    offers_person: bool = False
    courtesy: Courtesy | None = None
    is_lost: bool = False
    again: bool = False
    wants_question: bool = False
    quoted: frozenset[int] = frozenset()
    near: tuple[Topic, ...] = ()
    elsewhere: Language | None = None
    target: Topic | None = None

    @property
    def topic(self) -> Topic | None:
        """What the reply is about."""
        return self.aim or self.here


@dataclass(frozen=True)
class Example:
    """Code of the course's own."""

    language: str
    title: str
    code: str


def sources(brief: Brief) -> list[Found]:
    """The passages that the reply rests on, in the order of their numbers."""
    if brief.decision.kind not in ("answer", "guide") or asks_only(brief):
        return []
    found = brief.help if brief.decision.kind == "guide" else brief.findings
    # What an exercise asks is no explanation: it is quoted only where there is nothing else.
    told = [one for one in found.passages if one.source != "exercise"] or list(found.passages)
    if brief.again:
        least = AGAIN_FROM * max((one.score for one in told), default=0.0)
        told.sort(key=lambda one: one.id in brief.quoted or one.score < least)
    if brief.decision.kind == "guide":
        # Help is about what is aimed at: another concept's passage may have the same words.
        told.sort(key=lambda one: one.concept_id != brief.decision.aim)
    code = [one for one in told if one.kind == "code"][:CODE_EXAMPLES] if shows_code(brief) else []
    prose = [one for one in told if one.kind == "prose"][: 1 if brief.rung or code else 2]
    rest = [one for one in told if one.kind == "objectives"][:1] if not prose and not code else []
    return [*prose, *code, *rest]


def asks_only(brief: Brief) -> bool:
    """Whether the reply is a question and nothing else: who wants to be asked must not read the answer first."""
    wants = brief.wants_question or (brief.opens and brief.mode == "practice")
    return wants and brief.next_question is not None


def shows_code(brief: Brief) -> bool:
    """Whether code of the course is shown: where it is asked for, but in a graded exercise only as the last help."""
    if brief.decision.kind not in ("answer", "guide"):
        return False
    return (brief.rung or 0) >= SIBLING or (brief.wants_code and not brief.decision.in_task)


def code_examples(brief: Brief) -> list[Example]:
    """The course's own code for this reply."""
    return [
        Example(one.language or "text", one.heading or one.title, one.content)
        for one in sources(brief)
        if one.kind == "code"
    ]


def compose(brief: Brief) -> Iterator[str]:
    """The reply's words, in pieces."""
    yield from _remarks(brief)
    if brief.courtesy is not None:
        yield from courteous(brief)
        return
    if brief.decision.kind == "nothing":
        yield from _nothing(brief)
    elif asks_only(brief):
        yield from _begins_below(brief)
    elif brief.decision.kind == "answer":
        yield from _answer(brief)
    else:
        yield from _guide(brief)
    if brief.next_question is not None:
        lead = "Try this one: " if brief.mode == "practice" else "Now you: "
        yield f"{lead}{brief.next_question.asked}\n"
    if brief.offers_person:
        yield "\nYou have tried this several times. If you like, hand your question over to a person: I pass on what we"
        yield " have looked at, so that you need not say it twice.\n"


def _remarks(brief: Brief) -> Iterator[str]:
    checked = brief.checked if brief.open_question is not None else None
    if checked is not None and (checked.named or brief.mode == "practice"):
        yield _verdict(checked)
    if brief.work is not None and brief.work.seen:
        yield f"{brief.work.seen}\n\n"
    if brief.elsewhere is not None and brief.decision.kind != "nothing":
        yield f"{brief.elsewhere.elsewhere}\n\n"
    if brief.is_lost and not brief.opens:
        yield "That is all right. Which word or which step is it? Say what you make of it, even if it is a guess.\n\n"


def _verdict(checked: Checked) -> str:
    named = _listed(checked.named[:3])
    if not checked.is_clear:
        return "I compare words, and yours are those of the question: hold your answer against the course's own.\n\n"
    if checked.is_right:
        return f"That fits what the course says: you named {named}.\n\n" if named else "That fits.\n\n"
    if checked.named:
        return f"That is part of it: you named {named}. Something is still missing.\n\n"
    return "I do not find the course's point in that yet.\n\n"


def courteous(brief: Brief) -> Iterator[str]:
    """The reply to a message that asks nothing of the course."""
    yield _COURTEOUS[brief.courtesy or "nod"]
    if brief.courtesy in ("greeting", "who"):
        yield from _where_we_are(brief)
    open_ = brief.next_question
    if open_ is not None and brief.courtesy in ("greeting", "thanks", "nod"):
        yield f"{'Then tell me' if brief.courtesy == 'nod' else 'My question still stands'}: {open_.asked}\n"
    elif brief.courtesy in ("nod", "thanks"):
        yield "Ask me anything else, or say “ask me a question”.\n"


_COURTEOUS: dict[Courtesy, str] = {
    "greeting": "Hello! ",
    "thanks": "You are welcome. ",
    "goodbye": "Goodbye, and good luck! This talk is kept: you can go on with it whenever you like.\n",
    "who": "I am the tutor of this course, a program and no person. I find what the course says and quote it with its"
    " source, ask questions, and help one step at a time; the solution of a graded exercise stays yours to find. ",
    "nod": "Good. ",
    "person": "Gladly: hand your question over, and say what it is. A person gets it with the end of this talk, so that"
    " you need not say it twice, and the answer appears here.\n",
}


def _where_we_are(brief: Brief) -> Iterator[str]:
    if brief.here is None:
        yield "What would you like to know about the course?\n"
        return
    yield f"We are at **{brief.here.title}**"
    if brief.here.objectives:
        yield ", which is about: " + "; ".join(brief.here.objectives[:4])
    yield ". Ask me about it, or say “ask me a question”.\n\n"


def _nothing(brief: Brief) -> Iterator[str]:
    if brief.elsewhere is not None:
        yield f"{brief.elsewhere.nothing}\n\n"
    yield "The course says nothing about this that I can find, so I will not make something up.\n\n"
    if brief.near:
        titles = _listed([f"**{one.title}**" for one in brief.near])
        yield f"What comes nearest is {titles}. If you mean that, ask me about it by its name.\n\n"
    if brief.here is not None:
        yield f"We are at **{brief.here.title}**"
        if brief.here.objectives:
            yield ", which is about: " + "; ".join(brief.here.objectives[:4])
        yield ".\n\n"
    yield "Ask me in other words, or hand the question over to a person.\n"


def _answer(brief: Brief) -> Iterator[str]:
    numbered = list(enumerate(sources(brief), 1))
    prose = [(number, one) for number, one in numbered if one.kind == "prose"]
    if brief.opens and brief.here is not None:
        yield f"You have mastered **{brief.here.title}** already. Ask me anything about it.\n\n"
    for number, one in prose:
        yield f"{_place(one)}:\n\n{_quote(one.content)} [{number}]\n\n"
    code = [(number, one) for number, one in numbered if one.kind == "code"]
    if code:
        yield from _code(code)
    if not prose and not code:
        yield from _objectives(brief, numbered)


def _guide(brief: Brief) -> Iterator[str]:
    aim = brief.topic
    title = aim.title if aim else "this"
    if aim and aim.id not in brief.decision.targets:
        yield from _begins_below(brief)
    elif brief.opens:
        yield f"Let us look at **{title}** together.\n\n"
    elif brief.decision.in_task and not brief.repeated:
        yield "You have a graded exercise open here, so its solution stays yours to find. I help you to get there.\n\n"
    if brief.repeated and not brief.is_lost:
        yield "Try it first, in your own words or in code: a wrong try is worth more than a right copy.\n\n"
    numbered = list(enumerate(sources(brief), 1))
    yield from _rung(brief, numbered)
    if brief.rung != SIBLING and shows_code(brief):
        yield from _code([pair for pair in numbered if pair[1].kind == "code"])


def _begins_below(brief: Brief) -> Iterator[str]:
    """Why the talk is about something else than what was asked, where it is."""
    aim, target = brief.aim, brief.target
    if brief.decision.kind != "guide" or aim is None or aim.id in brief.decision.targets:
        return
    if brief.is_lost or brief.repeated or brief.checked is not None:
        return  # it was said before
    if target is not None and (brief.here is None or brief.here.id != target.id):
        yield f"The course has that in **{target.title}**. "
    yield f"This builds on **{aim.title}**, which you have not mastered yet, so we begin there.\n\n"


def _rung(brief: Brief, numbered: Sequence[tuple[int, Found]]) -> Iterator[str]:
    prose = next(((number, one) for number, one in numbered if one.kind == "prose"), None)
    if prose is None:
        if brief.rung != QUESTION:
            yield from _objectives(brief, numbered)
        return
    number, one = prose
    if brief.rung == QUESTION and not brief.opens and not brief.repeated:
        yield f"First, what do you know of it already? The course speaks of it in {_where(one)} [{number}].\n\n"
    if brief.rung == POINTER:
        start = " ".join(one.content.removeprefix("• ").split()[:9])
        yield f"Read {_where(one)} [{number}] again, from “{start} …”. What there answers your question?\n\n"
    elif brief.rung == IDEA:
        yield f"{_place(one)}:\n\n{_quote(one.content)} [{number}]\n\n"
    elif brief.rung == SIBLING:
        code = [pair for pair in numbered if pair[1].kind == "code"]
        yield "Here is a worked example of a related problem, not of yours:\n\n"
        yield from _code(code) if code else [f"{_quote(one.content)} [{number}]\n\n"]
        yield "Do the same steps for your own problem, and tell me where they differ.\n\n"


def _code(numbered: Sequence[tuple[int, Found]]) -> Iterator[str]:
    for number, one in numbered:
        yield f"{one.heading or one.title}, in the course's own code [{number}]:\n\n"
        yield f"```{one.language}\n{one.content}\n```\n\n"


def _objectives(brief: Brief, numbered: Sequence[tuple[int, Found]]) -> Iterator[str]:
    mark = f" [{numbered[0][0]}]" if numbered else ""
    topic = brief.topic
    if topic is not None and topic.objectives:
        listed = "\n".join(f"- {objective}" for objective in topic.objectives[:6])
        yield f"**{topic.title}** is about{mark}:\n\n{listed}\n\n"
    elif numbered:
        yield f"{_place(numbered[0][1])}:\n\n{_quote(numbered[0][1].content)}{mark}\n\n"
    elif topic is not None:
        yield f"The course has a concept **{topic.title}** and no text about it yet.\n\n"


def follow_ups(brief: Brief) -> list[str]:
    """What the learner might say next."""
    topic = brief.topic
    found = brief.help if brief.decision.kind == "guide" else brief.findings
    offered = list[str]()
    if topic is not None:
        if not shows_code(brief) and any(one.kind == "code" for one in found.passages) and not brief.decision.in_task:
            offered.append(f"Show me an example of “{topic.title}” in code.")
        own = [one for one in found.passages if one.concept_id == topic.id] or found.passages
        headings = dict.fromkeys(one.heading for one in own if one.heading and one.heading != topic.title)
        offered += [f"What does the course say about “{heading}”?" for heading in list(headings)[:2]]
        offered += [questions.ask(objective) for objective in topic.objectives[:2]]
        offered.append(f"Ask me a question about “{topic.title}”.")
    offered[:0] = [f"What does the course say about “{one.title}”?" for one in brief.near]
    if brief.decision.kind == "nothing" or brief.offers_person:
        offered.insert(0, "I would like to ask a person.")
    return list(dict.fromkeys(offered))[:FOLLOW_UPS]


def _place(one: Found) -> str:
    return f"**{one.heading}** ({one.title})" if one.heading and one.heading != one.title else f"**{one.title}**"


def _where(one: Found) -> str:
    page = f"the page {one.title}" if one.source == "page" else f"“{one.title}”"
    return f"{page}, under “{one.heading}”" if one.heading else page


def _quote(text: str) -> str:
    words = text.split(" ")
    cut = " ".join(words[:QUOTED_WORDS]) + (" …" if len(words) > QUOTED_WORDS else "")
    return "\n".join(f"> {line}" for line in cut.splitlines())


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
