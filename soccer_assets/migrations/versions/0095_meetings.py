"""Rows that a feed no longer lists, and matches that turned out to be one."""

import sqlalchemy as sa
from alembic import op

from soccer_assets.tables import UtcDateTime

revision = "0095"
down_revision = "0094"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "vanished_match",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("source_match_id", sa.String, primary_key=True),
        sa.Column(
            "vanished_at", UtcDateTime, nullable=False, comment="the first look that no longer had the row"
        ),
        sa.Column("replaced_by", sa.String, comment="source_match_id of the row that came in its place"),
        sa.Column("how", sa.String, comment="how that row is known to be the same match"),
    )
    op.create_table(
        "match_merge",
        sa.Column("gone", sa.String, primary_key=True, comment="an id that was a match of its own"),
        sa.Column("keep", sa.String, nullable=False, comment="the match that it is one with"),
        sa.Column("merged_at", UtcDateTime, nullable=False),
        sa.Column("change_no", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_match_merge_change_no", "match_merge", ["change_no"])
