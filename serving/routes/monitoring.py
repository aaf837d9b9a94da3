"""Monitoring: the freshness of every watched asset."""

from typing import Any

import msgspec
from litestar import Request, Response, Router, get
from litestar.di import NamedDependency

from serving.auth import READ
from serving.problems import not_loaded
from serving.responses import Freshness, documented, send
from serving.snapshot import SnapshotHolder
from soccer_assets.contract import stale_reasons


@get(
    "/freshness",
    sync_to_thread=False,
    opt={"scope": READ},
    responses=documented(Freshness),
)
def read_freshness(
    request: Request[Any, Any, Any], snapshots: NamedDependency[SnapshotHolder]
) -> Response[bytes]:
    """When the data was last checked, how new it is, and the state of every watched asset."""
    current, now = snapshots.current, snapshots.clock.now()
    if current is None:
        raise not_loaded()
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
    return send(request, msgspec.json.encode(freshness), current.view, now)


router = Router("/monitoring", route_handlers=[read_freshness], tags=["monitoring"])
