"""Events from the graph to sidecars and clients, and refusals from sidecars to the graph."""

import msgspec

OUTBOX_PREFIX = "outbox/"


EVENT_STREAM_MAXLEN = 10_000


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the event stream: `release`, `promotion`, `freshness`, `alert` or `reset`."""

    type: str
    at: str
    release_id: str | None = None
    detail: dict[str, str] = {}


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a sidecar refused a release; written to the outbox, read by the graph's alerts."""

    release_id: str
    reason: str
    at: str
    sidecar: str
