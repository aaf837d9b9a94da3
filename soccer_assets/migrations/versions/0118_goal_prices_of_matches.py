"""Prices of 2.5 goals and of an Asian handicap beside the price of a match.

Rows stored before have none until their feed tells them again.
"""

import sqlalchemy as sa
from alembic import op

from soccer_assets.tables import HANDICAPS, PRICE_KINDS

revision = "0118"
down_revision = "0110"
branch_labels = None
depends_on = None

_KNOWN_LATE = "decimal, of over 2.5 goals; known once the match is over"
_COMMENTS = {
    "over_price": _KNOWN_LATE,
    "under_price": None,
    "handicap": HANDICAPS,
    "home_handicap_price": None,
    "away_handicap_price": None,
}


def upgrade() -> None:
    """Change the schema."""
    for table in ("match", "match_history"):
        for name, comment in _COMMENTS.items():
            op.add_column(table, sa.Column(name, sa.Float(), nullable=True, comment=comment))
        op.add_column(table, sa.Column("goal_price_kind", sa.String(), nullable=True, comment=PRICE_KINDS))
