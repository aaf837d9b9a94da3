"""What a replay comes to: every settled fixture with its official prediction, months, one hash of it all."""

import datetime as dt
import hashlib
import itertools
from collections.abc import Sequence

import msgspec
import numpy as np

Triple = tuple[float, float, float]

SCORED = "scored"


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """A match that is over.

    Attributes:
        verdict: ``scored``, or why the match is void.
        champion: the official home, draw and away; None where void, like all that follows.
        e0: textbook Elo, fitted anew every four weeks on what was known.
        market: the closing prices without their margin; None where there are none.
    """

    match_id: str
    competition: str
    season: str
    kickoff: str
    home_team: str
    away_team: str
    home_goals: int | None
    away_goals: int | None
    verdict: str
    outcome: str | None = None
    recorded_at: str | None = None
    model_sha256: str | None = None
    champion: Triple | None = None
    log_loss: float | None = None
    rps: float | None = None
    brier_score: float | None = None
    e0: Triple | None = None
    market: Triple | None = None


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """A training: when and why, and what became of the candidate."""

    at: str
    reason: str
    text: str
    promoted: bool
    verdict: str


class Rollback(msgspec.Struct, frozen=True, kw_only=True):
    """A champion that went."""

    at: str
    text: str


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A job that did not come to its end; the next step went on."""

    at: str
    job: str
    text: str


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """The matches of one month of kickoffs; losses are means over `scored`, the market's over `priced`."""

    month: str
    settled: int
    scored: int
    priced: int
    retrains: int
    promotions: int
    rollbacks: int
    log_loss: float | None
    log_loss_e0: float | None
    log_loss_market: float | None


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the ledger at the end.

    Attributes:
        head: hash of the newest entry, which chains all before it.
        hash: SHA-256 over the head and every settled match with score, verdict and losses: a changed score
            changes it even where no later prediction hung on it.
        coverage: share of the settled matches in scope that are scored.
    """

    entries: int
    head: str
    hash: str
    coverage: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that ``--json`` holds."""

    feed: str
    competitions: tuple[str, ...]
    first_day: str
    last_day: str
    step_seconds: int
    ledger: Ledger
    months: tuple[Month, ...]
    total: Month
    retrains: tuple[Training, ...]
    rollbacks: tuple[Rollback, ...]
    failures: tuple[Failure, ...]
    settled: tuple[Settled, ...]


def ledger_of(entries: int, head: str, settled: Sequence[Settled]) -> Ledger:
    """The ledger's state behind these matches."""
    digest = hashlib.sha256(head.encode())
    for one in settled:
        parts = (
            *(one.match_id, one.kickoff, one.home_goals, one.away_goals, one.verdict),
            *(one.recorded_at, one.model_sha256, one.log_loss),
        )
        digest.update(repr(parts).encode())
    scored = sum(one.verdict == SCORED for one in settled)
    return Ledger(
        entries=entries,
        head=head,
        hash=digest.hexdigest(),
        coverage=scored / len(settled) if settled else 1.0,
    )


def months_of(
    settled: Sequence[Settled], trainings: Sequence[Training], rollbacks: Sequence[Rollback]
) -> tuple[Month, ...]:
    """A row a month in which something was settled or trained."""
    instants = [one.kickoff for one in settled]
    instants += [one.at for one in trainings] + [one.at for one in rollbacks]
    return tuple(
        sum_up(
            month,
            [one for one in settled if one.kickoff.startswith(month)],
            [one for one in trainings if one.at.startswith(month)],
            [one for one in rollbacks if one.at.startswith(month)],
        )
        for month in sorted({instant[:7] for instant in instants})
    )


def sum_up(
    name: str, settled: Sequence[Settled], trainings: Sequence[Training], rollbacks: Sequence[Rollback]
) -> Month:
    """One row: the mean losses of these matches, and what was trained meanwhile."""
    scored = [one for one in settled if one.verdict == SCORED]
    priced = [one for one in scored if one.market is not None]
    return Month(
        month=name,
        settled=len(settled),
        scored=len(scored),
        priced=len(priced),
        retrains=len(trainings),
        promotions=sum(one.promoted for one in trainings),
        rollbacks=len(rollbacks),
        log_loss=_mean([one.log_loss for one in scored]),
        log_loss_e0=_mean([_loss(one, one.e0) for one in scored]),
        log_loss_market=_mean([_loss(one, one.market) for one in priced]),
    )


def running_difference(settled: Sequence[Settled]) -> tuple[list[dt.datetime], dict[str, list[float]]]:
    """For the plot: by kickoff, the summed log loss of champion and market minus that of textbook Elo.

    Only matches that all three have predicted count.
    """
    shared = [one for one in settled if one.log_loss is not None and one.e0 and one.market]
    kickoffs = [dt.datetime.fromisoformat(one.kickoff) for one in shared]
    e0 = [_loss(one, one.e0) or 0.0 for one in shared]
    sides = {
        "champion": [one.log_loss or 0.0 for one in shared],
        "market": [_loss(one, one.market) or 0.0 for one in shared],
    }
    return kickoffs, {
        name: list(itertools.accumulate(mine - base for mine, base in zip(losses, e0, strict=True)))
        for name, losses in sides.items()
    }


def _loss(one: Settled, said: Triple | None) -> float | None:
    if said is None or one.outcome is None:
        return None
    return -float(np.log(said[("home", "draw", "away").index(one.outcome)]))


def _mean(losses: Sequence[float | None]) -> float | None:
    known = [loss for loss in losses if loss is not None]
    return float(np.mean(known)) if known else None
