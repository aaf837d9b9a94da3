"""When a feed is quiet: hand-worked matchdays, and a simulated year of a provider that is late or away."""

import datetime as dt
from bisect import bisect, bisect_left

import numpy as np
import pytest

from soccer_assets.clock import FixedClock
from soccer_assets.feeds.providers.simulated.simulated_feed import SimulatedFeed
from soccer_assets.football.matches import MatchStatus, Window
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.due import SETTLING_TIME, MissingResults
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.quiet_feed import (
    Arrival,
    DueMatch,
    Patience,
    patience_of,
    quiet_matchdays,
    quiet_now,
    results_text,
)
from soccer_assets.stores.matches.raw import store_raw
from tests.builders import COMPETITIONS, NOW, FakeFeed, finished, raw_match

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
SATURDAY = dt.datetime(2026, 10, 3, 14, tzinfo=dt.UTC)
LAG = 1 * HOUR
# Minute of the hourly look.
LOOK = dt.timedelta(minutes=7)
DECLARED = {"feed": Patience(SETTLING_TIME + 2 * LAG)}


def matchday(results: str, kickoff: dt.datetime = SATURDAY, competition: str = "L") -> list[DueMatch]:
    """One match a letter: ``x`` has a result, ``.`` has none."""
    return [DueMatch("feed", competition, kickoff.date(), kickoff, letter == "x") for letter in results]


@pytest.mark.parametrize(
    ("results", "hours", "is_quiet"),
    [
        ("....", 5.0, False),  # 3 h and twice the lag are not over
        ("....", 5.1, True),
        ("xx..", 5.1, True),
        ("xxx..", 5.1, False),
        ("xxxx", 50.0, False),
        (".", 5.1, True),
        ("", 50.0, False),
    ],
)
def test_half_of_the_due_results_are_missing(results: str, hours: float, is_quiet: bool) -> None:
    found = quiet_matchdays(matchday(results), DECLARED, SATURDAY + hours * HOUR)
    assert bool(found) == is_quiet
    assert all(each.since == SATURDAY + 5 * HOUR for each in found)


def test_a_late_match_is_measured_with_those_that_are_due_and_in_its_own_competition() -> None:
    evening = matchday(".....", SATURDAY + 4 * HOUR)
    assert quiet_matchdays([*matchday("xx."), *evening], DECLARED, SATURDAY + 6 * HOUR) == []
    frozen = quiet_matchdays([*matchday("xxxx"), *matchday("..", competition="M")], DECLARED, SATURDAY + DAY)
    assert [(each.competition, each.missing, each.due) for each in frozen] == [("M", 2, 2)]


def test_from_30_days_of_own_looks_on_the_observed_quantile_counts() -> None:
    """A provider that needs 9 h where it declares 1, and one that needs 4 h where it declares 72."""
    slow = came("L", 9 * HOUR, 40)
    now = SATURDAY + 31 * DAY
    assert patience_of(LAG, slow, now - 29 * DAY, now) == Patience(SETTLING_TIME + 2 * LAG)
    assert patience_of(LAG, slow[:19], now - 30 * DAY, now) == Patience(SETTLING_TIME + 2 * LAG)
    assert patience_of(LAG, slow, now - 30 * DAY, now).of("L", 9) == 9 * HOUR
    fast = patience_of(72 * HOUR, came("L", 4 * HOUR, 40), now - 30 * DAY, now)
    assert fast.of("L", 9) == 4 * HOUR
    assert fast.of("L", 1) == SETTLING_TIME + 144 * HOUR  # one match is late by chance
    # A league that is always later than the others has its own.
    mixed = patience_of(LAG, [*slow * 10, *came("M", 20 * HOUR, 20)], now - 30 * DAY, now)
    assert (mixed.of("L", 9), mixed.of("M", 9)) == (9 * HOUR, 20 * HOUR)


def test_an_outage_does_not_make_the_next_one_late() -> None:
    """A whole matchday that came after two days is no habit of the feed."""
    now = SATURDAY + 31 * DAY
    arrivals = [*came("L", 4 * HOUR, 60), *[Arrival("L", now.date(), 50 * HOUR)] * 10]
    assert patience_of(LAG, arrivals, now - 30 * DAY, now).of("L", 9) == 4 * HOUR


