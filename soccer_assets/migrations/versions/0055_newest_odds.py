"""An index of odds by time: a check reads the newest ones only."""

from alembic import op

revision = "0055"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.create_index("ix_odds_updated_at", "odds", ["updated_at"])
