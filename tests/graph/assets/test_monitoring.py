"""Monitoring on a graph: reports beside the release, their checks, and what the ledger cannot hide."""

import datetime as dt

import msgspec
import numpy as np
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from soccer_assets.cli import main
from soccer_assets.contract.release import CHAMPION
from soccer_assets.contract.reports import DRIFT_KEY, QUALITY_KEY, DriftReport, QualityReport
from soccer_assets.football.features import FEATURE_NAMES
from soccer_assets.football.match_table import SECONDS_A_DAY, MatchTable
from soccer_assets.graph.assets.monitoring import carried_on, drift_report
from soccer_assets.modelling.dataset import Boundaries, Split
from soccer_assets.modelling.ledger_rules import GENESIS, chain_hash
from soccer_assets.stores.ledger.audit import entry_of
from soccer_assets.stores.models.training_data import TrainingData
from soccer_assets.tables import ledger_entry, ledger_score
from tests.builders import NOW
from tests.graph.assets.conftest import FakeRegistry, Graph, elo_model
from tests.graph.assets.test_refresh import HOURLY, filled, play  # noqa: F401 - `filled` is a fixture

MONITORING = ("monitoring/drift", "monitoring/quality")


@pytest.fixture
def settled(filled: Graph) -> Graph:  # noqa: F811
    """Ten fixtures were predicted and released; a day later two of them have a result."""
    assert filled.run(*HOURLY).success
    for row in (55, 56):
        play(filled, filled.feed.items[row], "2-0")
    filled.at(NOW + dt.timedelta(days=1, hours=14))
    assert filled.run(*HOURLY).success
    return filled


def test_both_reports_are_in_the_store_and_on_the_page(settled: Graph) -> None:
    """Two of two finished matches are scored, by week and slice; two months have no season to compare."""
    result = settled.run(*MONITORING)

    assert result.success
    report = msgspec.json.decode(settled.store.read(QUALITY_KEY) or b"", type=QualityReport)
    assert (report.overall.finished, report.overall.scored, report.overall.coverage) == (2, 2, 1.0)
    assert [(one.week, one.score.scored) for one in report.weeks] == [("2025-W17", 2)]
    model = settled.registry.get(CHAMPION).facts.content_sha256
    assert {(one.dimension, one.value) for one in report.slices} == {
        ("competition", "TST-1"),
        ("tier", "1"),
        ("phase", "middle"),
        ("model", model),
    }
    assert report.overall.against == {}
    with settled.database.reading() as connection:
        losses = connection.execute(sa.select(ledger_score.c.log_loss)).scalars().all()
    assert report.overall.log_loss == pytest.approx(np.mean(losses))
    metadata = settled.metadata(result, "monitoring/quality")
    assert (metadata["dagster/row_count"], metadata["coverage"]) == (2, 1.0)
    assert metadata["log_loss_by_week"].startswith("![plot](data:image/png;base64,")
    assert "2025-W17" in metadata["weeks"]
    drift = msgspec.json.decode(settled.store.read(DRIFT_KEY) or b"", type=DriftReport)
    assert (drift.columns, drift.is_within_bounds, drift.reference) == ((), True, None)
    assert drift.text.startswith("too few to compare: ")
    assert {check.check_name: check.passed for check in result.get_asset_check_evaluations()} == {
        "drift_within_bounds": True,
        "ledger_agrees_with_releases": True,
    }


def _seasons(moved: float) -> TrainingData:
    """Three seasons of a match a quarter of an hour in 28 days; the last one has 20 features moved."""
    rng = np.random.default_rng(0)
    end = int(NOW.timestamp())
    minutes = np.arange(400) * 6_000
    kickoff = np.concatenate([end - season * 364 * SECONDS_A_DAY - 1 - minutes for season in (2, 1, 0)])
    values = rng.normal(size=(1_200, len(FEATURE_NAMES)))
    values[800:, :20] += moved
    rows = np.ones(1_200, np.bool_)
    matches = MatchTable.from_columns(
        match_id=[str(number) for number in range(1_200)],
        kickoff=kickoff,
        is_day_precision=~rows,
        competition=[f"L{number % 20}" for number in range(1_200)],
        season=["s"] * 1_200,
        tier=rows.astype(np.int8),
        home_team=["a"] * 1_200,
        away_team=["b"] * 1_200,
        home_goals=rows,
        away_goals=rows,
        is_neutral=~rows,
        moves_ratings=rows,
        trains=rows,
    )
    outcomes, odds = np.zeros(1_200, np.int8), np.full((1_200, 3), np.nan)
    split, boundaries = Split(rows, rows, rows), Boundaries(0, 0, 0, 0)
    return TrainingData(matches, values, outcomes, odds, split, boundaries, FEATURE_NAMES, "s1")


