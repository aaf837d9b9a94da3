"""What the page ``/models`` shows: the models behind the aliases, gates, reigns in time, and drift."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from serving.pages.reigns_chart import Span
from serving.release.current import Current, SnapshotHolder
from soccer_assets.clock import parse_instant
from soccer_assets.contract.model_history import GateVerdict, Reign, Verdict
from soccer_assets.contract.release import ALIASES, CHAMPION, ModelCard
from soccer_assets.contract.reports import ColumnDrift, DriftReport

_SHOWN_COLUMNS = 15
_SHOWN_REIGNS = 30
_ROLES = {"champion": "Champion", "candidate": "Candidate", "previous": "Previous"}
# In the order of the page: the key in a scorecard, and what people call it.
_SCORES = (
    ("log_loss", "Log loss"),
    ("rps", "Ranked probability score"),
    ("brier_score", "Brier score"),
    ("ece_15", "Calibration error"),
    ("accuracy", "Likeliest outcome was right"),
    ("rows", "Test matches"),
)
_HOW = {
    "kept": "in use before this was recorded",
    "bootstrapped": "first model",
    "promoted": "promotion",
    "rolled_back": "rollback",
}


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One model of the table."""

    role: str
    card: ModelCard


class ScoreRow(msgspec.Struct, frozen=True, kw_only=True):
    """One score of every model; None where a model was not scored."""

    name: str
    key: str
    values: tuple[float | None, ...]


class ReignRow(msgspec.Struct, frozen=True, kw_only=True):
    """One reign, and what began it in words."""

    reign: Reign
    how: str
    ended_at: str | None


class ModelsBoard(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on the page.

    Attributes:
        models: those that the release names, the champion first.
        scores: rows of the table of scores on the test matches.
        verdict: on the newest candidate; None before the first evaluation.
        gates: its gates, those that failed first.
        reigns: the newest first.
        spans: the same, as the chart takes them.
        drift: the report; None before the first.
        columns: its columns with the largest effect.
        largest_psi: the longest bar's stability index.
    """

    models: tuple[Column, ...]
    scores: tuple[ScoreRow, ...]
    verdict: Verdict | None
    gates: tuple[GateVerdict, ...]
    reigns: tuple[ReignRow, ...]
    spans: tuple[Span, ...]
    drift: DriftReport | None
    columns: tuple[ColumnDrift, ...]
    largest_psi: float


def models_board(holder: SnapshotHolder, current: Current) -> ModelsBoard:
    """The board of the release that is served."""
    cards = current.snapshot.manifest.models
    order = (CHAMPION, *(alias for alias in reversed(ALIASES) if alias != CHAMPION))
    models = tuple(Column(role=_ROLES[alias], card=cards[alias]) for alias in order if alias in cards)
    verdict, drift = holder.verdict, holder.drift
    gates = () if verdict is None else tuple(sorted(verdict.decision.gates, key=lambda gate: gate.passed))
    reigns = holder.reigns[-_SHOWN_REIGNS:]
    return ModelsBoard(
        models=models,
        scores=_scores(models),
        verdict=verdict,
        gates=gates,
        reigns=_reign_rows(reigns),
        spans=_spans(reigns, holder.clock.now()),
        drift=drift,
        columns=() if drift is None else drift.columns[:_SHOWN_COLUMNS],
        largest_psi=max([column.psi for column in drift.columns], default=1.0) if drift else 1.0,
    )


def _scores(models: Sequence[Column]) -> tuple[ScoreRow, ...]:
    """Scores on all test matches; those that no model has are left out."""
    cards = [_test_scores(column.card) for column in models]
    rows = [
        ScoreRow(name=name, key=key, values=tuple(scores.get(key) for scores in cards))
        for key, name in _SCORES
    ]
    return tuple(row for row in rows if any(value is not None for value in row.values))


def _test_scores(card: ModelCard) -> dict[str, int | float]:
    return card.scorecard.get("all", {})


def _reign_rows(reigns: Sequence[Reign]) -> tuple[ReignRow, ...]:
    ends: list[str | None] = [*(reign.since for reign in reigns[1:]), None][: len(reigns)]
    rows = [
        ReignRow(reign=reign, how=_HOW[reign.how], ended_at=end)
        for reign, end in zip(reigns, ends, strict=True)
    ]
    return tuple(reversed(rows))


def _spans(reigns: Sequence[Reign], now: dt.datetime) -> tuple[Span, ...]:
    starts = [parse_instant(reign.since) for reign in reigns]
    ends = [*starts[1:], max([now, *starts])][: len(starts)]
    return tuple(
        Span(name=f"version {reign.version}", how=_HOW[reign.how], start=start, end=end)
        for reign, start, end in zip(reigns, starts, ends, strict=True)
    )
