"""The tutor in text.

Why: talks are kept with how each reply came to be, questions go over to a person, and the course is found by its
passages. Full text differs, as the two databases have nothing in common there; what is found is scored in our code.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

BigKey = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.add_column("page", sa.Column("content", sa.Text, nullable=False, server_default=sa.text("''")))
    _talks()
    _passages()
    if op.get_bind().dialect.name == "sqlite":
        op.execute("CREATE VIRTUAL TABLE passage_text USING fts5(words, tokenize = 'unicode61 remove_diacritics 0')")
        return
    op.execute("CREATE TABLE passage_text (passage_id bigint PRIMARY KEY, words tsvector NOT NULL)")
    op.execute("CREATE INDEX ix_passage_text_words ON passage_text USING gin (words)")


def _talks() -> None:
    op.create_table(
        "chat",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("concept_id", sa.Integer),
        sa.Column("session_id", sa.String(36)),
        sa.Column("mode", sa.String(12), nullable=False),
        sa.Column("messages", sa.Integer, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_chat_learner", "chat", ["user_id", "updated_at"])
    op.create_table(
        "chat_message",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("chat_id", sa.String(40), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("role", sa.String(12), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("answers", sa.Integer),
        sa.Column("ai_model", sa.String(200), nullable=False),
        sa.Column("tokens", sa.Integer, nullable=False),
        sa.Column("is_cut", sa.Boolean, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("once", sa.String(64)),
        sa.Column("rating", sa.Integer),
        sa.Column("is_helpful", sa.Boolean),
        sa.Column("feedback", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("uq_chat_message_place", "chat_message", ["chat_id", "place"], unique=True)
    op.create_index("uq_chat_message_once", "chat_message", ["user_id", "once"], unique=True)
    op.create_index("ix_chat_message_learner", "chat_message", ["user_id", "at"])
    op.create_table(
        "handover",
        sa.Column("id", BigKey, primary_key=True, autoincrement=True),
        sa.Column("chat_id", sa.String(40)),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("concept_id", sa.Integer),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("context", sa.Text, nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("answered_by", sa.String(255)),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("answered_at", sa.BigInteger),
    )
    op.create_index("ix_handover_status", "handover", ["status", "id"])
    op.create_index("ix_handover_learner", "handover", ["user_id", "id"])


def _passages() -> None:
    op.create_table(
        "passage",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("concept_id", sa.Integer),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("heading", sa.Text, nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("language", sa.String(40), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("length", sa.Integer, nullable=False),
    )
    op.create_index("ix_passage_source", "passage", ["source", "key"])
    op.create_index("ix_passage_concept", "passage", ["concept_id"])
    op.create_table(
        "passage_source",
        sa.Column("source", sa.String(10), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("mark", sa.String(64), nullable=False),
    )
    op.create_table(
        "passage_word",
        sa.Column("word", sa.Text, primary_key=True),
        sa.Column("passages", sa.Integer, nullable=False),
    )
    op.create_table(
        "passage_page",
        sa.Column("concept_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("page", sa.Text, primary_key=True),
    )
    op.create_index("ix_passage_page_page", "passage_page", ["page"])
    op.create_table(
        "passage_state",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("passages", sa.Integer, nullable=False),
        sa.Column("words", sa.BigInteger, nullable=False),
    )
    op.execute("INSERT INTO passage_state (id, passages, words) VALUES (1, 0, 0)")


def downgrade() -> None:
    """Remove them."""
    index = ("passage_text", "passage_state", "passage_page", "passage_word", "passage_source", "passage")
    for name in (*index, "handover", "chat_message", "chat"):
        op.drop_table(name)
    op.drop_column("page", "content")
