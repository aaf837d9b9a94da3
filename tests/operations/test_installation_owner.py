"""One home at a time uses an installation's names on a shared Redis."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from soccer_assets.contract.installation import RedisNames
from soccer_assets.operations.installation_owner import EXPIRES_SECONDS, InstallationOwner
from soccer_assets.operations.processes import StartError, free_port
from tests import services
from tests.operations.kills import wait_until

KEY = RedisNames("1f2e").owner


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a Valkey."""
    with services.valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def client(url: str) -> Iterator[redis.Redis]:
    """A client of an empty Valkey."""
    with redis.Redis.from_url(url) as found:
        found.flushall()
        yield found


def owner(url: str, home: str) -> InstallationOwner:
    """A start of a home."""
    return InstallationOwner(url, "1f2e", Path("/homes") / home, refresh_seconds=0.05)


def test_a_copy_does_not_start_beside_its_original(client, url) -> None:
    """It is refused with the way to a copy that may, and starts when the original was stopped."""
    original, copy = owner(url, "original"), owner(url, "copy")
    original.claim()

    with pytest.raises(StartError, match=r"`soccer restore FOLDER --copy`"):
        copy.claim()
    original.release()
    again = owner(url, "copy")
    again.claim()

    again.check()
    again.release()
    assert not client.exists(KEY)


def test_the_key_holds_no_path_and_expires(client, url) -> None:
    """Others read the same Redis; and a killed home must not own it for ever."""
    original = owner(url, "original")

    original.claim()

    assert b"original" not in client.get(KEY)
    assert 0 < client.pttl(KEY) <= EXPIRES_SECONDS * 1000
    original.release()


def test_a_killed_home_starts_again_at_once(client, url) -> None:
    """Its key still stands. A clone of the whole machine that runs on ends, for it never gave the key up."""
    killed = owner(url, "original")
    killed.claim()
    restarted = owner(url, "original")

    restarted.claim()

    restarted.check()
    wait_until(lambda: _is_lost(killed))
    restarted.check()
    restarted.release()
    killed.release()


def test_a_home_that_was_cut_off_finds_its_key_taken(client, url) -> None:
    """The key of a home that Redis did not hear of for a minute is a copy's for the asking."""
    original = InstallationOwner(url, "1f2e", Path("/homes/original"), refresh_seconds=3600)
    original.claim()
    client.delete(KEY)  # as its end does
    copy = owner(url, "copy")
    copy.claim()

    original._refresh()

    with pytest.raises(StartError, match="one is a copy"):
        original.check()
    original.release()
    copy.check()
    assert client.exists(KEY)  # the original's end leaves the copy's key
    copy.release()


def test_redis_away_is_no_reason_not_to_start(client, tmp_path) -> None:
    """The key is taken when it answers."""
    lonely = owner(f"redis://127.0.0.1:{free_port()}/0", "original")

    lonely.claim()

    lonely.check()
    lonely.release()


def _is_lost(found: InstallationOwner) -> bool:
    try:
        found.check()
    except StartError:
        return True
    return False
