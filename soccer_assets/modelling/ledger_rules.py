"""The ledger's rules: how entries are chained, which one is official, and when a match is void.

The official prediction of a match is the last one recorded before its first known kickoff (before 00:00 of
its day where only the day is known). Entries hold the model's content hash and the clock's time, never run
ids, so the same history gives the same chain.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence

import msgspec

from soccer_assets.clock import isoformat
from soccer_assets.football.matches import STATUS_RULES, KickoffPrecision, MatchStatus

GENESIS = "0" * 64
# The verdict on a match that is scored; any other verdict is the reason why it is void.
SCORED = "scored"
TAKEN_BACK = "its result was taken back by the feed"
LONGEST_DELAY = dt.timedelta(hours=36)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One prediction as it was published."""

    match_id: str
    kickoff: dt.datetime
    kickoff_precision: KickoffPrecision
    model_sha256: str
    p_home: float
    p_draw: float
    p_away: float
    recorded_at: dt.datetime


def chain_hash(previous_hash: str, entry: Entry) -> str:
    """The hash of an entry that follows ``previous_hash``: SHA-256 over its canonical text."""
    text = "|".join(
        (
            previous_hash,
            entry.match_id,
            isoformat(entry.kickoff),
            entry.kickoff_precision.value,
            entry.model_sha256,
            entry.p_home.hex(),
            entry.p_draw.hex(),
            entry.p_away.hex(),
            isoformat(entry.recorded_at),
        )
    )
    return hashlib.sha256(text.encode()).hexdigest()


def deadline(kickoff: dt.datetime, precision: KickoffPrecision) -> dt.datetime:
    """The instant before which a prediction of this kickoff counts."""
    if precision is KickoffPrecision.MINUTE:
        return kickoff
    return kickoff.replace(hour=0, minute=0, second=0, microsecond=0)


def official_index(entries: Sequence[Entry]) -> int | None:
    """Index of the official entry among a match's entries, oldest first; None where all came too late."""
    if not entries:
        return None
    limit = deadline(entries[0].kickoff, entries[0].kickoff_precision)
    counting = [index for index, entry in enumerate(entries) if entry.recorded_at < limit]
    return counting[-1] if counting else None


def void_reason(
    status: MatchStatus, first_known_kickoff: dt.datetime, kickoff: dt.datetime, now: dt.datetime
) -> str | None:
    """Why a match is void; None where it is scored or still may be.

    A postponed match is void once 36 hours have passed since its first known kickoff.
    """
    if not STATUS_RULES[status].is_served:
        return status.value
    is_too_late = status is MatchStatus.POSTPONED and now - first_known_kickoff > LONGEST_DELAY
    if is_too_late or abs(kickoff - first_known_kickoff) > LONGEST_DELAY:
        return "moved by more than 36 hours"
    return None
