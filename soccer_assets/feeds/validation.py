"""Validation of feed rows between adapters and the store: the checks that hold for every feed, declared once.

Adapters reject what they cannot parse; validation rejects what is implausible, whoever wrote the adapter. It
works row by row: a failing row becomes a `Rejection` with the check's sentence; implausible prices are
removed from their match, which stays. A fixture with a placeholder for a team is an `UndrawnFixture`: no
fault of the feed, and no team.
"""

import datetime as dt
import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.feeds.fields import AT_THE_SOURCE
from soccer_assets.football.matches import SETTLED_STATUSES, STATUS_RULES
from soccer_assets.football.placeholders import is_placeholder, undrawn_teams
from soccer_assets.football.records import RawMatch, Rejection, Row, UndrawnFixture
from soccer_assets.football.validity import (
    FURTHEST_AHEAD,
    LEAST_GOALS,
    LEAST_OVERROUND,
    LEAST_PRICE,
    MOST_GOALS,
    MOST_OVERROUND,
    OLDEST_YEAR,
    is_same_team,
    overround,
)

ROWS_A_BATCH = 10_000

# How the reason begins where only the prices of a match are refused.
PRICES_REMOVED = "odds: "
_WAITS = ": the fixture is read once its teams are known"
_BUT_PLAYED = ", but the match has a result: name the team at the source"
_TEXTS = ("competition", "season")
_MEASURED = frozenset({*_TEXTS, "kickoff"})
_GOALS = ("home_goals", "away_goals", "home_goals_half_time", "away_goals_half_time")


def validate_rows(rows: Iterable[Row], now: dt.datetime) -> Iterator[Row]:
    """The rows of a feed in the same order; a row that fails a check becomes a `Rejection`."""
    iterator = iter(rows)
    while batch := list(itertools.islice(iterator, ROWS_A_BATCH)):
        yield from _validated(batch, now)


def _validated(rows: Sequence[Row], now: dt.datetime) -> Iterable[Row]:
    """The rows of a batch."""
    batch = _with_drawn_teams(rows)
    matches = [item for item in batch if isinstance(item, RawMatch)]
    failures = failed_match_checks(_columns(matches), now)
    priced = [match for match in matches if match.odds is not None]
    odds_failures = failed_price_checks(_prices(priced))
    if not failures and not odds_failures:
        return batch
    refused = {id(matches[row]): reason for row, reason in failures.items()}
    unpriced = {id(priced[row]): reason for row, reason in odds_failures.items()}
    checked: list[Row] = []
    for item in batch:
        if not isinstance(item, RawMatch):
            checked.append(item)
        elif id(item) in refused:
            checked.append(Rejection(source=item.source, reason=refused[id(item)], payload=item.payload))
        elif id(item) in unpriced:
            checked.append(Rejection(source=item.source, reason=unpriced[id(item)], payload=item.payload))
            checked.append(msgspec.structs.replace(item, odds=None))
        else:
            checked.append(item)
    return checked


def _with_drawn_teams(rows: Sequence[Row]) -> Sequence[Row]:
    """The rows, with what is kept of matches with a placeholder for a team."""
    names = {name for row in rows if isinstance(row, RawMatch) for name in (row.home_team, row.away_team)}
    if not any(map(is_placeholder, names)):
        return rows
    return [_undrawn(row) for row in rows]


def _undrawn(row: Row) -> Row:
    """The row, or what is kept of a match with a placeholder for a team."""
    if not isinstance(row, RawMatch) or not (is_placeholder(row.home_team) or is_placeholder(row.away_team)):
        return row
    return undrawn_row(row, placeholder_fault(row.home_team, row.away_team))


def undrawn_row(match: RawMatch, why: str) -> Rejection:
    """What is kept of a match whose teams are not known.

    Args:
        match: the match.
        why: which team is not known, and how that shows.
    """
    if STATUS_RULES[match.status].settles:
        return Rejection(source=match.source, reason=f"{why}{_BUT_PLAYED}", payload=match.payload)
    return UndrawnFixture(source=match.source, reason=f"{why}{_WAITS}", payload=match.payload)


def placeholder_fault(home_team: str, away_team: str) -> str:
    """The sentence for placeholders among the names of a fixture; empty where both are teams."""
    if not (names := undrawn_teams(home_team, away_team)):
        return ""
    shown = " and ".join(dict.fromkeys(map(repr, names)))
    return f"{shown} {'are placeholders' if len(names) > 1 else 'is a placeholder'}"


def failed_match_checks(columns: Mapping[str, Any], now: dt.datetime) -> dict[int, str]:
    """By row, the sentences of the checks that it fails.

    Args:
        columns: equally long: the four goal columns as floats, NaN where unknown; ``competition`` and
            ``season``; ``is_same_team``; ``year`` and ``kickoff`` (epoch seconds, UTC); ``is_settled``,
            whether there is a result.
        now: the instant against which kickoffs are compared.
    """
    import pandas as pd  # noqa: PLC0415 - a second that only an ingest pays

    frame = pd.DataFrame({name: values for name, values in columns.items() if name not in _MEASURED})
    for name in _TEXTS:
        frame[name] = np.fromiter(map(len, columns[name]), np.int64)
    frame["days_ahead"] = (np.asarray(columns["kickoff"], float) - now.timestamp()) / 86_400
    return _failed_checks(_match_schema(), frame)


