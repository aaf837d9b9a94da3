"""Monitoring: freshness, drift and quality of the served predictions."""

from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, Router, get
from litestar.di import NamedDependency

from serving.http.auth import READ
from serving.http.respond import documented, respond
from serving.http.schemas import Freshness
from serving.problems import ProblemError, not_loaded
from serving.release.current import SnapshotHolder
from soccer_assets.contract.reports import DriftReport, QualityReport
from soccer_assets.contract.status import stale_reasons


@get(
    "/freshness",
    sync_to_thread=False,
    opt={"scope": READ},
    responses=documented(Freshness, is_conditional=True),
)
def read_freshness(
    request: Request[Any, Any, Any], snapshots: NamedDependency[SnapshotHolder]
) -> Response[bytes]:
    """When the data was last checked, its newest result, and the freshness of every watched asset."""
    current, now = snapshots.current, snapshots.clock.now()
    if current is None:
        raise not_loaded(snapshots.reason)
    manifest, status = current.snapshot.manifest, current.view.status
    reasons = stale_reasons(status, now)
    freshness = Freshness(
        release_id=manifest.release_id,
        feed=status.feed,
        is_simulated=manifest.is_simulated,
        checked_at=status.checked_at,
        data_as_of=status.data_as_of,
        next_expected_at=status.next_expected_at,
        stale=bool(reasons),
        stale_reasons=reasons,
        assets=status.assets,
    )
    return respond(request, msgspec.json.encode(freshness), current.view, now)


@get(
    "/drift",
    sync_to_thread=False,
    opt={"scope": READ},
    responses=documented(DriftReport, HTTPStatus.NOT_FOUND, is_conditional=True),
)
def read_drift(
    request: Request[Any, Any, Any], snapshots: NamedDependency[SnapshotHolder]
) -> Response[bytes]:
    """Drift of the newest matches from the champion's training data."""
    return _report(request, snapshots, snapshots.drift, "monitoring/drift")


@get(
    "/quality",
    sync_to_thread=False,
    opt={"scope": READ},
    responses=documented(QualityReport, HTTPStatus.NOT_FOUND, is_conditional=True),
)
def read_quality(
    request: Request[Any, Any, Any], snapshots: NamedDependency[SnapshotHolder]
) -> Response[bytes]:
    """Scores of the official predictions by week and slice, each with its coverage."""
    return _report(request, snapshots, snapshots.quality, "monitoring/quality")


def _report(
    request: Request[Any, Any, Any], snapshots: SnapshotHolder, report: msgspec.Struct | None, asset: str
) -> Response[bytes]:
    if report is None:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            "no-report",
            f"There is no report yet; the asset {asset} creates one every day.",
        )
    return respond(request, msgspec.json.encode(report), None, snapshots.clock.now())


router = Router("/monitoring", route_handlers=[read_freshness, read_drift, read_quality], tags=["monitoring"])
