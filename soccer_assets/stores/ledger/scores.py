"""The current score of a match: a corrected result adds a revision, and the highest revision counts."""

from typing import Any

import sqlalchemy as sa

from soccer_assets.tables import ledger_score


def is_newest_score() -> sa.ColumnElement[bool]:
    """The condition that a row of `ledger_score` is its match's newest; uses the primary key."""
    any_of_match = ledger_score.alias("any_of_match")
    newest = sa.select(sa.func.max(any_of_match.c.revision)).where(
        any_of_match.c.match_id == ledger_score.c.match_id
    )
    return ledger_score.c.revision == newest.correlate(ledger_score).scalar_subquery()


def newest_scores() -> sa.Select[Any]:
    """The current score of each match."""
    return sa.select(ledger_score).where(is_newest_score())
