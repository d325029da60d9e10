"""From a learner's message to the tutor's reply, as events: what is asked, what may be said, what the course says.

Nothing here holds a transaction while a model answers. Voice and HTTP read the same events.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace

from learntrac.backends.llm import LanguageModel, ModelDown, Usage
from learntrac.chat import composing, ladder
from learntrac.chat.events import Delta, Draft, Event, Final, Turn
from learntrac.chat.memory import remember
from learntrac.chat.outgoing import Outgoing
from learntrac.chat.planning import Plan, Tutor, make_plan
from learntrac.chat.prompting import make_prompt
from learntrac.kit.logs import get_logger

_log = get_logger("learntrac.chat")


async def answer(tutor: Tutor, turn: Turn) -> AsyncGenerator[Event]:
    """The tutor's reply to one message: deltas and citations as they come, and at last all of it."""
    plan = await make_plan(tutor, turn)
    for citation in plan.citations:
        yield citation
    draft = _draft(plan)
    said = list[str]()
    model = tutor.language_model if _is_for_model(plan) else None
    voice = _spoken(model, turn, plan) if model is not None else _composed(plan)
    async for piece in voice:
        if isinstance(piece, Draft):
            draft = replace(piece, text="".join(said).strip())
        elif piece:
            said.append(piece)
            yield Delta(piece)
    yield Final(draft)


def _is_for_model(plan: Plan) -> bool:
    """Whether a model has anything to add: not where the course says nothing, nothing was asked, or a talk opens."""
    return plan.brief.decision.kind in ("answer", "guide") and not plan.brief.opens


async def _composed(plan: Plan) -> AsyncIterator[str | Draft]:
    """The built-in tutor's words. They pass the same check: a course may quote a solution somewhere."""
    outgoing = plan.outgoing()
    for piece in composing.compose(plan.brief):
        yield outgoing.push(piece)
    yield outgoing.finish()
    draft = replace(_draft(plan), ai_model=composing.MODEL)
    if outgoing.leaked is None:
        yield draft
        return
    _log.warning("the course's own text holds what an exercise hides", exercise=outgoing.leaked)
    yield "I leave this part to you: it would give away an exercise's answer. What have you tried so far?\n"
    yield replace(draft, withheld=True, examples=())


@dataclass
class _Telling:
    """How far a model has come."""

    usage: Usage
    said: bool = False
    failed: bool = False


async def _spoken(model: LanguageModel, turn: Turn, plan: Plan) -> AsyncIterator[str | Draft]:
    """A model's words, as far as they give nothing away; the built-in tutor's where it fails or has to be stopped."""
    outgoing, told = plan.outgoing(), _Telling(Usage(model.model))
    async for piece in _told_by(model, turn, plan, outgoing, told):
        told.said = told.said or bool(piece.strip())
        yield piece
    draft = replace(_draft(plan), ai_model=told.usage.model, tokens=told.usage.tokens, fell_back=told.failed)
    if told.said and not told.failed and outgoing.leaked is None:
        yield draft
        return
    if told.said:
        yield _BROKE_OFF if outgoing.leaked is None else _STOPPED
    async for words in _composed(plan):
        if not isinstance(words, Draft):
            yield words
    name = draft.ai_model if told.said else composing.MODEL
    yield replace(draft, ai_model=name, withheld=outgoing.leaked is not None, fell_back=outgoing.leaked is None)


_BROKE_OFF = "\n\n(The model broke off here. What the course says:)\n\n"
_STOPPED = "\n\nI stop here: the rest would give the answer away.\n\n"


async def _told_by(
    model: LanguageModel, turn: Turn, plan: Plan, outgoing: Outgoing, told: _Telling
) -> AsyncIterator[str]:
    """What a model says, piece by piece, until it ends, fails, or is about to give something away."""
    prompt = make_prompt(plan.brief, remember(turn.said).messages)
    try:
        async with model.stream(prompt, user_id=turn.user_id) as stream:
            async for delta in stream:
                outgoing.leaked = outgoing.leaked or _oversteps(outgoing.seen + delta, plan)
                yield outgoing.push(delta)
                if outgoing.leaked is not None:
                    _log.warning("a model's answer was stopped", exercise=outgoing.leaked)
                    return
            told.usage = stream.usage
    except ModelDown as error:
        told.failed = True
        _log.warning("the built-in tutor answers instead of the model", reason=error.reason)
        return
    yield outgoing.finish()


def _oversteps(text: str, plan: Plan) -> str | None:
    """What a model does that a graded exercise forbids whatever it hides: a block of code before the ladder shows one,
    or in a quiz the choice to take. A learner may have shown the model the choices, which the server never does.
    """
    if not plan.brief.decision.in_task:
        return None
    if "```" in text and (plan.brief.rung or 0) < ladder.SIBLING:
        return "code in a graded exercise"
    return "a choice in a quiz" if plan.in_quiz and _CHOICE.search(text) else None


_PLACES = "first|second|third|fourth|fifth|sixth|last"
_THING = "options?|choices?|answers?|statements?"
_LABEL = r"[\"'`(*]*(?:[A-F]|[0-9]+|[a-f]\))[\"'`)*]*(?=[\s.,;:!?]|$)"
_CHOICE = re.compile(
    rf"\b(?i:{_THING}|number)(?: is| are|:| =)? *{_LABEL}"
    rf"|\b(?i:(?:{_PLACES}) (?:{_THING}|one) (?:is|are)\b[^.!?\n]{{0,20}}\b(?:right|correct|true))\b"
    rf"|\b(?i:(?:right|correct|true) (?:{_THING}|one) (?:is|are) the (?:{_PLACES}))\b"
    rf"|\b(?i:choose|pick|take|tick|select|mark) (?:the (?:{_PLACES}) (?:{_THING}|one)\b|{_LABEL})"
)


def _draft(plan: Plan) -> Draft:
    brief = plan.brief
    covered = {one.concept_id: None for one in composing.sources(brief) if one.concept_id is not None}
    if brief.here is not None:
        covered.setdefault(brief.here.id)
    return Draft(
        text="",
        decision=brief.decision,
        rung=brief.rung,
        citations=plan.citations,
        examples=tuple(composing.code_examples(brief)),
        follow_ups=tuple(composing.follow_ups(brief)),
        question=brief.next_question,
        answered=brief.open_question if brief.checked is not None else None,
        checked=brief.checked,
        covered=tuple(covered),
        ai_model=composing.MODEL,
        retention=plan.retention,
    )
