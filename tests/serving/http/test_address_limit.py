"""Unknown keys of one address."""

import pytest

from serving.http.address_limit import AddressLimit
from tests.serving.builders import READER

WRONG = {"X-API-Key": "not-a-key"}


def test_an_address_that_sends_unknown_keys_is_slowed_and_known_keys_are_not(store, serve):
    """429 above the limit, also for further unknown keys; a known key from there is answered."""
    client = serve(failed_keys_per_minute=3)
    statuses = [client.get("/predict/m1", headers=WRONG).status_code for _ in range(5)]
    refused = client.get("/predict/m1", headers={"X-API-Key": "another"})

    # A minute may end between two requests.
    assert statuses[:3] == [401] * 3
    assert refused.status_code == 429 or statuses.count(401) > 3
    assert refused.status_code == 401 or 0 < int(refused.headers["retry-after"]) <= 60
    assert client.get("/predict/m1", headers=READER).status_code == 200
    assert client.get("/predict/m1").status_code == 401


def test_counts_begin_again_with_each_minute():
    """The wait that is told is the rest of the minute."""
    now = [65.0]
    failed = AddressLimit(2, now=lambda: now[0])

    assert [failed.count("192.0.2.1", "") for _ in range(3)] == [0, 0, 55]
    assert failed.count("192.0.2.2", "") == 0
    now[0] = 120.0
    assert failed.count("192.0.2.1", "") == 0
    assert [AddressLimit(0).count("192.0.2.1", "") for _ in range(9)] == [0] * 9


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),  # from no proxy of ours: not believed
        ("10.0.0.5", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.5", "203.0.113.9, 198.51.100.7", "198.51.100.7"),  # the client wrote the first
        ("10.0.0.5", "198.51.100.7, 10.0.0.6", "198.51.100.7"),
        ("10.0.0.5", "198.51.100.7, nonsense", "10.0.0.5"),
        ("10.0.0.5", "", "10.0.0.5"),
        ("2001:db8::1", "198.51.100.7", "2001:db8::/64"),
        ("10.0.0.5", "2001:db8:0:0:1::1", "2001:db8::/64"),
        ("10.0.0.5", "198.51.100.7:50123", "198.51.100.7"),  # some proxies append the port
        ("10.0.0.5", "[2001:db8:0:0:1::1]:50123", "2001:db8::/64"),
        ("::ffff:192.0.2.1", "", "192.0.2.1"),  # an IPv4 client of a socket that speaks both
        ("::ffff:10.0.0.5", "::ffff:198.51.100.7", "198.51.100.7"),
        ("10.0.0.5", "[198.51.100.7", "10.0.0.5"),
        ("fe80::1%eth0", "", "fe80::/64"),
        ("testclient", "198.51.100.7", "testclient"),
    ],
)
def test_the_address_is_the_last_that_no_proxy_of_ours_has(peer, forwarded_for, address):
    """Only what a trusted proxy wrote is believed; IPv6 counts by customer."""
    assert AddressLimit(1, ("10.0.0.0/24",)).address(peer, forwarded_for) == address


def test_addresses_without_end_take_no_memory_without_end():
    """Beyond ten thousand addresses in a minute all others share a counter."""
    failed = AddressLimit(1, now=lambda: 0.0)
    for number in range(12_000):
        failed.count(f"host-{number}", "")

    assert len(failed._counts) <= 10_001
    assert failed.count("host-new", "") > 0
