"""Releases leave whole or not at all: files first, then the pointer, then the event."""

import datetime as dt
import hashlib
import multiprocessing
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from soccer_assets.clock import isoformat
from soccer_assets.contract.events import Event
from soccer_assets.contract.release import (
    CHAMPION,
    DIRECTORY_FILE,
    MANIFEST_FILE,
    MODEL_FILE,
    POINTER_KEY,
    PREDICTIONS_FILE,
    TEAM_STATE_FILE,
    Manifest,
    Prediction,
    release_key,
)
from soccer_assets.contract.status import STATUS_KEY, AssetState, Status
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.object_store import ConflictError, ObjectStore
from soccer_assets.stores.installation import name_store
from soccer_assets.stores.releases.publish import Draft, ReleaseRow, Releases, write_predictions
from tests.builders import EVENT_STREAM, INSTALLATION, NOW
from tests.serving.builders import make_model_card, make_prediction
from tests.stores.killed import EXIT_CODE, publish_and_die

LATER = NOW + dt.timedelta(hours=1)


def draft(*predictions: Prediction, version: str = "7", **changes: Any) -> Draft:
    """What a release of these predictions says, by default one of match m1."""
    rows = [
        ReleaseRow(
            prediction=msgspec.structs.replace(prediction, release_id=""),
            source_match_id=f"s-{prediction.match_id}",
            is_upcoming=True,
        )
        for prediction in predictions or [make_prediction("m1")]
    ]
    card = msgspec.structs.replace(make_model_card(), version=version)
    made = Draft(
        feed="fake",
        is_simulated=True,
        data_as_of="2025-04-24T19:00:00Z",
        snapshot_id="s1",
        models={CHAMPION: card},
        feature_names=("elo_gap", "rest_gap"),
        golden_rows=(),
        ledger_head=None,
        rows=tuple(rows),
    )
    return msgspec.structs.replace(made, **changes)


def publish(releases: Releases, drafted: Draft, now: dt.datetime = NOW) -> Any:
    """Publish a draft with the same model and team state."""
    return releases.publish(drafted, b"model", b"state", now)


def whole_release(store: ObjectStore) -> Manifest:
    """The manifest that the pointer names, after checking every hash on the way."""
    pointer = Releases(store, EventBus("")).pointer()
    data = store.read(release_key(pointer.release_id, MANIFEST_FILE))
    assert hashlib.sha256(data).hexdigest() == pointer.manifest_sha256
    manifest = msgspec.json.decode(data, type=Manifest)
    assert set(manifest.files) == {MODEL_FILE, TEAM_STATE_FILE, DIRECTORY_FILE, PREDICTIONS_FILE}
    for name, entry in manifest.files.items():
        content = store.read(release_key(pointer.release_id, name))
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (entry.sha256, entry.bytes), name
    return manifest


def announced(url: str) -> list[tuple[str, str | None]]:
    """Type and release of every event of the stream, oldest first."""
    with redis.Redis.from_url(url) as client:
        entries = client.xrange(EVENT_STREAM)
    events = [msgspec.json.decode(fields[b"event"], type=Event) for _, fields in entries]
    return [(event.type, event.release_id) for event in events]


@pytest.fixture
def stream_url(valkey_url: str) -> Iterator[str]:
    """A stream without events."""
    with redis.Redis.from_url(valkey_url) as client:
        client.delete(EVENT_STREAM)
        yield valkey_url


@pytest.fixture
def releases(folder_store: ObjectStore, stream_url: str) -> Releases:
    """Releases into a folder, announced on a stream."""
    name_store(folder_store, INSTALLATION)
    return Releases(folder_store, EventBus(stream_url, folder_store))


