"""Exercises, their versions, and what learners did with them. Times are microseconds since 1970.

Concepts are named by ticket number without a foreign key: the catalog can be rebuilt, and these rows outlive a ticket.
"""

from sqlalchemy import BigInteger, Boolean, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from learntrac.kit.db import Base, BigKey

_ACTIVE = text("status = 'active'")
_STORED = text("status = 'stored'")


class Exercise(Base):
    """An exercise as lists show it; `version` is the current one. `doc_head` is the beginning of its JSON in lists.

    `started_by` and `completed_by` count learners. A retired one is in no list; its attempts stay.
    """

    __tablename__ = "exercise"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    concept_id: Mapped[int]
    type: Mapped[str] = mapped_column(String(10))
    title: Mapped[str] = mapped_column(String(500))
    difficulty: Mapped[float]
    level: Mapped[int]
    points: Mapped[int]
    estimated_minutes: Mapped[int]
    version: Mapped[int]
    is_retired: Mapped[bool] = mapped_column(Boolean)
    doc_head: Mapped[str] = mapped_column(Text)
    started_by: Mapped[int]
    completed_by: Mapped[int]
    created_by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_exercise_concept", "concept_id", "is_retired", "id"),)


class ExerciseVersion(Base):
    """What an author wrote, never changed: `content` is the definition as JSON, `digest` names it."""

    __tablename__ = "exercise_version"

    exercise_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    content: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    created_by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[int] = mapped_column(BigInteger)


class ExerciseSession(Base):
    """A learner at work on an exercise: `status` is active, passed or expired. It keeps the version it began with.

    `hints` is how many rungs of the ladder were given, `helped` the highest rung of the tutor's, `attempts` how many
    graded submissions there were.
    """

    __tablename__ = "exercise_session"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(255))
    exercise_id: Mapped[str] = mapped_column(String(80))
    concept_id: Mapped[int]
    version: Mapped[int]
    status: Mapped[str] = mapped_column(String(10))
    hints: Mapped[int]
    hinted_at: Mapped[int | None] = mapped_column(BigInteger)
    helped: Mapped[int] = mapped_column(server_default="0")
    attempts: Mapped[int]
    started_at: Mapped[int] = mapped_column(BigInteger)
    ends_at: Mapped[int | None] = mapped_column(BigInteger)
    ended_at: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        # One at a time for each learner and exercise, whoever races whom.
        Index(
            "uq_exercise_session_active",
            "user_id",
            "exercise_id",
            unique=True,
            sqlite_where=_ACTIVE,
            postgresql_where=_ACTIVE,
        ),
        Index("ix_exercise_session_learner", "user_id", "started_at"),
    )


class ExerciseStanding(Base):
    """Where a learner stands with an exercise: `status` is in_progress or completed, which it stays.

    `solution_seen_at`: from then on a further pass proves nothing.
    """

    __tablename__ = "exercise_standing"

    user_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    exercise_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    concept_id: Mapped[int]
    type: Mapped[str] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(12))
    best_share: Mapped[float]
    attempts: Mapped[int]
    hints: Mapped[int]
    started_at: Mapped[int] = mapped_column(BigInteger)
    completed_at: Mapped[int | None] = mapped_column(BigInteger)
    solution_seen_at: Mapped[int | None] = mapped_column(BigInteger)
    updated_at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_exercise_standing_exercise", "exercise_id", "status"),)


class Submission(Base):
    """What a learner handed in, stored before it is run. `status`: stored (waits for its verdict), graded, unexplained
    (right, but the asked explanation is missing) or refused (not run and not counted: no sandbox, or too late).

    `source` is the code or text, of a quiz the answers as JSON. `digest` names what was handed in: the same again in
    one session is the same attempt. `result` is JSON of the verdict, `issues` of what visible tests failed, by name.
    `claimed_until`: somebody runs it until then. `weight` is what it weighed as evidence, `at_evidence` when.
    """

    __tablename__ = "submission"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    user_id: Mapped[str] = mapped_column(String(255))
    exercise_id: Mapped[str] = mapped_column(String(80))
    concept_id: Mapped[int]
    session_id: Mapped[str] = mapped_column(String(48))
    version: Mapped[int]
    status: Mapped[str] = mapped_column(String(12))
    language: Mapped[str] = mapped_column(String(40))
    source: Mapped[str] = mapped_column(Text)
    explanation: Mapped[str] = mapped_column(Text)
    self_assessment: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    request_key: Mapped[str | None] = mapped_column(String(64))
    hints: Mapped[int]
    passed: Mapped[bool] = mapped_column(Boolean)
    score: Mapped[float]
    max_score: Mapped[float]
    tests_passed: Mapped[int]
    tests_total: Mapped[int]
    milliseconds: Mapped[int]
    weight: Mapped[float | None]
    result: Mapped[str] = mapped_column(Text)
    issues: Mapped[str] = mapped_column(Text)
    submitted_at: Mapped[int] = mapped_column(BigInteger)
    graded_at: Mapped[int | None] = mapped_column(BigInteger)
    at_evidence: Mapped[int | None] = mapped_column(BigInteger)
    regraded_by: Mapped[str | None] = mapped_column(String(255))
    note: Mapped[str] = mapped_column(Text)
    claimed_until: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        Index("uq_submission", "session_id", "digest", unique=True),
        Index("ix_submission_learner", "user_id", "exercise_id", "id"),
        Index("ix_submission_exercise", "exercise_id", "id"),
        Index("ix_submission_concept", "concept_id", "id"),
        Index("ix_submission_waiting", "claimed_until", sqlite_where=_STORED, postgresql_where=_STORED),
    )
