"""From the feed to a release: what the hourly run makes, one stage after the other."""

import datetime as dt
import io
import json
import sqlite3
from typing import Any

import dagster as dg
import msgspec
import numpy as np
import pytest

from soccer_assets.clock import isoformat, parse_instant
from soccer_assets.contract.release import (
    CANDIDATE,
    CHAMPION,
    MANIFEST_FILE,
    PREDICTIONS_FILE,
    PREVIOUS,
    Manifest,
    Prediction,
    release_key,
)
from soccer_assets.contract.status import STATUS_KEY, Status, stale_reasons
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.features import FEATURE_NAMES, compute_features
from soccer_assets.football.identity import mint_match_id
from soccer_assets.football.matches import STATUS_RULES, MatchStatus, outcome_of
from soccer_assets.football.records import RawMatch
from soccer_assets.graph.assets.predictions import UPCOMING
from soccer_assets.stores.features.store import match_table_of
from soccer_assets.stores.predictions import PREDICTION_SCHEMA
from tests.builders import COMPETITIONS, NOW, finished, raw_match, two_leagues
from tests.graph.assets.conftest import Graph, history_of
from tests.models import elo_model

LIVESCORES = ("livescores/recent", "livescores/upcoming")
TO_FEATURES = (
    "matches/match",
    "matches/odds",
    "exports/match_raw",
    "exports/match",
    "features/team_state",
    "features/match_features",
)
TO_RELEASE = ("predictions/upcoming", "predictions/ledger", "releases/current")
HOURLY = (*LIVESCORES, *TO_FEATURES, *TO_RELEASE)


@pytest.fixture
def filled(graph: Graph) -> Graph:
    """A graph whose two leagues of 60 matches are stored."""
    graph.feed.items = two_leagues()
    tags = history_of("2025-03-01", "2025-04-01")
    assert graph.run("livescores/history", tags=tags).success
    return graph


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """Which checks of a run passed."""
    return {check.check_name: check.passed for check in result.get_asset_check_evaluations()}


def data_version(result: dg.ExecuteInProcessResult, key: str) -> str:
    """The data version of an asset."""
    (event,) = (
        event.event_specific_data.materialization
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(key.split("/"))
    )
    return event.tags["dagster/data_version"]


def play(graph: Graph, match: RawMatch, score: str) -> None:
    """Let the feed tell the result of a fixture."""
    result = finished(score, match.kickoff.isoformat(), source_match_id=match.source_match_id)
    changes = {name: getattr(result, name) for name in ("status", "home_goals", "away_goals")}
    graph.feed.items = [
        msgspec.structs.replace(each, **changes) if each.source_match_id == match.source_match_id else each
        for each in graph.feed.items
    ]


def manifest_of(graph: Graph) -> Manifest:
    """The current release."""
    pointer = graph.releases.pointer()
    return msgspec.json.decode(
        graph.store.read(release_key(pointer.release_id, MANIFEST_FILE)), type=Manifest
    )