def test_a_release_is_whole_and_announced(releases, folder_store, stream_url):
    """Files, manifest and pointer agree in every hash, and the stream names the release."""
    assert releases.pointer() is None
    published = publish(releases, draft())

    assert (published.is_new, published.is_announced) == (True, True)
    manifest = whole_release(folder_store)
    assert manifest == published.manifest
    assert (manifest.prediction_rows, manifest.feed, manifest.created_at) == (
        1,
        "fake",
        "2025-04-25T09:00:00Z",
    )
    pointer = releases.pointer()
    assert (pointer.release_id, pointer.model_version) == (manifest.release_id, "7")
    assert announced(stream_url) == [("release", manifest.release_id)]


def test_a_release_reaches_s3(s3_store):
    """Both S3 servers take a first release, and the one after it."""
    releases = Releases(s3_store, EventBus(""))
    publish(releases, draft())
    second = publish(releases, draft(make_prediction("m2")), LATER)

    assert whole_release(s3_store) == second.manifest


def test_a_prediction_carries_the_id_of_its_release(releases, folder_store, tmp_path):
    """The bodies are the contract's predictions, and the columns are what lists are filtered by."""
    drafted = draft(make_prediction("m1"), make_prediction("m2", competition="ESP-1"))
    release_id = publish(releases, drafted).manifest.release_id
    file = tmp_path / "predictions.sqlite"
    file.write_bytes(folder_store.read(release_key(release_id, PREDICTIONS_FILE)))
    connection = sqlite3.connect(file)
    rows = connection.execute(
        "SELECT match_id, model, kickoff, competition, home_team_folded, source_match_id, is_upcoming, body "
        "FROM prediction ORDER BY match_id"
    ).fetchall()
    connection.close()

    assert [row[:-1] for row in rows] == [
        ("m1", "champion", "2025-04-26T14:00:00Z", "ENG-2", "leeds", "s-m1", 1),
        ("m2", "champion", "2025-04-26T14:00:00Z", "ESP-1", "leeds", "s-m2", 1),
    ]
    bodies = [msgspec.json.decode(row[-1], type=Prediction) for row in rows]
    assert {body.release_id for body in bodies} == {release_id}


def test_the_same_draft_is_the_same_release(releases, folder_store, stream_url):
    """Saying the same an hour later writes nothing and announces nothing."""
    first = publish(releases, draft())
    before = {key: Path(folder_store.path(key)).stat().st_mtime_ns for key in folder_store.list("releases")}
    second = publish(releases, draft(), LATER)

    assert (second.is_new, second.manifest) == (False, first.manifest)
    after = {key: Path(folder_store.path(key)).stat().st_mtime_ns for key in folder_store.list("releases")}
    assert after == before
    assert len(announced(stream_url)) == 1


@pytest.mark.parametrize(
    "other",
    [
        draft(make_prediction("m1", p_home=0.51, p_away=0.19)),
        draft(data_as_of="2025-04-25T19:00:00Z"),
        draft(ledger_head="f" * 64),
        draft(version="8"),
    ],
)
def test_whatever_is_said_is_in_the_id(other):
    """A prediction, the age of the data, the ledger's head or the model make another release."""
    assert other.release_id(b"model", b"state") != draft().release_id(b"model", b"state")
    assert draft().release_id(b"other", b"state") != draft().release_id(b"model", b"state")
    assert draft().release_id(b"model", b"other") != draft().release_id(b"model", b"state")


def test_a_new_model_is_announced_as_a_promotion(releases, stream_url):
    """The first release and one with other predictions are releases, one with another model a promotion."""
    publish(releases, draft())
    publish(releases, draft(make_prediction("m2")))
    publish(releases, draft(make_prediction("m2"), version="8"))

    assert [kind for kind, _ in announced(stream_url)] == ["release", "release", "promotion"]


def test_going_back_to_an_earlier_release_keeps_its_manifest(releases, folder_store):
    """A rollback points to the folder that is there: what was written once is not written again."""
    first = publish(releases, draft())
    publish(releases, draft(version="8"), LATER)
    back = publish(releases, draft(), LATER)

    assert (back.is_new, back.manifest) == (True, first.manifest)
    assert whole_release(folder_store) == first.manifest


