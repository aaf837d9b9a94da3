"""An archive means the same to a backtest as to the graph that reads it through its feed."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from soccer_assets.backtesting.archive_matches import ArchiveMatches, read_matches
from soccer_assets.clock import FixedClock, parse_instant
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.providers.archive.archive_feed import ArchiveFeed
from soccer_assets.feeds.validation import validate_rows
from soccer_assets.football.identity import mint_match_id
from soccer_assets.football.match_table import MatchTable
from soccer_assets.football.matches import Window
from soccer_assets.football.prices import PriceKind
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.store import match_table_of
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from tests.backtesting.test_archive_backtest import archive, write
from tests.feeds.hostile import VALUES

NOW = parse_instant("2025-04-25T09:00:00Z")
ALL_TIME = Window(dt.date(1850, 1, 1), dt.date(2100, 1, 1))


def row(**changes: object) -> dict[str, object]:
    """One finished match of the archive, with the given changes."""
    return archive(years=range(2024, 2025)).iloc[0].to_dict() | {"tier": 1} | changes


def read(folder: Path, *rows: dict[str, object]) -> ArchiveMatches:
    """The rows as a backtest reads them."""
    return read_matches([write(pd.DataFrame(rows), folder / "archive.csv")], None, NOW)


def through_the_graph(file: Path, database: Database, store: ObjectStore) -> MatchTable:
    """The matches of a file after ingest, validation, normalisation and export."""
    feed = ArchiveFeed(str(file), FileClient("SOCCER_FEED_URL", file.parent / "cache"))
    rows = validate_rows(feed.fetch(ALL_TIME, FixedClock(NOW)), NOW)
    store_raw(database, rows, asset="a", source=feed.name, window=ALL_TIME, now=NOW)
    update_matches(database, feed.competitions(), NOW)
    exports = Exports(store, database)
    return match_table_of(exports.read_matches(exports.update(NOW)[0]))


def by_match(table: MatchTable, ids: list[str]) -> dict[str, tuple[object, ...]]:
    """Every fact of each match but its id."""
    names = [name for name in table.__dataclass_fields__ if name != "match_id"]
    columns = (map(_comparable, getattr(table, name).tolist()) for name in names)
    return dict(zip(ids, zip(*columns, strict=True), strict=True))


def _comparable(value: object) -> object:
    """The value, None where it is no number: an unknown price is equal to another."""
    return None if value != value else value  # noqa: PLR0124


def spoiled(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with kickoffs, neutral internationals, other endings, and 400 cells of hostile values."""
    rng = np.random.default_rng(5)
    frame = frame.astype(object)
    noon = pd.to_datetime(frame["date"]).dt.tz_localize("UTC") + pd.Timedelta(hours=15)
    frame["kickoff_utc"] = noon.astype(object).where(np.arange(len(frame)) % 2 == 0)
    for status in ("AET", "PEN", "VOID", "SCHEDULED"):
        frame.loc[rng.choice(len(frame), 10, replace=False), "status"] = status
    nations = frame.iloc[:40].assign(country="International", competition="Cup of Nations", tier=None)
    nations = nations.assign(neutral=True, match_id=[f"n{number}" for number in range(40)])
    again = frame.iloc[100:110].assign(match_id=[f"again{number}" for number in range(10)])
    frame = pd.concat([frame, nations, again], ignore_index=True)
    texts = [value for value in VALUES if isinstance(value, str) and value.isprintable()]
    columns = [name for name in frame.columns if name not in {"country", "competition", "match_id"}]
    for place in rng.choice(len(frame), 400, replace=False):
        frame.loc[place, rng.choice(columns)] = texts[rng.integers(len(texts))]
    return frame


def test_graph_and_backtest_read_the_same_matches(tmp_path, sqlite_database, folder_store):
    """Seven hundred rows, most of them spoiled: the same matches with the same facts, to the last one."""
    file = write(spoiled(archive()), tmp_path / "archive.csv")
    expected = through_the_graph(file, sqlite_database, folder_store)

    found = read_matches([file], None, NOW)

    ids = [mint_match_id("archive", match_id) for match_id in found.matches.match_id]
    assert by_match(found.matches, ids) == by_match(expected, expected.match_id.tolist())
    assert found.quarantined > 0
    assert sum(found.rejected.values()) + len(found.matches) == found.rows
    assert sum(found.rejected.values()) > 100
    assert 0 < (~found.matches.trains).sum() < len(found.matches)
    assert found.matches.is_international.sum() > 20


def test_graph_and_backtest_keep_awarded_results_from_training(tmp_path, sqlite_database, folder_store):
    """Told as played, 1-1: it was awarded 0-2, moves no rating and is no label."""
    place = {"country": "Germany", "competition": "Bundesliga", "season": "2024/2025"}
    rows = [
        row(
            **place,
            match_id="given",
            home_team="Union Berlin",
            away_team="Bochum",
            date=dt.date(2024, 12, 14),
        ),
        row(**place, match_id="played", home_team="Bochum", away_team="Mainz", date=dt.date(2024, 12, 20)),
    ]
    found = read(tmp_path, *rows)
    graph = through_the_graph(tmp_path / "archive.csv", sqlite_database, folder_store)

    ids = [mint_match_id("archive", match_id) for match_id in found.matches.match_id]
    assert by_match(found.matches, ids) == by_match(graph, graph.match_id.tolist())
    assert dict(zip(found.matches.match_id, found.matches.trains.tolist(), strict=True)) == {
        "given": False,
        "played": True,
    }
    assert (found.matches.home_goals[0], found.matches.away_goals[0]) == (0, 2)