def bodies(graph: Graph, tmp_path: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """The answers of the current release by match and model."""
    file = tmp_path / "read.sqlite"
    file.write_bytes(graph.store.read(release_key(manifest_of(graph).release_id, PREDICTIONS_FILE)))
    connection = sqlite3.connect(file)
    rows = connection.execute("SELECT match_id, model, body FROM prediction").fetchall()
    connection.close()
    return {(match_id, model): json.loads(body) for match_id, model, body in rows}


def test_or_03_raw_rows_become_matches_exports_and_features(filled):
    """Two leagues of 60 matches: the same 120 rows at every stage, and every check green."""
    result = filled.run(*TO_FEATURES)

    assert result.success
    rows = {key: filled.metadata(result, key)["dagster/row_count"] for key in TO_FEATURES}
    assert rows == {
        "matches/match": 120,
        "matches/odds": 0,
        "exports/match_raw": 120,
        "exports/match": 120,
        "features/team_state": 12,
        "features/match_features": 120,
    }
    assert filled.metadata(result, "exports/match")["months_written"] == 2
    assert checks(result) == {
        "results_are_possible": True,
        "names_are_decided": True,
        "meetings_are_told_once": True,
        "no_matchday_is_filled_in": True,
        "sides_at_home_win_more": True,
        "feeds_agree": True,
        "feed_clocks_agree": True,
        "no_team_plays_twice_a_day": True,
        "prices_make_a_book": True,
        "snapshot_is_whole": True,
        "features_are_finite": True,
    }
    features = filled.features.read(filled.features.manifest())
    assert features.column_names == ["match_id", *FEATURE_NAMES]


def test_nothing_new_keeps_every_data_version(filled):
    """A second run over the same rows materialises, and no asset below sees new data."""
    versioned = ("exports/match", "exports/match_raw", "features/team_state", "features/match_features")
    first, second = (filled.run(*TO_FEATURES) for _ in range(2))

    assert [data_version(second, key) for key in versioned] == [data_version(first, key) for key in versioned]
    assert filled.metadata(second, "exports/match")["months_written"] == 0


def test_one_result_rewrites_one_month(filled):
    """A result of 25 April changes April's parts and the state of its teams, and nothing of March."""
    first = filled.run(*TO_FEATURES)
    before = filled.exports.manifest()
    play(filled, filled.feed.items[55], "2-0")
    filled.at(NOW + dt.timedelta(days=1))
    second = filled.run(*LIVESCORES, *TO_FEATURES)

    assert second.success
    assert filled.metadata(second, "exports/match")["months_written"] == 1
    march, april = (part.key for part in before.tables["match"].parts)
    now = [part.key for part in filled.exports.manifest().tables["match"].parts]
    assert (now[0], now[1] != april) == (march, True)
    assert data_version(first, "features/team_state") != data_version(second, "features/team_state")


def test_the_graphs_increment_has_the_bits_of_a_pass_over_everything(filled):
    """A result, a postponement and a corrected old score: each run makes what one pass over all would."""
    filled.run(*TO_FEATURES)
    steps = [
        ("livescores/recent", 55, {"status": MatchStatus.FINISHED, "home_goals": 4, "away_goals": 0}),
        ("livescores/upcoming", 57, {"kickoff": filled.feed.items[57].kickoff + dt.timedelta(days=5)}),
        ("livescores/history", 3, {"home_goals": 9}),
    ]
    filled.at(NOW + dt.timedelta(days=1))
    replayed_from = []
    for asset, place, changes in steps:
        before = filled.features.read(filled.features.manifest())
        filled.feed.items[place] = msgspec.structs.replace(filled.feed.items[place], **changes)
        tags = history_of("2025-03-01", "2025-03-01") if asset == "livescores/history" else {}
        assert filled.run(asset, tags=tags).success
        result = filled.run(*TO_FEATURES)

        whole, state = compute_features(
            match_table_of(filled.exports.read_matches(filled.exports.manifest()))
        )
        made = filled.features.manifest()
        stored = filled.features.read(made)
        assert all(checks(result).values())
        assert stored["match_id"].to_pylist() == whole.match_id.tolist()
        values = np.column_stack([stored[name].to_numpy() for name in FEATURE_NAMES])
        assert values.tobytes() == whole.values.tobytes()
        assert filled.features.read_team_state(made) == state.to_bytes()
        assert not stored.equals(before)
        replayed_from.append(filled.metadata(result, "features/match_features")["replayed_from"])
    assert replayed_from == ["2025-04", "2025-04", "2025-03"]


def test_a_match_that_cannot_be_is_never_exported(graph):
    """A team that plays itself is quarantined with the reason; the rows beside it reach the features."""
    spelt_twice = raw_match(home_team="Köln", away_team="KOLN")
    graph.feed.items = [
        spelt_twice,
        *(raw_match(source_match_id=f"m{number}", home_team=f"t{number}") for number in range(2, 32)),
    ]
    result = graph.run("livescores/upcoming", *TO_FEATURES)

    assert result.success
    assert graph.metadata(result, "livescores/upcoming")["rejected"] == 1
    assert graph.metadata(result, "features/match_features")["dagster/row_count"] == 30


def test_an_empty_home_has_empty_exports_and_features(graph):
    """A feed without a single match, as before a league's first season, stops nothing."""
    result = graph.run(*LIVESCORES, *TO_FEATURES)

    assert result.success
    assert graph.metadata(result, "features/match_features")["dagster/row_count"] == 0


def test_a_damaged_export_stops_what_follows(filled):
    """The check of the snapshot fails on a part that was changed, and features are not made of it."""
    filled.run(*TO_FEATURES)
    part = filled.exports.manifest().tables["match"].parts[0]
    filled.store.write(part.key, b"something else")
    result = filled.run(
        "exports/match", "exports/match_raw", "features/team_state", "features/match_features"
    )

    assert not result.success
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert made == {"exports/match", "exports/match_raw"}


def test_or_02_the_hourly_run_ends_in_a_release(filled, tmp_path):
    """Ten fixtures are predicted, entered in the ledger, released and announced in the status."""
    result = filled.run(*HOURLY)

    assert result.success
    assert all(checks(result).values())
    table = filled.frames.load(UPCOMING)
    assert (len(table), set(table["model"])) == (10, {CHAMPION})
    assert list(table.columns) == PREDICTION_SCHEMA.names
    np.testing.assert_allclose(table[["p_home", "p_draw", "p_away"]].sum(axis=1), 1.0)
    assert filled.metadata(result, "predictions/ledger")["recorded"] == 10
    manifest = manifest_of(filled)
    assert (manifest.prediction_rows, manifest.is_simulated) == (10, True)
    assert manifest.data_as_of == "2025-04-24T18:00:00Z"
    assert manifest.ledger_head == filled.metadata(result, "predictions/ledger")["ledger_head"]
    status = msgspec.json.decode(filled.store.read(STATUS_KEY), type=Status)
    assert (status.checked_at, status.next_expected_at) == ("2025-04-25T09:00:00Z", "2025-04-25T22:00:00Z")
    body = bodies(filled, tmp_path)[mint_match_id("fake", "TST-1-55"), CHAMPION]
    assert (body["home_team"]["name"], body["kickoff"]) == ("TST-1 team F", "2025-04-25T18:00:00Z")
    assert (body["release_id"], body["predicted_at"]) == (manifest.release_id, "2025-04-25T09:00:00Z")


def test_an_hour_later_with_nothing_new_the_release_stands(filled):
    """The same predictions keep their first time, the ledger gains nothing, the release is not new."""
    filled.run(*HOURLY)
    first = manifest_of(filled)
    filled.at(NOW + dt.timedelta(hours=1))
    result = filled.run(*HOURLY)

    assert result.success
    assert filled.metadata(result, "releases/current")["is_new_release"] is False
    assert filled.metadata(result, "predictions/ledger")["recorded"] == 0
    assert manifest_of(filled) == first
    status = msgspec.json.decode(filled.store.read(STATUS_KEY), type=Status)
    assert status.checked_at == "2025-04-25T10:00:00Z"


def test_or_07_backfilling_the_past_does_not_make_the_present_look_fresh(filled):
    """Five hours without a look at the feed, then a backfill that is carried on to a release: still stale."""
    filled.run(*HOURLY)
    looked = filled.instance.get_latest_materialization_event(dg.AssetKey(["livescores", "recent"]))
    filled.at(NOW + dt.timedelta(hours=5))
    backfill = filled.run("livescores/history", tags=history_of("2025-03-01", "2025-04-01"))
    follow_up = filled.run(*TO_FEATURES, *TO_RELEASE)

    assert (backfill.success, follow_up.success) == (True, True)
    status = msgspec.json.decode(filled.store.read(STATUS_KEY), type=Status)
    assert status.checked_at == "2025-04-25T09:00:00Z"
    (reason,) = stale_reasons(status, filled.clock.now())
    assert "last checked at 2025-04-25T09:00:00Z" in reason
    recent = next(each for each in status.assets if each.key == "livescores/recent")
    assert recent.last_materialized_at == isoformat(dt.datetime.fromtimestamp(looked.timestamp, dt.UTC))


def test_a_played_match_keeps_its_prediction_beside_the_result(filled, tmp_path):
    """The forecast from before kickoff stays with the result, is scored, and is not made again."""
    filled.run(*HOURLY)
    played = mint_match_id("fake", "TST-1-55")
    before = bodies(filled, tmp_path)[played, CHAMPION]
    play(filled, filled.feed.items[55], "2-0")
    filled.at(parse_instant("2025-04-25T21:00:00Z"))
    result = filled.run(*HOURLY)

    after = bodies(filled, tmp_path)[played, CHAMPION]
    assert after["result"] == {"home_goals": 2, "away_goals": 0, "outcome": "home"}
    kept = ("p_home", "p_draw", "p_away", "predicted_at", "model_version")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert filled.metadata(result, "predictions/ledger")["scored"] == 1


def test_a_summer_without_fixtures_still_releases(filled, tmp_path):
    """When the season is over the release holds what was played, and no prediction is missing."""
    filled.run(*HOURLY)
    for match in filled.feed.items:
        if match.status is MatchStatus.SCHEDULED:
            play(filled, match, "1-1")
    filled.at(parse_instant("2025-05-02T09:00:00Z"))
    tags = history_of("2025-04-01", "2025-04-01")
    filled.run("livescores/history", tags=tags)
    result = filled.run(*HOURLY)

    assert result.success
    assert {body["status"] for body in bodies(filled, tmp_path).values()} == {"finished"}
    assert manifest_of(filled).prediction_rows == 10


def test_each_model_with_an_alias_has_its_say(filled):
    """Champion, previous and candidate predict the same fixtures; only the champion's go into the ledger."""
    filled.registry.add(elo_model(0.9), CANDIDATE)
    filled.registry.add(elo_model(0.1), PREVIOUS)
    result = filled.run(*HOURLY)

    assert result.success
    table = filled.frames.load(UPCOMING)
    assert table["model"].value_counts().to_dict() == {CHAMPION: 10, CANDIDATE: 10, PREVIOUS: 10}
    assert table.groupby("match_id")["p_home"].nunique().min() == 3
    ledger = filled.metadata(result, "predictions/ledger")
    assert (ledger["recorded"], ledger["shadows"]) == (10, 10)
    assert set(manifest_of(filled).models) == {CHAMPION, CANDIDATE, PREVIOUS}


def test_a_new_champion_makes_new_predictions(filled):
    """After a promotion every fixture is predicted again, entered again and released again."""
    filled.run(*HOURLY)
    first = manifest_of(filled)
    filled.registry.add(elo_model(0.9), CHAMPION)
    filled.at(NOW + dt.timedelta(hours=1))
    result = filled.run(*HOURLY)

    assert filled.metadata(result, "predictions/ledger")["recorded"] == 10
    assert manifest_of(filled).models[CHAMPION].version == "2"
    assert manifest_of(filled).release_id != first.release_id
    assert set(filled.frames.load(UPCOMING)["predicted_at"]) == {"2025-04-25T10:00:00Z"}


def test_predictions_of_another_champion_are_not_published(filled):
    """The alias moved after the predictions were made: the run fails and the old release stands."""
    filled.run(*HOURLY)
    before = manifest_of(filled)
    filled.registry.add(elo_model(0.9), CHAMPION)
    result = filled.run("releases/current")

    assert not result.success
    (event,) = result.get_step_failure_events()
    assert "materialise predictions/upcoming again" in event.step_failure_data.user_failure_data.description
    assert manifest_of(filled) == before


def test_each_status_is_served_or_not(filled):
    """A match that will not be played as announced leaves the predictions, all others stay."""
    filled.run(*HOURLY)
    fixtures = [place for place, one in enumerate(filled.feed.items) if one.status is MatchStatus.SCHEDULED]
    # A result days before the kickoff would not pass the gate.
    of = dict(zip(fixtures, (each for each in MatchStatus if not STATUS_RULES[each].settles), strict=False))
    for place, status in of.items():
        filled.feed.items[place] = msgspec.structs.replace(filled.feed.items[place], status=status)
    result = filled.run(*HOURLY)

    assert result.success
    predicted = set(filled.frames.load(UPCOMING)["match_id"])
    ids = {
        status: mint_match_id("fake", filled.feed.items[place].source_match_id)
        for place, status in of.items()
    }
    assert {status for status, match_id in ids.items() if match_id in predicted} == {
        MatchStatus.SCHEDULED,
        MatchStatus.TBD,
        MatchStatus.LIVE,
        MatchStatus.POSTPONED,
    }
    assert len(ids) == len(MatchStatus) - 1


def test_goals_agree_with_the_outcome_and_the_champion_gives_its_reasons(filled, tmp_path):
    """Each body's likeliest scores and expected goals fit its 1x2; only the champion's say why."""
    filled.registry.add(elo_model(0.9), CANDIDATE)
    assert filled.run(*HOURLY).success

    for (_, alias), body in bodies(filled, tmp_path).items():
        prediction = msgspec.convert(body, Prediction)
        assert prediction.expected_goals is not None
        assert prediction.over_2_5 is not None
        assert prediction.both_teams_to_score is not None
        assert 0 < prediction.both_teams_to_score < 1
        assert prediction.over_2_5 > sum(
            each.p for each in prediction.likely_scores if each.home + each.away > 2
        )
        assert len(prediction.likely_scores) == 5
        chances = [each.p for each in prediction.likely_scores]
        assert chances == sorted(chances, reverse=True)
        of = {"home": prediction.p_home, "draw": prediction.p_draw, "away": prediction.p_away}
        for outcome, p in of.items():
            inside = [
                each.p for each in prediction.likely_scores if outcome_of(each.home, each.away) == outcome
            ]
            assert sum(inside) < p
        assert {reason.group for reason in prediction.reasons} == (
            {"strength", "home ground"} if alias == CHAMPION else set()
        )
        assert all("home side" in reason.text for reason in prediction.reasons if reason.log_odds > 0.02)


def test_who_goes_on_from_a_cup_tie_is_released(filled, tmp_path, monkeypatch):
    """A second leg whose first leg was 3-0 and a final have chances; a league's match has none."""
    cup = load_competitions()["UEFA-CL"]
    monkeypatch.setattr(filled.feed, "competitions", lambda: COMPETITIONS | {cup.code: cup})
    one, other, third = ("TST-1 team A", "TST-1 team B", "TST-1 team C")
    leg = {"competition": cup.code, "round": "Semi-finals", "payload": {}}
    filled.feed.items += [
        finished("3-0", "2025-04-23T19:00:00Z", source_match_id="c1", home_team=one, away_team=other, **leg),
        *(
            raw_match(
                source_match_id=id_,
                kickoff=parse_instant(f"2025-04-{day}T19:00:00Z"),
                home_team=home,
                away_team=away,
                **(leg | {"round": round_}),
            )
            for id_, day, home, away, round_ in (
                ("c2", "29", other, one, "Semi-finals"),
                ("c3", "30", one, third, "Final"),
            )
        ),
    ]

    assert filled.run(*HOURLY).success
    found = bodies(filled, tmp_path)
    second, final, league = (found[mint_match_id("fake", id_), CHAMPION] for id_ in ("c2", "c3", "TST-1-57"))
    assert second["p_advance"]["home"] < 0.1 < second["p_home"]
    assert final["p_home"] < final["p_advance"]["home"] < final["p_home"] + final["p_draw"]
    assert sum(final["p_advance"].values()) == pytest.approx(1.0)
    assert league["p_advance"] is None


def test_predictions_made_before_there_were_goals_are_kept(filled, tmp_path):
    """A match predicted by an earlier version keeps its probabilities, without goals and reasons."""
    filled.run(*HOURLY)
    old = filled.frames.load(UPCOMING)
    columns = ["expected_home_goals", "expected_away_goals", "over_2_5", "both_teams_to_score"]
    buffer = io.BytesIO()
    old.drop(columns=[*columns, "likely_scores", "reasons", "goal_model", "p_advance"]).to_parquet(buffer)
    filled.store.write("predictions/upcoming.parquet", buffer.getvalue())
    filled.at(parse_instant("2025-04-25T21:00:00Z"))

    assert filled.run(*HOURLY).success
    played = bodies(filled, tmp_path)[mint_match_id("fake", "TST-1-55"), CHAMPION]
    assert (played["expected_goals"], played["over_2_5"], played["likely_scores"]) == (None, None, [])
    fixture = bodies(filled, tmp_path)[mint_match_id("fake", "TST-1-57"), CHAMPION]
    assert fixture["expected_goals"]["home"] > 0
