"""Checks: the guarantee of each stage, checked in the run that makes it. A blocking one stops the run."""

import datetime as dt
import itertools
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import dagster as dg
import msgspec
import numpy as np
import sqlalchemy as sa

from soccer_assets.clock import Clock
from soccer_assets.contract.release import (
    PREDICTIONS_FILE,
    Prediction,
    release_key,
)
from soccer_assets.contract.season_projection import SeasonProjection
from soccer_assets.feeds.feed_set import names_of
from soccer_assets.feeds.protocol import Feed
from soccer_assets.football.matches import SETTLED_STATUSES
from soccer_assets.football.validity import (
    LEAST_GOALS,
    LEAST_OVERROUND,
    LEAST_PRICE,
    MOST_GOALS,
    MOST_OVERROUND,
    overround,
)
from soccer_assets.graph.assets.predictions import UPCOMING
from soccer_assets.graph.download_checks import files_are_whole
from soccer_assets.graph.feed_checks import feed_clocks_agree, feeds_agree
from soccer_assets.graph.history_checks import index_is_whole
from soccer_assets.graph.ingest_checks import (
    BATCH,
    BATCH_DESCRIPTION,
    FILES,
    FILES_DESCRIPTION,
    REASONS_SHOWN,
    batch_result,
    broken_since,
    due_table,
    files_result,
    remedy_metadata,
)
from soccer_assets.graph.meeting_checks import (
    meetings_are_told_once,
    no_matchday_is_filled_in,
    sides_at_home_win_more,
)
from soccer_assets.graph.pages.values import table, timestamp
from soccer_assets.resources.database import Database
from soccer_assets.resources.model_registry import ModelRegistry
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parquet_io_manager import ParquetIOManager
from soccer_assets.resources.watermarks import read_watermark, set_watermark
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.store import FeatureStore
from soccer_assets.stores.ledger.audit import audit
from soccer_assets.stores.matches.due import missing_results
from soccer_assets.stores.matches.held_rows import DECIDE_NAMES, held_back_text, unresolved_names
from soccer_assets.stores.matches.quarantine import count_same_day, examples_of_quarantine
from soccer_assets.stores.matches.quiet_feed import QUIET_REMEDY, quiet_now, results_text
from soccer_assets.stores.projections.parts import read_parts
from soccer_assets.stores.release_manifests import read_manifest
from soccer_assets.stores.releases.current_status import next_expected_at
from soccer_assets.stores.releases.publish import Releases
from soccer_assets.tables import UtcDateTime, match, odds

_FOUND_POSSIBLE = "match found possible"
_NEWEST_PRICES = dt.timedelta(days=1)
# Probabilities of places are published with six digits.
_ROUNDED_PLACES = 1e-4


