"""Incremental features: one stretch of time after the other, from a checkpoint on.

Features hold only what was known at kickoff, so those of a match in progress cannot be made from the newest
state. They are made from a checkpoint, the state at the start of a month, by replaying everything since. That
is the same pass over fewer rows and gives the same bits.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from soccer_assets.football.features import FeatureTable, run_from
from soccer_assets.football.match_table import MatchTable
from soccer_assets.football.ratings.state import TeamState

# The hourly run starts at one of the newest months, a corrected old score at the season start before it. A
# state of 9,700 teams has 2.7 MB: one for every month since 1998 would take .5 GB, these take 50 MB.
SEASON_START = "-07"
NEWEST_MONTHS_KEPT = 3
# Fixtures may be known a season ahead: the newest months with results are among the newest 24.
_NEWEST_MONTHS = 24


class Advance(NamedTuple):
    """The outcome of one stretch of time.

    Attributes:
        features: of the matches predicted in it.
        state: after the results that were known at its end.
        pending: played matches whose results become known later.
    """

    features: FeatureTable
    state: TeamState
    pending: MatchTable


def advance(matches: MatchTable, state: TeamState, since: int, until: int | None) -> Advance:
    """From the state at ``since`` to the state at ``until``.

    Stretches that follow each other give the features and the state of `compute_features` over all their
    matches, to the bit.

    Args:
        matches: the matches predicted from ``since`` on and before ``until``, and the `pending` ones of the
            stretch before.
        state: after all results known at ``since``.
        since: epoch seconds.
        until: epoch seconds; None is the end of time.
    """
    known_at = matches.result_known_at
    is_late = np.zeros(len(matches), np.bool_) if until is None else known_at > until
    moves_ratings = matches.moves_ratings & ~is_late
    is_asked = matches.features_as_of >= since
    features, after = run_from(matches, state, is_asked, moves_ratings)
    return Advance(features, after, matches.take(matches.moves_ratings & is_late))


def start_of(month: str) -> int:
    """Epoch seconds of the first instant of a UTC month such as ``2025-04``."""
    return int(np.datetime64(month, "s").astype(np.int64))


def stretches(months: Sequence[str]) -> list[list[str]]:
    """Months in order, cut where a checkpoint may be kept: at season starts and at each of the newest."""
    parts: list[list[str]] = []
    for place, month in enumerate(months):
        is_cut = month.endswith(SEASON_START) or place >= len(months) - _NEWEST_MONTHS
        if is_cut or not parts:
            parts.append([])
        parts[-1].append(month)
    return parts


def months_kept(months: Iterable[str], as_of: int | None) -> set[str]:
    """Those of the checkpoints' months that a later run may start from, given the newest result's instant."""
    past = sorted(month for month in months if as_of is not None and start_of(month) < as_of)
    return {month for month in past if month.endswith(SEASON_START)}.union(past[-NEWEST_MONTHS_KEPT:])
