"""Who was champion since when: a short log in the object store, for the champion's page.

The aliases in the registry decide who is served. They have no time; this log has.
"""

import datetime as dt

import msgspec

from soccer_assets.clock import isoformat
from soccer_assets.resources.model_registry import RegisteredModel
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.models.champion_change import Kind
from soccer_assets.stores.stored_json import read_stored

KEY = "model/champions.json"
# A champion lasts a week or more: years of them.
_KEPT = 100


class Reign(msgspec.Struct, frozen=True, kw_only=True):
    """One version as champion.

    Attributes:
        version: in the registry.
        recipe: how it was fitted.
        since: when it became champion, ISO 8601 in UTC.
        how: the change that made it champion; ``kept`` where an earlier version of this software did not say.
    """

    version: str
    recipe: str
    since: str
    how: Kind


def read_reigns(store: ObjectStore) -> tuple[Reign, ...]:
    """Every champion that is remembered, oldest first."""
    return read_stored(store.read, KEY, tuple[Reign, ...]) or ()


def record_reign(
    store: ObjectStore, champion: RegisteredModel, how: Kind, now: dt.datetime
) -> tuple[Reign, ...]:
    """The log with the current champion as its last entry; the same champion again adds nothing.

    A champion of which the log does not know, as after an upgrade or a run that was killed before it wrote,
    counts from its training.
    """
    reigns = read_reigns(store)
    if reigns and reigns[-1].version == champion.version:
        return reigns
    since = champion.facts.trained_at if how == "kept" else isoformat(now)
    reign = Reign(version=champion.version, recipe=champion.facts.recipe, since=since, how=how)
    reigns = (*reigns, reign)[-_KEPT:]
    store.write(KEY, msgspec.json.format(msgspec.json.encode(reigns)))
    return reigns
