"""Play-offs between two leagues: who the rival is, what its results change, and ties known in part."""

import datetime as dt

import msgspec
import numpy as np
import pandas as pd
import pytest

from soccer_assets.contract.season_projection import SeasonProjection
from soccer_assets.football.projections.season_input import SeasonInput, project
from soccer_assets.football.ratings.state import TeamState
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.projections.parts import ProjectionUpdate, Source, update_projections
from soccer_assets.stores.projections.rival_clubs import rival_leagues, with_rival_hashes

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
_SEASONS = 2000
_CLUBS = 10


def _match(code: str, number: int, home: str, away: str, score: tuple[int, int] | None) -> dict[str, object]:
    return {
        "match_id": f"{code}-{number}",
        "competition": code,
        "season": "2025/2026",
        "tier": int(code[-1]),
        "kickoff": pd.Timestamp(NOW + dt.timedelta(hours=number - 500)),
        "kickoff_precision": "minute",
        "status": "scheduled" if score is None else "finished",
        "quarantine": None,
        "home_team_id": home,
        "home_team": home,
        "away_team_id": away,
        "away_team": away,
        "home_goals": score[0] if score else None,
        "away_goals": score[1] if score else None,
    }


def _league(code: str, left: int = 0, more: tuple[tuple[str, str, int, int], ...] = ()) -> pd.DataFrame:
    """Ten clubs of four rounds, the lower number wins but for the last matches, which are ahead."""
    pairs = [(a, b) for _ in range(2) for a in range(_CLUBS) for b in range(_CLUBS) if a != b]
    rows = [
        _match(
            *(code, number, f"{code} {a}", f"{code} {b}"),
            None if number >= len(pairs) - left else ((1, 0) if a < b else (0, 1)),
        )
        for number, (a, b) in enumerate(pairs)
    ]
    rows += [
        _match(code, len(pairs) + number, home, away, (one, two))
        for number, (home, away, one, two) in enumerate(more)
    ]
    return pd.DataFrame(rows).astype({"home_goals": "Int16", "away_goals": "Int16"})


def _update(store: ObjectStore, *leagues: pd.DataFrame) -> ProjectionUpdate:
    source = Source(pd.concat(leagues), TeamState.initial(), NOW, "toy", seasons=_SEASONS)
    return update_projections(store, source)


def _bands(one: SeasonProjection, name: str) -> dict[str, float]:
    return {line.team.id: line.bands[name] for line in one.teams}


def _play_off(one: SeasonProjection, name: str) -> tuple[int, int] | None:
    return next(band.play_off for band in one.bands if band.name == name)


def test_both_leagues_of_a_play_off_say_the_same_of_it(folder_store: ObjectStore) -> None:
    """Ninth of the third tier, second to fourth of the fourth: who loses and who wins go together."""
    update = _update(folder_store, _league("SCO-3"), _league("SCO-4"))
    upper, lower = (update.parts[code].projection for code in ("SCO-3", "SCO-4"))
    down, up = _bands(upper, "relegated"), _bands(lower, "promoted")

    assert (_play_off(upper, "relegated"), _play_off(lower, "promoted")) == ((9, 9), (2, 4))
    # No second tier is known: nobody of the third can go up by it.
    assert _play_off(upper, "promoted") is None
    assert {club for club, p in up.items() if p} == {f"SCO-4 {club}" for club in range(4)}
    assert down["SCO-3 9"] == 1.0
    error = 4 * np.sqrt(0.25 / _SEASONS) * np.sqrt(2)
    assert sum(up.values()) - 1 == pytest.approx(down["SCO-3 8"], abs=error)
    # The stored input gives the same projection again.
    again = project(msgspec.json.decode(update.parts["SCO-3"].inputs, type=SeasonInput))
    assert again == upper


def test_a_play_off_that_is_played_is_known_in_both_leagues(folder_store: ObjectStore) -> None:
    """The fourth beats the ninth by two legs that the upper league's list has, and then the second."""
    legs = (
        ("SCO-4 3", "SCO-3 8", 2, 0),
        ("SCO-3 8", "SCO-4 3", 1, 0),
    )
    own = (("SCO-4 2", "SCO-4 1", 0, 1), ("SCO-4 1", "SCO-4 2", 2, 0))
    final = (("SCO-4 3", "SCO-4 1", 1, 0), ("SCO-4 1", "SCO-4 3", 0, 0))
    update = _update(folder_store, _league("SCO-3", more=legs), _league("SCO-4", more=(*own, *final)))
    upper, lower = (update.parts[code].projection for code in ("SCO-3", "SCO-4"))

    assert _bands(upper, "relegated")["SCO-3 8"] == 1.0
    assert {club for club, p in _bands(lower, "promoted").items() if p} == {"SCO-4 0", "SCO-4 3"}
    assert _bands(lower, "promoted")["SCO-4 3"] == 1.0


def test_a_result_of_the_other_league_is_news(folder_store: ObjectStore) -> None:
    """The rival may be another club: both are simulated anew; of a league without rivals nothing is."""
    first = _update(folder_store, _league("SCO-3"), _league("SCO-4", left=2), _league("IRL-1"))
    again = _update(folder_store, _league("SCO-3"), _league("SCO-4", left=2), _league("IRL-1"))
    news = _update(folder_store, _league("SCO-3"), _league("SCO-4", left=1), _league("IRL-1"))

    assert {"SCO-3", "SCO-4"} <= set(first.computed)
    assert again.computed == ()
    assert set(news.computed) == {"SCO-3", "SCO-4"}


def test_a_league_without_its_rivals_keeps_the_place_of_the_play_off(folder_store: ObjectStore) -> None:
    """Nothing is simulated of a tie whose other side is unknown."""
    alone = _update(folder_store, _league("SCO-3")).parts["SCO-3"].projection

    assert {band.play_off for band in alone.bands} == {None}
    assert _bands(alone, "relegated")["SCO-3 8"] == 0.0


def test_rivals_are_told_from_both_sides() -> None:
    """Germany's first meets the second tier, Scotland's second those above and below."""
    assert rival_leagues("GER-1") == {"GER-2"}
    assert rival_leagues("GER-2") == {"GER-1", "GER-3"}
    assert rival_leagues("SCO-2") == {"SCO-1", "SCO-3"}
    assert rival_leagues("ENG-2") == set()
    before, after = (with_rival_hashes({"GER-1": "a", "GER-2": two, "ENG-2": "c"}) for two in "bd")
    assert before["GER-1"] != after["GER-1"]
    assert before["ENG-2"] == after["ENG-2"] == "c"
