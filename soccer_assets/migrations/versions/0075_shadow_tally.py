"""Sums of champion against shadow, so that a look at them costs the same however much is settled."""

import sqlalchemy as sa
from alembic import op

revision = "0075"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.create_index("ix_shadow_entry_match_id", "shadow_entry", ["match_id"])
    op.create_table(
        "shadow_tally",
        sa.Column("champion_sha256", sa.String(64), primary_key=True, nullable=False),
        sa.Column("shadow_sha256", sa.String(64), primary_key=True, nullable=False),
        sa.Column("tally", sa.Text(), nullable=False, comment="sums over the settled matches of both, JSON"),
    )
