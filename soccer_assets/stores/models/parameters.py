"""The last search for hyper-parameters, in the object store."""

import msgspec

from soccer_assets.modelling.training import DEFAULTS, Parameters
from soccer_assets.modelling.tuning import Search
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.stored_json import read_stored

KEY = "model/parameters.json"


def write_search(store: ObjectStore, found: Search) -> None:
    """Store a search; the next candidate is fitted with its parameters."""
    store.write(KEY, msgspec.json.format(msgspec.json.encode(found)))


def read_search(store: ObjectStore) -> Search | None:
    """The last search; None before the first."""
    return read_stored(store.read, KEY, Search)


def current_parameters(store: ObjectStore) -> Parameters:
    """Parameters for the next candidate: of the last search, or the defaults."""
    last = read_search(store)
    return DEFAULTS if last is None else last.parameters
