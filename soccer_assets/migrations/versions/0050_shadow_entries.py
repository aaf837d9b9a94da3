"""Shadow predictions of the previous champion, for rollback decisions."""

import sqlalchemy as sa
from alembic import op

from soccer_assets.tables import UtcDateTime

revision = "0050"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "shadow_entry",
        sa.Column("model_sha256", sa.String(64), primary_key=True, nullable=False),
        sa.Column("match_id", sa.String(), primary_key=True, nullable=False),
        sa.Column("deadline", UtcDateTime(), nullable=False, comment="what is said later does not count"),
        sa.Column("p_home", sa.Float(), nullable=False),
        sa.Column("p_draw", sa.Float(), nullable=False),
        sa.Column("p_away", sa.Float(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
    )
