"""The verbs of the tutor: open a talk, take a message, keep a reply; show, list, rate, delete, export.

A reply is made between two transactions: the first stores what the learner said, the second what the tutor did.
`answering.answer` makes it, and needs neither.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, cast

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.chat import queries
from learntrac.chat.events import Draft, Turn
from learntrac.chat.gate import NOTHING, Mode
from learntrac.chat.ladder import NAMES, Given, Rung
from learntrac.chat.memory import Said
from learntrac.chat.questions import Question
from learntrac.chat.schemas import (
    ChatFeedbackReply,
    ChatFeedbackRequest,
    ChatHistory,
    ChatItem,
    ChatList,
    ChatMessageReply,
    ChatMessageRequest,
    ChatResource,
    ChatsQuery,
    ChatStartReply,
    ChatStartRequest,
    CitationItem,
    CodeExample,
    DecisionItem,
    DeletedReply,
    HistoryMessage,
    InitialResponse,
    TutorResponse,
)
from learntrac.concepts.service import ConceptNotFound, Learner, SessionNotFound
from learntrac.exercises.service import note_help
from learntrac.kit.clock import from_micros, to_micros
from learntrac.kit.errors import Conflict, NotFound
from learntrac.mastery import service as mastery
from learntrac.mastery.parameter_file import Model
from learntrac.mastery.service import Answer
from learntrac.trac.words import search_terms

ABANDONED = timedelta(seconds=60)
"""A message without a reply for so long is answered anew when it is sent again: whoever answered it has died."""
CHECKED_WEIGHT = 0.1
"""What an answer weighs that the tutor held against the course's words: they are words, not proof."""
CHECKED_AGAIN = timedelta(hours=20)
_LAST = 200


class ChatNotFound(NotFound):
    """404: no such talk, or not of this learner."""

    def __init__(self) -> None:
        super().__init__("There is no such chat.")


class MessageNotFound(NotFound):
    """404: no such message of the tutor in this talk."""

    def __init__(self) -> None:
        super().__init__("There is no such message of the tutor in this chat.")


class StillAnswering(Conflict):
    """409: the same request is being answered just now."""

    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is still running.", retry_after_seconds=1)


async def open_chat(
    session: AsyncSession, *, learner: Learner, request: ChatStartRequest, once: str | None = None, now: datetime
) -> Turn:
    """Begin a talk and store what the learner says first. Raises ConceptNotFound and SessionNotFound.

    `once` names the request: sent again, it goes on with the talk that it began.
    """
    context = request.context
    known = await _find_once(session, learner.user_id, once, now)
    if known is not None:
        return await _turn(session, await _get_chat(session, learner.user_id, known.chat_id), known)
    await _must_be_theirs(session, learner, context.concept_id, context.session_id)
    chat_id = f"chat-{secrets.token_hex(8)}"
    values = {"id": chat_id, "user_id": learner.user_id, "mode": context.mode, "now": to_micros(now)}
    about = {"concept_id": context.concept_id, "session_id": context.session_id}
    await session.execute(queries.ADD_CHAT, values | about)
    return await _add(session, learner.user_id, chat_id, request.initial_message or "", once, now)


async def _must_be_theirs(
    session: AsyncSession, learner: Learner, concept_id: int | None, session_id: str | None
) -> None:
    if concept_id is not None:
        there = (await session.execute(queries.CONCEPT_EXISTS, {"concept_id": concept_id})).one_or_none()
        if there is None or not learner.viewer.visibility.allows(concept_id):
            raise ConceptNotFound
    if session_id is not None:
        mine = {"session_id": session_id, "user_id": learner.user_id}
        if (await session.execute(queries.SESSION_EXISTS, mine)).one_or_none() is None:
            raise SessionNotFound


async def take_message(
    session: AsyncSession,
    *,
    user_id: str,
    chat_id: str,
    request: ChatMessageRequest,
    once: str | None = None,
    now: datetime,
) -> Turn:
    """Store what the learner says in a talk of theirs. Raises ChatNotFound, and StillAnswering for one sent again."""
    await _hold(session, user_id, chat_id, now)
    known = await _find_once(session, user_id, once, now)
    if known is not None:
        return await _turn(session, await _get_chat(session, user_id, chat_id), known)
    wants_code = request.include_code_examples
    return await _add(session, user_id, chat_id, request.message, once, now, wants_code=wants_code)


