"""One season of a simulated league: fixtures, results, and the instants from which each is known.

The seed determines a whole season at once; `simulated_feed` shows the part that is known by now. Instants are
whole seconds since 1970 (UTC), in arrays with one row a match.
"""

import datetime as dt
from functools import lru_cache

import msgspec
import numpy as np

from soccer_assets.feeds.providers.simulated.world import (
    Floats,
    Ints,
    League,
    members_of,
    normals,
    strengths,
    uniforms,
)

HOUR = 3600
DAY = 24 * HOUR
NEVER = np.iinfo(np.int64).max

# Weeks from the first Saturday to the last: a round a week for the largest league, which has 38.
_WEEKS = {"autumn": 41, "year": 38}
_FIRST_DAY = {"autumn": (8, 5), "year": (3, 1)}
# A moved match is played at most 26 days after the Saturday of its round.
_LONGEST_MOVE_DAYS = 26

# Days from the round's Saturday and UTC hour: no Tuesday to Thursday, which are kept for moved matches.
_SLOTS = np.array(
    [
        (-1, 19),
        *[(0, hour) for hour in (12, 14, 14, 14, 16, 19)],
        *[(1, hour) for hour in (12, 14, 16, 19)],
        (2, 19),
    ]
)
_SHARE_POSTPONED = 0.02
_SHARE_LATE = 0.02
_SHARE_CORRECTED = 0.005

# Real leagues have some 1.5 home and 1.15 away goals a match.
_LOG_GOALS = np.log(1.3)
_HOME_ADVANTAGE = 0.13
_MOST_GOALS = 25
_MARGIN = 1.05
_TOTAL_LINE = 2.5
_HANDICAPS = np.arange(-4.5, 5.0)


class Season(msgspec.Struct, frozen=True):
    """A season's matches by round and place in the round.

    Attributes:
        home, away: indices into the country's clubs.
        first_kickoff: as published before the season.
        postponed_at: when the postponement is announced; `NEVER` where there is none.
        rescheduled_at: when the new kickoff is announced; until then the match has its old kickoff.
        kickoff: when it is played.
        known_at: when the result appears; an ``is_late`` match shows no live score before.
        corrected_at: when ``goals`` replace ``reported_goals``, the first report.
        probabilities: exact 1x2 of the two Poisson distributions that ``goals`` are drawn from.
        goals, reported_goals, shots_on_target: shape (matches, 2), home first.
        odds: decimal closing prices, shape (matches, 3).
        goal_odds: likewise of over and under 2.5 goals, and of the home and the away side with ``handicap``,
            shape (matches, 4).
        handicap: half goals added to the home side, at which the estimated bet is most even.
    """

    label: str
    round: Ints
    home: Ints
    away: Ints
    first_kickoff: Ints
    postponed_at: Ints
    rescheduled_at: Ints
    kickoff: Ints
    known_at: Ints
    corrected_at: Ints
    is_late: np.ndarray
    probabilities: Floats
    goals: Ints
    reported_goals: Ints
    shots_on_target: Ints
    odds: Floats
    goal_odds: Floats
    handicap: Floats


def season_years(league: League, first: dt.date, last: dt.date) -> list[int]:
    """Start years of the seasons that can have a match from ``first`` to ``last``, both included."""
    longest = dt.timedelta(days=7 * _WEEKS[league.calendar] + _LONGEST_MOVE_DAYS)
    return [
        year
        for year in range(first.year - 1, last.year + 1)
        if _first_saturday(league, year) - dt.timedelta(days=1) <= last
        and _first_saturday(league, year) + longest >= first
    ]


def season_label(league: League, year: int) -> str:
    """``2024/2025``, or ``2025`` for a season within one year."""
    return str(year) if league.calendar == "year" else f"{year}/{year + 1}"


