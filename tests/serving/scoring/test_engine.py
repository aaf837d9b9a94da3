"""Scoring on demand: pairings by name or id, features by name, and everything that is wrong with them."""

import json
import time

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar.testing import TestClient

from serving.app import create_app
from serving.http.schemas import PairingBody, ScoredFeaturesBody
from serving.scoring.process import Scorer
from soccer_assets.football.features import FEATURE_NAMES
from soccer_assets.football.hypothetical_match import Pairing, pairing_features
from soccer_assets.modelling.neutral_ground import forecast
from tests.serving.builders import READER, TOKENS, make_settings, write_keys, write_status
from tests.serving.league import TEAMS, make_scoring_release, model, team_state

PREDICTOR = {"X-API-Key": TOKENS["predictor"]}
PAIRING = {
    "home_team": "Leeds",
    "away_team": "derby",
    "kickoff": "2025-04-27T14:00:00Z",
    "competition": "ENG-2",
}


@pytest.fixture(scope="module")
def scoring(tmp_path_factory):
    """A sidecar that scores in a real child, warm."""
    home = tmp_path_factory.mktemp("scoring")
    make_scoring_release(home / "store")
    write_status(home / "store")
    write_keys(home / "store")
    with TestClient(create_app(make_settings(home)), raise_server_exceptions=False) as client:
        for _ in range(600):
            if ask(client, PAIRING).status_code != 503:
                break
            time.sleep(0.1)
        yield client


def ask(client, body, **headers):
    """A request to score."""
    return client.post("/predict/", json=body, headers=PREDICTOR | headers)


def features():
    """Features by name of a pairing that the model knows."""
    return dict.fromkeys(FEATURE_NAMES, 0.0)


def test_pairing_is_scored_from_what_is_known_of_both_teams(scoring):
    """The answer is the model's on the features that the graph would make, with its reasons."""
    response = ask(scoring, PAIRING)

    body = msgspec.json.decode(response.content, type=PairingBody, strict=True)
    asked = Pairing(
        home_team="t0",
        away_team="t1",
        kickoff=1745762400,
        competition="ENG-2",
        season="2024/2025",
        tier=2,
    )
    expected = model().predict_proba(pairing_features(team_state(), [asked]))[0]
    np.testing.assert_array_equal((body.p_home, body.p_draw, body.p_away), expected)
    assert (body.home_team.name, body.away_team.name, body.season) == ("Leeds", "Derby", "2024/2025")
    assert (body.release_id, body.model_version, body.stale) == ("r1", "7", False)
    assert body.predicted_at == "2025-04-25T09:00:00Z"
    assert {reason.group for reason in body.reasons} == {"strength", "home ground"}
    log_odds = sum(reason.log_odds for reason in body.reasons)
    assert log_odds == pytest.approx(np.log(body.p_home / body.p_away), abs=1e-6)
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "changes",
    [
        {"home_team": "t0"},
        {"home_team": "t0-old"},
        {"home_team": "  LEEDS "},
        {"away_team": "Derby County"},
        {"competition": "eng-2"},
        {"competition": "Championship"},
        {"kickoff": "2025-04-27T16:00:00+02:00"},
        {"leg": 2},
    ],
)
def test_one_pairing_may_be_written_in_many_ways(scoring, changes):
    """Ids, ids of merged teams, other spellings, codes, names and time zones mean the same match."""
    same = ("home_team", "away_team", "competition", "kickoff", "p_home", "p_draw", "p_away")
    one, other = ask(scoring, PAIRING).json(), ask(scoring, PAIRING | changes).json()

    assert {name: one[name] for name in same} == {name: other[name] for name in same}


def test_neutral_ground_differs_from_home_and_is_symmetric(scoring):
    """On neutral ground the two orders swap the probabilities; at home they are others."""
    swapped = PAIRING | {"home_team": PAIRING["away_team"], "away_team": PAIRING["home_team"]}
    home = ask(scoring, PAIRING).json()
    one, other = (ask(scoring, asked | {"neutral": True}).json() for asked in (PAIRING, swapped))

    assert one["p_home"] == pytest.approx(other["p_away"], abs=1e-12)
    assert one["p_draw"] == pytest.approx(other["p_draw"], abs=1e-12)
    assert one["expected_goals"]["home"] == pytest.approx(other["expected_goals"]["away"])
    assert abs(home["p_home"] - one["p_home"]) > 0.01


