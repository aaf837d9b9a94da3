"""The simulated feed: fixtures, live scores and results of fictitious leagues, as known at the clock's now.

A pure function of seed, window and now. Results come two hours after kickoff. Of all matches 2 % are up to
two hours late, 0.5 % are reported wrong and corrected within a day, and 2 % are postponed: announced the day
before, rescheduled three days after the old kickoff. The true probabilities are known, so calibration tests
compare with them. With `Habits` it also lists its rows as badly as real providers do, and knows the truth.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Self

import numpy as np
from msgspec.structs import replace

from soccer_assets.clock import Clock, isoformat, midnight
from soccer_assets.feeds.providers.simulated.habits import (
    LONGEST_PUT_OFF_DAYS,
    Change,
    Habits,
    abbreviated,
    changes_of,
    listed_rows,
    true_match,
)
from soccer_assets.feeds.providers.simulated.season import Season, goal_minutes, play_season, season_years
from soccer_assets.feeds.providers.simulated.world import (
    League,
    clubs_of,
    competition_of,
    league_of,
    uniforms,
)
from soccer_assets.football.competitions import Competition
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.records import GoalOdds, MatchOdds, MatchStats, RawMatch, Rejection
from soccer_assets.settings import Settings

SOURCE = "simulated"
YEARS_OF_HISTORY = 10
_HALF_TIME_MINUTE = 47


class SimulatedFeed:
    """Matches of a world that is determined by its seed.

    Args:
        seed: determines the world.
        leagues: number of leagues, 1 to 200; the first n leagues are the same in any larger world.
        first_month: the first day of the history.
        habits: what the feed does to its rows as real providers do; None for nothing of that kind.
    """

    name = SOURCE
    is_simulated = True
    # Made up here: nobody else's rights.
    attribution = "made up: clubs, leagues and countries that do not exist (simulated)"
    may_publish_results = True
    may_publish_live = True
    may_redistribute = True
    is_cheap_to_read_again = True
    result_lag = dt.timedelta(hours=1)

    def __init__(self, seed: int, leagues: int, first_month: dt.date, habits: Habits | None = None) -> None:
        self._seed = seed
        self._habits = habits
        self._leagues = [league_of(seed, number) for number in range(1, leagues + 1)]
        self._first_month = first_month.replace(day=1)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The world of ``SOCCER_SEED`` and ``SOCCER_LEAGUES``.

        Its history starts at ``SOCCER_HISTORY_START``, or on 1 August ten years before the clock's year.
        """
        start = dt.date(settings.clock.now().year - YEARS_OF_HISTORY, 8, 1)
        return cls(settings.seed, settings.leagues, settings.history_start or start)

    def first_month(self) -> dt.date:
        """The first day of the first month; a home stores it when it is made."""
        return self._first_month

    def competitions(self) -> Mapping[str, Competition]:
        """The fictitious leagues by code, ``SIM-1`` and so on."""
        return {league.code: competition_of(league) for league in self._leagues}

    def fetch(self, window: Window, clock: Clock) -> Iterator[RawMatch | Rejection]:
        """Every match whose kickoff, as announced by now, lies in ``window``; ordered by kickoff."""
        if self._habits is not None:
            yield from self._fetch_by_habit(self._habits, window, clock)
            return
        now = int(clock.now().timestamp())
        start, end = (int(midnight(day).timestamp()) for day in (window.start, window.end))
        matches: list[RawMatch] = []
        for league in self._leagues:
            for year in season_years(league, window.start, window.end):
                season = play_season(self._seed, league, year)
                kickoff = np.where(now >= season.rescheduled_at, season.kickoff, season.first_kickoff)
                rows = np.flatnonzero((start <= kickoff) & (kickoff < end))
                matches += [self._match(league, season, int(row), now) for row in rows]
        yield from sorted(matches, key=lambda match: (match.kickoff, match.source_match_id))

    def true_matches(self, window: Window, clock: Clock) -> list[RawMatch]:
        """Every match of the window once, as it is by what the feed has told until now.

        A feed with habits lists other rows; who read all of them should end with these. A match that was
        struck off is withdrawn.
        """
        now = int(clock.now().timestamp())
        found = [
            match_at(now) if change is None else true_match(match_at, change, now)
            for match_at, change in self._in_reach(self._habits or Habits(), window)
        ]
        return sorted(_within(window, found), key=lambda match: (match.kickoff, match.source_match_id))

    def _fetch_by_habit(self, habits: Habits, window: Window, clock: Clock) -> list[RawMatch]:
        """The rows of a window with the feed's habits."""
        now = int(clock.now().timestamp())
        found: list[RawMatch] = []
        for match_at, change in self._in_reach(habits, window):
            found += [match_at(now)] if change is None else listed_rows(match_at, change, now)
        listed = [self._as_listed(match, habits) for match in _within(window, found)]
        return sorted(listed, key=lambda match: (match.kickoff, match.home_team, match.source_match_id or ""))

    def _in_reach(
        self, habits: Habits, window: Window
    ) -> Iterator[tuple[Callable[[int], RawMatch], Change | None]]:
        """The matches that can be within a window, put off by months too, each with its habit."""
        reach = dt.timedelta(days=LONGEST_PUT_OFF_DAYS)
        first, last = window.start - reach, window.end + reach
        start, end = (int(midnight(day).timestamp()) for day in (first, last))
        for league in self._leagues:
            for year in season_years(league, first, last):
                season = play_season(self._seed, league, year)
                changes = changes_of(self._seed, league, year, habits)
                for row in np.flatnonzero((start <= season.kickoff) & (season.first_kickoff < end)).tolist():
                    yield partial(self._match, league, season, row), changes.get(row)

    def _as_listed(self, match: RawMatch, habits: Habits) -> RawMatch:
        """The row with the names of a list of fixtures, and with or without the provider's ids."""
        home, away = match.home_team, match.away_team
        if match.status is not MatchStatus.FINISHED:
            home, away = self._spelled(home, habits), self._spelled(away, habits)
        payload = match.payload | {"home": home, "away": away}
        if habits.has_ids:
            listed = replace(match, team_ids=(match.home_team, match.away_team))
        else:
            payload.pop("id")
            listed = replace(match, source_match_id=None)
        return replace(listed, payload=payload, home_team=home, away_team=away)

    def _spelled(self, club: str, habits: Habits) -> str:
        is_abbreviated = uniforms((1,), "spelled", self._seed, club)[0] < habits.spelled_otherwise
        return abbreviated(club) if is_abbreviated else club

    def true_probabilities(self, source_match_id: str) -> tuple[float, float, float]:
        """True home, draw and away probabilities of a match, from the Poisson distributions of its goals."""
        code, label, round_, place = source_match_id.split("|")[:4]
        league = self._leagues[int(code.removeprefix("SIM-")) - 1]
        season = play_season(self._seed, league, int(label[:4]))
        home, draw, away = season.probabilities[(int(round_) - 1) * (league.size // 2) + int(place) - 1]
        return float(home), float(draw), float(away)

    def _match(self, league: League, season: Season, row: int, now: int) -> RawMatch:
        clubs = clubs_of(self._seed, league.country).names
        home_team, away_team = clubs[season.home[row]], clubs[season.away[row]]
        round_ = int(season.round[row])
        status, seconds = _status(season, row, now)
        kickoff = dt.datetime.fromtimestamp(seconds, dt.UTC)
        match_id = f"{league.code}|{season.label}|{round_:02}|{row % (league.size // 2) + 1}"
        payload = {
            "id": match_id,
            "kickoff": isoformat(kickoff),
            "home": home_team,
            "away": away_team,
            "status": status.value,
        }
        match = RawMatch(
            source=SOURCE,
            source_match_id=match_id,
            payload=payload,
            competition=league.code,
            season=season.label,
            kickoff=kickoff,
            kickoff_precision=KickoffPrecision.MINUTE,
            home_team=home_team,
            away_team=away_team,
            status=status,
            round=str(round_),
        )
        if status is MatchStatus.LIVE:
            score = self._goals_until((now - seconds) / 60, match_id, season, row)
            return replace(
                match, payload={**payload, "score": score}, home_goals=score[0], away_goals=score[1]
            )
        return self._finished(match, season, row, now) if status is MatchStatus.FINISHED else match

    def _finished(self, match: RawMatch, season: Season, row: int, now: int) -> RawMatch:
        score = (season.goals if now >= season.corrected_at[row] else season.reported_goals)[row].tolist()
        half_time = self._goals_until(_HALF_TIME_MINUTE, match.payload["id"], season, row)
        shots, odds = season.shots_on_target[row].tolist(), season.odds[row].tolist()
        over, under, home, away = season.goal_odds[row].tolist()
        goals = GoalOdds("simulated_closing", over, under, float(season.handicap[row]), home, away)
        details = {"score": score, "half_time": half_time, "shots_on_target": shots, "odds": odds}
        details["goal_odds"] = [over, under, goals.handicap, home, away]
        return replace(
            match,
            payload={**match.payload, **details},
            home_goals=score[0],
            away_goals=score[1],
            home_goals_half_time=half_time[0],
            away_goals_half_time=half_time[1],
            odds=MatchOdds("simulated_closing", *odds),
            stats=MatchStats(*shots),
            goal_odds=goals,
        )

    def _goals_until(self, minute: float, match_id: str, season: Season, row: int) -> list[int]:
        scored = [
            goal_minutes(self._seed, match_id, side, goals) for side, goals in enumerate(season.goals[row])
        ]
        return [sum(goal <= minute for goal in goals) for goals in scored]


def _status(season: Season, row: int, now: int) -> tuple[MatchStatus, int]:
    """Status and announced kickoff of a match."""
    if season.postponed_at[row] <= now < season.rescheduled_at[row]:
        return MatchStatus.POSTPONED, int(season.first_kickoff[row])
    kickoff = int(season.kickoff[row] if now >= season.rescheduled_at[row] else season.first_kickoff[row])
    if now >= season.known_at[row]:
        return MatchStatus.FINISHED, kickoff
    if now >= kickoff and not season.is_late[row]:
        return MatchStatus.LIVE, kickoff
    return MatchStatus.SCHEDULED, kickoff


def _within(window: Window, matches: Iterable[RawMatch]) -> list[RawMatch]:
    return [match for match in matches if match.kickoff.date() in window]
