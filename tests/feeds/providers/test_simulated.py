"""The simulated world, played against the clock."""

import datetime as dt
import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import skellam

from soccer_assets.clock import FixedClock, parse_instant
from soccer_assets.feeds.providers.simulated.habits import Habits, Kind
from soccer_assets.feeds.providers.simulated.season import outcome_probabilities, play_season, season_years
from soccer_assets.feeds.providers.simulated.simulated_feed import SimulatedFeed
from soccer_assets.feeds.providers.simulated.world import clubs_of, league_of, members_of, uniforms
from soccer_assets.football.matches import MatchStatus, Window
from soccer_assets.football.records import RawMatch
from soccer_assets.settings import Settings

NOW = parse_instant("2025-04-25T09:00:00Z")
SEASON = Window(dt.date(2024, 8, 1), dt.date(2025, 7, 1))
DAYS = st.dates(dt.date(2023, 1, 1), dt.date(2026, 12, 31))
INSTANTS = st.datetimes(dt.datetime(2024, 8, 1), dt.datetime(2025, 6, 30), timezones=st.just(dt.UTC))  # noqa: DTZ001


def fetch(window: Window, now: dt.datetime = NOW, seed: int = 20, leagues: int = 4) -> list[RawMatch]:
    return list(SimulatedFeed(seed, leagues, dt.date(2015, 8, 1)).fetch(window, FixedClock(now)))


def season_of_league(seed: int, number: int, year: int):
    return play_season(seed, league_of(seed, number), year)


@pytest.mark.parametrize("size", [1, 3, 4, 5])
def test_draws_depend_on_their_key_alone(size):
    """Whatever was drawn before, and in each thread: those of a new generator with that key."""
    key = int.from_bytes(hashlib.blake2b(b"a|1", digest_size=16).digest(), "little")
    expected = np.random.Generator(np.random.Philox(key=key)).random(size)

    with ThreadPoolExecutor(4) as threads:
        drawn = list(threads.map(lambda _: uniforms((size,), "a", 1), range(40)))

    assert all(draw.tobytes() == expected.tobytes() for draw in drawn)
    assert uniforms((size,), "a", 2).tobytes() != expected.tobytes()
    assert uniforms((size,), "a", 1).tobytes() == expected.tobytes()


@settings(max_examples=15, deadline=None)
@given(days=st.lists(DAYS, min_size=3, max_size=3).map(sorted), now=INSTANTS)
def test_parts_of_a_window_equal_the_whole(days, now):
    """Two adjoining windows hold what one over both holds, in the same order."""
    start, middle, end = days

    whole = fetch(Window(start, end), now)

    assert fetch(Window(start, middle), now) + fetch(Window(middle, end), now) == whole


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), day=DAYS, now=INSTANTS)
def test_same_question_same_answer(seed, day, now):
    """Seed, window and now decide every row, whatever was asked before."""
    window = Window(day, day + dt.timedelta(days=40))
    first = fetch(window, now, seed=seed)
    play_season.cache_clear()
    clubs_of.cache_clear()
    fetch(SEASON, now, seed=seed + 1)

    assert fetch(window, now, seed=seed) == first


def test_another_seed_is_another_world():
    """Two seeds share no season."""
    scores = [
        [(m.home_team, m.home_goals, m.away_goals) for m in fetch(SEASON, seed=seed)] for seed in (1, 2)
    ]

    assert scores[0] != scores[1]


@settings(max_examples=30, deadline=None)
@given(st.lists(INSTANTS, min_size=2, max_size=2).map(sorted))
def test_time_only_adds_knowledge(instants):
    """Later, no match is gone, none that was finished is open, and a score changes within a day at most."""
    earlier, later = ({m.source_match_id: m for m in fetch(SEASON, now)} for now in instants)

    assert earlier.keys() == later.keys()
    for match_id, before in earlier.items():
        after = later[match_id]
        if before.status is MatchStatus.FINISHED:
            assert after.status is MatchStatus.FINISHED
            assert (after.odds, after.stats, after.kickoff) == (before.odds, before.stats, before.kickoff)
            is_new = instants[0] < before.kickoff + dt.timedelta(hours=24)
            assert is_new or (before.home_goals, before.away_goals) == (after.home_goals, after.away_goals)
        if before.status is MatchStatus.LIVE:
            assert before.home_goals <= after.home_goals + 1
        assert after.kickoff == before.kickoff or after.kickoff > before.kickoff + dt.timedelta(days=7)


