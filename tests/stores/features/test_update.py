"""An update recomputes only what can have changed, and equals a pass over everything bit for bit."""

import datetime as dt
import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soccer_assets.football.features import (
    PRICE_FEATURES,
    RESULT_FEATURES,
    apply_results,
    compute_features,
)
from soccer_assets.football.incremental import start_of
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.features import update as feature_update
from soccer_assets.stores.features.store import FeatureStore, match_table_of, read_state
from soccer_assets.stores.features.update import update_features
from tests.stores.exported import export_of, exported, played

FIRST_DAY = dt.datetime(2022, 5, 1, tzinfo=dt.UTC)
TEAMS = "ABCDEFGH"
CHANGES = 5


def world(dice, matches, months=40):
    """Matches of a league and a cup over 40 months; the last tenth are fixtures."""
    rows = {}
    for number in range(matches):
        minutes = dice.randrange(months * 30 * 24 * 2) * 30
        kickoff = FIRST_DAY + dt.timedelta(minutes=minutes)
        is_fixture = minutes > months * 30 * 24 * 60 * 0.9
        home, away = dice.sample(TEAMS, 2)
        is_cup = dice.random() < 0.2
        row = played(
            f"{dice.randrange(10**6):06d}-{number}",
            kickoff.replace(tzinfo=None).isoformat(),
            home,
            away,
            "" if is_fixture else f"{dice.randrange(5)}-{dice.randrange(4)}",
            kickoff_precision="day" if dice.random() < 0.3 else "minute",
            competition="CUP" if is_cup else "TST-1",
            tier=0 if is_cup else 1,
            season=f"{kickoff.year}",
        )
        is_priced = not is_fixture and dice.random() < 0.4
        rows[row["match_id"]] = priced_late(dice, row) if is_priced else row
    return rows


def priced_late(dice, row):
    """A price that arrives, or is corrected, after the match."""
    kind = dice.choice(["avg_closing", "pinnacle_closing", "betbrain_avg", "bet365"])
    home, draw, away = (round(dice.uniform(2.0, 4.4), 2) for _ in range(3))
    return row | {"home_price": home, "draw_price": draw, "away_price": away, "price_kind": kind}


def corrected(dice, row):
    """A corrected score, or the result of a fixture."""
    return row | {"home_goals": dice.randrange(9), "away_goals": dice.randrange(9), "status": "finished"}


def postponed(dice, row):
    """Postponed to another day, often another month, without a score."""
    moved = row["kickoff"] + dt.timedelta(days=dice.randrange(-60, 60))
    return row | {"kickoff": moved, "home_goals": None, "away_goals": None, "status": "postponed"}


def voided(_dice, row):
    """Awarded: no longer a result."""
    return row | {"status": "awarded"}


def deleted(_dice, _row):
    """Removed from the export."""
    return {}


def changed(dice, rows):
    """The matches after one change of one match, or with a new match."""
    change = dice.choice([corrected, corrected, priced_late, postponed, voided, deleted, None])
    if change is None:
        return rows | world(dice, 1)
    match_id = dice.choice(sorted(rows))
    row = change(dice, rows[match_id])
    return {key: value for key, value in (rows | {match_id: row}).items() if value}


def assert_equal_to_a_whole_pass(store, manifest, rows):
    """Features, state and every checkpoint equal those of one pass over all rows, bit for bit."""
    matches = match_table_of(exported(rows))
    features, state = compute_features(matches)
    read = FeatureStore(store).read(manifest)
    stored = np.column_stack([read[name].to_numpy() for name in manifest.feature_names])

    assert read["match_id"].to_pylist() == features.match_id.tolist()
    assert stored.tobytes() == features.values.tobytes()
    assert FeatureStore(store).read_team_state(manifest) == state.to_bytes()
    for checkpoint in manifest.checkpoints:
        known = apply_results(matches.take(matches.result_known_at <= start_of(checkpoint.month)))
        assert read_state(store, checkpoint) == known.to_bytes()