async def _hold(session: AsyncSession, user_id: str, chat_id: str, now: datetime) -> Row[Any]:
    held = {"id": chat_id, "user_id": user_id, "now": to_micros(now)}
    row = (await session.execute(queries.HOLD_CHAT, held)).one_or_none()
    if row is None:
        raise ChatNotFound
    return row


async def get_chat(session: AsyncSession, *, user_id: str, chat_id: str) -> None:
    """Return where this is a talk of theirs. Raises ChatNotFound."""
    await _get_chat(session, user_id, chat_id)


async def _get_chat(session: AsyncSession, user_id: str, chat_id: str) -> Row[Any]:
    row = (await session.execute(queries.FIND_CHAT, {"id": chat_id, "user_id": user_id})).one_or_none()
    if row is None:
        raise ChatNotFound
    return row


async def _find_once(session: AsyncSession, user_id: str, once: str | None, now: datetime) -> Row[Any] | None:
    """The message that the same request stored before, where its reply has to be made again."""
    if once is None:
        return None
    row = (await session.execute(queries.FIND_ONCE, {"user_id": user_id, "once": once})).one_or_none()
    if row is not None and now - from_micros(row.at) < ABANDONED:
        raise StillAnswering
    return row


async def _add(
    session: AsyncSession,
    user_id: str,
    chat_id: str,
    text: str,
    once: str | None,
    now: datetime,
    *,
    wants_code: bool = False,
) -> Turn:
    """Store the learner's message, which may be none at the beginning of a talk."""
    last = (await session.execute(queries.LAST_PLACE, {"chat_id": chat_id})).scalar_one()
    row = _row(chat_id, user_id, last + 1, "user", text, now) | {"once": once, "details": _json({"code": wants_code})}
    if text:
        await session.execute(queries.ADD_MESSAGE, row)
        await session.execute(queries.COUNT_MESSAGES, {"id": chat_id, "by": 1})
    chat = await _get_chat(session, user_id, chat_id)
    found = (await session.execute(queries.MESSAGES, {"chat_id": chat_id})).all()
    return _made(chat, found, text, last + 1 if text else last, wants_code=wants_code)


async def _turn(session: AsyncSession, chat: Row[Any], message: Row[Any]) -> Turn:
    found = (await session.execute(queries.MESSAGES, {"chat_id": chat.id})).all()
    before = [row for row in found if row.place <= message.place]
    wants_code = bool(orjson.loads(message.details).get("code"))
    return _made(chat, before, message.content, message.place, wants_code=wants_code)


def _made(chat: Row[Any], found: Sequence[Row[Any]], text: str, place: int, *, wants_code: bool) -> Turn:
    everything = [(row, orjson.loads(row.details)) for row in found]
    told = [(row, details) for row, details in everything if row.role == "assistant"][-_LAST:]
    given = [
        Given(details["aim"], cast("Rung", details["rung"]), from_micros(row.at))
        for row, details in told
        if details.get("aim") is not None and details.get("rung") is not None
    ]
    questions = [Question(**details["question"]) for _, details in told if details.get("question")]
    last = told[-1][1].get("question") if told else None
    return Turn(
        chat_id=chat.id,
        user_id=chat.user_id,
        mode=cast("Mode", chat.mode),
        concept_id=chat.concept_id,
        reply_id=f"msg-{secrets.token_hex(8)}",
        place=place + 1,
        text=text,
        said=tuple(Said(row.role, row.content, details.get("withheld", False)) for row, details in everything[-_LAST:]),
        given=tuple(given),
        asked=tuple(question.objective for question in questions),
        open_question=Question(**last) if last else None,
        wants_code=wants_code,
    )


def _row(chat_id: str, user_id: str, place: int, role: str, content: str, now: datetime) -> dict[str, Any]:
    return {
        "id": f"msg-{secrets.token_hex(8)}",
        "chat_id": chat_id,
        "user_id": user_id,
        "place": place,
        "role": role,
        "content": content,
        "answers": None,
        "ai_model": "",
        "tokens": 0,
        "is_cut": False,
        "details": "{}",
        "once": None,
        "now": to_micros(now),
    }


