"""The publish lease: a backup holds the pointer still, and cannot hold it for ever."""

import threading
import time

import pytest

from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.releases.backup_lease import LEASE_KEY, LeaseError, held_lease, wait_for_lease
from soccer_assets.stores.releases.publish import Releases
from tests.stores.releases.test_publish import draft, publish


def test_a_publisher_waits_until_the_lease_ends(any_store: ObjectStore) -> None:
    """The pointer stays while the lease is held, and moves afterwards."""
    releases = Releases(any_store, EventBus(""))
    before = publish(releases, draft(version="1")).manifest.release_id
    waiting = threading.Thread(target=publish, args=(releases, draft(version="2")))

    with held_lease(any_store):
        waiting.start()
        waiting.join(1.0)
        assert waiting.is_alive()
        assert releases.pointer().release_id == before
    waiting.join()

    assert releases.pointer().release_id != before
    assert not any_store.exists(LEASE_KEY)


def test_only_one_backup_holds_the_lease(any_store: ObjectStore) -> None:
    """A second one is refused until the first has ended."""
    with (
        held_lease(any_store),
        pytest.raises(LeaseError, match="another backup of this store"),
        held_lease(any_store),
    ):
        pass
    with held_lease(any_store):
        assert any_store.exists(LEASE_KEY)


def test_the_lease_of_a_killed_backup_runs_out(folder_store: ObjectStore) -> None:
    """It is left in the store, and nobody waits for it when its time is over; the next backup takes it."""
    abandoned = held_lease(folder_store, seconds=0.5)
    abandoned.__enter__()

    wait_for_lease(folder_store)
    with held_lease(folder_store) as taken:
        assert taken.until.timestamp() > time.time()


@pytest.mark.parametrize("data", [b"", b"{", b'{"holder": 1}', b'{"holder": "x", "until": "never"}'])
def test_a_damaged_lease_holds_nobody_up(folder_store: ObjectStore, data: bytes) -> None:
    """Whatever stands there, publication goes on, and a backup can be made."""
    folder_store.write(LEASE_KEY, data)

    wait_for_lease(folder_store)
    with held_lease(folder_store):
        pass
    assert not folder_store.exists(LEASE_KEY)
