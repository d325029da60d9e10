"""The first tables.

Why: accounts, the catalog, sessions, evidence and replies kept for repeated requests are what the course on the
wire stands on. Times are BIGINT microseconds and JSON is TEXT, so that one statement serves SQLite and PostgreSQL;
only full text differs, as the two databases have nothing in common there.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

BigKey = sa.BigInteger().with_variant(sa.Integer, "sqlite")
ByCodePoint = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")


def upgrade() -> None:
    """Make every table."""
    _accounts()
    _catalog()
    _full_text()
    _mastery()
    _sessions()
    op.create_table(
        "idempotent_reply",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("request", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_idempotent_reply_created_at", "idempotent_reply", ["created_at"])


def _accounts() -> None:
    op.create_table(
        "learner",
        sa.Column("user_id", sa.String(255), primary_key=True),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("full_name", sa.Text, nullable=False),
        sa.Column("preferences", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "auth_session",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("user_id", sa.String(255), sa.ForeignKey("learner.user_id"), nullable=False),
        sa.Column("refresh_digest", sa.String(64), nullable=False, unique=True),
        sa.Column("previous_digest", sa.String(64), unique=True),
        sa.Column("rotated_at", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
    )
    op.create_index("ix_auth_session_user_id", "auth_session", ["user_id"])
    op.create_table(
        "local_account",
        sa.Column("user_id", sa.String(255), primary_key=True),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )


def _catalog() -> None:
    made = ("objectives", "links", "custom_fields", "problems", "doc_head", "doc_tail")
    texts = ("title", "description", "type", "component", "milestone", "owner", *made)
    op.create_table(
        "concept",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
        sa.Column("sorted_title", ByCodePoint, nullable=False),
        sa.Column("difficulty", sa.Double, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("mastery_threshold", sa.Double, nullable=False),
        sa.Column("standing", sa.String(12), nullable=False),
        sa.Column("estimated_minutes", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("fingerprint", sa.String(32), nullable=False),
    )
    sorted_by = ("type", "component", "milestone", "owner", "standing", "level", "difficulty", "sorted_title")
    for name in (*sorted_by, "created_at", "updated_at", "estimated_minutes"):
        op.create_index(f"ix_concept_{name}", "concept", [name, "id"])
    for one, other in (("component", "milestone"), ("component", "level"), ("milestone", "level")):
        op.create_index(f"ix_concept_{one}_{other}", "concept", [one, other, "id"])
    op.create_table(
        "prerequisite",
        sa.Column("concept_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("prerequisite_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("source", sa.String(80), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
    )
    op.create_index("ix_prerequisite_reverse", "prerequisite", ["prerequisite_id", "state", "concept_id"])
    op.create_table(
        "page",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("words", sa.Integer, nullable=False),
    )
    op.create_table(
        "catalog_state",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )
    op.execute("INSERT INTO catalog_state (id, generation, changed_at) VALUES (1, 0, 0)")


def _full_text() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE concept_text USING fts5(title, body, tokenize = 'unicode61 remove_diacritics 0')"
        )
        return
    op.execute(
        "CREATE TABLE concept_text (concept_id integer PRIMARY KEY, title tsvector NOT NULL, body tsvector NOT NULL)"
    )
    op.execute("CREATE INDEX ix_concept_text_title ON concept_text USING gin (title)")
    op.execute("CREATE INDEX ix_concept_text_body ON concept_text USING gin (body)")


def _mastery() -> None:
    op.create_table(
        "evidence",
        sa.Column("id", BigKey, primary_key=True, autoincrement=True),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("concept_id", sa.Integer, nullable=False),
        sa.Column("item_id", sa.String(120), nullable=False),
        sa.Column("outcome", sa.Double, nullable=False),
        sa.Column("weight", sa.Double, nullable=False),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_evidence_learner", "evidence", ["user_id", "concept_id", "at"])
    op.create_table(
        "standing",
        sa.Column("user_id", sa.String(255), primary_key=True),
        sa.Column("concept_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("mastery_score", sa.Double, nullable=False),
        sa.Column("successes", sa.Double, nullable=False),
        sa.Column("weight", sa.Double, nullable=False),
        sa.Column("begun_at", sa.BigInteger, nullable=False),
        sa.Column("completed_at", sa.BigInteger),
        sa.Column("mastered_at", sa.BigInteger),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_standing_status", "standing", ["user_id", "status", "concept_id"])
    op.create_table(
        "learning_event",
        sa.Column("id", BigKey, primary_key=True, autoincrement=True),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("concept_id", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("seconds", sa.Integer, nullable=False),
        sa.Column("score", sa.Double),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_learning_event_learner", "learning_event", ["user_id", "at"])


def _sessions() -> None:
    op.create_table(
        "learning_session",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("concept_id", sa.Integer, nullable=False),
        sa.Column("mode", sa.String(12), nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("preferred_resources", sa.Text, nullable=False),
        sa.Column("time_spent_seconds", sa.Integer, nullable=False),
        sa.Column("reported", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
    )
    op.create_index(
        "uq_learning_session_active",
        "learning_session",
        ["user_id", "concept_id"],
        unique=True,
        sqlite_where=sa.text("status = 'active'"),
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index("ix_learning_session_learner", "learning_session", ["user_id", "started_at"])


def downgrade() -> None:
    """There is nothing before the first tables."""
    tables = (
        "learning_session",
        "learning_event",
        "standing",
        "evidence",
        "concept_text",
        "catalog_state",
        "page",
    )
    for name in (
        *tables,
        "prerequisite",
        "concept",
        "local_account",
        "auth_session",
        "learner",
        "idempotent_reply",
    ):
        op.drop_table(name)
