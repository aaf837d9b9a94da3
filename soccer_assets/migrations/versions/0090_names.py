"""Providers' ids of teams, spellings of clubs, and the rows that wait until a spelling is decided."""

import sqlalchemy as sa
from alembic import op

from soccer_assets.tables import UtcDateTime

revision = "0090"
down_revision = "0081"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "team_source_id",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("pool", sa.String, primary_key=True, comment="sex, age group and squad"),
        sa.Column("source_team_id", sa.String, primary_key=True, comment="the provider's own id"),
        sa.Column("team_id", sa.String, nullable=False),
        sa.Column("is_placed", sa.Boolean, nullable=False, comment="whether its country is known"),
    )
    op.create_table(
        "team_spelling",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("pool", sa.String, primary_key=True, comment="country, sex, age group, and squad"),
        sa.Column("spelling", sa.String, primary_key=True, comment="folded"),
        sa.Column("club", sa.String, nullable=False, comment="folded name of the club that is meant"),
        sa.Column("name", sa.String, nullable=False, comment="the club's name as it is shown"),
        sa.Column("why", sa.String, nullable=False, comment="what decided it"),
        sa.Column("decided_at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "held_match",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("sha256", sa.String(64), primary_key=True, comment="of the record"),
        sa.Column("competition", sa.String, nullable=False),
        sa.Column("season", sa.String, nullable=False),
        sa.Column("kickoff", UtcDateTime, nullable=False),
        sa.Column(
            "open_names", sa.Text, nullable=False, comment="name, guess and reason by pool and spelling"
        ),
        sa.Column("record", sa.Text, nullable=False, comment="the row as a RawMatch, JSON"),
        sa.Column("first_seen_at", UtcDateTime, nullable=False),
        sa.Column("last_seen_at", UtcDateTime, nullable=False),
    )
