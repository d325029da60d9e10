"""The tutor of a spoken talk: the one who answers in writing, gate, checks and history included."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.accounts.throttle import rate_limited
from learntrac.backends.cache import Cache
from learntrac.backends.graph import Graph
from learntrac.chat import service as chat
from learntrac.chat.answering import answer
from learntrac.chat.events import Delta, Draft, Final, Turn
from learntrac.chat.planning import Tutor
from learntrac.chat.schemas import ChatContext, ChatMessageRequest, ChatStartRequest
from learntrac.concepts.service import Learner
from learntrac.concepts.viewing import Viewer
from learntrac.kit.clock import Clock
from learntrac.kit.db import Database
from learntrac.mastery.parameter_file import Model
from learntrac.voice.effects import Payload, Stop
from learntrac.voice.topics import find_picture
from learntrac.voice.wording import Shown

HOUR_SECONDS = 3600


@dataclass(frozen=True)
class School:
    """What tutors of all learners are made with. A spoken question counts as a message of the chat's hourly limit."""

    tutor: Tutor
    database: Database
    cache: Cache
    graph: Graph
    model: Model
    clock: Clock
    viewer_of: Callable[[str], Viewer]
    messages_per_hour: int


@dataclass
class SpokenReply:
    """A reply while it is written."""

    school: School
    turn: Turn
    draft: Draft | None = None
    said: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.turn.reply_id

    @property
    def chat_id(self) -> str:
        return self.turn.chat_id

    @property
    def code(self) -> tuple[Shown, ...]:
        return tuple(Shown(one.language, one.code) for one in self.draft.examples) if self.draft else ()

    @property
    def concept_ids(self) -> tuple[int, ...]:
        """The concepts whose material was used, nearest first."""
        return self.draft.covered if self.draft else ()

    @property
    def related(self) -> list[int]:
        """Those of them that the learner may know of."""
        return self.school.viewer_of(self.turn.user_id).seen(self.concept_ids)

    @property
    def more(self) -> Payload:
        more: dict[str, Any] = {"chat_id": self.chat_id, "message_id": self.id, "related_concepts": self.related}
        return more | {"follow_up_questions": list(self.draft.follow_ups) if self.draft else []}

    async def __aiter__(self) -> AsyncIterator[str]:
        async for event in answer(self.school.tutor, self.turn):
            if isinstance(event, Delta):
                self.said.append(event.text)
                yield event.text
            elif isinstance(event, Final):
                self.draft = event.draft

    async def keep(self) -> None:
        if self.draft is not None:
            await self._keep(self.draft)

    async def keep_heard(self, stop: Stop) -> None:
        school = self.school
        if stop.heard:
            await self._keep(self._cut(stop.heard))
            return
        if stop.goes_on:
            async with school.database.begin() as session:
                await chat.take_back(session, self.turn)

    def _cut(self, heard: str) -> Draft:
        return chat.cut_draft(heard) if self.draft is None else replace(self.draft, text=heard, is_cut=True)

    async def keep_in(self, session: AsyncSession) -> None:
        """Let all of it join the history, in the caller's transaction."""
        school = self.school
        if self.draft is not None:
            await chat.keep_reply(session, self.turn, self.draft, model=school.model, now=school.clock())

    async def _keep(self, draft: Draft) -> None:
        school = self.school
        async with school.database.begin() as session:
            await chat.keep_reply(session, self.turn, draft, model=school.model, now=school.clock())


@dataclass(frozen=True)
class SpokenTutor:
    """The tutor of one learner, on one concept or on the whole course."""

    school: School
    user_id: str
    concept_id: int | None

    async def ask(self, text: str, *, chat_id: str | None) -> SpokenReply:
        await self._count()
        school, now = self.school, self.school.clock()
        async with school.database.begin() as session:
            if chat_id is None:
                context = ChatContext(concept_id=self.concept_id)
                begun = ChatStartRequest(context=context, initial_message=text)
                learner = Learner(self.user_id, school.viewer_of(self.user_id))
                turn = await chat.open_chat(session, learner=learner, request=begun, now=now)
            else:
                said = ChatMessageRequest(message=text)
                turn = await chat.take_message(session, user_id=self.user_id, chat_id=chat_id, request=said, now=now)
        return SpokenReply(school, turn)

    async def cut(self, reply_id: str, heard: str) -> None:
        async with self.school.database.begin() as session:
            await chat.cut_reply(session, user_id=self.user_id, reply_id=reply_id, text=heard)

    async def find_picture(self) -> list[Payload]:
        school = self.school
        return await find_picture(
            school.database.hot,
            school.graph,
            viewer=school.viewer_of(self.user_id),
            user_id=self.user_id,
            concept_id=self.concept_id,
        )

    async def _count(self) -> None:
        limit = self.school.messages_per_hour
        window = await self.school.cache.hit(f"chat:{self.user_id}", limit=limit, window_seconds=HOUR_SECONDS)
        if not window.allowed:
            raise rate_limited(window, f"More than {limit} messages in an hour.", self.school.clock)
