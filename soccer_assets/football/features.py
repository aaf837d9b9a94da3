"""Features of matches: what was known before each kickoff, in one pass over time.

A match has two events. It is *predicted* at its kickoff (at 00:00 of its UTC day where only the day is
known), and its result *becomes known* two hours later (at the end of that day). Events are processed in order
of time; at the same instant results come before predictions, and ties are broken by match id, so the order of
the rows does not change a bit. Training rows and a pairing scored over HTTP run the same code.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.match_table import SECONDS_A_DAY, MatchTable
from soccer_assets.football.prices import PriceKind, price_rates
from soccer_assets.football.ratings.parameters import DRAW_CORRELATIONS, match_kinds
from soccer_assets.football.ratings.side_strengths import STRENGTH_NAMES
from soccer_assets.football.ratings.state import OutOfOrderError, TeamState
from soccer_assets.football.ratings.update import MATCH_DTYPE, run_events

# Column order of every feature matrix. Elo in rating points, rates as shares. A team or league without
# history has the start values of `ratings.state`, never NaN.
RESULT_FEATURES: tuple[str, ...] = (
    "elo_textbook_gap",  # home - away + 80 points on home ground; K=20, start 1500
    "elo_gap",  # tuned Elo: home - away + the league's home advantage
    "elo_expectation",  # expected score of elo_gap, 0 to 1
    "league_home_advantage",  # rating points; 0 on neutral ground
    "home_elo_above_league",
    "away_elo_above_league",
    "home_points_per_match_season",  # shrunk to 1.37 with the weight of three matches
    "away_points_per_match_season",
    "home_goal_difference_per_match_season",  # shrunk to 0 likewise
    "away_goal_difference_per_match_season",
    "home_matches_season",
    "away_matches_season",
    "home_log_matches_known",  # log(1 + results known)
    "away_log_matches_known",
    "home_is_new_in_league",  # its last league match was in another competition
    "away_is_new_in_league",
    "home_points_last_5",  # cups count too; a match not yet played counts as 1.37
    "away_points_last_5",
    "home_rest_days",  # since the last known match, 60 at most
    "away_rest_days",
    "home_matches_14_days",  # 8 at most
    "away_matches_14_days",
    "league_home_rate",
    "league_draw_rate",
    "league_goals",  # both sides, a match
    "season_progress",  # 0 to 1; 0 in cups
    "tier",
    "is_neutral",
    "is_international",
    "pi_gap",  # goals by which pi-ratings expect the home side to win
    # All four pi-ratings say how much more a team is at home than away: log loss -.0003 over the world's
    # leagues of 2016/17 (standard error .00015), -.0000 over matches with prices of 2022-2024.
    "home_pi_home",
    "home_pi_away",
    "away_pi_home",
    "away_pi_away",
    "home_points_per_match_last_season",
    "away_points_per_match_last_season",
    # Three goal models: slow and fast on goals, joint on goals, shots and corners.
    "slow_home_log_goals",  # log of the goals expected
    "slow_away_log_goals",
    "slow_log_odds",  # of home against away
    "slow_draw_log_odds",  # of a draw against the geometric mean of home and away
    "slow_home_uncertainty",  # standard deviation of attack + defence, log goals
    "slow_away_uncertainty",
    "fast_home_log_goals",
    "fast_away_log_goals",
    "fast_log_odds",
    "fast_draw_log_odds",
    "joint_home_log_goals",
    "joint_away_log_goals",
    "joint_log_odds",
    "joint_draw_log_odds",
    "joint_home_uncertainty",
    "joint_away_uncertainty",
    # Moving averages of the joint model's residuals, as shares of a win.
    "home_surprise",
    "away_surprise",
    "home_venue_surprise",  # of the home sides in the team's matches
    "away_venue_surprise",
    "league_favourite_gain",  # above 0 where favourites win more than expected
    "league_draw_surprise",
    "favourite_log_odds",  # joint_log_odds times league_favourite_gain
)
# The second group of columns, which also knows the prices of matches that are over: without any price it says
# what the joint model says. Models are trained with the first group, or with both.
PRICE_FEATURES: tuple[str, ...] = (
    "priced_home_log_goals",
    "priced_away_log_goals",
    "priced_log_odds",
    "priced_draw_log_odds",
    "priced_home_uncertainty",
    "priced_away_uncertainty",
    "home_price_share",  # of the team's last 8 matches, those with a price
    "away_price_share",
)
FEATURE_NAMES: tuple[str, ...] = RESULT_FEATURES + PRICE_FEATURES

# Groups of the reasons: the features of a group are correlated and share their weight by chance.
_GROUPS: dict[str, tuple[str, ...]] = {
    "strength": (
        *("elo_", "pi_", "slow_", "fast_", "joint_", "priced_", "elo_above_league", "home_advantage"),
        *("venue_surprise", "favourite_log_odds"),
    ),
    "this season and the last": ("points_per_match", "goal_difference", "matches_season", "season_progress"),
    "recent form": ("points_last_5", "home_surprise", "away_surprise"),
    "rest": ("rest_days", "matches_14_days"),
    "how well the teams are known": ("uncertainty", "matches_known", "is_new_in_league", "price_share"),
    "the competition": (
        *("league_home_rate", "league_draw_rate", "league_goals", "tier", "is_international"),
        *("league_favourite_gain", "league_draw_surprise"),
    ),
    "neutral ground": ("is_neutral",),
}


def _group(feature: str) -> str:
    # The last group that fits: `slow_home_uncertainty` matches "slow_" too, but is no strength.
    return [group for group, parts in _GROUPS.items() if any(part in feature for part in parts)][-1]


FEATURE_GROUPS: dict[str, str] = {name: _group(name) for name in FEATURE_NAMES}

FEATURE_DTYPE = np.dtype([(name, "<f8") for name in FEATURE_NAMES])


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Features, one row a match.

    Attributes:
        match_id: (n,) text.
        kickoff: (n,) epoch seconds.
        values: (n, k) float64, columns as in `FEATURE_NAMES`, no NaN.
        strengths: (n, 8) float64, columns as in `STRENGTH_NAMES`; no features.
    """

    match_id: NDArray[np.object_]
    kickoff: NDArray[np.int64]
    values: NDArray[np.float64]
    strengths: NDArray[np.float64]

    def __len__(self) -> int:
        """Number of matches."""
        return len(self.match_id)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Self:
        """The rows at ``rows``: indices, in their order, or a mask."""
        return type(self)(self.match_id[rows], self.kickoff[rows], self.values[rows], self.strengths[rows])

    def column(self, name: str) -> NDArray[np.float64]:
        """One feature, (n,)."""
        return self.values[:, FEATURE_NAMES.index(name)]


