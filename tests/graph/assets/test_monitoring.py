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
from soccer_assets.modelling.ledger_rules import GENESIS, chain_hash
from soccer_assets.stores.ledger.chain import entry_of
from soccer_assets.tables import ledger_entry, ledger_score
from tests.builders import NOW
from tests.graph.assets.conftest import Graph
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
    """Two matches are scored and two due, by week and slice; two months have no season to compare."""
    result = settled.run(*MONITORING)

    assert result.success
    report = msgspec.json.decode(settled.store.read(QUALITY_KEY) or b"", type=QualityReport)
    overall = report.overall
    assert (overall.finished, overall.scored, overall.due, overall.coverage) == (2, 2, 2, 0.5)
    assert [(each.week, each.score.scored) for each in report.weeks] == [("2025-W17", 2)]
    model = settled.registry.get(CHAMPION).facts.content_sha256
    assert {(each.dimension, each.value) for each in report.slices} == {
        ("competition", "TST-1"),
        ("competition", "TST-2"),
        ("tier", "1"),
        ("tier", "2"),
        ("phase", "middle"),
        ("model", model),
    }
    assert report.overall.against == {}
    with settled.database.reading() as connection:
        losses = connection.execute(sa.select(ledger_score.c.log_loss)).scalars().all()
    assert report.overall.log_loss == pytest.approx(np.mean(losses))
    metadata = settled.metadata(result, "monitoring/quality")
    assert (metadata["dagster/row_count"], metadata["due"], metadata["coverage"]) == (2, 2, 0.5)
    assert metadata["log_loss_by_week"].startswith("![plot](data:image/png;base64,")
    assert all("2025-W17" in metadata[f"weeks_{part}"] for part in ("matches", "scores", "against"))
    assert metadata["log_loss"] == pytest.approx(np.mean(losses))
    drift = msgspec.json.decode(settled.store.read(DRIFT_KEY) or b"", type=DriftReport)
    assert (drift.columns, drift.is_within_bounds, drift.reference) == ((), True, None)
    assert drift.text.startswith("too few to compare: ")
    assert {check.check_name: check.passed for check in result.get_asset_check_evaluations()} == {
        "drift_within_bounds": True,
        "ledger_agrees_with_releases": True,
    }


def test_a_rewritten_and_rehashed_ledger_is_betrayed_by_an_older_release(settled: Graph, monkeypatch) -> None:
    """Every hash is made anew: no release follows from it, and the ones before still know."""
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
    assert not settled.run("releases/current").success
    result = settled.run(*MONITORING)

    assert not result.success
    (check,) = [each for each in result.get_asset_check_evaluations() if not each.passed]
    assert check.check_name == "ledger_agrees_with_releases"
    assert len(check.metadata["disagreeing_releases"].value) == 2
    monkeypatch.setenv("SOCCER_DATABASE_URL", settled.database.url)
    monkeypatch.setenv("SOCCER_STORE_URL", settled.store.url)
    shown = CliRunner().invoke(main, ["ledger", "verify"])
    assert shown.exit_code == 1
    assert "the ledger was rewritten" in shown.output
