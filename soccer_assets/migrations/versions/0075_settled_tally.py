"""Running sums over settled matches: sensors read them at constant cost."""

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
        "settled_tally",
        sa.Column("champion_sha256", sa.String(64), primary_key=True, nullable=False),
        sa.Column(
            "against",
            sa.String(64),
            primary_key=True,
            nullable=False,
            comment="hash of another model, or itself",
        ),
        sa.Column("tally", sa.Text(), nullable=False, comment="sums over the settled matches, JSON"),
    )
