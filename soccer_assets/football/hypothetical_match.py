"""Features of hypothetical matches: any two teams, from the newest team state alone.

The sidecar scores matches that no feed has listed. The pass is the one that makes all features, over rows
without a result, so a listed fixture gets the same bits as in the graph.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.features import run_from
from soccer_assets.football.match_table import SECONDS_A_DAY, MatchTable
from soccer_assets.football.ratings.state import OutOfOrderError, TeamState


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Two teams and the circumstances in which they would meet.

    Attributes:
        home_team: team id; a team without a result starts as a newcomer of the competition.
        away_team: another one.
        kickoff: epoch seconds, UTC.
        competition: code, such as ``ENG-1``; one without a result starts as a new one of its tier.
        season: as the competition's matches say it, such as ``2024/2025``.
        tier: 1 for a top division, 2 below it and so on; 0 for cups and national teams.
        is_neutral: on neutral ground.
        is_international: national teams play.
        is_day_precision: only the day is known; ``kickoff`` is any instant of it.
    """

    home_team: str
    away_team: str
    kickoff: int
    competition: str
    season: str
    tier: int
    is_neutral: bool = False
    is_international: bool = False
    is_day_precision: bool = False


def pairing_features(state: TeamState, pairings: Sequence[Pairing]) -> NDArray[np.float64]:
    """Features of each pairing, (n, k) with columns as in `features.FEATURE_NAMES`.

    Pairings do not affect each other. A result of which only the day is known counts from the end of that
    day, though it may be reported earlier. So kickoffs up to a day before the state's last result are
    allowed.

    Raises:
        OutOfOrderError: a kickoff lies more than a day before the state's last result.
        ValueError: a team would play itself.
    """
    columns = {
        field.name: [getattr(pairing, field.name) for pairing in pairings] for field in fields(Pairing)
    }
    unplayed = np.zeros(len(pairings), np.bool_)
    matches = MatchTable.from_columns(
        match_id=[str(number) for number in range(len(pairings))],
        home_goals=np.full(len(pairings), -1),
        away_goals=np.full(len(pairings), -1),
        moves_ratings=unplayed,
        trains=unplayed,
        **columns,
    )
    if state.as_of is not None and (matches.features_as_of < state.as_of - SECONDS_A_DAY).any():
        raise OutOfOrderError("a kickoff lies before results that are known; ask for a match that is ahead")
    return run_from(matches, state, ~unplayed, unplayed)[0].values
