"""An index of quarantined matches: counting them scanned every match, twice an hour."""

import sqlalchemy as sa
from alembic import op

revision = "0080"
down_revision = "0075"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    marked = sa.text("quarantine IS NOT NULL")
    op.create_index(
        "ix_match_quarantine", "match", ["competition"], sqlite_where=marked, postgresql_where=marked
    )
