"""Scores by the time they were made: the ledger's copy asks each hour for the new ones."""

from alembic import op

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.create_index("ix_ledger_score_scored_at", "ledger_score", ["scored_at"])