def failed_price_checks(prices: NDArray[np.float64]) -> dict[int, str]:
    """By row, the sentences of the checks that its prices (n, 3) fail."""
    import pandas as pd  # noqa: PLC0415 - a second that only an ingest pays

    with np.errstate(divide="ignore", invalid="ignore"):
        total = overround(*prices.T)
    frame = pd.DataFrame(
        {"home": prices[:, 0], "draw": prices[:, 1], "away": prices[:, 2], "overround": total}
    )
    return _failed_checks(_odds_schema(), frame)


@functools.cache
def _match_schema() -> Any:
    import pandera.pandas as pa  # noqa: PLC0415 - a second that only an ingest pays

    goals = [
        pa.Check.in_range(
            LEAST_GOALS, MOST_GOALS, error=f"a score is not from {LEAST_GOALS} to {MOST_GOALS}"
        ),
    ]
    return pa.DataFrameSchema(
        {
            **{name: pa.Column(float, goals, nullable=True) for name in _GOALS},
            # Of texts the length is checked: pandas copies and compares texts one by one.
            **{name: pa.Column(int, pa.Check.ge(1, error=f"the {name} is empty")) for name in _TEXTS},
            "is_same_team": pa.Column(bool, pa.Check.eq(False, error="a team cannot play itself")),
            "year": pa.Column(int, pa.Check.ge(OLDEST_YEAR, error=f"the kickoff lies before {OLDEST_YEAR}")),
            "days_ahead": pa.Column(
                float,
                pa.Check.le(FURTHEST_AHEAD.days, error="the kickoff lies more than three years ahead"),
            ),
        },
        checks=[
            pa.Check(
                # A day of grace: where only the day is known the kickoff stands at noon.
                lambda frame: ~(frame["is_settled"] & (frame["days_ahead"] > 1)),
                error="the match has a result a day before its kickoff",
            ),
            pa.Check(
                lambda frame: frame["home_goals"].isna() == frame["away_goals"].isna(),
                error="only one side has a score",
            ),
            pa.Check(
                lambda frame: (
                    ~(frame["home_goals_half_time"] > frame["home_goals"])
                    & ~(frame["away_goals_half_time"] > frame["away_goals"])
                ),
                error="the score at half-time is higher than the one at the end",
            ),
        ],
    )


@functools.cache
def _odds_schema() -> Any:
    import pandera.pandas as pa  # noqa: PLC0415 - a second that only an ingest pays

    price = pa.Column(float, pa.Check.gt(LEAST_PRICE, error=f"{PRICES_REMOVED}a price is not above 1"))
    return pa.DataFrameSchema(
        {
            **dict.fromkeys(("home", "draw", "away"), price),
            "overround": pa.Column(
                float,
                pa.Check.in_range(
                    LEAST_OVERROUND,
                    MOST_OVERROUND,
                    error=f"{PRICES_REMOVED}the overround is not from {LEAST_OVERROUND} to {MOST_OVERROUND}",
                ),
            ),
        }
    )


def _columns(matches: Sequence[RawMatch]) -> dict[str, Any]:
    kickoffs = [match.kickoff for match in matches]
    homes, aways = (map(attrgetter(name), matches) for name in ("home_team", "away_team"))
    return {
        **{name: np.array(list(map(attrgetter(name), matches)), dtype=float) for name in _GOALS},
        **{name: list(map(attrgetter(name), matches)) for name in _TEXTS},
        "is_same_team": np.array(list(map(is_same_team, homes, aways)), bool),
        "year": np.array([kickoff.year for kickoff in kickoffs], int),
        "kickoff": np.array([kickoff.timestamp() for kickoff in kickoffs], float),
        "is_settled": np.array([match.status in SETTLED_STATUSES for match in matches], bool),
    }


def _prices(matches: Sequence[RawMatch]) -> NDArray[np.float64]:
    prices = [
        (match.odds.home, match.odds.draw, match.odds.away) for match in matches if match.odds is not None
    ]
    return np.array(prices, float).reshape(-1, 3)


def _failed_checks(schema: Any, frame: Any) -> dict[int, str]:
    """By row, the sentences of the checks that it fails."""
    from pandera.errors import SchemaErrors  # noqa: PLC0415 - a second that only an ingest pays

    if frame.empty:
        return {}
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as error:
        found: dict[int, list[str]] = {}
        cases = error.failure_cases
        for row, check in zip(cases["index"], cases["check"], strict=True):
            found.setdefault(int(row), []).append(str(check))
        return {row: "; ".join([*sorted(set(checks)), AT_THE_SOURCE]) for row, checks in found.items()}
    return {}
