"""The report of a replay: settled matches with their recorded predictions, monthly means, a hash of both."""

import datetime as dt
import hashlib
import itertools
from collections.abc import Sequence

import msgspec
import numpy as np

Probabilities = tuple[float, float, float]

SCORED = "scored"


class SettledMatch(msgspec.Struct, frozen=True, kw_only=True):
    """A match that is over.

    Attributes:
        verdict: ``scored``, or why the match is void.
        champion: the recorded home, draw and away probabilities; None where void, as all fields after it.
        e0: textbook Elo, refitted every four weeks on earlier results.
        market: closing prices without their margin; None where there are none.
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
    champion: Probabilities | None = None
    log_loss: float | None = None
    rps: float | None = None
    brier_score: float | None = None
    e0: Probabilities | None = None
    market: Probabilities | None = None


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """A training: when, why, and whether the candidate was promoted."""

    at: str
    reason: str
    text: str
    promoted: bool
    verdict: str


class Rollback(msgspec.Struct, frozen=True, kw_only=True):
    """A rollback of the champion."""

    at: str
    text: str


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A job that failed; the replay went on."""

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


class LedgerState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the ledger at the end.

    Attributes:
        head: hash of the newest entry, which chains all before it.
        hash: SHA-256 over the head and every settled match with score, verdict and losses; a changed score
            changes it even where no later prediction depends on it.
        due: matches in scope whose result is due and missing.
        coverage: scored matches divided by the settled and the due ones in scope.
    """

    entries: int
    head: str
    hash: str
    coverage: float
    due: int = 0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``--json``."""

    feed: str
    competitions: tuple[str, ...]
    first_day: str
    last_day: str
    step_seconds: int
    ledger: LedgerState
    months: tuple[Month, ...]
    total: Month
    retrains: tuple[Training, ...]
    rollbacks: tuple[Rollback, ...]
    failures: tuple[Failure, ...]
    settled: tuple[SettledMatch, ...]


def summarise_ledger(entries: int, head: str, settled: Sequence[SettledMatch], due: int) -> LedgerState:
    """The state of the ledger and its hash over these matches, beside ``due`` matches without a result."""
    digest = hashlib.sha256(head.encode())
    for match in settled:
        parts = (
            *(match.match_id, match.kickoff, match.home_goals, match.away_goals, match.verdict),
            *(match.recorded_at, match.model_sha256, match.log_loss),
        )
        digest.update(repr(parts).encode())
    scored = sum(match.verdict == SCORED for match in settled)
    return LedgerState(
        entries=entries,
        head=head,
        hash=digest.hexdigest(),
        coverage=scored / (len(settled) + due) if settled or due else 1.0,
        due=due,
    )


def summarise_months(
    settled: Sequence[SettledMatch], trainings: Sequence[Training], rollbacks: Sequence[Rollback]
) -> tuple[Month, ...]:
    """One row for each month with a settled match, a training or a rollback."""
    instants = [match.kickoff for match in settled]
    instants += [training.at for training in trainings] + [training.at for training in rollbacks]
    return tuple(
        summarise(
            month,
            [match for match in settled if match.kickoff.startswith(month)],
            [training for training in trainings if training.at.startswith(month)],
            [rollback for rollback in rollbacks if rollback.at.startswith(month)],
        )
        for month in sorted({instant[:7] for instant in instants})
    )


def summarise(
    name: str, settled: Sequence[SettledMatch], trainings: Sequence[Training], rollbacks: Sequence[Rollback]
) -> Month:
    """One row: mean losses of these matches, and counts of trainings, promotions and rollbacks."""
    scored = [match for match in settled if match.verdict == SCORED]
    priced = [match for match in scored if match.market is not None]
    return Month(
        month=name,
        settled=len(settled),
        scored=len(scored),
        priced=len(priced),
        retrains=len(trainings),
        promotions=sum(training.promoted for training in trainings),
        rollbacks=len(rollbacks),
        log_loss=_mean([match.log_loss for match in scored]),
        log_loss_e0=_mean([_loss(match, match.e0) for match in scored]),
        log_loss_market=_mean([_loss(match, match.market) for match in priced]),
    )


def running_difference(settled: Sequence[SettledMatch]) -> tuple[list[dt.datetime], dict[str, list[float]]]:
    """Cumulative log loss of champion and market minus that of textbook Elo, in the order of kickoffs.

    Only matches with all three forecasts count.
    """
    shared = [match for match in settled if match.log_loss is not None and match.e0 and match.market]
    kickoffs = [dt.datetime.fromisoformat(match.kickoff) for match in shared]
    e0 = [_loss(match, match.e0) or 0.0 for match in shared]
    sides = {
        "champion": [match.log_loss or 0.0 for match in shared],
        "market": [_loss(match, match.market) or 0.0 for match in shared],
    }
    return kickoffs, {
        name: list(itertools.accumulate(mine - base for mine, base in zip(losses, e0, strict=True)))
        for name, losses in sides.items()
    }


def _loss(match: SettledMatch, forecast: Probabilities | None) -> float | None:
    if forecast is None or match.outcome is None:
        return None
    return -float(np.log(forecast[("home", "draw", "away").index(match.outcome)]))


def _mean(losses: Sequence[float | None]) -> float | None:
    known = [loss for loss in losses if loss is not None]
    return float(np.mean(known)) if known else None
