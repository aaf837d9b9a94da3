"""A finished match has its score after 90 minutes, or the reason why it has none: stored rows get theirs.

Archives and saved files had results after extra time without saying how they came. Their rows keep everything
and get ``decided_by``: what the stored row of the provider says, else ``unknown``.
"""

import sqlalchemy as sa
from alembic import op

revision = "0096"
down_revision = "0095"
branch_labels = None
depends_on = None

_NAME = "ck_match_has_score_or_reason"
_RULE = (
    "status <> 'finished' OR (home_goals IS NOT NULL AND away_goals IS NOT NULL) "
    "OR (decided_by IS NOT NULL AND decided_by IN ('extra_time', 'penalties', 'unknown'))"
)
_COMMENT = "regular, extra_time, penalties, awarded or unknown"
_WITHOUT_SCORE = sa.text("status = 'finished' AND home_goals IS NULL")

_COLUMNS = ("source", "source_match_id", "status", "home_goals", "away_goals", "decided_by", "change_no")
_match = sa.table("match", *map(sa.column, _COLUMNS))
_raw = sa.table("match_raw", *map(sa.column, ("source", "source_match_id", "payload")))
_watermark = sa.table("watermark", *map(sa.column, ("name", "value")))


def upgrade() -> None:
    """Give the stored rows their reason, then change the schema."""
    _heal()
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    if on_sqlite:
        # SQLite adds no constraint to a table: it is written anew.
        with op.batch_alter_table("match", recreate="always") as batch:
            batch.create_check_constraint(_NAME, _RULE)
    else:
        op.create_check_constraint(_NAME, "match", _RULE)
        for table in ("match", "match_history"):
            op.alter_column(table, "decided_by", existing_type=sa.String(), comment=_COMMENT)
    op.create_index(
        "ix_match_without_score",
        "match",
        ["decided_by"],
        sqlite_where=_WITHOUT_SCORE,
        postgresql_where=_WITHOUT_SCORE,
    )


def _heal() -> None:
    connection = op.get_bind()
    breaks = sa.and_(
        _match.c.status == "finished",
        sa.or_(_match.c.home_goals.is_(None), _match.c.away_goals.is_(None)),
        sa.func.coalesce(_match.c.decided_by, "").not_in(["extra_time", "penalties", "unknown"]),
    )
    if not connection.execute(sa.select(sa.func.count()).select_from(_match).where(breaks)).scalar_one():
        return
    # The archive's own statuses, as its rows were stored.
    told = sa.case(
        (_raw.c.payload.contains('"status":"AET"', autoescape=True), "extra_time"),
        (_raw.c.payload.contains('"status":"PEN"', autoescape=True), "penalties"),
        else_="unknown",
    )
    of_row = sa.and_(_raw.c.source == _match.c.source, _raw.c.source_match_id == _match.c.source_match_id)
    reason = sa.func.coalesce(sa.select(told).where(of_row).scalar_subquery(), "unknown")
    # Whoever reads by number of change finds these rows.
    counted = _watermark.c.name == "change_no"
    connection.execute(sa.update(_watermark).where(counted).values(value=_watermark.c.value + 1))
    change_no = sa.select(_watermark.c.value).where(counted).scalar_subquery()
    connection.execute(sa.update(_match).where(breaks).values(decided_by=reason, change_no=change_no))