async def keep_reply(session: AsyncSession, turn: Turn, draft: Draft, *, model: Model, now: datetime) -> None:
    """Store a reply, and what the learner's answer to a question of the tutor's was worth: weak evidence.

    A talk that was deleted meanwhile stays so.
    """
    held = {"id": turn.chat_id, "user_id": turn.user_id, "now": to_micros(now)}
    if (await session.execute(queries.HOLD_CHAT, held)).one_or_none() is None:
        return
    last = (await session.execute(queries.LAST_PLACE, {"chat_id": turn.chat_id})).scalar_one()
    row = _row(turn.chat_id, turn.user_id, last + 1, "assistant", draft.text, now) | {
        "id": turn.reply_id,
        "answers": turn.place - 1,
        "ai_model": draft.ai_model,
        "tokens": draft.tokens,
        "is_cut": draft.is_cut,
        "details": _json(_details(draft)),
    }
    if (await session.execute(queries.ADD_MESSAGE, row)).one_or_none() is not None:
        await session.execute(queries.COUNT_MESSAGES, {"id": turn.chat_id, "by": 1})
        await _record_checked(session, turn, draft, model, now)
        if draft.rung is not None and draft.decision.aim is not None and not draft.is_cut:
            await note_help(session, user_id=turn.user_id, concept_id=draft.decision.aim, rung=draft.rung - 1)


async def add_line(
    session: AsyncSession, *, chat_id: str, user_id: str, role: str, content: str, now: datetime
) -> None:
    """Add what somebody else says in a learner's talk, as far as that is still there."""
    held = {"id": chat_id, "user_id": user_id, "now": to_micros(now)}
    if (await session.execute(queries.HOLD_CHAT, held)).one_or_none() is None:
        return
    last = (await session.execute(queries.LAST_PLACE, {"chat_id": chat_id})).scalar_one()
    await session.execute(queries.ADD_MESSAGE, _row(chat_id, user_id, last + 1, role, content, now))
    await session.execute(queries.COUNT_MESSAGES, {"id": chat_id, "by": 1})


async def cut_reply(session: AsyncSession, *, user_id: str, reply_id: str, text: str) -> None:
    """Of a reply that was spoken only so much was heard: the rest leaves the talk, all of it where that is nothing."""
    asked = {"id": reply_id, "user_id": user_id}
    if text:
        await session.execute(queries.CUT_MESSAGE, asked | {"content": text})
        return
    removed = (await session.execute(queries.REMOVE_MESSAGE, asked)).one_or_none()
    if removed is not None:
        await session.execute(queries.COUNT_MESSAGES, {"id": removed.chat_id, "by": -1})


async def take_back(session: AsyncSession, turn: Turn) -> None:
    """The learner has not finished what they say: the message of this turn leaves the talk, to come again whole."""
    asked = {"chat_id": turn.chat_id, "user_id": turn.user_id, "place": turn.place - 1}
    removed = (await session.execute(queries.TAKE_BACK, asked)).one_or_none()
    if removed is not None:
        await session.execute(queries.COUNT_MESSAGES, {"id": turn.chat_id, "by": -1})


def _details(draft: Draft) -> dict[str, Any]:
    decision = draft.decision
    return {
        "kind": decision.kind,
        "aim": decision.aim,
        "rung": draft.rung,
        "missing": decision.missing[:20],
        "reason": decision.reason,
        "in_task": decision.in_task,
        "question": asdict(draft.question) if draft.question else None,
        "citations": [asdict(one) for one in draft.citations],
        "covered": draft.covered,
        "retention": draft.retention,
        "fell_back": draft.fell_back,
        "withheld": draft.withheld,
        "outcome": draft.checked.outcome if draft.checked else None,
    }