def came(competition: str, after: dt.timedelta, count: int) -> list[Arrival]:
    """Results that all took so long, ten a matchday."""
    return [Arrival(competition, SATURDAY.date() + number // 10 * DAY, after) for number in range(count)]


class Year:
    """Twelve months of the simulated provider's matches, looked at every hour.

    Each result takes its own time: most come within the declared lag, one in thirty takes up to three times
    as long. While the provider is away, none comes.
    """

    def __init__(self, seed: int, outages: list[tuple[dt.datetime, dt.timedelta]]) -> None:
        self.begin = dt.datetime(2025, 7, 1, tzinfo=dt.UTC)
        self.end = self.begin + 365 * DAY
        feed = SimulatedFeed(seed, 2, dt.date(2024, 1, 1))
        matches = feed.true_matches(
            Window(self.begin.date(), self.end.date()), FixedClock(self.end + 30 * DAY)
        )
        random = np.random.default_rng(seed)
        self.lag = feed.result_lag
        self.played: list[tuple[dt.datetime, str, dt.datetime]] = []
        for match in matches:
            lag = random.exponential(0.3) if random.random() > 1 / 30 else random.uniform(1.0, 3.0)
            told = match.kickoff + 2 * HOUR + float(lag) * self.lag
            for away, length in outages:
                if away <= told < away + length:
                    told = away + length
            # Seen at the next look, at minute 7 of an hour.
            looks = -((self.begin + LOOK - told) // HOUR)
            self.played.append((match.kickoff, match.competition, self.begin + LOOK + looks * HOUR))
        self.kickoffs = [kickoff for kickoff, _, _ in self.played]

    def between(self, first: dt.datetime, last: dt.datetime) -> list[tuple[dt.datetime, str, dt.datetime]]:
        """The matches with a kickoff between two instants."""
        return self.played[bisect(self.kickoffs, first) : bisect_left(self.kickoffs, last)]

    def alarms(self) -> list[dt.datetime]:
        """The looks at which the feed became quiet."""
        found: list[dt.datetime] = []
        was_quiet, patience, day = False, DECLARED, None
        look = self.begin + LOOK
        while look < self.end:
            matches = [
                DueMatch("feed", competition, kickoff.date(), kickoff, seen <= look)
                for kickoff, competition, seen in self.between(look - 30 * DAY, look)
            ]
            if all(match.has_result for match in matches):  # nothing is awaited before the next kickoff
                was_quiet = False
                later = self.between(look, self.end)
                look += HOUR * max(1, (later[0][0] - look) // HOUR) if later else self.end - look
                continue
            if day != look.date():
                day = look.date()
                arrivals = [
                    Arrival(competition, kickoff.date(), seen - kickoff)
                    for kickoff, competition, seen in self.between(look - 90 * DAY, look)
                    if seen <= look
                ]
                patience = {"feed": patience_of(self.lag, arrivals, self.begin, look)}
            is_quiet = bool(quiet_matchdays(matches, patience, look))
            if is_quiet and not was_quiet:
                found.append(look)
            was_quiet = is_quiet
            look += HOUR
        return found


@pytest.mark.parametrize("seed", [20, 21])
def test_in_a_year_every_outage_on_a_matchday_is_told_and_at_most_one_alarm_is_false(seed: int) -> None:
    """Summers, weekdays, late results, and outages: long, short, and where nothing is played."""
    matches = Year(seed, [])
    saturdays = {
        kickoff.date(): kickoff
        for kickoff in reversed(matches.kickoffs)
        if kickoff.weekday() == SATURDAY.weekday()
    }
    first_kickoffs = sorted(saturdays.values())
    struck = [first_kickoffs[len(first_kickoffs) * part // 8] for part in (1, 3, 4, 7)]
    outages = [(start, 60 * HOUR) for start in struck]
    outages += [(start + 7 * DAY + 2 * HOUR, HOUR) for start in struck]  # over before a result is late
    outages += [(matches.begin + 2 * DAY, 200 * HOUR)]  # in summer

    alarms = Year(seed, outages).alarms()

    def of(start: dt.datetime) -> list[dt.datetime]:
        return [alarm for alarm in alarms if start < alarm < start + 60 * HOUR]

    assert all(of(start) and of(start)[0] - start < 6 * HOUR for start in struck)
    false = set(alarms) - {alarm for start in struck for alarm in of(start)}
    assert len(false) <= 1, false


class ListFeed(FakeFeed):
    """A provider without a status, whose adapter takes a match without a result for postponed."""

    assumes_postponed = True


def test_a_list_that_is_no_longer_written_is_quiet_though_its_matches_count_as_postponed(
    database: Database,
) -> None:
    """Four matches of nine days ago without a result, and none since; a result of a later day ends it.

    Where the provider itself says that they were put off, nothing is missing.
    """
    matchday = [
        raw_match(
            source_match_id=f"m{number}",
            kickoff=NOW - 9 * DAY,
            home_team=f"Home {number}",
            away_team=f"Away {number}",
            status=MatchStatus.POSTPONED,
        )
        for number in range(4)
    ]
    before = finished("1-0", source_match_id="before", kickoff="2025-04-09T14:00:00Z")
    later = finished(
        "2-2", "2025-04-23T14:00:00Z", source_match_id="later", home_team="Home 1", away_team="Away 2"
    )

    def look(*rows: object) -> None:
        window = Window((NOW - 20 * DAY).date(), (NOW + DAY).date())
        store_raw(database, iter(rows), asset="livescores/recent", source="fake", window=window, now=NOW)
        update_matches(database, COMPETITIONS, NOW)

    look(before, *matchday)
    (quiet,) = quiet_now(database, ListFeed(), NOW)
    assert (quiet.due, quiet.missing, quiet.day) == (4, 4, (NOW - 9 * DAY).date())
    assert "4 of 4 results of" in results_text(MissingResults(), [quiet])
    assert "no result is missing" not in results_text(MissingResults(), [quiet])
    assert quiet_now(database, FakeFeed(), NOW) == []

    look(before, *matchday, later)
    assert quiet_now(database, ListFeed(), NOW) == []
