"""A publisher in its own process that is killed at a chosen step."""

import datetime as dt
import os
from collections.abc import Callable

from soccer_assets.contract.events import Event
from soccer_assets.contract.release import MANIFEST_FILE, POINTER_KEY, PREDICTIONS_FILE
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.releases.publish import Draft, Releases

EXIT_CODE = 9
STEPS = {"predictions": PREDICTIONS_FILE, "manifest": MANIFEST_FILE, "pointer": POINTER_KEY}


def publish_and_die(store_url: str, events_url: str, step: str, draft: Draft, now: dt.datetime) -> None:
    """Publish a release and end, without any clean-up, just before ``step``."""
    last = STEPS.get(step)

    class Store(ObjectStore):
        def upload(self, key: str, file: object) -> None:
            _die_if(last is not None and key.endswith(last))
            super().upload(key, file)

        def swap(self, key: str, data: bytes, etag: str | None) -> None:
            _die_if(last is not None and key.endswith(last))
            super().swap(key, data, etag)

    class Events(EventBus):
        def publish_next(self, next_event: Callable[[Event | None], Event | None]) -> bool:
            _die_if(step == "event")
            return super().publish_next(next_event)

    store = Store(store_url)
    Releases(store, Events(events_url, store)).publish(draft, b"model", b"state", now)


def _die_if(is_time: bool) -> None:
    if is_time:
        os._exit(EXIT_CODE)