async def _record_checked(session: AsyncSession, turn: Turn, draft: Draft, model: Model, now: datetime) -> None:
    """Weak evidence of a checked answer in practice: once a day for each objective, so that nobody repeats it."""
    checked, question = draft.checked, draft.answered
    if turn.mode != "practice" or checked is None or question is None or not checked.is_clear:
        return
    item = f"tutor:{question.concept_id}:{hashlib.sha256(question.objective.encode()).hexdigest()[:16]}"
    key = {"user_id": turn.user_id, "concept_id": question.concept_id, "item": item}
    since = to_micros(now - CHECKED_AGAIN)
    if (await session.execute(queries.CHECKED_LATELY, key | {"since": since})).one_or_none() is not None:
        return
    threshold = (await session.execute(queries.THRESHOLD, {"concept_id": question.concept_id})).scalar_one_or_none()
    if threshold is None:
        return
    where = await mastery.get_where(session, user_id=turn.user_id, concept_id=question.concept_id)
    answer = Answer(item, round(checked.outcome, 4), CHECKED_WEIGHT, "tutor")
    await mastery.record_answer(session, where, answer, model=model, threshold=threshold, now=now)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def start_reply(turn: Turn, draft: Draft) -> ChatStartReply:
    """The answer to a talk's beginning."""
    return ChatStartReply(
        chat_id=turn.chat_id,
        ai_model=draft.ai_model,
        context_loaded=bool(draft.citations) or turn.concept_id is not None,
        initial_response=InitialResponse(
            message_id=turn.reply_id,
            message=draft.text,
            suggestions=list(draft.follow_ups),
            resources=_resources(draft),
            code_examples=_examples(draft),
            citations=[CitationItem(**asdict(one)) for one in draft.citations],
        ),
        tokens_used=draft.tokens,
        context_retention=draft.retention,
        decision=_decision(draft),
        fell_back=draft.fell_back,
        withheld=draft.withheld,
    )


def message_reply(turn: Turn, draft: Draft) -> ChatMessageReply:
    """The answer to a message."""
    return ChatMessageReply(
        message_id=turn.reply_id,
        response=TutorResponse(
            message=draft.text,
            code_examples=_examples(draft),
            follow_up_questions=list(draft.follow_ups),
            citations=[CitationItem(**asdict(one)) for one in draft.citations],
        ),
        tokens_used=draft.tokens,
        context_retention=draft.retention,
        ai_model=draft.ai_model,
        decision=_decision(draft),
        fell_back=draft.fell_back,
        withheld=draft.withheld,
    )


def _resources(draft: Draft) -> list[ChatResource]:
    shown = {one.code for one in draft.examples}
    return [
        ChatResource(
            type="example" if one.quote in shown else "documentation",
            title=one.heading or one.title,
            content=one.quote,
            url=one.url,
            version=one.version,
        )
        for one in draft.citations
    ]


def _examples(draft: Draft) -> list[CodeExample]:
    return [CodeExample(language=one.language, title=one.title, code=one.code) for one in draft.examples]


def _decision(draft: Draft) -> DecisionItem:
    decision = draft.decision
    return DecisionItem(
        kind=decision.kind,
        reason=decision.reason,
        aim=decision.aim,
        missing=list(decision.missing[:20]),
        rung=NAMES.get(draft.rung) if draft.rung else None,
        in_graded_exercise=decision.in_task,
    )


async def get_history(session: AsyncSession, *, learner: Learner, chat_id: str) -> ChatHistory:
    """A talk of the learner's. Raises ChatNotFound."""
    chat = await _get_chat(session, learner.user_id, chat_id)
    rows = (await session.execute(queries.MESSAGES, {"chat_id": chat_id})).all()
    details = [orjson.loads(row.details) for row in rows]
    covered = dict.fromkeys(number for one in details for number in one.get("covered", ()))
    seen = learner.viewer.seen(covered)
    titles = {row.id: row.title for row in await session.execute(queries.TITLES, {"ids": seen})}
    return ChatHistory(
        chat_id=chat_id,
        started_at=from_micros(chat.started_at),
        mode=chat.mode,
        concept_id=chat.concept_id,
        messages=[_line(row, one) for row, one in zip(rows, details, strict=True)],
        total_messages=len(rows),
        concept_coverage=[slug(titles[number]) for number in seen if number in titles],
    )


def _line(row: Row[Any], details: dict[str, Any]) -> HistoryMessage:
    return HistoryMessage(
        message_id=row.id,
        role=row.role,
        content=row.content,
        timestamp=from_micros(row.at),
        ai_model=row.ai_model or None,
        is_cut=bool(row.is_cut),
        rating=row.rating,
        helpful=None if row.is_helpful is None else bool(row.is_helpful),
        citations=[CitationItem(**one) for one in details.get("citations", ())],
    )


