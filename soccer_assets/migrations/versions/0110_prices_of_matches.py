"""The price of a match beside its result: it moves ratings once the match is over.

Stored prices go to their matches; the next export has the columns, and features are made anew from it.
"""

import sqlalchemy as sa
from alembic import op

from soccer_assets.tables import PRICE_KINDS

revision = "0110"
down_revision = "0100"
branch_labels = None
depends_on = None

_KNOWN_LATE = "decimal; known once the match is over, as are the next two"
_OUTCOMES = ("home", "draw", "away")
_match = sa.table(
    "match", *map(sa.column, ("match_id", "price_kind", *(f"{name}_price" for name in _OUTCOMES)))
)
_odds = sa.table("odds", *map(sa.column, ("match_id", "kind", *_OUTCOMES)))


def upgrade() -> None:
    """Change the schema."""
    for table in ("match", "match_history"):
        for name in _OUTCOMES:
            comment = _KNOWN_LATE if name == "home" else None
            op.add_column(table, sa.Column(f"{name}_price", sa.Float(), nullable=True, comment=comment))
        op.add_column(table, sa.Column("price_kind", sa.String(), nullable=True, comment=PRICE_KINDS))
    own = _odds.c.match_id == _match.c.match_id
    values = {f"{name}_price": sa.select(_odds.c[name]).where(own).scalar_subquery() for name in _OUTCOMES}
    values["price_kind"] = sa.select(_odds.c.kind).where(own).scalar_subquery()
    priced = sa.select(_odds.c.match_id)
    op.get_bind().execute(sa.update(_match).where(_match.c.match_id.in_(priced)).values(**values))
