"""Who was champion since when: a short log in the object store, for the champion's page.

The aliases in the registry decide who is served. They have no time; this log has.
"""

import datetime as dt

import msgspec

from soccer_assets.clock import isoformat
from soccer_assets.contract.model_history import CHAMPIONS_KEY, Kind, Reign
from soccer_assets.resources.model_registry import RegisteredModel
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.stored_json import read_stored

# A champion lasts a week or more: years of them.
_KEPT = 100


def read_reigns(store: ObjectStore) -> tuple[Reign, ...]:
    """Every champion that is remembered, oldest first."""
    return read_stored(store.read, CHAMPIONS_KEY, tuple[Reign, ...]) or ()


def record_reign(
    store: ObjectStore, champion: RegisteredModel, how: Kind, now: dt.datetime, reason: str = ""
) -> tuple[Reign, ...]:
    """The log with the current champion as its last entry; the same champion again adds nothing.

    A champion of which the log does not know, as after an upgrade or a run that was killed before it wrote,
    counts from its training.
    """
    reigns = read_reigns(store)
    if reigns and reigns[-1].version == champion.version:
        return reigns
    since = champion.facts.trained_at if how == "kept" else isoformat(now)
    reign = Reign(version=champion.version, recipe=champion.facts.recipe, since=since, how=how, reason=reason)
    reigns = (*reigns, reign)[-_KEPT:]
    store.write(CHAMPIONS_KEY, msgspec.json.format(msgspec.json.encode(reigns)))
    return reigns