def slug(title: str) -> str:
    """A title as a short name: "Request handlers" is `request-handlers`."""
    return "-".join(search_terms(title)) or "concept"


async def list_chats(session: AsyncSession, *, learner: Learner, query: ChatsQuery) -> ChatList:
    """The learner's talks, the latest first."""
    asked = {"user_id": learner.user_id, "concept_id": query.concept_id}
    rows = await session.execute(queries.LIST_CHATS, asked | {"limit": query.limit, "offset": query.offset})
    total = (await session.execute(queries.COUNT_CHATS, asked)).scalar_one()
    return ChatList(chats=[_item(row, learner) for row in rows], total=total, limit=query.limit, offset=query.offset)


def _item(row: Row[Any], learner: Learner) -> ChatItem:
    known = row.concept_id is not None and learner.viewer.visibility.allows(row.concept_id)
    return ChatItem(
        chat_id=row.id,
        mode=row.mode,
        concept_id=row.concept_id,
        title=(row.title or "") if known else "",
        started_at=from_micros(row.started_at),
        updated_at=from_micros(row.updated_at),
        total_messages=row.messages,
    )


async def delete_chat(session: AsyncSession, *, user_id: str, chat_id: str) -> DeletedReply:
    """Delete a talk of the learner's and all that was said in it. Raises ChatNotFound."""
    if (await session.execute(queries.REMOVE_CHAT, {"id": chat_id, "user_id": user_id})).one_or_none() is None:
        raise ChatNotFound
    await session.execute(queries.REMOVE_MESSAGES, {"id": chat_id})
    return DeletedReply(chat_id=chat_id)


async def take_feedback(
    session: AsyncSession, *, user_id: str, chat_id: str, request: ChatFeedbackRequest
) -> ChatFeedbackReply:
    """Keep what the learner says of a reply; the latest word counts. Raises ChatNotFound and MessageNotFound."""
    await _get_chat(session, user_id, chat_id)
    said = {"feedback": request.feedback, "improvement_suggestions": request.improvement_suggestions}
    values = {
        "id": request.message_id,
        "chat_id": chat_id,
        "user_id": user_id,
        "rating": request.rating,
        "helpful": request.helpful,
        "feedback": _json({name: text for name, text in said.items() if text}),
    }
    if (await session.execute(queries.RATE, values)).one_or_none() is None:
        raise MessageNotFound
    good = request.helpful is not False and (request.rating is None or request.rating > 2)
    thanks = "Thank you! This tells the course what helps."
    return ChatFeedbackReply(
        thank_you_message=thanks if good else "Thank you! If you like, hand your question over to a person."
    )


async def find_title(session: AsyncSession, *, learner: Learner, concept_id: int | None) -> str:
    """The title of a concept that the learner may know of, else nothing."""
    if concept_id is None or not learner.viewer.visibility.allows(concept_id):
        return ""
    rows = (await session.execute(queries.TITLES, {"ids": [concept_id]})).all()
    return rows[0].title if rows else ""


def cut_draft(said: str) -> Draft:
    """A reply of which the learner saw no more than this."""
    return Draft(text=said.strip(), decision=NOTHING, is_cut=True)


def to_markdown(history: ChatHistory, *, title: str) -> str:
    """A talk to keep or to print. Every line of a message stands in a quote, so that none can pass for a heading."""
    names = {"user": "You", "assistant": "Tutor", "instructor": "Instructor"}
    parts = [f"# {_one_line(title) or 'A talk with the tutor'}", f"Begun {history.started_at:%Y-%m-%d %H:%M} UTC."]
    for one in history.messages:
        model = f" ({one.ai_model})" if one.ai_model else ""
        parts.append(f"## {names[one.role]}{model}, {one.timestamp:%H:%M}")
        parts.append("\n".join(f"> {line}" for line in one.content.splitlines()) or ">")
        for cited in one.citations:
            version = f", version {cited.version}" if cited.version is not None else ""
            heading = f", {_one_line(cited.heading)}" if cited.heading else ""
            parts.append(f"[{cited.number}] {_one_line(cited.title)}{heading}{version}: {cited.url}")
    return "\n\n".join(parts) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())