def test_a_pointer_that_moved_meanwhile_is_not_overwritten(named_store, stream_url, monkeypatch):
    """Of two publishers the slower one gets a conflict, and the faster one's release stays whole."""
    fast, slow = (Releases(named_store, EventBus(stream_url, named_store)) for _ in range(2))
    publish(fast, draft())
    theirs = draft(make_prediction("m2"))
    real = Releases._write_files

    def overtaken(self: Releases, *arguments: Any) -> bytes:
        with monkeypatch.context() as patched:
            patched.setattr(Releases, "_write_files", real)
            publish(fast, theirs)
        return real(self, *arguments)

    monkeypatch.setattr(Releases, "_write_files", overtaken)
    with pytest.raises(ConflictError):
        publish(slow, draft(make_prediction("m3")), LATER)

    assert whole_release(named_store).release_id == theirs.release_id(b"model", b"state")
    assert len(announced(stream_url)) == 2


def test_a_pointer_that_moved_since_the_lease_is_not_overwritten(folder_store):
    """What a slow run read before another one published is older than that: it must not replace it."""
    fast, slow = (Releases(folder_store, EventBus("")) for _ in range(2))
    publish(fast, draft())
    lease = slow.lease()
    theirs = publish(fast, draft(version="8")).manifest
    with pytest.raises(ConflictError):
        slow.publish(draft(make_prediction("m3")), b"model", b"state", LATER, lease)

    assert whole_release(folder_store) == theirs


def test_a_lost_promotion_is_announced_as_one(releases, folder_store, stream_url):
    """The event of a run that was killed behind the pointer still says that another model answers."""
    publish(releases, draft())
    publish(Releases(folder_store, EventBus("")), draft(version="8"))
    assert releases.reconcile(LATER)

    assert [kind for kind, _ in announced(stream_url)] == ["release", "promotion"]


def test_two_publishers_of_one_draft_leave_one_manifest(folder_store, monkeypatch):
    """The slower one keeps the manifest that the pointer of the faster one was made for."""
    fast, slow = (Releases(folder_store, EventBus("")) for _ in range(2))
    real = Releases._write_files

    def overtaken(self: Releases, *arguments: Any) -> bytes:
        with monkeypatch.context() as patched:
            patched.setattr(Releases, "_write_files", real)
            publish(fast, draft())
        return real(self, *arguments)

    monkeypatch.setattr(Releases, "_write_files", overtaken)
    with pytest.raises(ConflictError):
        publish(slow, draft(), LATER)

    assert whole_release(folder_store).created_at == "2025-04-25T09:00:00Z"


def test_a_lost_event_is_announced_by_the_next_run(releases, folder_store, stream_url):
    """A pointer whose event was lost is announced once: after the first release, and after others."""
    assert not releases.reconcile(NOW)
    silent = Releases(folder_store, EventBus(""))
    first = publish(silent, draft()).manifest.release_id
    healed = [releases.reconcile(LATER), releases.reconcile(LATER)]
    second = publish(silent, draft(make_prediction("m2"))).manifest.release_id
    healed += [releases.reconcile(LATER), releases.reconcile(LATER)]

    assert healed == [True, False, True, False]
    assert announced(stream_url) == [("release", first), ("release", second)]


def test_an_alert_on_the_stream_is_no_lost_release(releases, folder_store, stream_url):
    """Events of other kinds lie between two releases without the last one being announced again."""
    publish(releases, draft())
    EventBus(stream_url, folder_store).publish(Event(type="alert", at="2025-04-25T10:00:00Z"))

    assert not releases.reconcile(LATER)


