"""A feed with the habits of real providers ends in the truth, whatever was looked at and in which order."""

import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from soccer_assets.clock import FixedClock
from soccer_assets.feeds.providers.simulated.habits import Habits, abbreviated
from soccer_assets.feeds.providers.simulated.simulated_feed import SOURCE, SimulatedFeed
from soccer_assets.football import season_formats
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.matches import MatchStatus, Window
from soccer_assets.football.records import RawMatch
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.held_rows import unresolved_names
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.tables import match, team

DAY = dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)
# Two seasons: the first is history, played and listed as it was; the feed has its habits in the second.
HISTORY = Window(dt.date(2023, 7, 1), dt.date(2024, 7, 15))
SEASON = Window(dt.date(2024, 7, 15), dt.date(2025, 11, 1))
START = dt.datetime(2024, 7, 15, 9, tzinfo=dt.UTC)
CLUBS = 8
# The format of the first league is told, that of the second is not: there only proof makes one match of two.
LEAGUES = {"SIM-1": "ENG-1", "SIM-2": "ENG-2"}
SHARES = dict.fromkeys(
    (
        "put_off",
        "made_anew",
        "exchanged",
        "struck_off",
        "date_corrected",
        "score_corrected",
        "season_corrected",
        "told_twice",
    ),
    0.05,
)


@pytest.fixture(scope="module", autouse=True)
def formats() -> Iterator[None]:
    """A first league of eight clubs whose pairs meet once; no format of the second."""
    blocks = season_formats.load_season_formats()
    kept = {code: blocks.pop(code) for code in LEAGUES.values()}
    block = {"source": "this test", "formats": [{"from": "1992/1993", "clubs": CLUBS, "meetings": 1}]}
    blocks["ENG-1"] = msgspec.convert(block, type(kept["ENG-1"]))
    season_formats.season_format.cache_clear()
    yield
    blocks.update(kept)
    season_formats.season_format.cache_clear()


class World:
    """Eight clubs of each of two leagues, with their real names and as a feed with habits lists them."""

    def __init__(self, seed: int, *, has_ids: bool) -> None:
        first_month = HISTORY.start.replace(day=1)
        habits = Habits(**SHARES, spelled_otherwise=0.5, has_ids=has_ids)
        self.listing = SimulatedFeed(seed, len(LEAGUES), first_month, habits)
        self.history = SimulatedFeed(seed, len(LEAGUES), first_month, Habits(has_ids=has_ids))
        self.clubs = self._clubs()
        self._known: dict[dt.datetime, list[RawMatch]] = {}

    def _clubs(self) -> dict[str, str]:
        """By every spelling of a club of the world, its name."""
        in_season: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for row in self.history.true_matches(Window(HISTORY.start, SEASON.end), FixedClock(START)):
            in_season[row.competition, row.season].add(row.home_team)
        found = {}
        for code in LEAGUES:
            for name in sorted(in_season[code, "2023/2024"] & in_season[code, "2024/2025"])[:CLUBS]:
                found |= {name: name, abbreviated(name): name}
        return found

    def rows(self, now: dt.datetime) -> list[RawMatch]:
        """What the feed lists of the second season at an instant."""
        if now not in self._known:
            self._known[now] = self._of_season(self.listing.fetch(SEASON, FixedClock(now)), "2024")
        return self._known[now]

    def old_rows(self) -> list[RawMatch]:
        """The first season, played."""
        return self._of_season(self.history.fetch(HISTORY, FixedClock(START)), "2023")

    def truth(self, now: dt.datetime) -> list[RawMatch]:
        """Every match of both seasons once, as it is."""
        history = self.history.true_matches(HISTORY, FixedClock(START))
        season = self.listing.true_matches(SEASON, FixedClock(now))
        return self._of_season(history, "2023") + self._of_season(season, "2024")

    def _of_season(self, rows: Iterable[RawMatch], year: str) -> list[RawMatch]:
        return [
            self._in_catalogue(row)
            for row in rows
            if row.season.startswith(year) and {row.home_team, row.away_team} <= self.clubs.keys()
        ]

    def _in_catalogue(self, row: RawMatch) -> RawMatch:
        """The row under the code of a league that the catalogue has.

        Without ids only the first league is spelled otherwise. Where no format is told, a spelling that
        stands in a single row is held back for a person: nothing shows that it is no new club.
        """
        code = LEAGUES[row.competition]
        if row.source_match_id is not None or code == "ENG-1":
            return replace(row, competition=code)
        home, away = self.clubs[row.home_team], self.clubs[row.away_team]
        return replace(row, competition=code, home_team=home, away_team=away)


@cache
def world(seed: int, has_ids: bool) -> World:
    return World(seed, has_ids=has_ids)


Look = tuple[dt.datetime, Window]


@st.composite
def covers(draw: st.DrawFn, start: dt.datetime) -> list[Look]:
    """Looks that together cover the season, in any order, some of them twice, a minute apart."""
    cuts = sorted(draw(st.sets(st.integers(1, 470), max_size=3)))
    days = [SEASON.start, *[SEASON.start + cut * DAY for cut in cuts], SEASON.end]
    windows = [Window(*ends) for ends in itertools.pairwise(days)]
    windows += draw(st.lists(st.sampled_from(windows), max_size=2))
    return [(start + number * MINUTE, found) for number, found in enumerate(draw(st.permutations(windows)))]


