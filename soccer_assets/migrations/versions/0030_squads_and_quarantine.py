"""Squads of teams, quarantined rows, and splits of merged teams."""

import sqlalchemy as sa
from alembic import op

from soccer_assets.tables import UtcDateTime

revision = "0030"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.add_column("team", sa.Column("squad", sa.String(), nullable=False, server_default="first"))
    for table in ("match", "match_history"):
        op.add_column(
            table,
            sa.Column(
                "quarantine",
                sa.String(),
                nullable=True,
                comment="why the row teaches nothing; empty where it does",
            ),
        )
    op.create_table(
        "team_split",
        sa.Column(
            "gone",
            sa.String(),
            primary_key=True,
            nullable=False,
            comment="split by hand: never learnt to be one again",
        ),
        sa.Column("keep", sa.String(), primary_key=True, nullable=False),
        sa.Column("split_at", UtcDateTime(), nullable=False),
    )