def test_a_stream_out_of_reach_stops_no_release(folder_store):
    """Without Redis the release is current all the same; readers poll the pointer."""
    releases = Releases(folder_store, EventBus("redis://127.0.0.1:1/0", folder_store))
    published = publish(releases, draft())

    assert (published.is_new, published.is_announced) == (True, False)
    assert not releases.reconcile(LATER)
    assert whole_release(folder_store) == published.manifest


@pytest.mark.parametrize("step", ["predictions", "manifest", "pointer"])
def test_a_kill_before_the_pointer_leaves_the_old_release(releases, folder_store, stream_url, step):
    """Whatever was written of the new release, the old one stays current, and the next run finishes it."""
    old = publish(releases, draft()).manifest
    drafted = draft(make_prediction("m2"))
    kill_at(step, folder_store, stream_url, drafted)

    assert whole_release(folder_store) == old
    finished = publish(releases, drafted, LATER)
    assert (finished.is_new, finished.is_announced) == (True, True)
    assert whole_release(folder_store).release_id == drafted.release_id(b"model", b"state")


def test_a_kill_before_the_event_is_healed(releases, folder_store, stream_url):
    """The pointer of the killed run stands; the next run announces it and finds nothing new to say."""
    kill_at("event", folder_store, stream_url, draft())
    drafted = whole_release(folder_store)

    assert announced(stream_url) == []
    assert releases.reconcile(LATER)
    assert announced(stream_url) == [("release", drafted.release_id)]
    assert not publish(releases, draft(), LATER).is_new


def kill_at(step: str, store: ObjectStore, stream_url: str, drafted: Draft) -> None:
    """Publish a draft in a process that dies before a step."""
    arguments = (store.url, stream_url, step, drafted, NOW)
    process = multiprocessing.get_context("spawn").Process(target=publish_and_die, args=arguments)
    process.start()
    process.join(60)
    assert process.exitcode == EXIT_CODE


def test_a_release_that_lost_a_file_is_written_again(releases, folder_store):
    """If a file of the current release is lost, publishing the same draft restores it."""
    manifest = publish(releases, draft()).manifest
    folder_store.delete(release_key(manifest.release_id, PREDICTIONS_FILE))
    publish(releases, draft(), LATER)

    assert whole_release(folder_store) == manifest


def test_predictions_of_the_same_rows_are_the_same_bytes(tmp_path):
    """The file of a release is a function of what it says: two runs write the same hash."""
    rows = draft(*(make_prediction(f"m{number}") for number in range(300))).rows
    for name in ("one", "other"):
        write_predictions(tmp_path / name, rows, "r1")

    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_pointer_of_a_later_version_of_the_project_is_understood(releases, folder_store):
    """Fields that this version does not know are ignored: a new field ships first in the graph."""
    publish(releases, draft())
    pointer = msgspec.json.decode(folder_store.read(POINTER_KEY)) | {"new_field": 1}
    folder_store.write(POINTER_KEY, msgspec.json.encode(pointer))

    assert releases.pointer().model_version == "7"


def test_a_state_that_changes_is_announced_once(releases: Releases, stream_url: str) -> None:
    """An asset that turns stale is an event; the same state again is none."""
    fresh = Status(
        schema_version=1,
        feed="fake",
        checked_at="2025-04-25T08:00:00Z",
        data_as_of=None,
        next_expected_at=None,
        assets=(AssetState(key="livescores/recent", state="pass", promise="every 90 minutes"),),
    )
    stale = msgspec.structs.replace(fresh, assets=(msgspec.structs.replace(fresh.assets[0], state="fail"),))
    for status in (fresh, fresh, stale, stale):
        releases.write_status(lambda status=status: status, NOW)

    with redis.Redis.from_url(stream_url) as client:
        ((_, fields),) = client.xrange(EVENT_STREAM)
    event = msgspec.json.decode(fields[b"event"], type=Event)
    assert (event.type, event.at) == ("freshness", isoformat(NOW))
    assert event.detail == {"asset": "livescores/recent", "state": "fail", "was": "pass"}


