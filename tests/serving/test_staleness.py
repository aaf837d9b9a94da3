"""What the clock and the status change in an answer, without a new release."""

import pytest

from serving.release.current import MOVED_REASON
from soccer_assets.clock import FixedClock
from tests.serving.builders import NOW, READER, hours, make_prediction, make_release, write_keys, write_status
from tests.serving.conftest import reload


def at(client, instant):
    """Let the sidecar's clock stand at another instant."""
    client.app.state["snapshots"].clock = FixedClock(instant)


def test_answer_turns_stale_when_the_feed_was_not_checked(client):
    """Three hours after the last check the same release says stale, with the reason and another ETag."""
    fresh = client.get("/predict/m1", headers=READER)
    at(client, NOW + hours(3))

    stale = client.get("/predict/m1", headers=READER | {"If-None-Match": fresh.headers["etag"]})

    assert fresh.json()["stale"] is False
    assert stale.status_code == 200
    assert stale.json()["stale"] is True
    assert "last checked at 2025-04-25T08:55:00Z" in stale.json()["stale_reasons"][0]
    assert stale.json()["release_id"] == fresh.json()["release_id"]


def test_staleness_does_not_take_the_answers_away(client):
    """Readiness stays, and tells the staleness; so do freshness and metrics."""
    at(client, NOW + hours(100))

    assert client.get("/ready").json()["stale"] is True
    assert client.get("/monitoring/freshness", headers=READER).json()["stale"] is True
    assert "soccer_data_stale 1.0" in client.get("/metrics").text


def test_new_check_makes_the_same_release_fresh_again(client, store):
    """A status alone is enough; predictions, release id and probabilities stay."""
    at(client, NOW + hours(4))
    assert client.get("/predict/m1", headers=READER).json()["stale"] is True

    write_status(store, checked_at="2025-04-25T12:55:00Z")
    reload(client)
    body = client.get("/predict/m1", headers=READER).json()

    assert (body["stale"], body["checked_at"]) == (False, "2025-04-25T12:55:00Z")


def test_result_that_is_due_and_missing_makes_answers_stale(client, store):
    """A status that was checked a moment ago is stale all the same while a result is overdue."""
    write_status(store, next_expected_at="2025-04-25T08:59:59Z")
    reload(client)

    reasons = client.get("/predict/m1", headers=READER).json()["stale_reasons"]

    assert reasons == ["a result was due at 2025-04-25T08:59:59Z and has not arrived"]


def test_moved_kickoff_marks_only_its_match(store, serve):
    """Only the match whose kickoff moved is stale, in look-ups and in lists."""
    make_release(store, [make_prediction("m1"), make_prediction("m2")], release_id="r2")
    write_status(store, moved_match_ids=("m2",))
    client = serve()

    page = client.get("/predict/matches/", headers=READER).json()["items"]

    assert [(item["match_id"], item["stale_reasons"]) for item in page] == [
        ("m1", []),
        ("m2", [MOVED_REASON]),
    ]
    assert client.get("/predict/m2", headers=READER).json()["stale"] is True


def test_match_leaves_the_upcoming_list_at_its_kickoff(client):
    """The list follows the clock, not the moment of the release."""
    at(client, NOW + hours(30))

    assert client.get("/predict/matches/", headers=READER).json()["items"] == []
    assert client.get("/predict/predictions/?future_only=true", headers=READER).json()["items"] == []
    assert len(client.get("/predict/predictions/", headers=READER).json()["items"]) == 1


@pytest.mark.parametrize("seconds", [0, 1, 59, 3600])
def test_age_counts_from_the_last_check(client, seconds):
    """Age is the whole seconds since checked_at; the body does not change with it."""
    before = client.get("/predict/m1", headers=READER)
    at(client, NOW + hours(seconds / 3600))

    after = client.get("/predict/m1", headers=READER)

    assert int(after.headers["age"]) == 300 + seconds
    assert after.content == before.content


def test_without_a_status_the_release_itself_grows_stale(tmp_path, serve):
    """A store without status answers with what the release knew when it was made."""
    make_release(tmp_path / "store", [make_prediction()])
    write_keys(tmp_path / "store")
    client = serve()
    fresh = client.get("/predict/m1", headers=READER).json()
    at(client, NOW + hours(4))

    assert (fresh["stale"], fresh["checked_at"]) == (False, "2025-04-25T08:56:00Z")
    assert client.get("/predict/m1", headers=READER).json()["stale"] is True


@pytest.mark.parametrize(
    "content", [b"{", b"{}", b'{"schema_version": 2, "feed": "x", "checked_at": "soon"}']
)
def test_status_that_cannot_be_read_leaves_the_last_one(client, store, content):
    """A broken status is counted and changes nothing."""
    (store / "releases/status.json").write_bytes(content)
    reload(client)

    assert client.get("/predict/m1", headers=READER).json()["checked_at"] == "2025-04-25T08:55:00Z"
    assert 'soccer_poll_failures_total{what="status"} 1.0' in client.get("/metrics").text