@pytest.mark.parametrize(("moved", "within"), [(0.0, True), (1.0, False)])
def test_more_drifted_columns_than_the_bound_are_out_of_it(moved: float, within: bool) -> None:
    """20 of 49 features that move by a deviation are too many; the same seasons unmoved are not."""
    registry = FakeRegistry()
    registry.add(elo_model(), CHAMPION)
    report = drift_report(_seasons(moved), registry, "fake", NOW)  # type: ignore[arg-type]  # a fake

    assert report.is_within_bounds is within
    assert report.reference is not None
    assert report.current is not None
    assert (report.reference.matches, report.current.matches) == (800, 400)
    assert {one.kind for one in report.columns} == {"feature", "prediction"}
    assert len(report.columns) == len(FEATURE_NAMES) + 3
    drifted = {one.name for one in report.columns if one.has_drifted and one.kind == "feature"}
    assert drifted == (set() if within else set(FEATURE_NAMES[:20]))


def test_a_report_remembers_since_when_matches_have_drifted() -> None:
    """The first report out of bounds gives the instant, until the share is at half the bound again."""
    registry = FakeRegistry()
    registry.add(elo_model(), CHAMPION)
    later = NOW + dt.timedelta(hours=6)

    within = carried_on(drift_report(_seasons(0.0), registry, "fake", NOW), None)  # type: ignore[arg-type]
    first = carried_on(drift_report(_seasons(1.0), registry, "fake", NOW), msgspec.json.encode(within))  # type: ignore[arg-type]
    second = carried_on(drift_report(_seasons(1.0), registry, "fake", later), msgspec.json.encode(first))  # type: ignore[arg-type]

    assert within.out_of_bounds_since is None
    assert first.out_of_bounds_since == second.out_of_bounds_since == first.checked_at
    assert second.checked_at > first.checked_at

    def then(share: float) -> str | None:
        calm = msgspec.structs.replace(within, share_drifted=share)
        return carried_on(calm, msgspec.json.encode(second)).out_of_bounds_since

    assert then(0.11) == then(0.2) == first.checked_at
    assert then(0.1) is None


def test_a_rewritten_and_rehashed_ledger_is_betrayed_by_an_older_release(settled: Graph, monkeypatch) -> None:
    """Every hash is made anew, and so is the newest release: the ones before still know."""
    assert settled.run(*MONITORING).success
    with settled.database.writing() as connection:
        head = GENESIS
        rows = connection.execute(sa.select(ledger_entry).order_by(ledger_entry.c.sequence)).all()
        for row in rows:
            entry = entry_of(row)
            if row.sequence == 1:
                entry = msgspec.structs.replace(entry, p_home=entry.p_away, p_away=entry.p_home)
            previous, head = head, chain_hash(head, entry)
            connection.execute(
                sa.update(ledger_entry)
                .where(ledger_entry.c.sequence == row.sequence)
                .values(p_home=entry.p_home, p_away=entry.p_away, previous_hash=previous, hash=head)
            )
    assert settled.run("releases/current").success
    result = settled.run(*MONITORING)

    assert not result.success
    (check,) = [one for one in result.get_asset_check_evaluations() if not one.passed]
    assert check.check_name == "ledger_agrees_with_releases"
    assert len(check.metadata["betrayed_by"].value) == 2
    monkeypatch.setenv("SOCCER_DATABASE_URL", settled.database.url)
    monkeypatch.setenv("SOCCER_STORE_URL", settled.store.url)
    said = CliRunner().invoke(main, ["ledger", "verify"])
    assert said.exit_code == 1
    assert "the ledger was rewritten" in said.output