def test_day_stands_for_a_kickoff_of_which_no_more_is_known(scoring):
    """A day is answered as one, with its precision."""
    body = ask(scoring, PAIRING | {"kickoff": "2025-04-27"}).json()

    assert (body["kickoff"], body["kickoff_precision"]) == ("2025-04-27T00:00:00Z", "day")


def test_next_season_is_that_of_the_calendar(scoring):
    """A kickoff after the season's turn belongs to the next one."""
    assert ask(scoring, PAIRING | {"kickoff": "2025-08-20T14:00:00Z"}).json()["season"] == "2025/2026"


def test_a_match_is_scored_up_to_three_years_ahead(scoring):
    """As far as a fixture of a feed may lie, from the time of the request: 2025-04-25T09:00:00Z."""
    answer = ask(scoring, PAIRING | {"kickoff": "2028-04-24T09:00:00Z"})

    assert answer.json()["kickoff"] == "2028-04-24T09:00:00Z", answer.text


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (json.dumps(PAIRING), 200),
        (json.dumps([PAIRING, PAIRING | {"away_team": "Hull"}]), 200),
        (json.dumps({"match_id": "x", "features": features()}), 200),
        (json.dumps(PAIRING | {"leg": 3}), 422),
        (json.dumps([PAIRING, PAIRING | {"home_team": "Nobody"}]), 422),
        (json.dumps([PAIRING, {"a": 1}, 5]), 422),
        (json.dumps([PAIRING] * 1_001), 413),
        ("[]", 200),
        ("", 400),
        ('"text"', 400),
        ("[" * 20, 400),
        ('[{"home_team": ]', 400),
    ],
)
def test_a_large_body_is_answered_as_a_small_one(scoring, content, status):
    """Blanks before and after it make it one that the child process decodes."""
    small, before, after = (
        scoring.post("/predict/", content=body, headers=PREDICTOR)
        for body in (content, " " * 20_000 + content, content + "\n" * 20_000)
    )

    assert small.status_code == status, small.text
    for large in (before, after):
        assert large.status_code == status
        if status == 400:  # it names the place in the body
            assert large.json()["type"] == small.json()["type"]
        else:
            assert large.json() == small.json()


@pytest.mark.parametrize("form", ["{}", "[{}]"])
def test_the_last_of_two_equal_names_in_a_row_counts(scoring, form):
    """As in JSON of most programs; a row with `features` anywhere is a row of features."""
    row = json.dumps(PAIRING)[1:-1]
    twice = form.format('{"home_team": "Nobody", ' + row + ', "away_team": "Hull"}')
    features_first = form.format('{"features": {}, ' + row + "}")

    answer = scoring.post("/predict/", content=twice, headers=PREDICTOR).json()
    refused = scoring.post("/predict/", content=features_first, headers=PREDICTOR)

    (scored,) = answer.get("items", [answer])
    assert [scored[side]["name"] for side in ("home_team", "away_team")] == ["Leeds", "Hull"]
    assert refused.status_code == 422
    assert "home_team" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"home_team": "Leds"}, "home_team", ["Leeds (England, id t0)"]),
        ({"home_team": "Brighton"}, "home_team", ["Brighton & Hove Albion"]),
        ({"home_team": "women"}, "home_team", ["does not play in ENG-2"]),
        (
            {"competition": "INT-CUP", "home_team": "Everton"},
            "home_team",
            ["id t7", "id chile", "id uruguay"],
        ),
        ({"competition": "Premier League"}, "competition", ["ENG-1 (England)", "RUS-1 (Russia)"]),
        ({"competition": "ENG-3"}, "competition", ["did you mean", "ENG-1"]),
        ({"competition": "ENG-1"}, "competition", ["not modelled"]),
        ({"away_team": "Leeds"}, "away_team", ["cannot play itself"]),
        ({"kickoff": "2025-04-27T14:00:00"}, "kickoff", ["2026-12-05T15:00:00Z"]),
        ({"kickoff": "tomorrow at three"}, "kickoff", ["2026-12-05T15:00:00Z"]),
        ({"kickoff": "2024-04-27T14:00:00Z"}, "kickoff", ["future"]),
        ({"kickoff": "2028-04-25T14:00:00Z"}, "kickoff", ["more than 3 years ahead"]),
        ({"kickoff": "9999-12-31T23:59:59Z"}, "kickoff", ["more than 3 years ahead"]),
        ({"kickoff": "9999-12-31"}, "kickoff", ["more than 3 years ahead"]),
        ({"kickoff": "9999-12-31T23:59:59-14:00"}, "kickoff", ["2026-12-05T15:00:00Z"]),
        ({"kickoff": "0001-01-01"}, "kickoff", ["future"]),
        ({"kickoff": 5}, "kickoff", ["Expected `str`"]),
        ({"home_team": ""}, "home_team", ["length"]),
        ({"neutral": "perhaps"}, "neutral", ["bool"]),
        ({"leg": 3}, "leg", ["<= 2"]),
        ({"stadium": "Elland Road"}, "", ["unknown field `stadium`"]),
    ],
)
def test_what_is_wrong_with_a_pairing_is_said(scoring, changes, field, words):
    """422 names the field, what is wrong, and whom or what the client might have meant."""
    response = ask(scoring, PAIRING | changes)

    problem = response.json()
    assert response.status_code == 422, problem
    assert problem["errors"][0]["parameter"] == field
    assert all(word in problem["detail"] for word in words), problem["detail"]


