"""Extra time, penalties and awarded results."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    for table in ("match", "match_history"):
        op.add_column(
            table,
            sa.Column(
                "decided_by", sa.String(), nullable=True, comment="regular, extra_time, penalties or awarded"
            ),
        )
        op.add_column(
            table,
            sa.Column(
                "home_goals_et",
                sa.SmallInteger(),
                nullable=True,
                comment="after extra time, the 90 minutes included",
            ),
        )
        for name in ("away_goals_et", "home_pens", "away_pens"):
            op.add_column(table, sa.Column(name, sa.SmallInteger(), nullable=True))
