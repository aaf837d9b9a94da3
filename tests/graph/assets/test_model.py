"""The training run: a candidate, its scorecard, and the champion that follows from it."""

import datetime as dt

import dagster as dg
import msgspec
import pytest
import redis

from soccer_assets.alerting.detection import graph_conditions
from soccer_assets.clock import FixedClock
from soccer_assets.contract.events import Event
from soccer_assets.contract.release import CANDIDATE, CHAMPION, PREVIOUS
from soccer_assets.graph.assets.model import REASON_TAG
from soccer_assets.graph.jobs import rollback_config
from soccer_assets.graph.sensors.retrain import retrain_sensor
from soccer_assets.modelling import evaluation
from soccer_assets.modelling.outcome_model import ELO_TEXTBOOK, XGBOOST_ON_LOGIT
from soccer_assets.modelling.promotion import GATES, PromotionDecision
from soccer_assets.modelling.retraining import AGE
from soccer_assets.modelling.training import Parameters
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.stores.models.evaluations import Scorecards
from soccer_assets.stores.models.parameters import read_search, write_search
from soccer_assets.stores.models.reigns import read_reigns
from soccer_assets.stores.releases.publish import Releases
from tests.builders import EVENT_STREAM, NOW, two_leagues
from tests.graph.assets.conftest import Graph, history_of
from tests.models import elo_model

TO_FEATURES = (
    "matches/match",
    "matches/odds",
    "exports/match_raw",
    "exports/match",
    "features/team_state",
    "features/match_features",
)
MODEL = ("model/candidate", "model/evaluation", "model/champion")


@pytest.fixture
def untrained(graph: Graph) -> Graph:
    """A graph with features of 110 played matches and no model."""
    graph.feed.items = two_leagues()
    graph.registry.aliases.clear()
    tags = history_of("2025-03-01", "2025-04-01")
    assert graph.run("livescores/history", *TO_FEATURES, tags=tags).success
    return graph


def test_the_first_champion_is_the_textbook(untrained):
    """A candidate that does not beat everyone on twelve matches is registered, and Elo answers meanwhile."""
    result = untrained.run(*MODEL)

    assert result.success
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks.keys() == {"scorecard_is_complete", "champion_is_loadable", *GATES}
    decision = Scorecards(untrained.store).current().decision
    refused = {gate.name for gate in decision.gates if not gate.passed}
    assert {name for name, passed in checks.items() if not passed} == refused
    assert "better_than_prior" in refused
    registry = untrained.registry
    assert registry.get(CANDIDATE).facts.recipe == XGBOOST_ON_LOGIT
    assert registry.get(CHAMPION).facts.recipe == ELO_TEXTBOOK
    assert registry.find(PREVIOUS) is None
    candidate = untrained.metadata(result, "model/candidate")
    champion = untrained.metadata(result, "model/champion")
    assert (candidate["finished_matches"], candidate["dagster/row_count"]) == (110, 88)
    assert (champion["dagster/row_count"], champion["change"]) == (110, "bootstrapped")
    assert champion["reason"].startswith("not promoted")
    assert champion["champion"].startswith("version 3: elo_textbook, fitted on 110 matches")
    assert champion["champion_since"] == NOW.timestamp()
    assert champion["previous_champion"].startswith("none")
    assert champion["a_rollback_would"].startswith("fail")
    # Textbook Elo has a run of its own: the other one describes the candidate.
    assert registry.get(CHAMPION).run_id != registry.get(CANDIDATE).run_id
    assert registry.notes["2"] == (decision.reason, {"passes_every_gate": "false"})
    scorecard = Scorecards(untrained.store).current().scorecard
    assert (scorecard.rows, set(scorecard.forecasters)) == (12, {"prior", "elo_textbook", "candidate"})
    tracking = untrained.tracking
    assert tracking.metrics["all.candidate.log_loss"] == scorecard.forecasters["candidate"].log_loss
    assert tracking.params["recipe"] == XGBOOST_ON_LOGIT
    assert tracking.tags["verdict"] == tracking.tags["reason"] == decision.reason
    assert (tracking.tags["change"], tracking.tags["champion"]) == ("bootstrapped", "3")
    assert tracking.inputs.keys() == {"train", "calibration", "test"}
    assert tracking.inputs["test"]["window"].startswith("12 matches, ")
    assert [step for step, _ in tracking.series["calibration.log_loss"]][:2] == [0, 1]
    plots = ("learning_curve", "feature_gain", "reliability", "differences", "slices", "weeks")
    assert tracking.files == {"scorecard.json", "insight.json"} | {f"{name}.png" for name in plots}
    for name, asset in zip(plots, ["candidate"] * 2 + ["evaluation"] * 4, strict=True):
        assert "data:image/png" in untrained.metadata(result, f"model/{asset}")[name]
    page = untrained.metadata(result, "model/evaluation")
    numbers = ("log_loss", "ece_15", "log_loss_minus_elo_textbook")
    assert {name: type(page[name]) for name in numbers} == dict.fromkeys(numbers, float)
    assert page["log_loss_minus_elo_textbook"] == scorecard.differences["elo_textbook"].mean


