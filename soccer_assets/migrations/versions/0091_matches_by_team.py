"""Indexes of matches by team: merging two teams read every match, for minutes."""

from alembic import op

revision = "0091"
down_revision = "0090"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.create_index("ix_match_home_team_id", "match", ["home_team_id"])
    op.create_index("ix_match_away_team_id", "match", ["away_team_id"])