@given(seed=st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_any_history_of_changes_ends_in_the_bits_of_a_whole_pass(seed):
    """After each result, correction, postponement or deletion all equals a computation from scratch."""
    dice = random.Random(seed)  # noqa: S311  no secret
    rows = world(dice, 60)
    with tempfile.TemporaryDirectory() as folder:
        store = ObjectStore(Path(folder).as_uri())
        update_features(store, export_of(store, rows))
        for _ in range(CHANGES):
            rows = changed(dice, rows)
            update = update_features(store, export_of(store, rows))
            assert_equal_to_a_whole_pass(store, update.manifest, rows)


def monthly(first_score="1-0", last_score="", extra=()):
    """One match a month from January 2022 to February 2025 between the same two teams."""
    rows = {}
    for number in range(38):
        month = f"{2022 + number // 12}-{number % 12 + 1:02}"
        score = first_score if number == 0 else last_score if number == 37 else f"{number % 3}-1"
        row = played(f"m{number}", f"{month}-10T15:00", "Ash", "Birch", score, season=month[:4])
        rows[row["match_id"]] = row
    return rows | {row["match_id"]: row for row in extra}


def test_a_late_price_is_replayed_as_a_late_result_is(folder_store):
    """A price of June 2023 that comes in March 2025 moves the priced columns after its match, no others."""
    fixture = played("f", "2025-03-10T15:00", "Ash", "Birch", "", season="2025")
    before = monthly(last_score="3-0", extra=[fixture])
    first = update_features(folder_store, export_of(folder_store, before))
    prices = {"home_price": 1.5, "draw_price": 4.2, "away_price": 7.0, "price_kind": "avg_closing"}
    after = before | {"m17": before["m17"] | prices}

    second = update_features(folder_store, export_of(folder_store, after))

    assert_equal_to_a_whole_pass(folder_store, second.manifest, after)
    old, new = (compute_features(match_table_of(exported(rows)))[0] for rows in (before, after))
    differs = old.values != new.values
    assert differs[old.kickoff > start_of("2023-07")].any(axis=0).sum() == len(PRICE_FEATURES)
    assert not differs[old.kickoff < start_of("2023-07")].any()
    assert not differs[:, : len(RESULT_FEATURES)].any()
    assert first.manifest.team_state.sha256 != second.manifest.team_state.sha256


def test_a_result_is_carried_on_from_its_own_month(folder_store):
    """February's result reads two parts and writes no other month; the fixture after it changes."""
    fixture = played("f", "2025-03-10T15:00", "Ash", "Birch", "", season="2025")
    first = update_features(folder_store, export_of(folder_store, monthly(extra=[fixture])))
    read = []
    folder_store.read = lambda key: read.append(key) or ObjectStore.read(folder_store, key)

    snapshot = export_of(folder_store, monthly(last_score="3-0", extra=[fixture]))
    second = update_features(folder_store, snapshot)

    assert [checkpoint.month for checkpoint in first.manifest.checkpoints] == [
        *("2022-07", "2023-07", "2024-07"),
        *("2024-11", "2024-12", "2025-01"),
    ]
    assert second.replayed_from == "2025-01"
    assert second.manifest.months_written == ("2025-03",)
    assert sorted(key[14:21] for key in read if key.startswith("exports/")) == [
        *("2024-12", "2025-01", "2025-02", "2025-03")
    ]
    assert [checkpoint.month for checkpoint in second.manifest.checkpoints][-3:] == [
        "2024-12",
        "2025-01",
        "2025-02",
    ]


def test_a_corrected_old_score_is_replayed_from_the_season_before_it(folder_store):
    """A correction of September 2022 recomputes from July 2022; earlier months keep their parts."""
    first = update_features(folder_store, export_of(folder_store, monthly()))
    corrected_rows = monthly()
    corrected_rows["m8"] = corrected_rows["m8"] | {"home_goals": 7}
    second = update_features(folder_store, export_of(folder_store, corrected_rows))

    assert second.replayed_from == "2022-07"
    assert second.manifest.months_written[0] == "2022-10"
    assert second.manifest.table.parts[:9] == first.manifest.table.parts[:9]
    assert_equal_to_a_whole_pass(folder_store, second.manifest, corrected_rows)


def test_nothing_new_reads_no_match(folder_store):
    """The same parts under another snapshot id change the manifest only."""
    snapshot = export_of(folder_store, monthly())
    first = update_features(folder_store, snapshot)
    folder_store.delete(snapshot.tables["match"].parts[0].key)

    second = update_features(folder_store, snapshot)

    assert second.replayed_from is None
    assert second.manifest == first.manifest
    assert second.state.to_bytes() == first.state.to_bytes()


def test_features_of_other_code_are_made_anew(folder_store, monkeypatch):
    """Ratings of a new version start from scratch, not from the old version's states."""
    snapshot = export_of(folder_store, monthly())
    update_features(folder_store, snapshot)
    monkeypatch.setattr(feature_update, "code_fingerprint", lambda: "another version")

    second = update_features(folder_store, snapshot)

    assert second.replayed_from == "2022-01"
    assert second.manifest.made_by == "another version"


@pytest.mark.parametrize("kind", ["table", "team_state", "checkpoints"])
def test_what_was_lost_is_made_again(folder_store, kind):
    """The next run writes a missing part, state or checkpoint again, with or without other changes."""
    manifest = update_features(folder_store, export_of(folder_store, monthly())).manifest
    lost = {
        "table": [manifest.table.parts[20].key],
        "team_state": [manifest.team_state.key],
        "checkpoints": [checkpoint.key for checkpoint in manifest.checkpoints[-2:]],
    }[kind]
    for key in lost:
        folder_store.delete(key)
    rows = monthly(last_score="2-2") if kind == "checkpoints" else monthly()

    healed = update_features(folder_store, export_of(folder_store, rows)).manifest

    assert all(folder_store.exists(key) for key in healed.keys)
    assert_equal_to_a_whole_pass(folder_store, healed, rows)