def test_a_candidate_that_passes_every_gate_takes_over(untrained, monkeypatch):
    """It is refitted on all rows, the replaced one keeps an alias, and the next candidate meets it."""
    won = PromotionDecision(promote=True, reason="every gate holds", gates=())
    with monkeypatch.context() as patched:
        patched.setattr(evaluation, "decide_promotion", lambda _facts: won)
        first = untrained.run(*MODEL)
        notices = graph_conditions(untrained.instance, {}, [], dt.datetime.now(dt.UTC))
    registry = untrained.registry
    champion, previous = registry.get(CHAMPION), registry.get(PREVIOUS)
    second = untrained.run(*MODEL)

    assert untrained.metadata(first, "model/champion")["reason"] == "every gate holds"
    assert [(each.kind, each.subject) for each in notices] == [
        ("promotion", f"model version {champion.version}")
    ]
    assert graph_conditions(untrained.instance, {}, [], dt.datetime.now(dt.UTC)) == []
    assert (champion.facts.recipe, champion.facts.trained_rows) == (XGBOOST_ON_LOGIT, 110)
    assert previous.facts.recipe == ELO_TEXTBOOK
    assert second.success
    result = Scorecards(untrained.store).current()
    assert result.champion_version == champion.version
    # Refitted without the test rows, by the same recipe with the same seed, it equals the candidate.
    assert result.scorecard.differences["champion"].mean == pytest.approx(0.0)
    assert registry.get(CHAMPION) == champion


def test_a_failed_check_leaves_the_champion_alone(untrained, monkeypatch):
    """A scorecard with a hole stops the run behind the evaluation, though every gate would hold."""
    before = dict(untrained.registry.aliases)
    real = evaluation.score

    def holed(*arguments):
        card = real(*arguments)
        broken = msgspec.structs.replace(card.forecasters["candidate"], log_loss=float("nan"))
        return msgspec.structs.replace(card, forecasters=card.forecasters | {"candidate": broken})

    monkeypatch.setattr(evaluation, "score", holed)
    won = PromotionDecision(promote=True, reason="every gate holds", gates=())
    monkeypatch.setattr(evaluation, "decide_promotion", lambda _facts: won)
    result = untrained.run(*MODEL)

    assert not result.success
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks["scorecard_is_complete"] is False
    assert "champion_is_loadable" not in checks
    assert untrained.registry.aliases.keys() - before.keys() == {CANDIDATE}
    assert untrained.registry.find(CHAMPION) is None


