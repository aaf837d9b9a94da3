"""One renderer of predictions: what it puts together, and that nothing else does."""

import ast
from pathlib import Path
from typing import get_args

import msgspec
import pytest

import serving
import soccer_assets
from serving.backends.match_table import Live
from serving.scoring.schemas import ScoredFeatures, ScoredPairing
from soccer_assets.contract.markets import GoalModel
from soccer_assets.contract.prediction import (
    Meeting,
    Provenance,
    forecast,
    forecast_of_row,
    json_column,
    probabilities,
    render,
)
from soccer_assets.contract.release import Goals, ModelCard, Prediction, Reason, ScoreChance, Team
from soccer_assets.football.score_grid import GoalForecast

GOALS = GoalForecast(
    1.5, 0.25, 0.4, 0.3, (ScoreChance(1, 0, 0.125), ScoreChance(1, 1, 0.1)), GoalModel(1.4, 0.3, -0.073, 0.44)
)
REASONS = (Reason("form", 0.25, -0.5, "form: für die Gäste"),)
MEETING = Meeting(
    competition="ENG-2",
    season="2024/2025",
    home_team=Team("t1", "Leeds"),
    away_team=Team("t2", "Derby"),
    kickoff="2025-04-26T14:00:00Z",
    kickoff_precision="minute",
    neutral=False,
)
PROVENANCE = Provenance(
    model="champion", model_version="7", model_run_id="run-7", release_id="r1", feed="simulated"
)
# A row of the predictions table, as the graph stores it.
ROW = {
    "p_home": 0.5,
    "p_draw": 0.3,
    "p_away": 0.2,
    "expected_home_goals": 1.5,
    "expected_away_goals": 0.25,
    "over_2_5": 0.4,
    "both_teams_to_score": 0.3,
    "likely_scores": json_column(GOALS.likeliest_scores),
    "reasons": json_column(REASONS),
    "goal_model": json_column(GOALS.goal_model),
}


def rendered(made):
    """The body of a prediction with this forecast."""
    return render(
        Prediction,
        MEETING,
        made,
        PROVENANCE,
        match_id="m1",
        round=None,
        status="scheduled",
        predicted_at="2025-04-25T09:00:00Z",
    )


def test_a_stored_row_and_a_fresh_forecast_are_the_same_bytes():
    """What went through the table is served as it was encoded first; readers decode it as ever."""
    fresh = msgspec.json.encode(rendered(forecast((0.5, 0.3, 0.2), GOALS, REASONS)))
    stored = msgspec.json.encode(rendered(forecast_of_row(ROW)))

    assert stored == fresh
    decoded = msgspec.json.decode(stored, type=Prediction)
    assert (decoded.reasons, decoded.likely_scores) == (REASONS, GOALS.likeliest_scores)
    assert (decoded.expected_goals, decoded.goal_model) == (Goals(1.5, 0.25), GOALS.goal_model)


def test_a_row_of_an_earlier_version_has_no_goals():
    """NaN and None stand where a table of an earlier version had no column."""
    nothing = dict.fromkeys(ROW, float("nan")) | {
        "p_home": 0.2,
        "p_draw": 0.4,
        "p_away": 0.4,
        "reasons": None,
    }

    body = msgspec.json.decode(msgspec.json.encode(rendered(forecast_of_row(nothing))), type=Prediction)

    assert (body.expected_goals, body.over_2_5, body.both_teams_to_score) == (None, None, None)
    assert (body.likely_scores, body.reasons, body.predicted_label) == ((), (), "draw")
    assert body.goal_model is None


def test_a_prediction_and_a_scored_pairing_agree_on_what_they_share():
    """The same parts make both bodies."""
    made = forecast((0.5, 0.3, 0.2), GOALS, REASONS)
    at = "2025-04-25T09:00:00Z"
    pairing = msgspec.to_builtins(
        render(
            ScoredPairing,
            PROVENANCE,
            MEETING,
            made,
            ground_rule=None,
            leg=None,
            state=None,
            rest_goals=None,
            markets=None,
            predicted_at=at,
        ),
        order="deterministic",
    )
    prediction = msgspec.to_builtins(rendered(made))

    assert {name: pairing[name] for name in pairing.keys() & prediction.keys()} == {
        name: prediction[name] for name in pairing.keys() & prediction.keys()
    }
    assert pairing.keys() - prediction.keys() == {
        "kind",
        "ground_rule",
        "leg",
        "state",
        "rest_goals",
        "markets",
        "settled",
    }


@pytest.mark.parametrize(
    ("values", "label"),
    [((0.2, 0.3, 0.5), "away"), ((0.4, 0.4, 0.2), "home"), ((0.3, 0.35, 0.35), "draw")],
)
def test_the_label_is_the_first_of_the_largest(values, label):
    """Equal probabilities do not depend on who asks."""
    assert probabilities(*values).predicted_label == forecast(values, GOALS).predicted_label == label


def test_no_other_module_writes_out_a_prediction():
    """The fields of a prediction stand once: nobody else calls its structs by name."""
    files = [
        file
        for package in (soccer_assets, serving)
        for file in Path(next(iter(package.__path__))).rglob("*.py")
    ]
    calls = {
        (file.name, node.func.id)
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }

    assert ("prediction.py", "Forecast") in calls
    assert not {name for _, name in calls} & {"Prediction", "ScoredPairing", "ScoredFeatures"}


def names_within(kind, seen):
    """The names of all fields of a struct and of the structs within it."""
    for field in msgspec.structs.fields(kind):
        yield field.name
        parts = [field.type, *get_args(field.type)]
        parts += [inner for part in parts for inner in get_args(part)]
        for part in parts:
            if isinstance(part, type) and issubclass(part, msgspec.Struct) and part not in seen:
                yield from names_within(part, seen | {part})


@pytest.mark.parametrize("body", [Prediction, ModelCard, ScoredPairing, ScoredFeatures, Live])
def test_no_price_leaves_through_the_api(body):
    """No field of an answer is a bookmaker's price; log-odds and fair odds are a forecast's own."""
    names = set(names_within(body, frozenset())) - {"fair_odds"}

    assert len(names) > 5
    assert not {name for name in names if "price" in name or "odds" in name.replace("log_odds", "")}