def test_a_team_with_two_results_on_a_day_is_quarantined(tmp_path):
    """Neither result trains or moves ratings; both are counted; other days and open matches are kept."""
    found = read(
        tmp_path,
        row(match_id="first", home_team="A", away_team="B"),
        row(match_id="second", home_team="C", away_team="A"),
        row(match_id="open", home_team="D", away_team="C", status="SCHEDULED"),
        row(match_id="other day", home_team="A", away_team="B", date=dt.date(2024, 9, 1)),
    )

    trains = dict(zip(found.matches.match_id, found.matches.trains.tolist(), strict=True))
    assert trains == {"first": False, "second": False, "open": False, "other day": True}
    assert found.matches.moves_ratings.tolist() == found.matches.trains.tolist()
    assert found.quarantined == 2


def test_graph_and_backtest_quarantine_a_matchday_that_is_filled_in(tmp_path, sqlite_database, folder_store):
    """Five results without a goal on a day; the one of the day before counts."""
    names = [("A", "B"), ("C", "D"), ("E", "F"), ("G", "H"), ("I", "J"), ("A", "D")]
    rows = [
        row(
            match_id=f"m{number}",
            home_team=home,
            away_team=away,
            home_goals=0,
            away_goals=0,
            date=dt.date(2024, 9, 1 if number < 5 else 8),
        )
        for number, (home, away) in enumerate(names)
    ]
    found = read(tmp_path, *rows)
    graph = through_the_graph(tmp_path / "archive.csv", sqlite_database, folder_store)

    assert found.quarantined == 5
    assert sorted(found.matches.trains.tolist()) == sorted(graph.trains.tolist()) == [False] * 5 + [True]


def test_graph_and_backtest_count_no_result_of_a_pair_that_has_two_and_meets_once(
    tmp_path, sqlite_database, folder_store
):
    """England's first division has one match of a pair at one ground; Scotland's may have two."""
    clubs = {"home_team": "Leeds", "away_team": "Hull", "season": "2024/2025", "home_goals": 1}
    england = clubs | {"country": "England", "competition": "Premier League"}
    scotland = clubs | {"country": "Scotland", "competition": "Premiership"}
    rows = [
        row(**country, match_id=f"{number}{day}", away_goals=day, date=dt.date(2024, 9, 1 + 10 * day))
        for number, country in enumerate((england, scotland))
        for day in (0, 1)
    ]
    found = read(tmp_path, *rows)
    assert dict(zip(found.matches.match_id, found.matches.trains.tolist(), strict=True)) == {
        "00": False,
        "01": False,
        "10": True,
        "11": True,
    }
    assert found.quarantined == 2
    expected = through_the_graph(tmp_path / "archive.csv", sqlite_database, folder_store)
    ids = [mint_match_id("archive", match_id) for match_id in found.matches.match_id]
    assert by_match(found.matches, ids) == by_match(expected, expected.match_id.tolist())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"home_goals": 37}, "is not from 0 to 36"),
        ({"away_team": "Club 1", "home_team": "Club 1"}, "cannot play itself"),
        ({"away_team": "CLUB 1", "home_team": "Club 1"}, "cannot play itself"),
        ({"home_goals": None}, "has one side alone"),
        ({"status": "??"}, "is none of AET"),
        ({"date": "soon"}, "is no day yyyy-mm-dd"),
        ({"date": "01/09/2024"}, "is no day yyyy-mm-dd"),
        ({"home_team": "W49"}, "'W49' is a placeholder; name the team"),
        ({"date": dt.date(1850, 1, 1)}, "is not in the years 1863 to 2099"),
        ({"season": None}, "the season is missing"),
    ],
)
def test_a_row_that_the_feed_rejects_is_rejected_and_counted(tmp_path, changes, reason):
    """The reason is the feed's own, and the other rows stay."""
    found = read(tmp_path, row(match_id="bad") | changes, row(match_id="good", date=dt.date(2024, 9, 1)))

    assert found.matches.match_id.tolist() == ["good"]
    ((sentence, count),) = found.rejected.items()
    assert reason in sentence
    assert (count, found.rows) == (1, 2)


def test_prices_count_as_far_as_validation_lets_them(tmp_path):
    """Closing prices alone, above 1, with a credible sum."""
    prices = {"odds_home": 2.0, "odds_draw": 3.4, "odds_away": 4.0}
    days = {name: dt.date(2024, 9, number) for number, name in enumerate("abcd", start=1)}
    found = read(
        tmp_path,
        row(match_id="a", date=days["a"], home_team="Home a") | prices,
        row(match_id="b", date=days["b"], home_team="Home b") | prices | {"odds_type": "avg"},
        row(match_id="c", date=days["c"], home_team="Home c") | prices | {"odds_away": 40.0},
        row(match_id="d", date=days["d"], home_team="Home d") | prices | {"odds_home": 1.0},
    )

    assert found.closing_prices[0].tolist() == [2.0, 3.4, 4.0]
    assert np.isnan(found.closing_prices[1:]).all()


