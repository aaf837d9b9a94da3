"""Reloads: what is swapped in, what is refused, and that there is one at a time."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from serving.scoring.process import Scorer
from soccer_assets.contract.events import Refusal
from soccer_assets.contract.release import POINTER_KEY, GoldenRow, Manifest, Pointer
from tests.services import free_ports
from tests.serving.builders import (
    GOLDEN_ROWS,
    READER,
    StubScorer,
    dying_scores,
    make_prediction,
    make_release,
    put,
    write_keys,
    write_pointer,
)
from tests.serving.conftest import reload

WRONG_GOLDEN_ROWS = (GoldenRow(features=(0.25, 1.5), probabilities=(0.5, 0.3 + 1e-9, 0.2 - 1e-9)),)


def release_of(client):
    """The release that answers a look-up."""
    return client.get("/predict/m1", headers=READER).json()["release_id"]


def refusals(store):
    """What lies in the outbox."""
    return [
        msgspec.json.decode(path.read_bytes(), type=Refusal)
        for path in sorted((store / "outbox").glob("*.json"))
    ]


def flip_byte(path, position):
    """Change one byte of a file."""
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def test_srv_02_new_release_is_swapped_in(client, store):
    """The next poll answers from the new release, and metrics name it alone."""
    make_release(store, [make_prediction(p_home=0.6, p_draw=0.2)], release_id="r2")
    reload(client)

    body = client.get("/predict/m1", headers=READER).json()
    assert (body["release_id"], body["p_home"]) == ("r2", 0.6)
    metrics = client.get("/metrics").text
    assert 'soccer_release_info{feed="simulated",model_version="7",release_id="r2"} 1.0' in metrics
    assert 'release_id="r1"' not in metrics
    assert 'soccer_reloads_total{result="loaded"} 2.0' in metrics


def test_pointer_may_go_back(client, store):
    """A rollback is a pointer to an older release."""
    make_release(store, [make_prediction()], release_id="r2")
    reload(client)
    write_pointer(store, "r1")
    reload(client)

    assert release_of(client) == "r1"


def corrupt_predictions(folder):
    """A byte in the middle of the predictions."""
    flip_byte(folder / "predictions.sqlite", 5000)


def corrupt_model(folder):
    """The first byte of the model."""
    flip_byte(folder / "model.bin", 0)


def corrupt_team_state(folder):
    """The last byte of the team states, a file that is not read yet."""
    flip_byte(folder / "team_state.bin", -1)


def corrupt_manifest(folder):
    """A byte of the manifest."""
    flip_byte(folder / "manifest.json", 10)


def truncate_predictions(folder):
    """Half of the predictions."""
    content = (folder / "predictions.sqlite").read_bytes()
    (folder / "predictions.sqlite").write_bytes(content[: len(content) // 2])


def remove_model(folder):
    """No model."""
    (folder / "model.bin").unlink()


def remove_manifest(folder):
    """No manifest."""
    (folder / "manifest.json").unlink()


def forget_the_model(folder):
    """A manifest that does not list the model, with a pointer that fits it."""
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    files = {name: entry for name, entry in manifest.files.items() if name != "model.bin"}
    put(folder, "manifest.json", msgspec.structs.replace(manifest, files=files))
    write_pointer(folder.parents[1], "r2")


def leave_the_folder(folder):
    """A manifest that names a file outside the release."""
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    files = manifest.files | {"../../auth/keys.json": manifest.files["model.bin"]}
    put(folder, "manifest.json", msgspec.structs.replace(manifest, files=files))
    write_pointer(folder.parents[1], "r2")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (corrupt_predictions, "corrupt"),
        (corrupt_model, "corrupt"),
        (corrupt_team_state, "corrupt"),
        (corrupt_manifest, "corrupt"),
        (truncate_predictions, "corrupt"),
        (remove_model, "half"),
        (remove_manifest, "half"),
        (forget_the_model, "half"),
        (leave_the_folder, "malformed"),
    ],
)
def test_bad_release_is_refused_while_the_old_one_answers(client, store, spoil, reason):
    """Altered or missing bytes: counted, left in the outbox once, and nothing changes for clients."""
    spoil(make_release(store, [make_prediction()], release_id="r2"))
    for _ in range(3):
        reload(client)

    assert release_of(client) == "r1"
    assert client.get("/ready").json()["release_id"] == "r1"
    assert f'soccer_reloads_total{{result="{reason}"}} 1.0' in client.get("/metrics").text
    (refusal,) = refusals(store)
    assert refusal.release_id == "r2"
    assert refusal.reason.startswith(f"{reason}: ")


def test_any_altered_byte_is_noticed(client, store):
    """One bit at 100 places all over a release's files: each is refused, and the old release answers on."""
    folder = make_release(store, [make_prediction(f"m{number}") for number in range(50)], release_id="r2")
    pointer = msgspec.json.decode((store / "releases/current.json").read_bytes(), type=Pointer)
    files = sorted(folder.iterdir())
    places = [(files[number % len(files)], number // len(files) / 25) for number in range(100)]
    for number, (file, share) in enumerate(places):
        content = file.read_bytes()
        flip_byte(file, int(share * len(content)))
        # Another pointer to it: the one that was refused a moment ago is not looked at again.
        put(
            store,
            "releases/current.json",
            msgspec.structs.replace(
                pointer, published_at=f"2025-04-25T09:{number // 60:02}:{number % 60:02}Z"
            ),
        )
        reload(client)
        assert release_of(client) == "r1"
        file.write_bytes(content)

    assert len(files) == 4
    assert 'soccer_reloads_total{result="corrupt"} 100.0' in client.get("/metrics").text
    put(store, "releases/current.json", pointer)
    reload(client)
    assert release_of(client) == "r2"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"schema_version": 2}, "schema"),
        ({"prediction_rows": 2}, "half"),
        ({"golden_rows": WRONG_GOLDEN_ROWS}, "golden_rows"),
        ({"golden_rows": ()}, "golden_rows"),
        ({"golden_rows": (*GOLDEN_ROWS, *GOLDEN_ROWS)}, "golden_rows"),
    ],
)
def test_release_that_breaks_the_contract_is_refused(client, store, changes, reason):
    """Right hashes are not enough: schema, rows and golden probabilities must be right too."""
    make_release(store, [make_prediction()], release_id="r2", **changes)
    reload(client)

    assert release_of(client) == "r1"
    assert f'soccer_reloads_total{{result="{reason}"}} 1.0' in client.get("/metrics").text
    assert [refusal.release_id for refusal in refusals(store)] == ["r2"]


