"""Operations: links, liveness, readiness and metrics; no API key needed."""

import datetime as dt
from http import HTTPStatus
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec

from serving.backends.event_stream import EventStream
from serving.http.prefix import prefix_of
from serving.http.schemas import Health, Index, Ready
from serving.metrics import CONTENT_TYPE, Metrics
from serving.problems import MEDIA_TYPE, Problem, ProblemError, not_loaded, unavailable
from serving.release.current import SnapshotHolder
from serving.release.replicas import Replicas
from serving.reloader import Reloader

_UNAVAILABLE = {
    HTTPStatus.SERVICE_UNAVAILABLE.value: ResponseSpec(
        Problem, generate_examples=False, description="Unavailable", media_type=MEDIA_TYPE
    )
}


def links_of(request: Request[Any, Any, Any], snapshots: SnapshotHolder) -> Index:
    """Links to all paths: what programs get at `/`, where people get the matches."""
    current = snapshots.current
    return Index(
        name="soccer-assets",
        release_id=None if current is None else current.snapshot.release_id,
        links=_links(prefix_of(request)),
    )


def _links(prefix: str) -> dict[str, str]:
    paths = {
        "documentation": "/schema",
        "openapi": "/schema/openapi.json",
        "upcoming_matches": "/predict/matches/",
        "all_predictions": "/predict/predictions/",
        "one_prediction": "/predict/{match_id}",
        "some_predictions": "/predict/{?ids}",
        "many_predictions": "/predict/lookup",
        "model": "/predict/model/info",
        "freshness": "/monitoring/freshness",
        "drift": "/monitoring/drift",
        "quality": "/monitoring/quality",
        "projections": "/projections/",
        "downloads": "/downloads/",
        "livescores": "/livescores/",
        "events": "/events/",
        "score_a_pairing": "/predict/",
        "score_many": "/predict/async/",
        "liveness": "/healthcheck/",
        "readiness": "/ready",
        "metrics": "/metrics",
    }
    return {name: f"{prefix}{path}" for name, path in paths.items()}


@get("/healthcheck/", sync_to_thread=False, tags=["operations"], responses=_UNAVAILABLE)
def read_liveness(reloader: NamedDependency[Reloader]) -> Health:
    """Liveness; restart the process on 503."""
    if not reloader.is_watching:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "deaf",
            "This sidecar no longer watches for releases; restart it. The log has the cause.",
        )
    return Health("ok")


@get("/ready", sync_to_thread=False, tags=["operations"], responses=_UNAVAILABLE)
def read_readiness(snapshots: NamedDependency[SnapshotHolder], replicas: NamedDependency[Replicas]) -> Ready:
    """Readiness: whether a release is loaded, and none is newer elsewhere; stale data is still served."""
    current = snapshots.current
    if current is None:
        raise not_loaded(snapshots.reason)
    if replicas.is_behind:
        raise unavailable("behind", "Another replica serves a newer release, which this one lacks.", 1)
    manifest = current.snapshot.manifest
    return Ready(
        status="ready",
        release_id=manifest.release_id,
        feed=manifest.feed,
        is_simulated=manifest.is_simulated,
        stale=bool(snapshots.stale_reasons()),
        history=snapshots.history_state,
    )


@get("/metrics", sync_to_thread=False, tags=["operations"], media_type="text/plain")
def read_metrics(
    snapshots: NamedDependency[SnapshotHolder],
    metrics: NamedDependency[Metrics],
    events: NamedDependency[EventStream],
) -> Response[bytes]:
    """Metrics in Prometheus' text format."""
    metrics.stale.set(1 if snapshots.stale_reasons() else 0)
    metrics.listeners.set(events.listeners)
    if snapshots.current is not None:
        published = dt.datetime.fromisoformat(snapshots.current.snapshot.pointer.published_at)
        metrics.release_age.set((snapshots.clock.now() - published).total_seconds())
    return Response(metrics.exposition(), media_type=CONTENT_TYPE)


handlers = [read_liveness, read_readiness, read_metrics]
