"""What LearnTrac holds about a person, table by table: how it is found, shown and erased.

Every table stands either in SECTIONS or in IMPERSONAL; a test fails for a new one that stands in neither.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import BigInteger, ColumnElement, Table, Text, cast, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.accounts.tables import AuthSession, Learner, LocalAccount
from learntrac.activity.service import forget_learner
from learntrac.activity.tables import ActivityDay, LearnerTotal
from learntrac.adaptive.tables import ConceptFeedback, Placement
from learntrac.analytics.exports import forget_person
from learntrac.analytics.tables import Export
from learntrac.audit.service import CLI, SYSTEM
from learntrac.audit.tables import AuditEntry
from learntrac.backends.llm.tables import AiSpending
from learntrac.certificates.tables import Certificate
from learntrac.chat.tables import Chat, ChatMessage, Handover
from learntrac.concepts.tables import LearningSession
from learntrac.exercises.tables import Exercise, ExerciseSession, ExerciseStanding, ExerciseVersion, Submission
from learntrac.kit.clock import from_micros
from learntrac.kit.db import Base
from learntrac.knowledge.tables import Relationship
from learntrac.mastery.tables import Achievement, Contest, Evidence, LearnerState, LearningEvent, Standing
from learntrac.privacy.pseudonyms import part_with
from learntrac.progress.tables import LearningPreference, PlacementPrior
from learntrac.voice.tables import VoiceAudio, VoiceAudioPart, VoiceConnection, VoiceUsage
from learntrac.webhooks.tables import Webhook, WebhookAttempt, WebhookDelivery, WebhookEvent, WebhookSubscription

StoredRow = dict[str, Any]
"""A row by its columns' names."""
Shown = Callable[[StoredRow, str], StoredRow]
"""Makes of a row what the person (a user id) may be given of it."""
Erased = Callable[[AsyncSession, str, str], Awaitable[None]]
"""Takes a person (a user id) out of a table; where a row must stay, the pseudonym takes their place."""


def _as_it_is(row: StoredRow, _user_id: str) -> StoredRow:
    return row


