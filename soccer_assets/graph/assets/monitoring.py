"""Monitoring: whether today's matches look like those the champion learnt from, and how good its word was."""

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import msgspec
import numpy as np

from soccer_assets.clock import Clock, isoformat
from soccer_assets.contract.release import CHAMPION, SCHEMA_VERSION
from soccer_assets.contract.reports import (
    DRIFT_KEY,
    QUALITY_KEY,
    ColumnDrift,
    DriftReport,
    QualityReport,
    QualityScore,
    Window,
)
from soccer_assets.feeds.protocol import Feed
from soccer_assets.graph import freshness
from soccer_assets.graph.pages.plots import drift_plot, quality_plot
from soccer_assets.modelling import drift as rules
from soccer_assets.modelling.quality import by_slice, by_week, overall
from soccer_assets.resources.database import Database
from soccer_assets.resources.model_registry import ModelRegistry, RegisteredModel
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.store import FeatureStore
from soccer_assets.stores.ledger.record import ledger_head
from soccer_assets.stores.models.training_data import TrainingData, load_training_data
from soccer_assets.stores.monitoring.settled import read_settled

DRIFT, QUALITY = dg.AssetKey(["monitoring", "drift"]), dg.AssetKey(["monitoring", "quality"])

_PROBABILITIES = ("p_home", "p_draw", "p_away")
_OWNERS = ["team:models"]
_SHOWN = 15
_OVER_BELOW = 0.5  # of the bound


@dg.multi_asset(
    name="monitoring",
    group_name="monitoring",
    specs=[
        dg.AssetSpec(
            DRIFT,
            deps=[["features", "match_features"], ["exports", "match"], ["model", "champion"]],
            description="How far the last four weeks are from the same weeks of the champion's training, "
            "column by column. Each feature and each predicted probability has an effect size and a p-value "
            "corrected for their number. Too many drifted columns ask for a retrain.",
            kinds={"python", "json"},
            owners=_OWNERS,
            freshness_policy=freshness.MONITORING,
        ),
        dg.AssetSpec(
            QUALITY,
            deps=[["predictions", "ledger"], ["features", "match_features"], ["matches", "odds"]],
            description="How good the published predictions were: the settled ledger by week and by slice. "
            "Log loss, RPS, Brier score, calibration and hit rate stand beside their coverage, and beside "
            "textbook Elo and the closing prices on the same matches.",
            kinds={"python", "json"},
            owners=_OWNERS,
            freshness_policy=freshness.MONITORING,
        ),
    ],
    check_specs=[
        dg.AssetCheckSpec(
            "drift_within_bounds",
            asset=DRIFT,
            description="Fewer features and predictions drifted than ask for a retrain.",
        )
    ],
)
def monitoring(
    exports: dg.ResourceParam[Exports],
    feature_store: dg.ResourceParam[FeatureStore],
    database: dg.ResourceParam[Database],
    model_registry: dg.ResourceParam[ModelRegistry],
    object_store: dg.ResourceParam[ObjectStore],
    feed: dg.ResourceParam[Feed],
    clock: dg.ResourceParam[Clock],
) -> Iterator[dg.MaterializeResult]:
    """Both reports from one look at the matches, which is most of their cost."""
    now = clock.now()
    data = load_training_data(exports, feature_store, database, now)
    drift = carried_on(drift_report(data, model_registry, feed.name, now), object_store.read(DRIFT_KEY))
    object_store.write(DRIFT_KEY, msgspec.json.encode(drift))
    yield _drift_result(drift)
    quality = quality_report(database, data, model_registry, feed.name, now)
    object_store.write(QUALITY_KEY, msgspec.json.encode(quality))
    yield _quality_result(quality)


def _drift_result(report: DriftReport) -> dg.MaterializeResult:
    metadata: dict[str, dg.MetadataValue | str | int | float] = {
        "dagster/row_count": len(report.columns),
        "verdict": report.text,
        "share_drifted": report.share_drifted,
        "bound": report.bound,
        "model_version": report.model_version,
    }
    if report.columns:
        metadata |= {
            "columns": dg.MetadataValue.md(_drift_table(report.columns)),
            "effects": drift_plot(report.columns[:_SHOWN], rules.DEFAULT_POLICY.psi).metadata,
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
        "coverage": report.overall.coverage or 0.0,
        "ledger_head": report.ledger_head or "empty",
    }
    if report.overall.scored:
        weeks = {one.week: one.score for one in report.weeks[-_SHOWN:]}
        slices = {f"{one.dimension} {one.value[:12]}": one.score for one in report.slices}
        metadata |= {
            "weeks": dg.MetadataValue.md(_score_table({"all": report.overall} | weeks)),
            "slices": dg.MetadataValue.md(_score_table(slices)),
            "log_loss_by_week": quality_plot(report.weeks).metadata,
        }
    return dg.MaterializeResult(asset_key=QUALITY, metadata=metadata)