def test_league_match_of_a_name_used_abroad_is_the_countrys_own(scoring):
    """Everton in England's second division is England's, whatever else is called Everton."""
    assert ask(scoring, PAIRING | {"home_team": "Everton"}).json()["home_team"]["id"] == "t7"


def test_features_are_scored_as_they_come(scoring):
    """Features by name are scored by the model, neutral ground both ways round."""
    for is_neutral in (0.0, 1.0):
        given = features() | {"elo_gap": 90.0, "is_neutral": is_neutral}
        response = ask(scoring, {"match_id": "x-1", "features": given})

        body = msgspec.json.decode(response.content, type=ScoredFeaturesBody, strict=True)
        values = np.array([list(given.values())])
        expected = forecast(model(), values, np.array([bool(is_neutral)]))[0]
        np.testing.assert_allclose((body.p_home, body.p_draw, body.p_away), expected, rtol=1e-12)
        assert body.match_id == "x-1"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, ["missing: "]),
        (features() | {"luck": 1.0}, ["unknown: luck"]),
        (features() | {"elo_gap": None}, ["features.elo_gap: must be a finite number"]),
        (features() | {"elo_gap": "12"}, ["Expected"]),
        ([1.0], ["Expected"]),
    ],
)
def test_features_that_do_not_fit_the_model_are_refused(scoring, given, words):
    """Missing, unknown, null and non-numeric features are 422 and named."""
    response = ask(scoring, {"match_id": 7, "features": given})

    assert response.status_code == 422
    assert all(word in response.json()["detail"] for word in words), response.json()


def test_list_is_answered_in_its_order_without_reasons(scoring):
    """Every row of a list has its answer, equal to the one it gets alone but for the reasons."""
    rows = [PAIRING | {"home_team": name} for name in TEAMS if name != "Derby"]
    rows.insert(3, {"match_id": "x-1", "features": features()})

    items = ask(scoring, rows).json()["items"]

    alone = [ask(scoring, row).json() for row in rows]
    assert [item.get("home_team") for item in items] == [body.get("home_team") for body in alone]
    for item, one in zip(items, alone, strict=True):
        assert item["p_home"] == pytest.approx(one["p_home"], abs=1e-12)
        assert item.get("reasons", []) == []
    assert ask(scoring, []).json() == {"items": []}


def test_bad_rows_of_a_list_are_numbered(scoring):
    """A list with bad rows is refused as a whole, each with its number."""
    response = ask(scoring, [PAIRING, PAIRING | {"away_team": "Nobody"}, 5, PAIRING | {"leg": 9}])

    assert response.status_code == 422
    assert [error["parameter"] for error in response.json()["errors"]] == ["[2]", "[3].leg"]
    named = ask(scoring, [PAIRING, PAIRING | {"away_team": "Nobody"}])
    assert [error["parameter"] for error in named.json()["errors"]] == ["[1].away_team"]