@st.composite
def looks(draw: st.DrawFn) -> tuple[list[Look], dt.datetime]:
    """Up to six looks at parts of the season at rising hours, and the morning on which the last cover starts.

    In the morning no match is under way.
    """
    hours = draw(st.lists(st.integers(1, 470 * 24), max_size=6, unique=True))
    found = []
    for hour in sorted(hours):
        first, last = sorted(draw(st.tuples(st.integers(0, 473), st.integers(0, 473))))
        window = Window(SEASON.start + first * DAY, SEASON.start + (last + 1) * DAY)
        found.append((START + hour * dt.timedelta(hours=1), draw(st.sampled_from([SEASON, window]))))
    days = max(hours, default=0) // 24 + draw(st.integers(1, 60))
    return found, START + days * DAY


@pytest.mark.parametrize("has_ids", [True, False])
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(1, 12), seen=looks(), data=st.data())
def test_any_looks_end_in_the_truth(migrated_file, tmp_path_factory, has_ids, seed, seen, data):
    """Any split, order, repetition and correction of the feed's rows gives the simulator's own matches."""
    file = tmp_path_factory.mktemp("habits") / "soccer.db"
    file.write_bytes(migrated_file.read_bytes())
    assert_truth(f"sqlite:///{file}", world(seed, has_ids), *seen, data)


@pytest.mark.parametrize("has_ids", [True, False])
@settings(max_examples=1, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(1, 12), seen=looks(), data=st.data())
def test_any_looks_end_in_the_truth_on_postgresql(migrated_databases, has_ids, seed, seen, data):
    """The same on PostgreSQL."""
    with migrated_databases.lent() as url:
        assert_truth(url, world(seed, has_ids), *seen, data)


def assert_truth(url: str, world: World, before: list[Look], end: dt.datetime, data: st.DataObject) -> None:
    """After looks at all of the world, which then stands still for eight days, `match` is the truth.

    What the feed no longer lists is withdrawn by then: fixtures that were struck off, and earlier rows of
    matches that no proof joins to the later ones.
    """
    database = Database(url)
    store(database, world.old_rows(), HISTORY, START)
    ever: set[tuple[str, ...]] = set()
    last = [*data.draw(covers(end)), *data.draw(covers(end + 8 * DAY))]
    for now, window in [*before, *last]:
        rows = [row for row in world.rows(min(now, end)) if row.kickoff.date() in window]
        ever |= {told(world, row) for row in rows}
        store(database, data.draw(st.permutations(rows)), window, now)
    found = matches_of(database)
    for window in (HISTORY, SEASON):
        listed = [*world.old_rows(), *world.rows(end)]
        store(database, [row for row in listed if row.kickoff.date() in window], window, end + 8 * DAY)
    again = matches_of(database)
    held = unresolved_names(database)
    database.engine.dispose()

    truth = world.truth(end)
    gone = MatchStatus.WITHDRAWN
    assert held == []
    assert sorted(facts(world, row) for row in found if row.status != gone) == sorted(
        facts(world, row) for row in truth if row.status != gone
    )
    withdrawn = {told(world, row) for row in found if row.status == gone}
    assert withdrawn <= ever - {told(world, row) for row in world.rows(end)}
    assert withdrawn >= {told(world, row) for row in truth if row.status == gone} & ever
    teams = {(row.home_team_id, world.clubs[row.home_team]) for row in found} | {
        (row.away_team_id, world.clubs[row.away_team]) for row in found
    }
    assert len(teams) == len({team_id for team_id, _ in teams}) == len({name for _, name in teams})
    assert again == found


def store(database: Database, rows: Sequence[RawMatch], window: Window, now: dt.datetime) -> None:
    """A whole look at a window, and the matches that follow from it."""
    store_raw(database, iter(rows), asset="livescores/window", source=SOURCE, window=window, now=now)
    update_matches(database, load_competitions(), now)


def matches_of(database: Database) -> list[sa.Row]:
    """All stored matches in order with the names of their teams, without what no reader sees."""
    hidden = {"change_no", "version", "updated_at"}
    columns = [column for column in match.columns if column.name not in hidden]
    home, away = team.alias(), team.alias()
    query = (
        sa.select(*columns, home.c.name.label("home_team"), away.c.name.label("away_team"))
        .join(home, home.c.team_id == match.c.home_team_id)
        .join(away, away.c.team_id == match.c.away_team_id)
    )
    with database.reading() as connection:
        return list(connection.execute(query.order_by(match.c.match_id)))


def told(world: World, row: RawMatch | sa.Row) -> tuple[str, ...]:
    """Which match on which day a row tells."""
    names = (world.clubs[row.home_team], world.clubs[row.away_team])
    return (row.competition, *names, f"{row.kickoff:%Y-%m-%d}")


def facts(world: World, row: RawMatch | sa.Row) -> tuple[object, ...]:
    """What a reader of a match must find: season, score and status, at the right time, not quarantined."""
    score = (row.home_goals, row.away_goals)
    return (
        *told(world, row),
        row.season,
        str(row.kickoff),
        str(row.status),
        str(score),
        str(getattr(row, "quarantine", None)),
    )