@pytest.mark.parametrize("release_id", ["../../etc", "a/b", "", ".hidden", "x" * 200])
def test_release_id_cannot_leave_its_folder(client, store, release_id):
    """A pointer with a path in it is refused and its note stays in the outbox."""
    pointer = client.app.state["snapshots"].current.snapshot.pointer
    put(store, "releases/current.json", msgspec.structs.replace(pointer, release_id=release_id))
    reload(client)

    assert release_of(client) == "r1"
    assert len(refusals(store)) == 1


@pytest.mark.parametrize("content", [b"", b"null", b'{"schema_version": 1}', b"\xff\xfe"])
def test_unreadable_pointer_changes_nothing(client, store, content):
    """A pointer that is no pointer is counted as a failed poll."""
    (store / "releases/current.json").write_bytes(content)
    reload(client)

    assert release_of(client) == "r1"
    assert 'soccer_poll_failures_total{what="pointer"} 1.0' in client.get("/metrics").text


def test_repaired_release_is_loaded_and_the_note_taken_back(client, store):
    """Once the publisher has published again, the release is served and the outbox is empty."""
    corrupt_model(make_release(store, [make_prediction()], release_id="r2"))
    reload(client)
    assert len(refusals(store)) == 1

    make_release(store, [make_prediction(p_home=0.4, p_draw=0.4)], release_id="r2")
    reload(client)

    assert release_of(client) == "r2"
    assert refusals(store) == []


def test_first_release_with_a_wrong_model_does_not_stay(tmp_path, serve):
    """At the first load the model is checked right after; when it is wrong, readiness goes again."""
    make_release(tmp_path / "store", [make_prediction()], golden_rows=WRONG_GOLDEN_ROWS)
    write_keys(tmp_path / "store")
    client = serve()

    response = client.get("/predict/m1", headers=READER)

    assert client.get("/ready").status_code == 503
    assert "Release r1 is refused (golden_rows)" in client.get("/ready").json()["detail"]
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert len(refusals(tmp_path / "store")) == 1
    assert client.get("/healthcheck/").status_code == 200


