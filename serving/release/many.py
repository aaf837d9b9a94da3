"""Many look-ups of one release in one answer; each element is, byte by byte, the body of its single look-up.

Copies are what such an answer costs: a body of 2 kB is open, without its closing brace, and copied once.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence

import msgspec

from serving.release.current import Current
from serving.release.snapshot import Snapshot
from soccer_assets.contract.release import CHAMPION

_HEAD = b'{"items":['


class Found(msgspec.Struct, frozen=True):
    """What a release has of some matches.

    Attributes:
        match_ids: of each match that was asked for; that of the release where it was named by its source.
        opened: the open body of each; None if the release has no such prediction.
        has_source_ids: whether one was named by an id of its source.
    """

    match_ids: Sequence[str]
    opened: Sequence[bytes | None]
    has_source_ids: bool = False


def find(snapshot: Snapshot, asked: Sequence[str], model: str) -> Found:
    """Find at most 1,000 matches by their ids, or those of their source. Call this from a thread."""
    opened = snapshot.find_each(asked, model)
    missed = [match_id for match_id, body in zip(asked, opened, strict=True) if body is None]
    named = snapshot.find_match_ids(missed) if missed else {}
    if not named:
        return Found(asked, opened)
    match_ids = [
        match_id if body is not None else named.get(match_id, match_id)
        for match_id, body in zip(asked, opened, strict=True)
    ]
    by_source = snapshot.find_each(match_ids, model)
    return Found(match_ids, by_source, has_source_ids=by_source.count(None) < opened.count(None))


def find_in_memory(snapshot: Snapshot, asked: Sequence[str], model: str) -> Found | None:
    """The same in microseconds, if every match is known by its own id and in memory; otherwise None."""
    opened = snapshot.find_in_memory(asked) if model == CHAMPION else None
    return None if opened is None else Found(asked, opened)


def document(
    current: Current, asked: Sequence[str], found: Found, model: str, now: dt.datetime
) -> tuple[bytes, bytes]:
    """The JSON of all matches, `items` and `unknown`, and its ETag.

    Args:
        current: release and status.
        asked: the ids as they were asked for.
        found: what the release has of them.
        model: that was asked.
        now: of the answer.
    """
    tail, moved = current.view.common_tail(now), current.view.moved(found.match_ids)
    unknown = [match_id for match_id, body in zip(asked, found.opened, strict=True) if body is None]
    end = b'],"unknown":' + msgspec.json.encode(unknown) + b"}"
    if moved or unknown:
        body = _HEAD + b",".join(_bodies(current, found, now)) + end
    else:
        # One tail for all: it and the comma are the glue of the open bodies.
        opened = [one for one in found.opened if one is not None]
        opened[0] = _HEAD + opened[0]
        opened[-1] += tail.text + end
        body = (tail.text + b",").join(opened)
    # Release, ids, model, tail and who moved determine every byte.
    what = "\n".join((model, *asked, "", *sorted(moved)))
    digest = hashlib.blake2b(what.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest().encode()
    return body, b'"%b%b%b"' % (current.snapshot.tag, digest, tail.tag)


def lines(current: Current, found: Found, unknown: Sequence[bytes], now: dt.datetime) -> bytes:
    """A line for each match in their order; ``unknown`` are the lines of those that are not found."""
    opened = [one for one in found.opened if one is not None]
    if len(opened) == len(found.opened) and not current.view.moved(found.match_ids):
        return (current.view.common_tail(now).text + b"\n").join([*opened, b""])
    bodies, problems = _bodies(current, found, now), iter(unknown)
    return b"".join([next(bodies if body is not None else problems) + b"\n" for body in found.opened])


def _bodies(current: Current, found: Found, now: dt.datetime) -> Iterator[bytes]:
    view = current.view
    return (
        view.completed(match_id, opened, now)
        for match_id, opened in zip(found.match_ids, found.opened, strict=True)
        if opened is not None
    )
