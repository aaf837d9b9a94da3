"""Heartbeats of the sidecar's workers, and which of them hang."""

import asyncio
import os

from serving import heartbeats
from serving.heartbeats import MOST_LATE_LOOKS, MOST_LOOKS_AT_START, HangLookout, Heartbeats

OWN = os.getpid()


def test_a_worker_without_a_beat_for_six_looks_hangs_and_the_other_does_not():
    """It is named once; its successor begins anew."""
    beats = Heartbeats(2)
    lookout = HangLookout(beats)
    beats.beat(0)
    found = []
    for _ in range(MOST_LATE_LOOKS + 1):
        beats.beat(1)
        found += lookout.hung([OWN, OWN])

    assert found == [OWN]
    assert lookout.hung([OWN + 1, OWN]) == []


def test_a_worker_that_starts_has_longer():
    """From the fork to its first beat it imports; the beat before is its predecessor's."""
    beats = Heartbeats(1)
    lookout = HangLookout(beats)
    beats.beat(0)

    found = [lookout.hung([OWN + 1]) for _ in range(MOST_LOOKS_AT_START + 1)]

    assert found == [[]] * MOST_LOOKS_AT_START + [[OWN + 1]]
    assert lookout.hung([None]) == []


def test_one_late_beat_is_forgiven():
    """Only looks in a row count."""
    beats = Heartbeats(1)
    lookout = HangLookout(beats)
    for _ in range(3):
        beats.beat(0)
        assert [lookout.hung([OWN]) for _ in range(MOST_LATE_LOOKS)] == [[]] * MOST_LATE_LOOKS


def test_the_event_loop_beats_until_it_is_cancelled(monkeypatch):
    """And not at all where no server reads it."""
    beats = Heartbeats(1)
    asyncio.run(heartbeats.beat_forever())
    monkeypatch.setattr(heartbeats, "BEAT_SECONDS", 0.0)
    monkeypatch.setattr(heartbeats, "beat", lambda: beats.beat(0))

    async def loop():
        task = asyncio.create_task(heartbeats.beat_forever())
        while beats.read(0) < (OWN, 3):  # noqa: ASYNC110 - the beat is what is waited for
            await asyncio.sleep(0)
        task.cancel()

    asyncio.run(loop())
    assert beats.read(0)[0] == OWN
