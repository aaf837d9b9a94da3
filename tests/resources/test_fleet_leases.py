"""Leases of runs on a real Valkey: one holder at a time, and requests to stop that reach it."""

import uuid

import pytest
import redis

from soccer_assets.resources.fleet_leases import (
    GIVE_UP_SECONDS,
    LEASE_SECONDS,
    LeaseLostError,
    RunLeases,
    Stop,
)


@pytest.fixture
def leases(valkey_url: str) -> RunLeases:
    """Leases that no other test has."""
    return RunLeases(valkey_url, f"{uuid.uuid4()}:")


def test_one_worker_at_a_time_has_the_lease(leases: RunLeases) -> None:
    """It is kept and given back by its holder only."""
    assert leases.take("run", "a")
    assert not leases.take("run", "b")
    assert not leases.take("run", "a")
    assert leases.renew("run", "a") is None
    with pytest.raises(LeaseLostError):
        leases.renew("run", "b")
    leases.release("run", "b")
    assert leases.holder("run") == "a"
    leases.release("run", "a")
    assert leases.holder("run") is None
    assert leases.take("run", "b")


def test_a_lease_that_the_server_lost_is_taken_again(leases: RunLeases) -> None:
    """As after a restart without its file; it ends by itself, later than its holder gives up."""
    leases.take("run", "a")
    leases.end("run")
    assert leases.renew("run", "a") is None
    assert leases.holder("run") == "a"
    assert leases.seconds_left("run") > LEASE_SECONDS - 5
    assert LEASE_SECONDS - GIVE_UP_SECONDS >= 8, "a call of 4 seconds, and the kill"


def test_a_request_to_stop_waits_for_whoever_takes_the_run(leases: RunLeases) -> None:
    """The latest counts."""
    leases.ask_to_stop("run", Stop.INTERRUPT)
    leases.take("run", "a")
    assert leases.renew("run", "a") is Stop.INTERRUPT
    leases.ask_to_stop("run", Stop.KILL)
    assert leases.renew("run", "a") is Stop.KILL
    leases.take("other", "a")
    assert leases.renew("other", "a") is None


def test_installations_that_share_a_server_do_not_meet(valkey_url: str, leases: RunLeases) -> None:
    """Every key has the prefix."""
    leases.take("run", "a")
    assert RunLeases(valkey_url, f"{uuid.uuid4()}:").holder("run") is None


def test_without_the_server_every_call_says_so() -> None:
    """The callers decide what that means."""
    leases = RunLeases("redis://127.0.0.1:1/0", "")
    with pytest.raises(redis.RedisError):
        leases.holder("run")
