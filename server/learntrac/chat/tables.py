"""Chats, what was said in them, questions handed over to a person, and the index of passages. Times are microseconds
since 1970, JSON is text.

The index can be deleted and is made again from the catalog; its vectors are then paid for again. Its full text lies in
`passage_text`, which is a different thing on each database.
"""

from sqlalchemy import BigInteger, Boolean, Index, Integer, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from learntrac.kit.db import Base, BigKey


class Chat(Base):
    """A talk of one learner with the tutor. `mode` is tutoring, debugging, explaining or practice; `session_id` is the
    session of learning that it belongs to.
    """

    __tablename__ = "chat"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(255))
    concept_id: Mapped[int | None]
    session_id: Mapped[str | None] = mapped_column(String(36))
    mode: Mapped[str] = mapped_column(String(12))
    messages: Mapped[int]
    started_at: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_chat_learner", "user_id", "updated_at"),)


class ChatMessage(Base):
    """What was said: `role` is user, assistant or instructor. `place` counts from 1 in each chat.

    `once` names the request that brought a learner's message, so that one sent again is known. `answers` is the place
    of the message that a reply is to. `details` is JSON of how a reply came to be: the gate's decision, the rung, what
    was cited, the question that it sets. A reply is `cut` where the learner left before its end. `rating`, `is_helpful`
    and `feedback` (JSON) are what the learner said of it.
    """

    __tablename__ = "chat_message"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    chat_id: Mapped[str] = mapped_column(String(40))
    user_id: Mapped[str] = mapped_column(String(255))
    place: Mapped[int]
    role: Mapped[str] = mapped_column(String(12))
    content: Mapped[str] = mapped_column(Text)
    answers: Mapped[int | None]
    ai_model: Mapped[str] = mapped_column(String(200))
    tokens: Mapped[int]
    is_cut: Mapped[bool] = mapped_column(Boolean)
    details: Mapped[str] = mapped_column(Text)
    once: Mapped[str | None] = mapped_column(String(64))
    rating: Mapped[int | None]
    is_helpful: Mapped[bool | None] = mapped_column(Boolean)
    feedback: Mapped[str] = mapped_column(Text)
    at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        Index("uq_chat_message_place", "chat_id", "place", unique=True),
        Index("uq_chat_message_once", "user_id", "once", unique=True),
        Index("ix_chat_message_learner", "user_id", "at"),
    )


class Handover(Base):
    """A question that a learner hands over to a person: `status` is open or answered. `context` is JSON of what the
    tutor knows of it, so that nobody has to ask twice.
    """

    __tablename__ = "handover"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    chat_id: Mapped[str | None] = mapped_column(String(40))
    user_id: Mapped[str] = mapped_column(String(255))
    concept_id: Mapped[int | None]
    question: Mapped[str] = mapped_column(Text)
    context: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(12))
    answer: Mapped[str] = mapped_column(Text)
    answered_by: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[int] = mapped_column(BigInteger)
    answered_at: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        Index("ix_handover_status", "status", "id"),
        Index("ix_handover_learner", "user_id", "id"),
    )


class Passage(Base):
    """A piece of the course that an answer can quote. `source` is concept, page or exercise, and `key` its number or
    name; `version` is a page's. `kind` is prose, code or objectives. `words` are the stems that it is found by.
    `hash` is of the text that its vector is made from, or empty where it was indexed before there were any.
    """

    __tablename__ = "passage"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    source: Mapped[str] = mapped_column(String(10))
    key: Mapped[str] = mapped_column(Text)
    concept_id: Mapped[int | None]
    version: Mapped[int]
    title: Mapped[str] = mapped_column(Text)
    heading: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(12))
    language: Mapped[str] = mapped_column(String(40))
    content: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text)
    length: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64), server_default=text("''"))

    __table_args__ = (
        Index("ix_passage_source", "source", "key"),
        Index("ix_passage_concept", "concept_id"),
        Index("ix_passage_hash", "hash", "id"),
    )


class PassageVector(Base):
    """What a text means to an embedding model (`provider/model`): `vector` is of length one, as 32-bit floats, lowest
    byte first; `signs` has a bit for each of its numbers, set where that is above zero.
    """

    __tablename__ = "passage_vector"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    model: Mapped[str] = mapped_column(String(255), primary_key=True)
    signs: Mapped[bytes] = mapped_column(LargeBinary)
    vector: Mapped[bytes] = mapped_column(LargeBinary)


class PassageSource(Base):
    """What has been indexed, and by which `mark` (a fingerprint or a version) it is known to be old."""

    __tablename__ = "passage_source"

    source: Mapped[str] = mapped_column(String(10), primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    mark: Mapped[str] = mapped_column(String(64))


class PassageWord(Base):
    """How many passages hold a word."""

    __tablename__ = "passage_word"

    word: Mapped[str] = mapped_column(Text, primary_key=True)
    passages: Mapped[int]


class PassagePage(Base):
    """Which concepts send their readers to a wiki page."""

    __tablename__ = "passage_page"

    concept_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    page: Mapped[str] = mapped_column(Text, primary_key=True)

    __table_args__ = (Index("ix_passage_page_page", "page"),)


class PassageState(Base):
    """One row: how many passages there are, and words in them. Whoever writes the index holds it; `changes` counts how
    often passages or vectors changed, so that what is held in memory is known to be old.
    """

    __tablename__ = "passage_state"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    passages: Mapped[int]
    words: Mapped[int] = mapped_column(BigInteger)
    changes: Mapped[int] = mapped_column(BigInteger, server_default="0")
