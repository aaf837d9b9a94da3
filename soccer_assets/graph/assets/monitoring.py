"""Monitoring: drift from the champion's training, and quality of the settled predictions."""

from collections.abc import Iterator, Mapping

import dagster as dg
import msgspec

from soccer_assets.clock import Clock
from soccer_assets.contract.release import CHAMPION
from soccer_assets.contract.reports import (
    DRIFT_KEY,
    QUALITY_KEY,
    DriftReport,
    QualityReport,
    QualityScore,
)
from soccer_assets.feeds.protocol import Feed
from soccer_assets.graph import freshness
from soccer_assets.graph.pages.monitoring_tables import drift_table, score_numbers, score_tables
from soccer_assets.graph.pages.plots import drift_plot, quality_plot
from soccer_assets.modelling.drift import DEFAULT_POLICY
from soccer_assets.modelling.monitoring_reports import drift_report, quality_report, with_drift_start
from soccer_assets.resources.database import Database
from soccer_assets.resources.model_registry import ModelRegistry
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.store import FeatureStore
from soccer_assets.stores.ledger.record import ledger_head
from soccer_assets.stores.models.training_data import load_training_data
from soccer_assets.stores.monitoring.settled import read_settled
from soccer_assets.stores.releases.current_models import read_current_models
from soccer_assets.stores.stored_json import decoded_or_none

DRIFT, QUALITY = dg.AssetKey(["monitoring", "drift"]), dg.AssetKey(["monitoring", "quality"])

_OWNERS = ["team:models"]
_SHOWN = 15


@dg.multi_asset(
    name="monitoring",
    group_name="monitoring",
    specs=[
        dg.AssetSpec(
            DRIFT,
            deps=[["features", "match_features"], ["exports", "match"], ["model", "champion"]],
            description="Drift of the last four weeks from the same weeks of the champion's training, "
            "column by column. Each feature and each predicted probability has an effect size and a "
            "multiplicity-corrected p-value. Too many drifted columns trigger a training.",
            kinds={"python", "json"},
            owners=_OWNERS,
            freshness_policy=freshness.MONITORING,
        ),
        dg.AssetSpec(
            QUALITY,
            deps=[["predictions", "ledger"], ["features", "match_features"], ["matches", "odds"]],
            description="Quality of the published predictions: the settled ledger by week and by slice. "
            "Log loss, RPS, Brier score, calibration, hit rate and coverage, compared with textbook Elo and "
            "the closing prices on the same matches.",
            kinds={"python", "json"},
            owners=_OWNERS,
            freshness_policy=freshness.MONITORING,
        ),
    ],
    check_specs=[
        dg.AssetCheckSpec(
            "drift_within_bounds",
            asset=DRIFT,
            description="The share of drifted features and predictions is within the bound that triggers "
            "a training.",
        )
    ],
)
def monitoring(
    context: dg.AssetExecutionContext,
    exports: dg.ResourceParam[Exports],
    feature_store: dg.ResourceParam[FeatureStore],
    database: dg.ResourceParam[Database],
    model_registry: dg.ResourceParam[ModelRegistry],
    object_store: dg.ResourceParam[ObjectStore],
    feed: dg.ResourceParam[Feed],
    clock: dg.ResourceParam[Clock],
) -> Iterator[dg.MaterializeResult]:
    """Both reports from one load of the matches, which is most of their cost."""
    now = clock.now()
    data = load_training_data(exports, feature_store, database, now)
    models = read_current_models(model_registry, object_store, aliases=(CHAMPION,))
    if models.note:
        context.log.warning(models.note)
    champion = models.registered[CHAMPION]
    report = drift_report(
        data,
        models.models[CHAMPION],
        version=champion.version,
        train_end=champion.facts.train_end,
        feed=feed.name,
        now=now,
    )
    drift = with_drift_start(report, _previous_drift(object_store))
    object_store.write(DRIFT_KEY, msgspec.json.encode(drift))
    yield _drift_result(drift)
    settled, head = read_settled(database, data, feed.result_lag, now), ledger_head(database)
    quality = quality_report(settled, version=champion.version, ledger_head=head, feed=feed.name, now=now)
    object_store.write(QUALITY_KEY, msgspec.json.encode(quality))
    yield _quality_result(quality)


def _previous_drift(store: ObjectStore) -> DriftReport | None:
    return decoded_or_none(store.read(DRIFT_KEY), DriftReport)


def _drift_result(report: DriftReport) -> dg.MaterializeResult:
    metadata: dict[str, dg.MetadataValue | str | int | float] = {
        "dagster/row_count": len(report.columns),
        "verdict": report.text,
        "share_drifted": float(report.share_drifted),
        "bound": report.bound,
        "columns_drifted": sum(column.has_drifted for column in report.columns),
        "model_version": report.model_version,
    }
    if report.columns:
        metadata |= {
            "columns": dg.MetadataValue.md(drift_table(report.columns)),
            "effects": drift_plot(report.columns[:_SHOWN], DEFAULT_POLICY.psi).metadata,
        }
    return dg.MaterializeResult(
        asset_key=DRIFT,
        metadata=metadata,
        check_results=[
            dg.AssetCheckResult(
                check_name="drift_within_bounds",
                asset_key=DRIFT,
                passed=report.is_within_bounds,
                severity=dg.AssetCheckSeverity.WARN,
                description=report.text,
                metadata={"share_drifted": report.share_drifted, "bound": report.bound},
            )
        ],
    )


def _quality_result(report: QualityReport) -> dg.MaterializeResult:
    metadata: dict[str, dg.MetadataValue | str | int | float] = {
        "dagster/row_count": report.overall.scored,
        "finished": report.overall.finished,
        "void": report.overall.void,
        "due": report.overall.due,
        **score_numbers(report.overall),
        "ledger_head": report.ledger_head or "empty",
    }
    if report.overall.scored:
        weeks = {week.week: week.score for week in report.weeks[-_SHOWN:]}
        slices = {f"{part.dimension} {part.value[:12]}": part.score for part in report.slices}
        metadata |= {
            **_tables("weeks", {"all": report.overall} | weeks),
            **_tables("slices", slices),
            "log_loss_by_week": quality_plot(report.weeks).metadata,
        }
    return dg.MaterializeResult(asset_key=QUALITY, metadata=metadata)


def _tables(name: str, scores: Mapping[str, QualityScore]) -> dict[str, dg.MarkdownMetadataValue]:
    return {f"{name}_{part}": dg.MetadataValue.md(text) for part, text in score_tables(scores).items()}