def test_or_01_from_a_reason_to_a_served_release_and_its_event_in_one_run(untrained, monkeypatch, valkey_url):
    """Predecessor's risk OR-01, no retrain loop: the sensor's run ends with the winner served and announced.

    The loser's run is green, keeps the champion and announces no promotion.
    """
    with redis.Redis.from_url(valkey_url) as client:
        client.delete(EVENT_STREAM)
        untrained.releases = Releases(untrained.store, EventBus(valkey_url, untrained.store))
        first = untrained.run(*MODEL, *TO_RELEASE)
        served = untrained.releases.pointer().model_version
        resources = {
            "database": untrained.database,
            "model_registry": untrained.registry,
            "object_store": untrained.store,
            "clock": FixedClock(NOW + dt.timedelta(days=29)),
        }
        asked = retrain_sensor(dg.build_sensor_context(instance=untrained.instance, resources=resources))
        won = PromotionDecision(promote=True, reason="every gate holds", gates=())
        monkeypatch.setattr(evaluation, "decide_promotion", lambda _facts: won)
        second = untrained.run(*MODEL, *TO_RELEASE, tags=asked.tags)
        events = [
            msgspec.json.decode(fields[b"event"], type=Event) for _, fields in client.xrange(EVENT_STREAM)
        ]
        client.delete(EVENT_STREAM)

    assert (first.success, second.success) == (True, True)
    assert untrained.metadata(first, "model/champion")["change"] == "bootstrapped"
    assert asked.tags[REASON_TAG] == AGE
    winner = untrained.registry.get(CHAMPION).version
    assert winner != served
    assert untrained.releases.pointer().model_version == winner
    assert [(event.type, event.detail["model_version"]) for event in events] == [
        ("release", served),
        ("promotion", winner),
    ]


def test_training_without_features_says_what_to_do(graph):
    """A retrain on an empty home fails with the asset to materialise first."""
    result = graph.run("model/candidate")

    (event,) = result.get_step_failure_events()
    error = event.step_failure_data.error
    while error.cause is not None:
        error = error.cause
    assert "materialise features/match_features first" in error.message


ROLLBACK = rollback_config()
TO_RELEASE = ("predictions/upcoming", "predictions/ledger", "releases/current")


def test_a_rollback_releases_the_champion_before_and_naming_the_other_leads_back(untrained):
    """Champion and previous change places, and the release names the one that answers."""
    registry = untrained.registry
    old, new = registry.add(elo_model(0.9), PREVIOUS), registry.add(elo_model(1.1), CHAMPION)
    served = []
    for config in (ROLLBACK, rollback_config(old.version, new.version)):
        result = untrained.run("model/champion", *TO_RELEASE, run_config=config)
        assert result.success
        metadata = untrained.metadata(result, "model/champion")
        served.append((registry.aliases[CHAMPION], registry.aliases[PREVIOUS]))
        assert metadata["change"] == "rolled_back"
        assert metadata["version"] == registry.aliases[CHAMPION]
        assert metadata["champion"].startswith(f"version {registry.aliases[CHAMPION]}:")
        assert metadata["previous_champion"].startswith(f"version {registry.aliases[PREVIOUS]}:")
        assert f"version {registry.aliases[PREVIOUS]} " in metadata["a_rollback_would"]
        assert metadata["champion_since"] == NOW.timestamp()
        assert untrained.releases.pointer().model_version == registry.aliases[CHAMPION]
    assert served == [(old.version, new.version), (new.version, old.version)]
    assert [reign.version for reign in read_reigns(untrained.store)] == [old.version, new.version]