def test_only_some_unclear_names_are_looked_for(scoring):
    """A thousand look-ups of near names would hold the scoring process; only 20 errors are shown."""
    response = ask(scoring, [PAIRING | {"home_team": f"Leds {number}"} for number in range(1_000)])

    hints = ["did you mean" in error["message"] for error in response.json()["errors"]]
    assert (response.status_code, hints) == (422, [True] * 20)
    mixed = ask(scoring, [PAIRING] * 30 + [PAIRING | {"home_team": "Leds"}])
    assert "did you mean Leeds" in mixed.json()["detail"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"[", 400),
        (b"{", 400),
        (b"null", 400),
        (b'"text"', 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b"{}", 422),
        (b"[{}]", 422),
        (b"[" + b",".join([b"{}"] * 1001) + b"]", 413),
        (b'{"home_team": "' + b"x" * 9_000_000 + b'"}', 413),
    ],
)
def test_bodies_that_are_none_are_refused(scoring, content, status):
    """Half, wrong, deep and oversized bodies are a problem, never a fault."""
    response = scoring.post("/predict/", content=content, headers=PREDICTOR)

    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"


@settings(max_examples=40, deadline=None)
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([*PAIRING, "neutral", "leg", "features", "match_id", "x"]), inner
            )
        ),
        max_leaves=12,
    )
)
def test_hostile_bodies_are_never_a_fault(scoring, body):
    """Whatever JSON comes, the answer is a problem or a score."""
    response = scoring.post("/predict/", content=json.dumps(body).encode(), headers=PREDICTOR)

    assert response.status_code in {200, 400, 422}


def test_scoring_needs_its_scope(scoring):
    """A read key does not score, a predict key does not read."""
    assert scoring.post("/predict/", json=PAIRING, headers=READER).status_code == 403
    assert scoring.post("/predict/", json=PAIRING).status_code == 401


def test_until_the_model_is_loaded_scoring_asks_to_wait(tmp_path, serve):
    """A cold child answers 503 with Retry-After, at once, while look-ups are answered."""

    class Cold(Scorer):
        async def warm(self, files):
            """Never gets warm."""

        async def score(self, _model_file, rows):
            """Probabilities of the golden rows."""
            return model().predict_proba(np.array(rows)).tolist()

    make_scoring_release(tmp_path / "store")
    write_keys(tmp_path / "store")
    client = serve(scorer=Cold())

    response = ask(client, PAIRING)
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert client.get("/predict/m1", headers=READER).status_code == 200


def test_release_without_a_directory_still_answers_lookups(client):
    """A release of an older version cannot score, and says so; its predictions are served."""
    assert ask(client, PAIRING).status_code == 503
    assert client.get("/predict/m1", headers=READER).status_code == 200


def test_markets_are_answered_where_asked_for(scoring):
    """With `markets=true` every market of a pairing, in a list too; a row of features has none."""
    plain = ask(scoring, PAIRING).json()
    asked = scoring.post("/predict/?markets=true", json=PAIRING, headers=PREDICTOR)
    listed = scoring.post(
        "/predict/?markets=true",
        json=[PAIRING, {"match_id": 1, "features": features()}],
        headers=PREDICTOR,
    ).json()["items"]
    body = msgspec.json.decode(asked.content, type=PairingBody, strict=True)

    outcome = body.markets.outcome
    assert plain["markets"] is None
    assert (outcome.home.win, outcome.draw.win, outcome.away.win) == pytest.approx(
        (body.p_home, body.p_draw, body.p_away)
    )
    assert listed[0]["markets"] == asked.json()["markets"]
    assert "markets" not in listed[1]


def test_a_list_with_markets_is_shorter(scoring):
    """101 rows are too many with markets, and are named as such."""
    response = scoring.post("/predict/?markets=true", json=[PAIRING] * 101, headers=PREDICTOR)

    assert (response.status_code, response.json()["type"]) == (413, "urn:soccer-assets:problem:too-many-rows")
    assert "at most 100" in response.json()["detail"]