def _slow_run(store: ObjectStore, monkeypatch: pytest.MonkeyPatch, after: str, meanwhile: Any) -> None:
    """Let something happen once, right after this run reads or moves the pointer."""
    real = getattr(ObjectStore, after)
    waiting = [meanwhile]

    def slow(self: ObjectStore, key: str, *rest: Any) -> Any:
        result = real(self, key, *rest)
        if self is store and key == POINTER_KEY and waiting:
            waiting.pop()()
        return result

    monkeypatch.setattr(ObjectStore, after, slow)


def test_promotions_are_announced_once_and_in_order_beside_a_slow_run(
    named_store: ObjectStore, stream_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run reads the pointer, looking for a lost event; a rollback is published before it goes on.

    3, 2 was once seen as 3, 2, 3, 2.
    """
    other = ObjectStore(named_store.url)
    fast, slow = (Releases(each, EventBus(stream_url, each)) for each in (other, named_store))
    for version in ("2", "3"):
        publish(fast, draft(version=version))
    _slow_run(named_store, monkeypatch, "read", lambda: publish(fast, draft(version="2"), LATER))

    assert [slow.reconcile(LATER), fast.reconcile(LATER)] == [False, False]
    assert _promoted(stream_url) == ["3", "2"]


@pytest.mark.parametrize("after", ["read", "swap"])
def test_a_release_is_not_announced_after_the_one_that_replaced_it(
    named_store: ObjectStore, stream_url: str, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """A slow run is about to announce version 3 when version 4 is published and announced."""
    other = ObjectStore(named_store.url)
    fast, slow = (Releases(each, EventBus(stream_url, each)) for each in (other, named_store))
    publish(fast, draft(version="2"))
    if after == "read":  # the run that published version 3 was killed before its event
        publish(Releases(other, EventBus("")), draft(version="3"))
    _slow_run(named_store, monkeypatch, after, lambda: publish(fast, draft(version="4"), LATER))
    if after == "read":
        assert not slow.reconcile(LATER)
    else:
        assert not publish(slow, draft(version="3")).is_announced

    assert fast.pointer().model_version == "4"
    assert [slow.reconcile(LATER), fast.reconcile(LATER)] == [False, False]
    assert _promoted(stream_url) == ["4"]


def _promoted(url: str) -> list[str]:
    with redis.Redis.from_url(url) as client:
        entries = client.xrange(EVENT_STREAM)
    events = [msgspec.json.decode(fields[b"event"], type=Event) for _, fields in entries]
    return [event.detail["model_version"] for event in events if event.type == "promotion"]


def test_a_status_read_before_another_run_wrote_a_newer_one_is_dropped(
    releases: Releases, folder_store: ObjectStore, stream_url: str
) -> None:
    """A slow run neither turns a fresh asset stale again, nor announces it twice."""

    def status(state: str, hour: int) -> Status:
        asset = AssetState(key="livescores/recent", state=state, promise="every 90 minutes")
        return Status(
            schema_version=1,
            feed="fake",
            checked_at=f"2025-04-25T{hour:02}:00:00Z",
            data_as_of=None,
            next_expected_at=None,
            assets=(asset,),
        )

    def slowly() -> Status:
        read = status("fail", 8)
        for state, hour in (("fail", 8), ("pass", 9)):
            releases.write_status(lambda state=state, hour=hour: status(state, hour), NOW)
        return read

    releases.write_status(lambda: status("pass", 8), NOW)
    releases.write_status(slowly, NOW)

    assert msgspec.json.decode(folder_store.read(STATUS_KEY), type=Status) == status("pass", 9)
    with redis.Redis.from_url(stream_url) as client:
        entries = client.xrange(EVENT_STREAM)
    events = [msgspec.json.decode(fields[b"event"], type=Event) for _, fields in entries]
    assert [event.detail["state"] for event in events] == ["fail", "pass"]
