"""An index of scores by time: the ledger's copy reads the new ones each hour."""

from alembic import op

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.create_index("ix_ledger_score_scored_at", "ledger_score", ["scored_at"])