def test_half_time_scores_and_prices_of_goals_are_read_once_a_match_is_over(tmp_path):
    """A handicap with its prices, of the home side also where the host is named second."""
    told = {"ht_home_goals": 1, "ht_away_goals": 0, "odds_over": 1.8, "odds_under": 2.05, "handicap": -0.75}
    told |= {"odds_handicap_home": 1.9, "odds_handicap_away": 1.96, "goal_odds_type": "avg_closing"}
    played = row(match_id="played", date=dt.date(2024, 9, 1), home_goals=2) | told
    ahead = row(match_id="ahead", date=dt.date(2025, 4, 26)) | told

    matches = read(tmp_path, played, ahead).matches

    turned = matches.turned_round(np.array([True, False]))
    assert matches.home_goals_half_time.tolist() == [1, -1]
    assert (matches.over_price[0], matches.under_price[0], matches.handicap[0]) == (1.8, 2.05, -0.75)
    assert matches.goal_price_kind.tolist() == [PriceKind.CLOSING_AVERAGE, PriceKind.NONE]
    assert np.isnan(matches.over_price[1])
    assert (turned.handicap[0], turned.home_handicap_price[0], turned.home_goals_half_time[0]) == (
        0.75,
        1.96,
        0,
    )


def test_a_row_without_an_id_has_the_id_of_its_meeting(tmp_path):
    """Rows without ids are told apart by meeting and day."""
    found = read(tmp_path, row(match_id=None), row(match_id=None, date=dt.date(2025, 3, 1)))

    assert len(set(found.matches.match_id)) == 2
    assert all("utopia" in match_id.lower() for match_id in found.matches.match_id)


def test_whole_numbers_may_be_written_as_floats(tmp_path):
    """A table with one missing score, saved as CSV, has ``3.0`` for 3."""
    found = read(
        tmp_path,
        row(match_id="open", home_goals=None, away_goals=None, status="SCHEDULED", tier=None),
        row(match_id="played", home_goals=3.0, away_goals=1.0, date=dt.date(2024, 9, 1)),
    )

    assert found.rejected == {}
    assert (found.matches.home_goals[1], found.matches.away_goals[1]) == (3, 1)


def test_a_result_of_a_match_that_is_not_over_is_not_read(tmp_path):
    """A score behind the clock's now is unknown, and so are its prices."""
    found = read(tmp_path, row(match_id="ahead", date=dt.date(2025, 4, 26)))

    assert found.matches.home_goals.tolist() == [-1]
    assert not found.matches.trains.any()
    assert np.isnan(found.closing_prices).all()


def test_graph_and_backtest_apply_the_same_rules_of_neutral_ground(tmp_path, sqlite_database, folder_store):
    """Finals, hosts named second and flags mean one thing; a turned match has its prices turned too."""
    cup = {"country": "England", "competition": "FA Cup", "tier": None}
    world = {"country": "International", "competition": "FIFA World Cup", "tier": None, "season": "2018"}
    prices = {"odds_home": 2.0, "odds_draw": 3.4, "odds_away": 4.0}
    russia = {"home_team": "Spain", "away_team": "Russia", "home_goals": 1, "away_goals": 2}
    rows = [
        row(match_id="final", round="f", home_team="A", away_team="B") | cup,
        row(match_id="round", round="5", home_team="C", away_team="D") | cup,
        row(match_id="host", date=dt.date(2018, 7, 1)) | world | russia | prices,
        row(match_id="told", date=dt.date(2018, 6, 25), home_team="Russia", neutral=True) | world,
        row(match_id="group", date=dt.date(2018, 6, 26), home_team="Peru", away_team="Egypt") | world,
        row(match_id="league", home_team="E", away_team="F"),
    ]
    file = write(pd.DataFrame(rows), tmp_path / "archive.csv")
    expected = through_the_graph(file, sqlite_database, folder_store)

    found = read_matches([file], None, NOW)

    ids = found.matches.match_id.tolist()
    graph_ids = [mint_match_id("archive", match_id) for match_id in ids]
    assert by_match(found.matches, graph_ids) == by_match(expected, expected.match_id.tolist())
    ground = zip(found.matches.is_neutral.tolist(), found.matches.is_turned.tolist(), strict=True)
    assert dict(zip(ids, ground, strict=True)) == {
        "final": (True, False),
        "round": (False, False),
        "host": (False, True),
        "told": (True, False),
        "group": (True, False),
        "league": (False, False),
    }
    host = ids.index("host")
    assert (found.matches.home_goals[host], found.matches.away_goals[host]) == (2, 1)
    assert found.closing_prices[host].tolist() == [4.0, 3.4, 2.0]