def _batch_check(name: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=["livescores", name], name=BATCH, blocking=True, description=BATCH_DESCRIPTION)
    def batch_is_sound(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
        """Shares of rejected and duplicate rows in the newest batch."""
        return batch_result(database, name, blocking=True)

    return batch_is_sound


def _files_check(name: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=["livescores", name], name=FILES, description=FILES_DESCRIPTION)
    def files_are_readable(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
        """No file of the feed was passed over or ended early at the last look: which, what to do."""
        return files_result(database, name)

    return files_are_readable


# After the run's own update of the matches: a result that this run fetched is not missing.
@dg.asset_check(
    asset=["livescores", "recent"], name="results_due", additional_deps=[dg.AssetKey(["matches", "match"])]
)
def results_due(
    database: dg.ResourceParam[Database], feed: dg.ResourceParam[Feed], clock: dg.ResourceParam[Clock]
) -> dg.AssetCheckResult:
    """The feed is not quiet: of no matchday is half of the results that are due missing.

    A result may take twice the feed's lag, and from 30 days of own looks on as long as 95 % of the feed's
    results took. Days that the home itself has not read fail too. Weeks without matches pass, and so does one
    late match.
    """
    now = clock.now()
    due = next_expected_at(database, feed, now)
    missing = missing_results(database, names_of(feed), feed.result_lag, now)
    quiet = quiet_now(database, feed, now)
    passed = not (quiet or missing.unread or missing.days_never_read)
    return dg.AssetCheckResult(
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=results_text(missing, quiet),
        metadata={
            **broken_since(quiet[0].since if quiet else None),
            "next_result_due": timestamp(due, "no match is waiting for its result"),
            "matches_without_result": missing.matches,
            "matches_of_unread_days": missing.unread,
            "days_never_read": len(missing.days_never_read),
            "quiet_matchdays": len(quiet),
            **remedy_metadata("" if passed else missing.remedy or QUIET_REMEDY),
            **due_table(missing.due),
        },
    )


@dg.asset_check(asset=["matches", "match"])
def names_are_decided(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    """Every name that the feed writes is a known club or a new one; matches of open names are held back.

    `soccer teams unresolved` prints the command that decides each.
    """
    held = unresolved_names(database)
    records: list[dict[str, str | int]] = [
        {
            "name": found.name,
            "competition": found.competition,
            "season": found.season,
            "matches": found.matches,
            "best_guess": found.guess or "",
            "reason": found.reason,
        }
        for found in held
    ]
    return dg.AssetCheckResult(
        passed=not held,
        severity=dg.AssetCheckSeverity.WARN,
        description=held_back_text(held),
        metadata={
            "open_names": len(held),
            "matches_held_back": sum(found.matches for found in held),
            **remedy_metadata(DECIDE_NAMES if held else ""),
            **table("names", records),
        },
    )


@dg.asset_check(asset=["matches", "match"], name="results_are_possible", blocking=True)
def results_are_possible(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    """A finished match has a score of 0 to 36 goals a side, and no team plays itself.

    Reads the rows that changed since it last passed: an impossible row fails every run until it is corrected.
    """
    impossible = sa.or_(
        match.c.home_team_id == match.c.away_team_id,
        sa.and_(
            match.c.status.in_(SETTLED_STATUSES), sa.not_(match.c.home_goals.between(LEAST_GOALS, MOST_GOALS))
        ),
        sa.and_(
            match.c.status.in_(SETTLED_STATUSES), sa.not_(match.c.away_goals.between(LEAST_GOALS, MOST_GOALS))
        ),
    )
    with database.reading() as connection:
        change_no = read_watermark(connection, "change_no")
        passed = read_watermark(connection, _FOUND_POSSIBLE)
        wrong = (
            connection.execute(
                sa.select(match.c.match_id).where(match.c.change_no > passed, impossible).limit(20)
            )
            .scalars()
            .all()
        )
    if not wrong and change_no > passed:
        with database.writing() as connection:
            set_watermark(connection, _FOUND_POSSIBLE, change_no)
    return dg.AssetCheckResult(passed=not wrong, metadata={"impossible": len(wrong), "examples": list(wrong)})


@dg.asset_check(asset=["matches", "match"], name="no_team_plays_twice_a_day")
def no_team_plays_twice_a_day(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    """No team has two results on one day, and no match two scores.

    Such matches are quarantined: stored and shown, not trained on.
    """
    with database.reading() as connection:
        marked = count_same_day(connection)
        examples = examples_of_quarantine(connection, REASONS_SHOWN) if marked else []
    return dg.AssetCheckResult(
        passed=not marked,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "in_quarantine": sum(marked.values()),
            "examples": examples,
            "by_competition": dg.MetadataValue.json(dict(itertools.islice(marked.items(), REASONS_SHOWN))),
        },
    )


@dg.asset_check(asset=["matches", "odds"], name="prices_make_a_book")
def prices_make_a_book(
    database: dg.ResourceParam[Database], clock: dg.ResourceParam[Clock]
) -> dg.AssetCheckResult:
    """Every price is above 1 and every overround within bounds: the scorecard's market rests on them.

    Reads the prices of the newest day on which some were written.
    """
    total = overround(odds.c.home, odds.c.draw, odds.c.away)
    wrong = sa.or_(
        *(price <= LEAST_PRICE for price in (odds.c.home, odds.c.draw, odds.c.away)),
        total < LEAST_OVERROUND,
        total > MOST_OVERROUND,
    )
    with database.reading() as connection:
        newest = connection.execute(sa.select(sa.func.max(odds.c.updated_at, type_=UtcDateTime()))).scalar()
        since = (newest or clock.now()) - _NEWEST_PRICES
        rows, mean = connection.execute(
            sa.select(sa.func.count(), sa.func.avg(total)).where(odds.c.updated_at > since)
        ).one()
        failing = (
            connection.execute(sa.select(odds.c.match_id).where(odds.c.updated_at > since, wrong).limit(20))
            .scalars()
            .all()
        )
    return dg.AssetCheckResult(
        passed=not failing,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"rows": rows, "mean_overround": float(mean or 0.0), "examples": list(failing)},
    )


@dg.asset_check(asset=["exports", "match"], name="snapshot_is_whole", blocking=True)
def snapshot_is_whole(exports: dg.ResourceParam[Exports]) -> dg.AssetCheckResult:
    """Every part that was written has the hash in the manifest, and no match is in two of them.

    A rescheduled match rewrites its old month and its new one: parts of other months never change.
    """
    manifest, months = exports.manifest(), exports.months_written()
    match_ids = exports.read_matches(manifest, months, ["match_id"])["match_id"]
    rows, distinct = len(match_ids), len(match_ids.unique())
    promised = sum(
        part.rows for part in manifest.tables["match"].parts if months is None or part.month in months
    )
    return dg.AssetCheckResult(
        passed=rows == distinct == promised,
        metadata={"rows": rows, "distinct": distinct, "snapshot_id": manifest.snapshot_id},
    )


@dg.asset_check(asset=["features", "match_features"], name="features_are_finite", blocking=True)
def features_are_finite(feature_store: dg.ResourceParam[FeatureStore]) -> dg.AssetCheckResult:
    """No feature that this run wrote is missing or infinite; parts of other months did not change."""
    manifest = feature_store.manifest()
    table = feature_store.read(manifest, manifest.months_written)
    broken = [name for name in manifest.feature_names if not np.isfinite(table[name].to_numpy()).all()]
    return dg.AssetCheckResult(
        passed=not broken, metadata={"not_finite": broken, "feature_count": len(manifest.feature_names)}
    )


@dg.asset_check(asset=["model", "champion"], name="champion_is_loadable", blocking=True)
def champion_is_loadable(model_registry: dg.ResourceParam[ModelRegistry]) -> dg.AssetCheckResult:
    """The registry returns the champion with the hash that it was registered with."""
    registered = model_registry.get("champion")
    model = model_registry.load(registered)
    return dg.AssetCheckResult(
        passed=model.sha256 == registered.facts.content_sha256, metadata={"model_version": registered.version}
    )


@dg.asset_check(asset=UPCOMING, name="probabilities_add_up_to_one", blocking=True)
def probabilities_add_up_to_one(frames: dg.ResourceParam[ParquetIOManager]) -> dg.AssetCheckResult:
    """Every probability is above 0 and below 1, and the three of a match add up to 1."""
    predictions = frames.load(UPCOMING)
    probabilities = predictions[["p_home", "p_draw", "p_away"]].to_numpy(dtype=float)
    sums = np.abs(probabilities.sum(axis=1) - 1.0)
    inside = ((probabilities > 0.0) & (probabilities < 1.0)).all()
    return dg.AssetCheckResult(
        passed=bool(inside and (sums < 1e-9).all()),  # noqa: PLR2004 - a rounding of float64
        metadata={"rows": len(predictions), "largest_deviation_of_a_sum": float(sums.max(initial=0.0))},
    )


@dg.asset_check(asset=["releases", "current"], name="release_is_readable", blocking=True)
def release_is_readable(
    releases: dg.ResourceParam[Releases], object_store: dg.ResourceParam[ObjectStore]
) -> dg.AssetCheckResult:
    """The pointer names a stored manifest, and every body of the release decodes into a prediction."""
    pointer = releases.pointer()
    manifest = read_manifest(object_store, pointer.release_id) if pointer else None
    if pointer is None or manifest is None:
        return dg.AssetCheckResult(
            passed=False, description="the pointer names no stored release; run refresh_hourly"
        )
    bodies = _bodies(object_store, pointer.release_id)
    decoder = msgspec.json.Decoder(Prediction)
    named = {decoder.decode(body).release_id for body in bodies}
    return dg.AssetCheckResult(
        passed=len(bodies) == manifest.prediction_rows and named <= {pointer.release_id},
        metadata={"rows": len(bodies), "release_id": pointer.release_id},
    )


@dg.asset_check(asset=["projections", "season"], name="places_add_up_to_one", blocking=True)
def places_add_up_to_one(object_store: dg.ResourceParam[ObjectStore]) -> dg.AssetCheckResult:
    """Every team of a projection finishes in one place, and every place is one team's."""
    parts = read_parts(object_store)
    wrong = sorted(code for code, part in parts.items() if not _adds_up(part.projection))
    return dg.AssetCheckResult(
        passed=not wrong,
        description=f"places of {', '.join(wrong)} do not add up to 1" if wrong else None,
        metadata={"competitions": len(parts), "wrong": wrong},
    )


def _adds_up(projection: SeasonProjection) -> bool:
    places = np.array([team.places for team in projection.teams])
    if not len(places):
        return True
    sums = np.concatenate([places.sum(axis=0), places.sum(axis=1)])
    return places.shape[0] == places.shape[1] and bool(np.allclose(sums, 1.0, atol=_ROUNDED_PLACES))


@dg.asset_check(asset=["monitoring", "quality"], name="ledger_agrees_with_releases", blocking=True)
def ledger_agrees_with_releases(
    database: dg.ResourceParam[Database], object_store: dg.ResourceParam[ObjectStore]
) -> dg.AssetCheckResult:
    """Every entry has the hash of its content, and the head of each kept release and of the copy exists."""
    found = audit(database, object_store)
    return dg.AssetCheckResult(
        passed=found.is_whole,
        description=None
        if found.is_whole
        else found.copy_fault or "the ledger was rewritten; run `soccer ledger verify`",
        metadata={
            "entries": found.entries,
            "releases": found.releases,
            "disagreeing_releases": list(found.contradicted_by),
            "first_broken_entry": found.first_broken or "none",
            "entries_in_parquet_copy": found.copied,
        },
    )


def _bodies(store: ObjectStore, release_id: str) -> list[Any]:
    data = store.read(release_key(release_id, PREDICTIONS_FILE)) or b""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / PREDICTIONS_FILE
        file.write_bytes(data)
        connection = sqlite3.connect(file)
        try:
            return [body for (body,) in connection.execute("SELECT body FROM prediction")]
        finally:
            connection.close()


CHECKS = [
    *(check(name) for name in ("recent", "upcoming", "window") for check in (_batch_check, _files_check)),
    results_due,
    results_are_possible,
    names_are_decided,
    feeds_agree,
    feed_clocks_agree,
    meetings_are_told_once,
    no_matchday_is_filled_in,
    sides_at_home_win_more,
    no_team_plays_twice_a_day,
    prices_make_a_book,
    snapshot_is_whole,
    features_are_finite,
    champion_is_loadable,
    probabilities_add_up_to_one,
    release_is_readable,
    places_add_up_to_one,
    index_is_whole,
    files_are_whole,
    ledger_agrees_with_releases,
]
