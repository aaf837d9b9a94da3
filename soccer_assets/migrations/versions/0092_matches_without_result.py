"""An index of the few matches that await a result: listing the missing ones read every match, each hour."""

import sqlalchemy as sa
from alembic import op

revision = "0092"
down_revision = "0091"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    awaits = sa.text("status IN ('scheduled', 'tbd', 'live')")
    op.create_index(
        "ix_match_awaits_result", "match", ["kickoff"], sqlite_where=awaits, postgresql_where=awaits
    )