@lru_cache(maxsize=512)
def play_season(seed: int, league: League, year: int) -> Season:
    """Fixtures and results of a whole season."""
    key = (seed, league.number, year)
    members = members_of(seed, league, year)
    lots = np.argsort(uniforms((league.size,), "lots", *key))
    rounds, home_slot, away_slot = _double_round_robin(league.size)
    home, away = members[lots[home_slot]], members[lots[away_slot]]
    matches = len(rounds)
    draws = iter(uniforms((12, matches), "matches", *key))

    saturday = (_first_saturday(league, year) - dt.date(1970, 1, 1)).days + 7 * (
        (rounds - 1) * _WEEKS[league.calendar] // rounds.max()
    )
    slot = _SLOTS[(next(draws) * len(_SLOTS)).astype(np.int64)]
    first_kickoff = (saturday + slot[:, 0]) * DAY + slot[:, 1] * HOUR
    is_postponed = next(draws) < _SHARE_POSTPONED
    # Tuesday to Thursday by round, one to three weeks later: no two moved matches of a club share a day.
    move_weeks = 1 + (next(draws) * 3).astype(np.int64)
    moved_kickoff = (saturday + 7 * move_weeks + 3 + rounds % 3) * DAY + 18 * HOUR
    kickoff = np.where(is_postponed, moved_kickoff, first_kickoff)
    notice = ((2 + 22 * next(draws)) * HOUR).astype(np.int64)

    is_late = next(draws) < _SHARE_LATE
    lateness = ((0.25 + 1.6 * next(draws)) * HOUR).astype(np.int64)
    known_at = kickoff + 2 * HOUR + np.where(is_late, lateness, 0)
    is_corrected = next(draws) < _SHARE_CORRECTED
    correction = ((3 + 17 * next(draws)) * HOUR).astype(np.int64)

    days, day = np.unique(first_kickoff // DAY, return_inverse=True)
    attack, defence = strengths(seed, league, year, days)
    effects = normals((2,), seed, "temper", league.number)
    rates = match_rates(attack[day], defence[day], home, away, effects)
    goals = np.stack([_poisson(rates[:, side], next(draws)) for side in (0, 1)], axis=1)
    shots = goals + np.stack([_poisson(0.8 + 1.7 * rates[:, side], next(draws)) for side in (0, 1)], axis=1)
    false_goal = np.where((goals[:, 0] > goals[:, 1])[:, None], [0, 1], [1, 0])
    probabilities = outcome_probabilities(rates)
    goal_odds, handicap = _goal_odds(rates * np.exp(0.03 * normals((matches, 2), "goal odds", *key)))
    return Season(
        label=season_label(league, year),
        round=rounds,
        home=home,
        away=away,
        first_kickoff=first_kickoff,
        postponed_at=np.where(is_postponed, first_kickoff - notice, NEVER),
        rescheduled_at=np.where(is_postponed, first_kickoff + 3 * DAY, NEVER),
        kickoff=kickoff,
        known_at=known_at,
        corrected_at=np.where(is_corrected, known_at + correction, known_at),
        is_late=is_late,
        probabilities=probabilities,
        goals=goals,
        reported_goals=np.where(is_corrected[:, None], goals + false_goal, goals),
        shots_on_target=shots,
        odds=_odds(probabilities, normals((matches, 3), "odds", *key)),
        goal_odds=goal_odds,
        handicap=handicap,
    )


def goal_minutes(seed: int, match_id: str, side: int, goals: int) -> list[float]:
    """Minutes after kickoff at which a side scores: 45 % of goals within 0-47, the others within 62-110."""
    draws = uniforms((goals,), seed, "minutes", match_id, side)
    return [float(u / 0.45 * 47 if u < 0.45 else 62 + (u - 0.45) / 0.55 * 48) for u in draws]  # noqa: PLR2004


def outcome_probabilities(rates: Floats) -> Floats:
    """1x2 of two independent Poisson variables, cut off at 25 goals: (matches, 2) to (matches, 3)."""
    home, away = _poisson_masses(rates[:, 0]), _poisson_masses(rates[:, 1])
    fewer_home, fewer_away = home.cumsum(axis=1) - home, away.cumsum(axis=1) - away
    outcomes = [(home * fewer_away).sum(axis=1), (home * away).sum(axis=1), (away * fewer_home).sum(axis=1)]
    probabilities: Floats = np.stack(outcomes, axis=1)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities


def _first_saturday(league: League, year: int) -> dt.date:
    month, day = _FIRST_DAY[league.calendar]
    start = dt.date(year, month, day)
    return start + dt.timedelta(days=(5 - start.weekday()) % 7)


@lru_cache(maxsize=8)
def _double_round_robin(size: int) -> tuple[Ints, Ints, Ints]:
    """Round (from 1), home slot and away slot by the circle method; in the second half home is away."""
    first = []
    for turn in range(size - 1):
        first.append((turn, size - 1) if turn % 2 == 0 else (size - 1, turn))
        for place in range(1, size // 2):
            pair = ((turn + place) % (size - 1), (turn - place) % (size - 1))
            first.append(pair if place % 2 == 0 else pair[::-1])
    pairs = np.array(first + [pair[::-1] for pair in first])
    return np.repeat(np.arange(1, 2 * size - 1), size // 2), pairs[:, 0], pairs[:, 1]


def match_rates(attack: Floats, defence: Floats, home: Ints, away: Ints, effects: Floats) -> Floats:
    """Expected goals of both sides, shape (matches, 2), from the strengths of all clubs on each match's day.

    ``effects`` are the league's standard normal deviations of its goal rate and of its home advantage.
    """
    match = np.arange(len(home))
    level, advantage = effects
    log_goals = _LOG_GOALS + 0.05 * level
    home_advantage = _HOME_ADVANTAGE + 0.03 * advantage
    home_rate = log_goals + home_advantage + attack[match, home] - defence[match, away]
    away_rate = log_goals - home_advantage + attack[match, away] - defence[match, home]
    rates: Floats = np.exp(np.stack([home_rate, away_rate], axis=1))
    return rates


def _poisson_masses(rates: Floats) -> Floats:
    counts = np.arange(_MOST_GOALS + 1)
    log_factorials = np.concatenate([[0.0], np.log(counts[1:]).cumsum()])
    masses: Floats = np.exp(counts * np.log(rates)[:, None] - rates[:, None] - log_factorials)
    return masses


def _poisson(rates: Floats, draws: Floats) -> Ints:
    """Poisson variables by inverse transform sampling."""
    counts: Ints = (draws[:, None] >= _poisson_masses(rates).cumsum(axis=1)[:, :-1]).sum(axis=1)
    return counts


def _odds(probabilities: Floats, noise: Floats) -> Floats:
    """Decimal prices with a margin of 5 % and a log-normal error of 3 %."""
    estimated = probabilities * np.exp(0.03 * noise)
    estimated /= estimated.sum(axis=1, keepdims=True)
    return np.maximum(np.round(1.0 / (estimated * _MARGIN), 2), 1.01)


def _goal_odds(rates: Floats) -> tuple[Floats, Floats]:
    """Decimal prices of 2.5 goals and of the most even handicap, by a book that estimates these rates."""
    home, away = _poisson_masses(rates[:, 0]), _poisson_masses(rates[:, 1])
    grid = home[:, :, None] * away[:, None, :]
    grid /= grid.sum(axis=(1, 2), keepdims=True)
    goals = np.arange(_MOST_GOALS + 1)
    over = grid[:, goals[:, None] + goals > _TOTAL_LINE].sum(axis=1)
    lead = (goals[:, None] - goals).ravel()
    wins = grid.reshape(len(rates), -1) @ (lead[:, None] + _HANDICAPS > 0)
    even = np.abs(wins - 0.5).argmin(axis=1)
    covers = wins[np.arange(len(wins)), even]
    estimated = np.stack([over, 1.0 - over, covers, 1.0 - covers], axis=1)
    prices: Floats = np.maximum(np.round(1.0 / (estimated * _MARGIN), 2), 1.01)
    return prices, _HANDICAPS[even]