def drift_report(data: TrainingData, registry: ModelRegistry, feed: str, now: dt.datetime) -> DriftReport:
    """The report on drift as of ``now``."""
    champion, policy = registry.get(CHAMPION), rules.DEFAULT_POLICY
    seconds = int(now.timestamp())
    train_end = int(dt.datetime.fromisoformat(champion.facts.train_end).timestamp())
    reference, current = rules.windows(data.matches.kickoff, seconds, train_end, policy)
    columns: tuple[ColumnDrift, ...] = ()
    few = reference.sum() < policy.least_reference or current.sum() < policy.least_current
    if not few:
        columns = _compared(data, registry, champion, reference, current)
    share = rules.share_drifted(columns)
    drifted = sum(one.has_drifted for one in columns)
    counts = (
        f"{int(current.sum())} matches against {int(reference.sum())} of the same weeks of earlier seasons"
    )
    text = f"{drifted} of {len(columns)} columns drifted (bound {policy.share:.0%}): {counts}"
    if few:
        text = f"too few to compare: {counts}; {policy.least_current} and {policy.least_reference} are needed"
    return DriftReport(
        schema_version=SCHEMA_VERSION,
        feed=feed,
        checked_at=isoformat(now),
        model_version=champion.version,
        model_sha256=champion.facts.content_sha256,
        reference=_window(data, reference),
        current=_window(data, current),
        columns=columns,
        share_drifted=share,
        bound=policy.share,
        is_within_bounds=share <= policy.share,
        text=text,
    )


def carried_on(report: DriftReport, before: bytes | None) -> DriftReport:
    """The report with the instant since when matches have drifted: what the one before says, or its own.

    It is over only well within the bound: a share that swings about it would ask for a training each time.
    """
    since = msgspec.json.decode(before, type=DriftReport).out_of_bounds_since if before else None
    if report.is_within_bounds:
        is_over = report.share_drifted <= _OVER_BELOW * report.bound
        return msgspec.structs.replace(report, out_of_bounds_since=None if is_over else since)
    return msgspec.structs.replace(report, out_of_bounds_since=since or report.checked_at)


def quality_report(
    database: Database, data: TrainingData, registry: ModelRegistry, feed: str, now: dt.datetime
) -> QualityReport:
    """The report on quality as of ``now``."""
    settled = read_settled(database, data, now)
    return QualityReport(
        schema_version=SCHEMA_VERSION,
        feed=feed,
        checked_at=isoformat(now),
        model_version=registry.get(CHAMPION).version,
        ledger_head=ledger_head(database),
        overall=overall(settled),
        weeks=by_week(settled),
        slices=by_slice(settled),
    )


def _compared(
    data: TrainingData,
    registry: ModelRegistry,
    champion: RegisteredModel,
    reference: np.ndarray,
    current: np.ndarray,
) -> tuple[ColumnDrift, ...]:
    model = registry.load(champion)
    inputs = data.values[:, [data.feature_names.index(name) for name in model.feature_names]]
    before, now = inputs[reference], inputs[current]
    seasons = [f"{a} {b}" for a, b in zip(data.matches.competition, data.matches.season, strict=True)]
    _, group = np.unique(seasons, return_inverse=True)
    names = (*model.feature_names, *_PROBABILITIES)
    kinds = [rules.FEATURE] * len(model.feature_names) + [rules.PREDICTION] * len(_PROBABILITIES)
    return rules.compare(
        np.hstack([before, model.predict_proba(before)]),
        np.hstack([now, model.predict_proba(now)]),
        group[reference],
        group[current],
        names,
        kinds,
    )


def _window(data: TrainingData, rows: np.ndarray) -> Window | None:
    if not rows.any():
        return None
    kickoff = data.matches.kickoff[rows]
    first, last = (dt.datetime.fromtimestamp(int(one), dt.UTC) for one in (kickoff.min(), kickoff.max()))
    return Window(
        first_day=first.date().isoformat(), last_day=last.date().isoformat(), matches=int(rows.sum())
    )


def _drift_table(columns: tuple[ColumnDrift, ...]) -> str:
    lines = ["| column | kind | PSI | KS | shift | p corrected | drifted |", "|---|---|---|---|---|---|---|"]
    lines += [
        f"| {one.name} | {one.kind} | {one.psi:.3f} | {one.ks:.3f} | {one.shift:+.2f} "
        f"| {one.p_corrected:.2g} | {'yes' if one.has_drifted else ''} |"
        for one in columns
    ]
    return "\n".join(lines)


def _score_table(scores: dict[str, QualityScore]) -> str:
    counts = ("", "scored", "finished", "void", "coverage")
    columns = (*counts, "log_loss", "rps", "brier", "ece_15", "hit rate", "minus Elo", "minus book")
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for name, one in scores.items():
        numbers = (one.coverage, one.log_loss, one.rps, one.brier_score, one.ece_15, one.hit_rate)
        shown = " | ".join("" if number is None else f"{number:.4f}" for number in numbers)
        gaps = " | ".join(
            f"{one.against[other].difference:+.4f} (n={one.against[other].rows})"
            if other in one.against
            else ""
            for other in ("elo_textbook", "book")
        )
        lines.append(f"| {name} | {one.scored} | {one.finished} | {one.void} | {shown} | {gaps} |")
    return "\n".join(lines)