@dataclass(frozen=True)
class Section:
    """One table's part of what is held about a person, under a plain name.

    `by` are the columns that name the person; `order` those that a reader would sort by; `leave_out` what is secret or
    says nothing; `json` the columns that hold JSON. Without `erased` the person's rows are deleted.
    """

    name: str
    meaning: str
    model: type[Base]
    order: tuple[str, ...]
    by: tuple[str, ...] = ("user_id",)
    leave_out: frozenset[str] = frozenset()
    json: frozenset[str] = frozenset()
    shown: Shown = _as_it_is
    erased: Erased | None = None

    @property
    def table(self) -> Table:
        """The table itself."""
        table = self.model.__table__
        assert isinstance(table, Table)  # noqa: S101 - a feature's model is no join
        return table

    def is_about(self, user_id: str) -> ColumnElement[bool]:
        """The condition that picks the person's rows."""
        return or_(*(self.table.c[name] == user_id for name in self.by))

    def show(self, row: StoredRow, user_id: str) -> dict[str, Any]:
        """A row as the person reads it: without secrets, with times and JSON as such."""
        shown = self.shown(row, user_id)
        return {name: self._readable(name, value) for name, value in shown.items() if name not in self._unshown}

    @property
    def _unshown(self) -> frozenset[str]:
        # A column that says nothing but the person's own name is in the document's head already.
        return self.leave_out | (frozenset(self.by) if len(self.by) == 1 else frozenset())

    def _readable(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        if name in self.json:
            return orjson.loads(value)
        column = self.table.columns.get(name)
        is_time = column is not None and isinstance(column.type, BigInteger) and (name == "at" or name.endswith("_at"))
        return from_micros(value) if is_time else value


def _without_others(row: StoredRow, user_id: str) -> StoredRow:
    """An entry of the audit log with nobody in it but the person, the command line and LearnTrac itself."""
    address = row["address"] if row["actor"] == user_id else ""
    return row | {"address": address} | {name: _you_or(row[name], user_id) for name in ("actor", "subject")}


def _you_or(name: str | None, user_id: str) -> str | None:
    if name == user_id:
        return "you"
    return name if name in (None, CLI, SYSTEM) else "another user"


def _own_part_of_contest(row: StoredRow, user_id: str) -> StoredRow:
    """A contest without others' names; whoever decided it is not given the learner's own words."""
    own = row if row["user_id"] == user_id else row | {"reason": ""}
    return own | {name: _you_or(row[name], user_id) for name in ("user_id", "decided_by")}


def _own_order(row: StoredRow, _user_id: str) -> StoredRow:
    """An order of a report without the names of the learners that it is about."""
    filters = {name: value for name, value in orjson.loads(row["filters"]).items() if name != "user_ids"}
    return row | {"filters": orjson.dumps(filters).decode()}


def _own_part_of_certificate(row: StoredRow, user_id: str) -> StoredRow:
    """A certificate without others' names; whoever revoked it is not given what opens it."""
    own = row if row["user_id"] == user_id else row | {"code": "", "full_name": ""}
    return own | {name: _you_or(row[name], user_id) for name in ("user_id", "revoked_by")}


async def _leave_contests(session: AsyncSession, user_id: str, name: str) -> None:
    """Their own go; what they decided about others' answers stays, under the pseudonym."""
    await session.execute(delete(Contest).where(Contest.user_id == user_id))
    await session.execute(update(Contest).where(Contest.decided_by == user_id).values(decided_by=name, note=""))


async def _leave_exports(session: AsyncSession, user_id: str, _name: str) -> None:
    """Out of the reports that others ordered as well."""
    await forget_person(session, user_id=user_id)


def _own_part_of_handover(row: StoredRow, user_id: str) -> StoredRow:
    """A question without others' names; whoever answered it is not given the learner's own words."""
    own = row if row["user_id"] == user_id else row | {"question": "", "context": "{}", "chat_id": None}
    return own | {name: _you_or(row[name], user_id) for name in ("user_id", "answered_by")}


async def _leave_handovers(session: AsyncSession, user_id: str, name: str) -> None:
    """Their own questions go; what they answered to others stays, under the pseudonym."""
    await session.execute(delete(Handover).where(Handover.user_id == user_id))
    await session.execute(update(Handover).where(Handover.answered_by == user_id).values(answered_by=name))


async def _leave_activity(session: AsyncSession, user_id: str, _name: str) -> None:
    """Out of every total too, as if they had never been there."""
    await forget_learner(session, user_id=user_id)


async def _leave_to_the_course(session: AsyncSession, user_id: str, name: str) -> None:
    """The course's graph stays as it is; who drew it is forgotten."""
    mine = update(Relationship).where(Relationship.created_by == user_id)
    await session.execute(mine.values(created_by=name, notes=""))


async def _leave_exercises(session: AsyncSession, user_id: str, name: str) -> None:
    """The course's exercises stay as they are; who wrote them is forgotten."""
    await session.execute(update(Exercise).where(Exercise.created_by == user_id).values(created_by=name))


async def _leave_versions(session: AsyncSession, user_id: str, name: str) -> None:
    mine = update(ExerciseVersion).where(ExerciseVersion.created_by == user_id)
    await session.execute(mine.values(created_by=name))


def _own_part_of_submission(row: StoredRow, user_id: str) -> StoredRow:
    """A submission without the name of whoever graded it again; an instructor is not given a learner's work. What
    hidden tests are called is not told.
    """
    own = row if row["user_id"] == user_id else row | dict.fromkeys(_WORK, "")
    return own | {name: _you_or(row[name], user_id) for name in ("user_id", "regraded_by")}


_WORK = ("source", "explanation", "note")


async def _leave_submissions(session: AsyncSession, user_id: str, name: str) -> None:
    """Their own go; what they graded again stays, under the pseudonym."""
    await session.execute(delete(Submission).where(Submission.user_id == user_id))
    await session.execute(update(Submission).where(Submission.regraded_by == user_id).values(regraded_by=name, note=""))


async def _leave_certificates_revoked(session: AsyncSession, user_id: str, name: str) -> None:
    """Somebody may hold a copy of a credential: its place in the list of revocations stays, and nothing else does."""
    theirs = update(Certificate).where(Certificate.user_id == user_id)
    at = func.coalesce(Certificate.revoked_at, Certificate.issued_at)
    nobody = name + "-" + cast(Certificate.id, Text)
    gone = {"full_name": "", "title": "", "description": "", "is_name_shown": False, "reason": "", "prefix": ""}
    await session.execute(theirs.values(user_id=nobody, code=cast(Certificate.id, Text), revoked_at=at, **gone))
    decided = update(Certificate).where(Certificate.revoked_by == user_id)
    await session.execute(decided.values(revoked_by=name))


async def _leave_no_event(session: AsyncSession, user_id: str, _name: str) -> None:
    """With an event goes every delivery of it, also one that is still on its way."""
    theirs = select(WebhookEvent.id).where(WebhookEvent.user_id == user_id)
    await _remove_deliveries(session, WebhookDelivery.event_id.in_(theirs))
    await session.execute(delete(WebhookEvent).where(WebhookEvent.user_id == user_id))


async def _leave_no_webhook(session: AsyncSession, user_id: str, _name: str) -> None:
    """Nobody is left who could answer for where these send learners' data."""
    theirs = select(Webhook.id).where(Webhook.owner == user_id)
    await _remove_deliveries(session, WebhookDelivery.webhook_id.in_(theirs))
    await session.execute(delete(WebhookSubscription).where(WebhookSubscription.webhook_id.in_(theirs)))
    await session.execute(delete(Webhook).where(Webhook.owner == user_id))


async def _remove_deliveries(session: AsyncSession, which: ColumnElement[bool]) -> None:
    gone = select(WebhookDelivery.id).where(which)
    await session.execute(delete(WebhookAttempt).where(WebhookAttempt.delivery_id.in_(gone)))
    await session.execute(delete(WebhookDelivery).where(which))


SECTIONS = (
    Section(
        "account",
        "Who you are, as Trac told LearnTrac when you last signed in",
        Learner,
        order=("user_id",),
        json=frozenset({"preferences"}),
    ),
    Section(
        "local_account",
        "An account of LearnTrac's own; its password is kept as a hash, which is left out here",
        LocalAccount,
        order=("user_id",),
        leave_out=frozenset({"password_hash"}),
    ),
    Section(
        "sign_ins",
        "When you signed in and were last active; kept for 31 days",
        AuthSession,
        order=("created_at", "id"),
        leave_out=frozenset({"id", "refresh_digest", "previous_digest"}),
    ),
    Section(
        "learning_sessions",
        "Concepts you started, and what your client reported when you ended them; concept_id is the ticket's number",
        LearningSession,
        order=("started_at", "id"),
        json=frozenset({"preferred_resources", "reported"}),
    ),
    Section(
        "graded_answers",
        "Your graded answers: outcome and weight from 0 to 1, the chance of a right answer that was predicted, and the"
        " score before and after; a voided one was contested and struck",
        Evidence,
        order=("at", "id"),
        json=frozenset({"prerequisites"}),
    ),
    Section(
        "contests",
        "Answers whose grade you contested, or whose contest you decided as an instructor; other people are not named",
        Contest,
        order=("created_at", "id"),
        by=("user_id", "decided_by"),
        shown=_own_part_of_contest,
        erased=_leave_contests,
    ),
    Section(
        "learner_state",
        "When the learner model last read your answers, and with which parameters; its numbers are left out here, they"
        " can be made again from your graded answers",
        LearnerState,
        order=("user_id",),
        leave_out=frozenset({"state"}),
    ),
    Section(
        "standings",
        "Where you stand with each concept you began; terms are the parts of the score, in logits",
        Standing,
        order=("begun_at", "concept_id"),
        json=frozenset({"terms"}),
    ),
    Section(
        "events",
        "What you did, in order; seconds is the time spent that ended with it",
        LearningEvent,
        order=("at", "id"),
        json=frozenset({"data"}),
    ),
    Section(
        "days",
        "What you did with each concept on each day (days since 1970, UTC; scores and quiz sums in millionths), added"
        " up from events, answers and sessions",
        ActivityDay,
        order=("day", "concept_id"),
        erased=_leave_activity,
    ),
    Section(
        "needs_help",
        "What of your log tells instructors that you may need help: concepts, failures in a row and since when",
        LearnerTotal,
        order=("user_id",),
        json=frozenset({"failing"}),
    ),
    Section(
        "exercise_sessions",
        "Exercises you started, and how many hints you took",
        ExerciseSession,
        order=("started_at", "id"),
    ),
    Section(
        "exercise_standings",
        "Where you stand with each exercise you began; best_share is the best part of its points, from 0 to 1",
        ExerciseStanding,
        order=("started_at", "exercise_id"),
    ),
    Section(
        "submissions",
        "What you handed in, when and with which verdict; or attempts of others that you graded again as an instructor,"
        " without their work and name",
        Submission,
        order=("submitted_at", "id"),
        by=("user_id", "regraded_by"),
        leave_out=frozenset({"result", "issues", "digest", "request_key", "claimed_until"}),
        json=frozenset({"self_assessment"}),
        shown=_own_part_of_submission,
        erased=_leave_submissions,
    ),
    Section(
        "exercises",
        "Exercises that you wrote as an instructor",
        Exercise,
        order=("created_at", "id"),
        by=("created_by",),
        leave_out=frozenset({"doc_head", "level"}),
        erased=_leave_exercises,
    ),
    Section(
        "exercise_versions",
        "What you wrote of exercises as an instructor, version by version",
        ExerciseVersion,
        order=("created_at", "exercise_id", "version"),
        by=("created_by",),
        json=frozenset({"content"}),
        leave_out=frozenset({"digest"}),
        erased=_leave_versions,
    ),
    Section(
        "achievements",
        "What you earned, with the figures that earned it",
        Achievement,
        order=("at", "achievement_id"),
        json=frozenset({"evidence"}),
    ),
    Section(
        "feedback",
        "What you last said of each concept",
        ConceptFeedback,
        order=("at", "concept_id"),
        json=frozenset({"preferred_resources"}),
    ),
    Section(
        "preferences",
        "What your feedback adds up to: difficulty and pace from -1 to 1, and kinds of resource by weight",
        LearningPreference,
        order=("user_id",),
        json=frozenset({"resource_weights"}),
    ),
    Section(
        "placement_tests",
        "Placement tests you took; answers are pairs of a concept's number and whether you know it",
        Placement,
        order=("started_at", "id"),
        json=frozenset({"answers"}),
    ),
    Section(
        "placed_concepts",
        "What your last placement test makes likely: the probability that you know a concept",
        PlacementPrior,
        order=("concept_id",),
    ),
    Section(
        "voice_connections",
        "Voice connections that are open, or were not closed properly",
        VoiceConnection,
        order=("opened_at", "id"),
        leave_out=frozenset({"id", "sign_in", "token_expires_at"}),
    ),
    Section(
        "voice_minutes",
        "How much you spoke on each of the last 31 days; day counts from 1970-01-01",
        VoiceUsage,
        order=("day",),
    ),
    Section(
        "spoken_answers",
        "Answers that were spoken to you in the last hour; their words are in your chats",
        VoiceAudio,
        order=("created_at", "id"),
        leave_out=frozenset({"stored_as"}),
    ),
    Section(
        "spoken_answers_sound",
        "The sound of these, in pieces of the size that it was made in; the MP3 itself is fetched at its address",
        VoiceAudioPart,
        order=("audio_id", "place"),
        leave_out=frozenset({"mp3"}),
    ),
    Section(
        "chats",
        "Your talks with the tutor; concept_id is the ticket's number",
        Chat,
        order=("started_at", "id"),
    ),
    Section(
        "chat_messages",
        "What was said in them, by you, the tutor or an instructor; details say how a reply came to be: what the server"
        " decided that the tutor may say, and what it cited",
        ChatMessage,
        order=("at", "id"),
        leave_out=frozenset({"once"}),
        json=frozenset({"details", "feedback"}),
    ),
    Section(
        "handed_over_questions",
        "Questions that you handed over to a person, or answered as an instructor; other people are not named",
        Handover,
        order=("created_at", "id"),
        by=("user_id", "answered_by"),
        json=frozenset({"context"}),
        shown=_own_part_of_handover,
        erased=_leave_handovers,
    ),
    Section(
        "relationships",
        "Relationships between concepts that you added as an instructor",
        Relationship,
        order=("created_at", "id"),
        by=("created_by",),
        erased=_leave_to_the_course,
    ),
    Section(
        "certificates",
        "Certificates and badges you were given, or revoked as an instructor; other people are not named",
        Certificate,
        order=("issued_at", "id"),
        by=("user_id", "revoked_by"),
        shown=_own_part_of_certificate,
        erased=_leave_certificates_revoked,
    ),
    Section(
        "webhooks",
        "Addresses that you had told of events, as an instructor; their secrets are kept encrypted, and left out here",
        Webhook,
        order=("created_at", "id"),
        by=("owner",),
        leave_out=frozenset({"secret", "old_secret", "old_secret_until"}),
        json=frozenset({"events"}),
        erased=_leave_no_webhook,
    ),
    Section(
        "announced_events",
        "What of you other systems were told by webhook or as an xAPI statement; kept for 30 days",
        WebhookEvent,
        order=("at", "id"),
        json=frozenset({"data"}),
        erased=_leave_no_event,
    ),
    Section(
        "exports",
        "Reports that you ordered as an instructor; their files, which are about learners, are left out",
        Export,
        order=("created_at", "id"),
        by=("owner",),
        json=frozenset({"sections", "filters"}),
        shown=_own_order,
        erased=_leave_exports,
    ),
    Section(
        "ai_spending",
        "What your questions took of language models: calls, tokens and millionths of a US dollar, by day",
        AiSpending,
        order=("period",),
    ),
    Section(
        "audit_log",
        "Your sign-ins, and when somebody saw or changed your data; other people are not named",
        AuditEntry,
        order=("at", "id"),
        by=("actor", "subject"),
        json=frozenset({"details"}),
        shown=_without_others,
        erased=part_with,
    ),
)
"""In the order of the export. Erasing goes through them backwards, so that nothing loses what it refers to."""

IMPERSONAL = {
    "day_total": "sums over all learners",
    "window_change": "sums over all learners",
    "concept_window": "sums over all learners",
    "export_piece": "files of reports, gone after a day; when somebody is erased, all of them are withdrawn",
    "common_path": "counts of learners by the order in which they worked",
    "activity_state": "how far the log is rolled up",
    "concept": "a copy of Trac's tickets, owner included: it changes as Trac does",
    "prerequisite": "a copy of Trac's links between tickets",
    "page": "a copy of Trac's wiki pages' lengths",
    "catalog_change": "which concepts changed since the copy in Neo4j was brought up to date",
    "catalog_state": "when the copy was made",
    "passage": "pieces of the course's own texts",
    "passage_source": "which texts of the course were cut into pieces",
    "passage_word": "how many pieces hold a word",
    "passage_page": "which concepts send their readers to a wiki page",
    "passage_state": "how many pieces there are",
    "passage_vector": "what pieces of the course mean to an embedding model",
    "signing_key": "the keys of this installation that sign credentials",
    "webhook_subscription": "which webhook wants which event",
    "webhook_delivery": "how far an event is on its way; it is gone when the event or its webhook is",
    "webhook_attempt": "what a receiver answered to a delivery; it is gone when the delivery is",
    "queue_job": "names work to be done; what it is about is looked up when it runs, and it is gone when it is done",
    "queue_period": "when a periodic job ran last",
    "queue_note": "what went wrong with a job",
    "idempotent_reply": "names nobody: place and contents need the client's own key to be found and read, and are gone"
    " after a day",
}
"""The tables that hold nothing about a person of LearnTrac's own keeping, and why."""
