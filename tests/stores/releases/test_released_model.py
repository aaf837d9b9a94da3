"""A champion whose artifact is lost is found in the releases by its hash."""

import hashlib

from soccer_assets.contract.release import MODEL_FILE, release_key
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.releases.publish import Releases
from soccer_assets.stores.releases.released_model import released_model
from tests.builders import NOW
from tests.stores.releases.test_publish import draft


def test_a_model_is_found_in_the_release_that_serves_it(folder_store: ObjectStore) -> None:
    """By its own hash only, in older releases too, never a changed or a pruned file."""
    releases = Releases(folder_store, EventBus(""))
    models = [b"first model", b"second model"]
    digests = [hashlib.sha256(model).hexdigest() for model in models]
    assert released_model(folder_store, digests[0]) is None
    made = [
        releases.publish(draft(version=str(number)), model, b"state", NOW).manifest.release_id
        for number, model in enumerate(models)
    ]

    assert [released_model(folder_store, digest) for digest in digests] == models
    assert released_model(folder_store, "0" * 64) is None

    folder_store.write(release_key(made[0], MODEL_FILE), b"changed")
    folder_store.delete(release_key(made[1], MODEL_FILE))
    assert [released_model(folder_store, digest) for digest in digests] == [None, None]
