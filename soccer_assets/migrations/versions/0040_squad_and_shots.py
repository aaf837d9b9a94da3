"""The squad of a competition, and shots and corners of a match."""

import sqlalchemy as sa
from alembic import op

from soccer_assets.tables import SQUADS

revision = "0040"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema, and let the next run read every raw row again: it knows the squads."""
    for table in ("competition", "match", "match_history"):
        op.add_column(
            table, sa.Column("squad", sa.String(), nullable=False, server_default="first", comment=SQUADS)
        )
    for table in ("match", "match_history"):
        for name in ("home_shots", "away_shots", "home_corners", "away_corners"):
            op.add_column(table, sa.Column(name, sa.SmallInteger(), nullable=True))
    op.execute("DELETE FROM watermark WHERE name = 'match_raw read by match'")
