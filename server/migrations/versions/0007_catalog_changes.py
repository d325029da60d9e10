"""Which concepts changed when, and which catalog this is.

Why: a copy of the graph in another database is brought up to date by what changed since, and a copy of another catalog
must not be taken for one of this.
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table, and give the catalog its name."""
    op.create_table(
        "catalog_change",
        sa.Column("concept_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_catalog_change_generation", "catalog_change", ["generation"])
    op.add_column("catalog_state", sa.Column("identity", sa.String(32), nullable=False, server_default="unnamed"))
    name = sa.text("UPDATE catalog_state SET identity = :identity")
    op.execute(name.bindparams(identity=secrets.token_hex(16)))


def downgrade() -> None:
    """Remove both."""
    op.drop_column("catalog_state", "identity")
    op.drop_table("catalog_change")
