"""Strengths that a simulation draws: what the filter says of the next match, and how sure it is."""

import dataclasses

import numpy as np
import pytest

from soccer_assets.football.features import compute_features
from soccer_assets.football.match_table import SECONDS_A_DAY
from soccer_assets.football.projections.drawn_goals import DRIFT_DAYS
from soccer_assets.football.projections.strengths import (
    FITTED,
    Spread,
    Strengths,
    league_records,
    season_strengths,
)
from soccer_assets.football.ratings.parameters import PRICED_PAUSE_DAYS
from soccer_assets.football.ratings.state import TeamState
from tests.football.helpers import match, random_table, table

_SEASON = "2024-25"


def _strengths(state: TeamState, clubs: list[str], day: int, spread: Spread = Spread()) -> Strengths:  # noqa: B008
    return season_strengths(*league_records(state, clubs, "TST-1", _SEASON, 1, day), spread)


@pytest.mark.parametrize("priced", [False, True])
def test_the_means_are_those_of_the_next_matchs_features(priced: bool) -> None:
    """Level, home advantage and strengths give the log goals that the model reads, also with prices."""
    matches = random_table(3, 400, priced=priced)
    state = compute_features(matches)[1]
    day = int(matches.kickoff.max() // SECONDS_A_DAY) + 3
    clubs = sorted(set(matches.home_team))
    drawn = _strengths(state, clubs, day)
    ahead = table(match("next", day * SECONDS_A_DAY, clubs[0], clubs[1]))
    features = compute_features(ahead, state)[0]

    level, advantage = drawn.common[:2]
    home, away = drawn.mean[0], drawn.mean[1]
    logs = (
        level + advantage / 2 + home[0] - away[1] + home[2],
        level - advantage / 2 + away[0] - home[1] - home[2],
    )
    expected = [features.column(f"priced_{side}_log_goals")[0] for side in ("home", "away")]
    assert np.allclose(logs, expected, atol=1e-12)
    uncertainty = np.array([1, 1, 0]) @ drawn.root[0]
    assert np.isclose(np.sqrt(uncertainty @ uncertainty), features.column("priced_home_uncertainty")[0])


def test_time_and_a_club_without_results_are_less_sure() -> None:
    """Variances grow by the drift; an unknown club's are those of the start."""
    matches = random_table(5, 400)
    state = compute_features(matches)[1]
    day = int(matches.kickoff.max() // SECONDS_A_DAY) + 3
    clubs = [*sorted(set(matches.home_team))[:3], "unknown"]
    soon, later = _strengths(state, clubs, day), _strengths(state, clubs, day + 60)

    deviation = soon.root[:, 0, 0]
    assert np.all(later.root[:3, 0, 0] > deviation[:3])
    assert deviation[3] > deviation[:3].max()
    assert soon.drift[0] > 0
    assert -1 <= soon.drift[1] <= 1


def test_all_of_the_noise_of_results_lasts() -> None:
    """Without prices a step of the drift is what the filter adds in its days, whatever a price's share is."""
    matches = random_table(5, 400, priced=False)
    state = compute_features(matches)[1]
    day = int(matches.kickoff.max() // SECONDS_A_DAY) + 3
    clubs = sorted(set(matches.home_team))
    soon = _strengths(state, clubs, day, Spread(drift=0.2))
    later = _strengths(state, clubs, day + DRIFT_DAYS)
    added = later.root @ later.root.mT - soon.root @ soon.root.mT

    assert np.isclose(soon.drift[0] ** 2, added[:, 0, 0].mean())
    assert np.isclose(soon.drift[1] * soon.drift[0] ** 2, added[:, 0, 1].mean())


@pytest.mark.parametrize("pause", [3, PRICED_PAUSE_DAYS - DRIFT_DAYS // 2, PRICED_PAUSE_DAYS + 1, 500])
def test_a_pause_moves_no_drift(pause: int) -> None:
    """What a pause of 45 days adds to priced strengths comes once: it is no part of each fortnight."""
    state = compute_features(random_table(3, 400, priced=True))[1]
    teams = state.teams.copy()
    teams["recent_prices"] = 1
    clubs = sorted(state.team_rows)
    day = int(teams["recent_days"].max()) + pause
    records = league_records(dataclasses.replace(state, teams=teams), clubs, "TST-1", _SEASON, 1, day)

    assert np.isclose(season_strengths(*records, FITTED).drift[0] ** 2, 0.2 * 3e-4 * DRIFT_DAYS)


def test_the_spread_of_a_summer_counts_for_clubs_that_enter_the_season() -> None:
    """A club that has played in the season is as before; one of an older season is spread and pulled in."""
    old = [match(f"o{n}", f"2024-04-0{n + 1}T15:00", "A", "B", "1-0", season="2023-24") for n in range(3)]
    new = match("n", "2024-08-10T15:00", "A", "C", "2-0")
    state = compute_features(table(*old, new))[1]
    day = int(np.datetime64("2024-08-12").astype(int))
    plain = _strengths(state, ["A", "B"], day)
    spread = _strengths(state, ["A", "B"], day, Spread(summer=0.05, regression=0.5))

    assert np.array_equal(plain.root[0], spread.root[0])
    assert np.array_equal(plain.mean[0], spread.mean[0])
    assert np.isclose(spread.root[1, 0, 0] ** 2 - plain.root[1, 0, 0] ** 2, 0.05)
    centre = plain.mean[:, 0].mean()
    assert np.isclose(spread.mean[1, 0] - centre, 0.5 * (plain.mean[1, 0] - centre))


def test_each_match_of_a_season_takes_a_third_of_the_joint_models_share_away() -> None:
    """The same state entering a season, and two and four matches into it; level and mean stay as they are."""
    matches = random_table(3, 400)
    state = compute_features(matches)[1]
    day = int(matches.kickoff.max() // SECONDS_A_DAY) + 3
    clubs = sorted(set(matches.home_team))
    teams, league, ahead = league_records(state, clubs, "TST-1", "2025-26", 1, day)
    running = teams.copy()
    running["season"], running["competition"] = ahead["season"][0], ahead["competition"][0]
    running["season_matches"] = 2
    moved = []
    for records in (teams, running):
        priced = season_strengths(records, league, ahead, Spread())
        blended = season_strengths(records, league, ahead, Spread(joint=1.0, joint_spread=1.0))
        assert np.array_equal(blended.common, priced.common)
        assert np.allclose(blended.mean.mean(axis=0), priced.mean.mean(axis=0))
        moved.append(blended.root @ blended.root.mT - priced.root @ priced.root.mT)

    # Process noise of a new season apart, which both models add to teams that enter it.
    assert np.abs(moved[0]).max() > np.abs(moved[1]).max() > 0.0
    running["season_matches"] = 4
    priced = season_strengths(running, league, ahead, Spread())
    blended = season_strengths(running, league, ahead, Spread(joint=1.0, joint_spread=1.0))
    later = blended.root @ blended.root.mT - priced.root @ priced.root.mT
    assert np.allclose(later, (2 / 3) ** 2 * moved[1], atol=1e-9)


def test_without_prices_the_joint_models_share_changes_no_bit() -> None:
    """The priced model is the joint one where no price was seen."""
    matches = random_table(3, 200, priced=False)
    state = compute_features(matches)[1]
    clubs = sorted(set(matches.home_team))
    records = league_records(state, clubs, "TST-1", "2099-00", 1, int(matches.kickoff.max() // SECONDS_A_DAY))
    plain = season_strengths(*records, Spread())
    blended = season_strengths(*records, Spread(joint=0.8, joint_spread=1.0))

    for one, other in zip(plain, blended, strict=True):
        assert np.array_equal(one, other)