@settings(max_examples=20, deadline=None)
@given(INSTANTS)
def test_nothing_is_known_before_it_happened(now):
    """Before kickoff there is no score, before the end no half-time score, odds or statistics."""
    for match in fetch(Window(now.date() - dt.timedelta(days=9), now.date() + dt.timedelta(days=9)), now):
        is_finished = match.status is MatchStatus.FINISHED
        has_score = match.home_goals is not None and match.away_goals is not None
        later = (match.home_goals_half_time, match.away_goals_half_time, match.odds, match.stats)

        assert has_score == (match.status in {MatchStatus.FINISHED, MatchStatus.LIVE})
        assert [value is not None for value in later] == [is_finished] * 4
        assert (match.goal_odds is not msgspec.UNSET) == is_finished
        assert is_finished == ("odds" in match.payload)
        assert has_score == ("score" in match.payload)
        if is_finished:
            assert match.kickoff + dt.timedelta(hours=2) <= now
        if match.status is MatchStatus.LIVE:
            assert match.kickoff <= now < match.kickoff + dt.timedelta(hours=2)


def test_every_result_arrives_within_the_promise():
    """Three hours and the feed's lag after kickoff every match that was played is settled."""
    lag = dt.timedelta(hours=3) + SimulatedFeed.result_lag
    open_matches = (MatchStatus.SCHEDULED, MatchStatus.LIVE)

    overdue = [m for m in fetch(SEASON, leagues=20) if m.status in open_matches and m.kickoff + lag <= NOW]

    assert not overdue


def test_scores_follow_the_true_probabilities():
    """Over 13,060 matches each outcome is as frequent as the probabilities say, within four deviations."""
    seasons = [season_of_league(3, number, year) for number in range(1, 5) for year in range(2010, 2020)]
    p = np.concatenate([season.probabilities for season in seasons])
    goals = np.concatenate([season.goals for season in seasons])
    gap = goals[:, 0] - goals[:, 1]

    frequencies = np.array([(gap > 0).mean(), (gap == 0).mean(), (gap < 0).mean()])

    assert np.abs(frequencies - p.mean(axis=0)).max() < 4 * np.sqrt(0.25 / len(p))
    favourites = p[:, 0] > 0.6
    assert abs((gap > 0)[favourites].mean() - p[favourites, 0].mean()) < 4 * np.sqrt(0.25 / favourites.sum())


@pytest.mark.parametrize("rates", [(1.0, 1.0), (2.0, 1.0), (0.4, 3.1)])
def test_probabilities_are_those_of_the_goal_difference(rates):
    """1x2 of two Poisson variables is the sign of a Skellam variable."""
    difference = skellam(*rates)

    (p,) = outcome_probabilities(np.array([rates]))

    assert p == pytest.approx([difference.sf(0), difference.pmf(0), difference.cdf(-1)], abs=1e-9)


def test_draw_is_certain_where_nobody_scores():
    """With no goals expected all is a draw."""
    assert outcome_probabilities(np.array([[1e-9, 1e-9]]))[0] == pytest.approx([0, 1, 0], abs=1e-8)


def test_true_probabilities_are_found_by_match_id():
    """The oracle answers for the very match the feed showed, and agrees with its closing odds."""
    feed = SimulatedFeed(20, 4, dt.date(2015, 8, 1))
    finished = [m for m in fetch(SEASON) if m.odds]

    for match in finished:
        implied = np.array([1 / match.odds.home, 1 / match.odds.draw, 1 / match.odds.away])
        true = feed.true_probabilities(match.source_match_id)
        assert sum(true) == pytest.approx(1.0)
        assert implied / implied.sum() == pytest.approx(true, abs=0.06)


def test_prices_of_goals_are_near_the_share_of_seasons_and_the_handicap_is_even():
    """Over 2.5 comes as often as its prices say, and so does the home side with its handicap."""
    finished = [m for m in fetch(SEASON) if m.odds]
    over, covers, said_over, said_covers = [], [], [], []
    for match in finished:
        quoted = match.goal_odds
        over.append(match.home_goals + match.away_goals > 2)
        covers.append(match.home_goals - match.away_goals + quoted.handicap > 0)
        said_over.append(1 / quoted.over / (1 / quoted.over + 1 / quoted.under))
        said_covers.append(1 / quoted.home / (1 / quoted.home + 1 / quoted.away))

    error = 3 * 0.5 / np.sqrt(len(finished))
    assert np.mean(over) == pytest.approx(np.mean(said_over), abs=error)
    assert np.mean(covers) == pytest.approx(np.mean(said_covers), abs=error)
    assert all(0.3 < p < 0.7 for p in said_covers)


def test_season_is_a_double_round_robin():
    """Every club meets every other once at home and once away, and plays once a round."""
    season = season_of_league(20, 1, 2023)
    size = league_of(20, 1).size
    pairs = Counter(zip(season.home.tolist(), season.away.tolist(), strict=True))

    assert len(pairs) == size * (size - 1)
    assert set(pairs.values()) == {1}
    for number in range(1, 2 * size - 1):
        in_round = season.round == number
        assert len({*season.home[in_round], *season.away[in_round]}) == size


