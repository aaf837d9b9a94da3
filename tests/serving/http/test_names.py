"""Competition and team in the queries of lists, by any name that POST understands."""

import msgspec
import pytest
from litestar.testing import TestClient

from serving.app import create_app
from soccer_assets.contract.release import Team
from tests.serving.builders import (
    READER,
    StubScorer,
    make_prediction,
    make_release,
    make_settings,
    write_keys,
)
from tests.serving.league import directory

PATH = "/predict/matches/"


@pytest.fixture(scope="module")
def league(tmp_path_factory):
    """A sidecar with a directory of names and three matches, one of them in the cup."""
    home = tmp_path_factory.mktemp("names")
    leeds, derby, koln = Team("t0", "Leeds"), Team("t1", "Derby"), Team("t2", "Köln")
    rows = [
        make_prediction("m1", home_team=leeds, away_team=derby),
        make_prediction("m2", home_team=derby, away_team=koln),
        make_prediction("m3", home_team=koln, away_team=leeds, competition="INT-CUP"),
    ]
    make_release(home / "store", rows, directory=msgspec.json.encode(directory()))
    write_keys(home / "store")
    with TestClient(create_app(make_settings(home), scorer=StubScorer())) as client:
        yield client


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"competition": "ENG-2"}, ["m1", "m2"]),
        ({"competition": "eng-2"}, ["m1", "m2"]),
        ({"competition": "CHÀMPIONSHIP"}, ["m1", "m2"]),
        ({"competition": "ENG-1"}, []),
        ({"team": "t0"}, ["m1", "m3"]),
        ({"team": "t0-old"}, ["m1", "m3"]),
        ({"team": "  leeds "}, ["m1", "m3"]),
        ({"team": "Derby County"}, ["m1", "m2"]),
        ({"team": "koln", "competition": "Cup of Nations"}, ["m3"]),
        ({"team": "Leeds", "competition": "Championship"}, ["m1"]),
        ({"team": "Everton"}, []),
    ],
)
def test_names_find_what_they_find_in_a_body(league, params, found):
    """Code, name, alias, merged id, case and accents; a known name without matches has none."""
    page = league.get(PATH, params=params, headers=READER)

    assert page.status_code == 200, page.text
    assert [item["match_id"] for item in page.json()["items"]] == found


@pytest.mark.parametrize(
    ("params", "parameter", "hint"),
    [
        ({"competition": "ENG-22"}, "competition", "ENG-2"),
        ({"competition": "Premier League"}, "competition", "RUS-1"),
        ({"team": "Leds", "competition": "ENG-2"}, "team", "t0"),
        ({"team": "women", "competition": "ENG-2"}, "team", "does not play"),
        ({"team": "Leds"}, "team", "Leds"),
        ({"team": "\0"}, "team", ""),
    ],
)
def test_unclear_names_are_refused_with_candidates(league, params, parameter, hint):
    """An empty list would say that the team has no matches."""
    refused = league.get(PATH, params=params, headers=READER)

    assert refused.status_code == 400
    (error,) = refused.json()["errors"]
    assert error["parameter"] == parameter
    assert hint in error["message"]
