"""The forecast of a match under way: outcome, goals and markets of its final score after 90 minutes."""

from collections.abc import Sequence

import msgspec

from soccer_assets.contract.markets import GoalModel, Markets
from soccer_assets.contract.release import Goals, ScoreChance
from soccer_assets.football.in_play import Clock, State, rest_of_match
from soccer_assets.football.markets import all_markets
from soccer_assets.football.match_scores import Grid, Outcome, half_time_outcome, outcome_of_grid
from soccer_assets.football.score_grid import LIKELIEST_SCORES, TOTAL_LINE, GoalForecast


class UnderWay(msgspec.Struct, frozen=True):
    """A forecast given the state of the match.

    Attributes:
        probabilities: of home, draw and away after 90 minutes.
        goals: of the final score; its `goal_model` is that before kickoff.
        rest: goals expected of each side from now on.
        grid: probability of each score of the goals to come.
        state: goals and red cards so far.
        first_half_share: chance that a goal still to come falls before half-time; None after the first half.
    """

    probabilities: Outcome
    goals: GoalForecast
    rest: Goals
    grid: Grid
    state: State
    first_half_share: float | None

    @property
    def markets(self) -> Markets:
        """Every market of the final score; half-time is None after the first half. Some milliseconds."""
        half_time = None
        if self.first_half_share is not None:
            half_time = half_time_outcome(self.grid, self.first_half_share, _lead(self.state))
        return all_markets(self.grid, half_time, self.state.home_goals, self.state.away_goals)


def forecast_under_way(
    goals: GoalModel, probabilities: Sequence[float], state: State, clock: Clock
) -> UnderWay:
    """The forecast of a match that stands at ``state``; arguments as those of `in_play.rest_of_match`."""
    home, draw, away = probabilities
    grid = rest_of_match(goals, (home, draw, away), state, clock.played_share)
    rest = _means(grid)
    return UnderWay(
        probabilities=outcome_of_grid(grid, _lead(state)),
        goals=_goals(grid, rest, state, goals),
        rest=rest,
        grid=grid,
        state=state,
        first_half_share=clock.first_half_share,
    )


def _lead(state: State) -> int:
    return state.home_goals - state.away_goals


def _means(grid: Grid) -> Goals:
    cells = [(i, j, p) for i, row in enumerate(grid) for j, p in enumerate(row)]
    return Goals(sum(i * p for i, _, p in cells), sum(j * p for _, j, p in cells))


def _goals(grid: Grid, rest: Goals, state: State, goal_model: GoalModel) -> GoalForecast:
    scores = [
        ScoreChance(state.home_goals + i, state.away_goals + j, p)
        for i, row in enumerate(grid)
        for j, p in enumerate(row)
    ]
    return GoalForecast(
        expected_home=state.home_goals + rest.home,
        expected_away=state.away_goals + rest.away,
        p_over_2_5=sum(score.p for score in scores if score.home + score.away > TOTAL_LINE),
        p_both_score=sum(score.p for score in scores if score.home and score.away),
        likeliest_scores=tuple(sorted(scores, key=lambda score: -score.p)[:LIKELIEST_SCORES]),
        goal_model=goal_model,
    )