def test_a_match_under_way_is_answered_from_its_state(scoring):
    """At kickoff the forecast before it; a lead at the end of the first half counts, any x of 45+x."""
    before = ask(scoring, PAIRING).json()
    state = {"minute": 0, "home_goals": 0, "away_goals": 0}
    begun = ask(scoring, PAIRING | {"state": state}).json()
    ahead, later = (
        ask(scoring, PAIRING | {"state": state | {"minute": minute, "home_goals": 1}}).json()
        for minute in ("45+1", "45+4")
    )

    assert begun["p_home"] == pytest.approx(before["p_home"])
    assert (begun["reasons"], begun["state"]["home_reds"]) == ([], 0)
    assert ahead["p_home"] == later["p_home"] > before["p_home"]
    assert ahead["expected_goals"]["home"] == pytest.approx(1 + ahead["rest_goals"]["home"])
    assert before["rest_goals"] is None


def test_who_goes_on_follows_from_the_leg(scoring):
    """Null for a league match; the aggregate moves a second leg, and a state moves it further."""
    plain = ask(scoring, PAIRING).json()
    first = ask(scoring, PAIRING | {"leg": 1}).json()
    ahead, behind = (
        ask(scoring, PAIRING | {"leg": 2, "first_leg": {"home_team": own, "away_team": 2 - own}}).json()
        for own in (2, 0)
    )
    alone = ask(scoring, PAIRING | {"knock_out": True}).json()
    state = {"minute": 90, "home_goals": 3, "away_goals": 0}
    over = ask(scoring, PAIRING | {"first_leg": {"home_team": 0, "away_team": 1}, "state": state}).json()

    assert plain["p_advance"] is None
    assert ask(scoring, PAIRING | {"leg": 2}).json()["p_advance"] is None
    assert "90 minutes" in plain["settled"]
    for answer in (first, ahead, behind, alone, over):
        assert sum(answer["p_advance"].values()) == pytest.approx(1.0)
    assert ahead["p_advance"]["home"] > alone["p_advance"]["home"] > behind["p_advance"]["home"]
    assert plain["p_home"] < alone["p_advance"]["home"] < plain["p_home"] + plain["p_draw"]
    assert over["p_advance"]["home"] > 0.95
    assert ahead["p_home"] == pytest.approx(plain["p_home"])


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"leg": 1, "first_leg": {"home_team": 1, "away_team": 0}}, "first_leg"),
        ({"leg": 2, "knock_out": True}, "knock_out"),
        ({"first_leg": {"home_team": 1, "away_team": 0}, "knock_out": True}, "knock_out"),
        ({"first_leg": {"home_team": -1, "away_team": 0}}, "first_leg"),
        ({"first_leg": {"home_team": 1}}, "first_leg"),
    ],
)
def test_a_tie_that_contradicts_itself_is_refused(scoring, told, field):
    """By the field, with what to do."""
    response = ask(scoring, PAIRING | told)

    assert response.status_code == 422
    assert response.json()["errors"][0]["parameter"].startswith(field)


@pytest.mark.parametrize(
    ("state", "status", "name"),
    [
        ({"minute": 105, "home_goals": 1, "away_goals": 1}, 409, "extra-time"),
        ({"minute": "120+1", "home_goals": 1, "away_goals": 1}, 409, "extra-time"),
        ({"minute": "60+1", "home_goals": 1, "away_goals": 1}, 422, "unusable-row"),
        ({"minute": -1, "home_goals": 1, "away_goals": 1}, 422, "unusable-row"),
        ({"minute": 10, "home_goals": 1}, 422, "unusable-row"),
        ({"minute": 10, "home_goals": 1, "away_goals": 0, "home_reds": 5}, 422, "unusable-row"),
    ],
)
def test_what_no_match_can_be_in_is_refused(scoring, state, status, name):
    """Extra time is a conflict with what is forecast; the rest is a mistake, named by its field."""
    response = ask(scoring, PAIRING | {"state": state})

    assert (response.status_code, response.json()["type"].rpartition(":")[2]) == (status, name)
    assert response.json()["errors"][0]["parameter"].startswith("state")