def compute_features(matches: MatchTable, state: TeamState | None = None) -> tuple[FeatureTable, TeamState]:
    """What was known before each kickoff, and the state after the last result.

    Rows may come in any order; the features are in the same. A row that does not move ratings gets features
    and does not change the state.

    Args:
        matches: matches with unique ids.
        state: where to start from; None is before any result. It is not changed.

    Raises:
        OutOfOrderError: a result became known before the state's last one, or a kickoff lies before it, so
            that its features would see the future. Start from an earlier state.
        ValueError: a match id comes twice.
    """
    state = TeamState.initial() if state is None else state
    if state.as_of is not None and (early := matches.features_as_of < state.as_of).any():
        match_id = matches.match_id[np.flatnonzero(early)[0]]
        raise OutOfOrderError(
            f"match {match_id!r} starts before the state's last result; replay from an earlier state"
        )
    return run_from(matches, state, np.ones(len(matches), np.bool_), matches.moves_ratings)


def apply_results(matches: MatchTable, state: TeamState | None = None) -> TeamState:
    """The state after the results in ``matches``, equal to that of `compute_features`, without features.

    A kickoff may lie before the state's last result, as long as its own result became known after it.

    Raises:
        OutOfOrderError: a result became known before the state's last one. Start from an earlier state.
        ValueError: a match id comes twice.
    """
    state = TeamState.initial() if state is None else state
    return run_from(matches, state, np.zeros(len(matches), np.bool_), matches.moves_ratings)[1]


