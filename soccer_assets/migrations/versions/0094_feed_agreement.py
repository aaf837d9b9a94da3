"""What the feeds of a home have in common by competition and month, and which of them a person trusts."""

import sqlalchemy as sa
from alembic import op

from soccer_assets.tables import UtcDateTime

revision = "0094"
down_revision = "0093"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "feed_agreement",
        sa.Column("competition", sa.String, primary_key=True),
        sa.Column("month", sa.String, primary_key=True, comment="of the kickoffs, such as 2025-04"),
        sa.Column("first", sa.String, primary_key=True, comment="the feed whose rows count"),
        sa.Column("second", sa.String, primary_key=True),
        sa.Column("compared", sa.Integer, nullable=False, comment="results in both"),
        sa.Column("contradicted", sa.Integer, nullable=False, comment="results with different scores"),
        sa.Column("is_disputed", sa.Boolean, nullable=False, comment="whether neither is believed"),
        sa.Column("timed", sa.Integer, nullable=False, comment="kickoffs that both know to the minute"),
        sa.Column("offset_minutes", sa.Integer, nullable=False, comment="second minus first; 0: no offset"),
        sa.Column("shifted", sa.Integer, nullable=False, comment="kickoffs with that offset"),
        sa.Column("contradictions", sa.Text, nullable=False, comment="day, teams and both scores, JSON"),
        sa.Column("compared_at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "feed_trust",
        sa.Column("competition", sa.String, primary_key=True),
        sa.Column("month", sa.String, primary_key=True, comment="such as 2025-04; empty: every month"),
        sa.Column("feed", sa.String, nullable=False, comment="the feed that is right; empty: neither"),
        sa.Column("is_valid", sa.Boolean, nullable=False, comment="false: the decision was withdrawn"),
        sa.Column("decided_at", UtcDateTime, nullable=False),
    )