@pytest.mark.parametrize("seed", range(5))
def test_no_club_plays_twice_on_a_day(seed):
    """Neither the first fixtures nor those that are played put a club on one day twice."""
    for number in range(1, 9):
        for year in range(2015, 2025):
            season = season_of_league(seed, number, year)
            for kickoff in (season.first_kickoff, season.kickoff):
                days = np.concatenate([kickoff, kickoff]) // 86_400
                club_days = set(zip(np.concatenate([season.home, season.away]), days, strict=True))
                assert len(club_days) == len(days)


@pytest.mark.parametrize("year", range(2010, 2030))
def test_three_clubs_go_up_and_three_go_down(year):
    """From one season to the next the leagues of a country exchange three clubs, and lose none."""
    top, second = league_of(20, 1), league_of(20, 2)
    before, after = ({*members_of(20, top, y)} for y in (year, year + 1))
    below = {*members_of(20, second, year)}

    assert len(before - after) == len(after - before) == 3
    assert after - before <= below
    assert not before & below
    assert len(before) == top.size
    assert len(below) == second.size


def test_postponed_match_moves_and_keeps_its_id():
    """Scheduled, postponed from the day before, re-dated three days after, played 7 to 30 days later."""
    season = season_of_league(20, 1, 2024)
    row = int(np.flatnonzero(season.first_kickoff != season.kickoff)[0])
    match_id = f"SIM-1|2024/2025|{season.round[row]:02}|{row % (league_of(20, 1).size // 2) + 1}"
    old, new = (
        dt.datetime.fromtimestamp(int(k[row]), dt.UTC) for k in (season.first_kickoff, season.kickoff)
    )

    def shown(now: dt.datetime) -> tuple[MatchStatus, dt.datetime]:
        (match,) = [m for m in fetch(SEASON, now, leagues=1) if m.source_match_id == match_id]
        return match.status, match.kickoff

    assert shown(old - dt.timedelta(days=1)) == (MatchStatus.SCHEDULED, old)
    assert shown(old - dt.timedelta(hours=1)) == (MatchStatus.POSTPONED, old)
    assert shown(old + dt.timedelta(days=2)) == (MatchStatus.POSTPONED, old)
    assert shown(old + dt.timedelta(days=3)) == (MatchStatus.SCHEDULED, new)
    assert shown(new + dt.timedelta(hours=5)) == (MatchStatus.FINISHED, new)
    assert dt.timedelta(days=7) <= new - old <= dt.timedelta(days=30)


def test_wrong_result_is_corrected():
    """A result in 200 differs by one goal until it is corrected."""
    wrong = []
    for number in range(1, 11):
        season = season_of_league(20, number, 2024)
        differ = (season.reported_goals != season.goals).any(axis=1)
        assert (differ == (season.corrected_at > season.known_at)).all()
        assert np.abs(season.reported_goals - season.goals).sum(axis=1)[differ].tolist() == [1] * differ.sum()
        wrong += [number] * int(differ.sum())

    assert 5 <= len(wrong) <= 30


def test_live_score_grows_to_the_result():
    """During a match goals are only added; at the end they are the result, if that was reported rightly."""
    (match, *_) = [m for m in fetch(SEASON, leagues=1) if m.home_goals and m.home_goals + m.away_goals > 2]
    day = Window(match.kickoff.date(), match.kickoff.date() + dt.timedelta(days=1))

    def score(minutes: int) -> tuple[int, int]:
        now = match.kickoff + dt.timedelta(minutes=minutes)
        (found,) = [m for m in fetch(day, now, leagues=1) if m.source_match_id == match.source_match_id]
        return found.home_goals, found.away_goals

    scores = [score(minutes) for minutes in range(0, 121, 5)]

    assert scores[0] == (0, 0)
    assert scores[-1] == (match.home_goals, match.away_goals)
    assert scores[10] == (match.home_goals_half_time, match.away_goals_half_time)
    assert all(b[0] >= a[0] and b[1] >= a[1] for a, b in pairwise(scores))


def test_there_are_matches_in_every_month():
    """With the ten leagues of the default world no month is empty."""
    for month in range(1, 13):
        start = dt.date(2024, month, 1)
        assert len(fetch(Window(start, start + dt.timedelta(days=28)), leagues=10)) > 50


def test_smaller_world_is_the_beginning_of_a_larger_one():
    """More leagues add matches and change none."""
    small, large = fetch(SEASON, leagues=3), fetch(SEASON, leagues=6)

    assert small == [m for m in large if m.competition in {"SIM-1", "SIM-2", "SIM-3"}]


def test_clubs_of_the_largest_world_have_different_names():
    """In 100 countries no two clubs share a name."""
    names = [name for country in range(100) for name in clubs_of(20, country).names]

    assert len(names) == len(set(names))
    assert len(names) > 3200