def run_from(
    matches: MatchTable, state: TeamState, is_asked: NDArray[np.bool_], is_result: NDArray[np.bool_]
) -> tuple[FeatureTable, TeamState]:
    """Apply the results of the mask ``is_result`` and predict the rows of the mask ``is_asked``."""
    by_id = _rows_by_match_id(matches)
    results, predictions = by_id[is_result[by_id]], by_id[is_asked[by_id]]
    event_row = np.concatenate([results, predictions])
    event_is_result = np.arange(len(event_row)) < len(results)
    known_at, asked_at = matches.result_known_at, matches.features_as_of
    instant = np.concatenate([known_at[results], asked_at[predictions]])
    # Stable: at one instant results stay before predictions, and each of them in order of match id.
    in_time = np.argsort(instant, kind="stable")

    results_in_time = results[np.argsort(known_at[results], kind="stable")]
    if len(results_in_time):
        first = results_in_time[0]
        _check_order(state, int(known_at[first]), str(matches.match_id[first]))

    teams, competitions = set(matches.home_team).union(matches.away_team), set(matches.competition)
    # A pairing scored over HTTP needs two teams of 12,000.
    known = state if len(results) else state.selected(teams, competitions)
    wide = known.widened(teams, competitions, set(matches.season))
    rows = len(matches) if len(predictions) else 0
    features, strengths = np.empty(rows, FEATURE_DTYPE), np.empty((rows, len(STRENGTH_NAMES)))
    run_events(
        event_row[in_time],
        event_is_result[in_time],
        _encoded(matches, wide),
        wide.teams,
        wide.leagues,
        features,
        strengths,
    )
    asked = np.flatnonzero(is_asked)
    values = features.view(np.float64).reshape(len(features), len(FEATURE_NAMES))
    # A copy costs half a second on the whole history, where every row is asked for.
    if len(asked) != len(features):
        values, strengths = values[asked], strengths[asked]
    table = FeatureTable(matches.match_id[asked], matches.kickoff[asked], values, strengths)
    if not len(results_in_time):
        return table, state
    last = results_in_time[-1]
    after = replace(wide, as_of=int(known_at[last]), as_of_match_id=str(matches.match_id[last]))
    return table, after.narrowed()


def _rows_by_match_id(matches: MatchTable) -> NDArray[np.int64]:
    ids = matches.match_id.astype(np.str_)
    by_id = np.argsort(ids, kind="stable")
    twice = np.flatnonzero(ids[by_id[1:]] == ids[by_id[:-1]])
    if twice.size:
        raise ValueError(f"match id {str(ids[by_id[twice[0]]])!r} comes twice; keep one row a match")
    return by_id


def _check_order(state: TeamState, known_at: int, match_id: str) -> None:
    if state.as_of is not None and (known_at, match_id) <= (state.as_of, state.as_of_match_id):
        raise OutOfOrderError(
            f"the result of match {match_id!r} comes before the state's last one, of match "
            f"{state.as_of_match_id!r}; replay from an earlier state"
        )


def _encoded(matches: MatchTable, state: TeamState) -> NDArray[np.void]:
    """The matches as records of numbers; names become rows of ``state``, which has them all."""
    rows = np.empty(len(matches), MATCH_DTYPE)
    rows["home"] = _numbers(matches.home_team, state.team_names)
    rows["away"] = _numbers(matches.away_team, state.team_names)
    rows["competition"] = _numbers(matches.competition, state.competition_names)
    rows["season"] = _numbers(matches.season, state.season_names)
    rows["day"] = matches.kickoff // SECONDS_A_DAY
    for name in ("home_goals", "away_goals", "tier", "is_neutral", "statistics"):
        rows[name] = getattr(matches, name)
    rows["kind"] = match_kinds(matches.tier, matches.is_international)
    rows["price_rates"], has_price = price_rates(matches.prices, DRAW_CORRELATIONS[rows["kind"]])
    rows["price_kind"] = np.where(has_price, matches.price_kind, PriceKind.NONE)
    return rows


def _numbers(names: NDArray[np.object_], known: Iterable[str]) -> NDArray[np.int32]:
    number = {name: row for row, name in enumerate(known)}
    return np.fromiter(map(number.__getitem__, names), np.int32, len(names))