@pytest.mark.parametrize(
    "config", [{}, {"from_version": 3}, {"to_version": 2}, {"from_version": 3, "to_version": 2}]
)
def test_a_rollback_launched_twice_rolls_back_once(untrained, config):
    """The second run succeeds and says that it is so; one notice is told, the aliases stay."""
    registry = untrained.registry
    old, bad = registry.add(elo_model(0.9), PREVIOUS), registry.add(elo_model(1.1), CHAMPION)
    assert (old.version, bad.version) == ("2", "3")
    asked = {"ops": {"model__champion": {"config": {"rollback": True, **config}}}}
    first, second = (untrained.run("model/champion", run_config=asked) for _ in range(2))

    assert (first.success, second.success) == (True, True)
    assert untrained.metadata(first, "model/champion")["reason"] == "rolled back from version 3 to version 2"
    page = untrained.metadata(second, "model/champion")
    assert page["change"] == "kept"
    assert page["reason"] == "already so: version 2 is the champion, version 3 the previous champion"
    assert page["a_rollback_would"].startswith("change nothing")
    assert registry.aliases == {CHAMPION: "2", PREVIOUS: "3"}


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"from_version": 1, "to_version": 2}, "version 3 is the champion, neither version 1 nor version 2"),
        ({"from_version": 2}, "version 3 is the champion, not version 2"),
        ({"to_version": 9}, "version 9 was never the champion"),
        ({"from_version": 3, "to_version": 1}, "version 1 was never the champion"),
    ],
)
def test_a_rollback_of_another_champion_is_refused_in_a_sentence(untrained, config, sentence):
    """Nothing moves where the champion is neither version, or the other one never was champion."""
    registry = untrained.registry
    registry.add(elo_model(0.9), PREVIOUS)
    registry.add(elo_model(1.1), CHAMPION)
    before = dict(registry.aliases)
    asked = {"ops": {"model__champion": {"config": {"rollback": True, **config}}}}
    result = untrained.run("model/champion", run_config=asked)

    (event,) = result.get_step_failure_events()
    assert sentence in event.step_failure_data.user_failure_data.description
    assert "nothing was changed" in event.step_failure_data.user_failure_data.description
    assert registry.aliases == before


def test_a_rollback_without_a_champion_before_says_so(untrained):
    """Nothing moves, and the failure is one sentence."""
    untrained.registry.add(elo_model(), CHAMPION)
    before = dict(untrained.registry.aliases)
    result = untrained.run("model/champion", run_config=ROLLBACK)

    assert not result.success
    (event,) = result.get_step_failure_events()
    assert "no previous champion to roll back to" in event.step_failure_data.user_failure_data.description
    assert untrained.registry.aliases == before


def test_tuned_parameters_reach_the_next_candidate(untrained):
    """A search logs its trials; the candidate after it is fitted, and later refitted, with what it found."""
    result = untrained.run(
        "model/parameters", run_config={"ops": {"model__parameters": {"config": {"trials": 2}}}}
    )
    assert result.success
    found = read_search(untrained.store)
    metadata = untrained.metadata(result, "model/parameters")
    assert len(found.trials) == metadata["trial_count"] == 2
    assert metadata["log_loss"] <= metadata["default_log_loss"]
    assert {"search.json", "trials.png"} <= untrained.tracking.files

    other = Parameters(max_depth=2, prior_matches=50.0)
    write_search(untrained.store, msgspec.structs.replace(found, parameters=other))
    assert untrained.run("model/candidate").success

    facts = untrained.registry.get(CANDIDATE).facts
    assert facts.parameters == other
    assert untrained.tracking.params["max_depth"] == 2
    assert len(facts.data_sha256) == 64
    assert facts.code_version == untrained.tracking.params["code_version"]


def test_every_look_at_the_test_window_is_written_down(untrained):
    """Two evaluations of the same matches are two looks, with their run, version and rows."""
    assert untrained.run(*MODEL).success
    second = untrained.run(*MODEL)

    readings = Scorecards(untrained.store).readings()
    assert [each.candidate_version for each in readings] == ["2", "4"]  # between them the first champion
    assert {each.rows for each in readings} == {12}
    assert readings[0].run_id != readings[1].run_id == second.run_id
    assert readings[0].data_sha256 == readings[1].data_sha256
    assert untrained.metadata(second, "model/evaluation")["readings_of_this_test"] == 2
