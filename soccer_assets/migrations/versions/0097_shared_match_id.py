"""Ids of matches that two feeds report, where a person trusts the second."""

import sqlalchemy as sa
from alembic import op

revision = "0097"
down_revision = "0096"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "shared_match_id",
        sa.Column("match_id", sa.String, primary_key=True, comment="that one feed's row alone would give"),
        sa.Column("keep", sa.String, nullable=False, comment="id of the match, from another feed's row"),
    )