def test_empty_store_is_not_ready_until_a_release_comes(tmp_path, serve):
    """A sidecar may start before the graph has published anything."""
    (tmp_path / "store").mkdir()
    client = serve()
    assert client.get("/ready").status_code == 503
    assert "Nothing is published" in client.get("/ready").json()["detail"]
    assert client.get("/healthcheck/").status_code == 200

    (tmp_path / "store" / POINTER_KEY).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "store" / POINTER_KEY).write_bytes(b"{")
    reload(client)
    assert "pointer to the current release cannot be read" in client.get("/ready").json()["detail"]

    make_release(tmp_path / "store", [make_prediction()])
    reload(client)

    assert client.get("/ready").json()["release_id"] == "r1"


def test_srv_04_simultaneous_triggers_reload_one_at_a_time(store, serve):
    """SRV-04: twenty threads ask at once; no two reloads overlap, and the release is loaded once."""
    client = serve()
    reader = client.app.state["reloader"]._reader
    fetch, guard, overlaps, fetched = reader.fetch, threading.Lock(), [], []

    def watched_fetch(pointer):
        overlaps.append(not guard.acquire(blocking=False))
        fetched.append(pointer.release_id)
        try:
            return fetch(pointer)
        finally:
            guard.release()

    reader.fetch = watched_fetch
    make_release(store, [make_prediction()], release_id="r2")
    with ThreadPoolExecutor(20) as threads:
        list(threads.map(lambda _: reload(client), range(20)))

    assert fetched == ["r2"]
    assert not any(overlaps)
    assert release_of(client) == "r2"


def test_no_answer_mixes_two_releases(store, serve):
    """Pages read while releases change hold one release each."""
    client = serve()
    stop = threading.Event()
    mixed, seen = [], set()

    def read():
        while not stop.is_set():
            items = client.get("/predict/predictions/", headers=READER).json()["items"]
            releases = {(item["release_id"], item["p_home"]) for item in items}
            seen.update(releases)
            mixed.append(len(releases) != 1)

    with ThreadPoolExecutor(4) as threads:
        readers = [threads.submit(read) for _ in range(4)]
        for number in range(2, 8):
            rows = [make_prediction(f"m{row}", p_home=number / 100) for row in range(50)]
            make_release(store, rows, release_id=f"r{number}")
            reload(client)
        stop.set()
        for reader in readers:
            reader.result()

    assert not any(mixed)
    assert len(seen) > 1


def test_dead_scoring_process_refuses_the_release(store, serve):
    """A model that kills the process that scores it is refused; the sidecar lives."""
    client = serve(scorer=Scorer(dying_scores))
    reload(client)

    assert client.get("/ready").status_code == 503
    assert client.get("/healthcheck/").status_code == 200
    (refusal,) = refusals(store)
    assert refusal.reason.startswith("scorer: ")


def test_poll_notices_by_itself(store, serve):
    """Without any trigger a release is served after a poll."""
    client = serve(poll_seconds=0.05)
    make_release(store, [make_prediction()], release_id="r2")

    deadline = time.monotonic() + 90
    while release_of(client) != "r2" and time.monotonic() < deadline:
        time.sleep(0.02)

    assert release_of(client) == "r2"


def test_stub_scorer_is_asked_once_a_release(store, serve):
    """An unchanged pointer is not verified again."""
    scorer = StubScorer()
    client = serve(scorer=scorer)
    for _ in range(3):
        reload(client)

    assert scorer.calls == 1


def test_a_store_that_does_not_answer_is_told_and_counted(monkeypatch, serve):
    """Readiness names the store, not a missing release, and a metric counts the failed reads."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    client = serve(store_url="s3://bucket/store", s3_endpoint_url=f"http://127.0.0.1:{free_ports(1)[0]}")
    reload(client)

    assert "store of the releases cannot be read" in client.get("/ready").json()["detail"]
    counted = re.search(r'soccer_store_failures_total{what="pointer"} (\d+)', client.get("/metrics").text)
    assert counted is not None
    assert int(counted[1]) >= 1