def test_catalogue_describes_the_leagues():
    """Every match's competition is in the catalogue, with two tiers a country and both calendars."""
    catalogue = SimulatedFeed(20, 10, dt.date(2015, 8, 1)).competitions()

    assert [*catalogue] == [f"SIM-{number}" for number in range(1, 11)]
    assert Counter(c.tier for c in catalogue.values()) == {1: 5, 2: 5}
    assert Counter(c.calendar for c in catalogue.values()) == {"autumn": 6, "year": 4}
    assert {m.competition for m in fetch(SEASON, leagues=10)} == catalogue.keys()


def test_season_years_cover_their_matches():
    """Every match, moved ones too, lies in the days in which its season is looked for."""
    for number in (1, 3):
        league = league_of(20, number)
        for year in range(2015, 2025):
            season = play_season(20, league, year)
            for kickoffs in (season.first_kickoff, season.kickoff):
                first, last = (
                    dt.datetime.fromtimestamp(int(k), dt.UTC).date() for k in (kickoffs.min(), kickoffs.max())
                )
                assert year in season_years(league, first, first)
                assert year in season_years(league, last, last)


@pytest.mark.parametrize(
    ("environ", "first"),
    [
        ({"SOCCER_NOW": "2025-04-25T09:00:00Z"}, dt.date(2015, 8, 1)),
        ({"SOCCER_HISTORY_START": "2021-03-17"}, dt.date(2021, 3, 1)),
    ],
)
def test_history_starts_ten_years_ago_or_where_it_is_told(tmp_path, environ, first):
    """The first month comes from the setting, else from the clock."""
    feed = SimulatedFeed.from_settings(Settings.from_env({"SOCCER_HOME": str(tmp_path), **environ}))

    assert feed.first_month() == first


EVERY_HABIT = Habits(
    put_off=0.05,
    made_anew=0.05,
    exchanged=0.05,
    struck_off=0.05,
    date_corrected=0.05,
    score_corrected=0.05,
    season_corrected=0.05,
    told_twice=0.05,
    spelled_otherwise=0.5,
)


@settings(max_examples=5, deadline=None)
@given(days=st.lists(DAYS, min_size=3, max_size=3).map(sorted), now=INSTANTS)
def test_parts_of_a_window_equal_the_whole_with_habits(days, now):
    """A row is listed on the day that it tells, in whichever window that is."""
    feed = SimulatedFeed(20, 1, dt.date(2015, 8, 1), EVERY_HABIT)
    start, middle, end = days
    parts, whole = (
        [row for window in windows for row in feed.fetch(window, FixedClock(now))]
        for windows in ((Window(start, middle), Window(middle, end)), (Window(start, end),))
    )

    assert parts == whole


def test_without_habits_the_rows_are_the_truth():
    """Habits of share 0 list what a feed without habits lists, but for the ids of teams."""
    feed = SimulatedFeed(20, 1, dt.date(2015, 8, 1), Habits())
    plain = fetch(SEASON, leagues=1)

    assert sorted(feed.true_matches(SEASON, FixedClock(NOW)), key=lambda row: row.source_match_id) == sorted(
        plain, key=lambda row: row.source_match_id
    )
    assert {row.source_match_id: row.payload for row in feed.fetch(SEASON, FixedClock(NOW))} == {
        row.source_match_id: row.payload for row in plain
    }


@pytest.mark.parametrize("kind", list(Kind))
def test_each_habit_lists_other_rows_than_the_truth_and_ends_in_it(kind):
    """At some instant the listed rows differ from the world without the habit; later its truth is listed."""
    habits = Habits(**{kind.value: 0.5}, longest_wrong_date_days=3)
    window = Window(dt.date(2024, 8, 1), dt.date(2025, 12, 1))
    feed = SimulatedFeed(20, 1, dt.date(2015, 8, 1), habits)
    looks = [FixedClock(NOW - dt.timedelta(days=days)) for days in (250, 150, 50)]
    plain = [{told(row) for row in fetch(window, clock.now(), leagues=1)} for clock in looks]
    listed = [[told(row) for row in feed.fetch(window, clock)] for clock in looks]
    assert any(
        len(rows) != len(set(rows)) or set(rows) != bare for rows, bare in zip(listed, plain, strict=True)
    )

    end = FixedClock(NOW + dt.timedelta(days=200))
    rows = {told(row) for row in feed.fetch(window, end) if row.status is MatchStatus.FINISHED}
    assert rows == {told(row) for row in feed.true_matches(window, end) if row.status is MatchStatus.FINISHED}


def told(row: RawMatch) -> tuple[object, ...]:
    """What a row says, without its id."""
    score = (row.home_goals, row.away_goals)
    return row.season, row.kickoff, row.home_team, row.away_team, row.status, score
