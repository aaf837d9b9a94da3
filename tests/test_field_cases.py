"""Cases from the field, through their feeds into the match tables, on both engines.

Each case is what a provider really published, with fictitious clubs; its README says what is right.
"""

import datetime as dt
import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from soccer_assets.clock import FixedClock
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.protocol import Feed
from soccer_assets.feeds.providers.api_football import ApiFootballFeed
from soccer_assets.feeds.providers.football_data.football_data_feed import FootballDataFeed
from soccer_assets.feeds.providers.openfootball.openfootball_feed import OpenFootballFeed
from soccer_assets.feeds.providers.openligadb import OpenLigaDbFeed
from soccer_assets.feeds.validation import validate_rows
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.matches import Window
from soccer_assets.football.validity import contradiction
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.doubtful import repeated_rows, withdrawn_matches
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import IngestCounts, store_raw
from soccer_assets.tables import match, match_source_id, team
from tests.feeds.test_cases import Answers

DAY = dt.timedelta(days=1)


def instant(text: str) -> dt.datetime:
    """Noon of a day, UTC."""
    return dt.datetime.fromisoformat(f"{text}T12:00:00+00:00")


def look(database: Database, feed: Feed, now: dt.datetime, back: int = 400, ahead: int = 16) -> IngestCounts:
    """A look at a feed, from so many days back to so many ahead, and the matches that follow from it."""
    window = Window((now - back * DAY).date(), (now + ahead * DAY).date())
    rows = validate_rows(feed.fetch(window, FixedClock(now)), now)
    counts = store_raw(database, rows, asset="livescores/recent", source=feed.name, window=window, now=now)
    update_matches(database, load_competitions(), now)
    return counts


@pytest.fixture
def football_data(tmp_path: Path):
    """A feed over the files of a folder."""
    return lambda folder: FootballDataFeed(folder.as_uri(), FileClient("SOCCER_FOOTBALL_DATA_URL", tmp_path))


@pytest.fixture
def openfootball(tmp_path: Path):
    """The same for openfootball."""
    return lambda folder: OpenFootballFeed(folder.as_uri(), FileClient("SOCCER_OPENFOOTBALL_URL", tmp_path))


def stored(database: Database) -> list[str]:
    """Every match as one line, in the order of their kickoffs."""
    home, away = team.alias(), team.alias()
    query = (
        sa.select(match, home.c.name.label("home"), away.c.name.label("away"))
        .join(home, home.c.team_id == match.c.home_team_id)
        .join(away, away.c.team_id == match.c.away_team_id)
        .order_by(match.c.kickoff, match.c.match_id)
    )
    with database.reading() as connection:
        return [
            f"{row.kickoff:%Y-%m-%d} {row.home} {score_of(row)} {row.away} {row.status}"
            for row in connection.execute(query)
        ]


def score_of(row: sa.Row) -> str:
    """Such as 2-1; a dash without one."""
    return "-" if row.home_goals is None else f"{row.home_goals}-{row.away_goals}"


def ids_of_matches(database: Database) -> list[int]:
    """How many rows each match has."""
    counts = sa.select(sa.func.count()).select_from(match_source_id).group_by(match_source_id.c.match_id)
    with database.reading() as connection:
        return sorted(connection.execute(counts).scalars())


@pytest.mark.parametrize("times", [1, 2])
def test_c03_one_match_reported_on_two_dates(database, shared_cases, football_data, times):
    """The league's format has one meeting: one match, the later row stands, the other leads to it."""
    feed = football_data(shared_cases / "c03")
    for day in range(times):
        look(database, feed, instant("2025-05-10") + day * DAY)
    assert stored(database) == [
        "2025-04-24 Goblinford 0-2 Trollham finished",
        "2025-04-25 Ogreton 1-2 Elfbury finished",
    ]
    assert ids_of_matches(database) == [1, 2]
    [repeated] = repeated_rows(database, instant("2025-01-01"))
    assert "also listed on 2025-03-16" in str(repeated)


def test_d01_one_match_reported_on_two_dates_by_openfootball(database, shared_cases, openfootball):
    """The same with openfootball's names and rounds."""
    look(database, openfootball(shared_cases / "d01"), instant("2019-06-10"))
    found = stored(database)
    assert [line[:10] for line in found] == ["2019-03-30", "2019-04-24"]


def test_c04_a_season_label_corrected_between_two_looks(database, shared_cases, football_data):
    """One match a pair and day, in one season: Japan's league is one of autumn since 2026."""
    look(database, football_data(shared_cases / "c04a"), instant("2026-08-20"))
    look(database, football_data(shared_cases / "c04b"), instant("2026-08-21"))
    assert stored(database) == [
        "2026-08-07 Kappa City 3-4 Tengu FC finished",
        "2026-08-15 Kitsune SC 2-2 Kappa City finished",
    ]
    with database.reading() as connection:
        assert set(connection.execute(sa.select(match.c.season)).scalars()) == {"2026/2027"}


@pytest.mark.parametrize("back", [3, 400])
def test_c07_a_match_put_off_by_four_months(database, shared_cases, football_data, back):
    """One match, moved; also where no look reads the old day again."""
    look(database, football_data(shared_cases / "c07a"), instant("2024-10-24"))
    look(database, football_data(shared_cases / "c07b"), instant("2025-02-28"), back=back)
    assert stored(database) == [
        "2024-10-20 Elfbury 1-2 Ogreton finished",
        "2025-02-27 Goblinford 2-1 Trollham finished",
    ]


def test_c08_a_fixture_that_is_struck_off_the_list(database, shared_cases, football_data):
    """Withdrawn after a week, and listed; the fixture that moved by a day is one match."""
    look(database, football_data(shared_cases / "c08a"), instant("2024-10-22"))
    after = football_data(shared_cases / "c08b")
    look(database, after, instant("2024-10-23"))
    look(database, after, instant("2024-10-31"))
    found = stored(database)
    assert len(found) == 3
    assert found[0] == "2024-10-20 Elfbury 1-2 Ogreton finished"
    assert found[1].startswith("2024-10-25 Goblinford - Trollham")
    assert found[2] == "2024-10-26 Elfbury - Ogreton withdrawn"
    [gone] = withdrawn_matches(database, instant("2024-10-01"))
    assert (gone.home_team, gone.away_team) == ("Elfbury", "Ogreton")


def test_c11_two_rows_that_agree_are_one_match(database, shared_cases, openfootball):
    """The second row names the sides the other way round, with the score the other way round."""
    look(database, openfootball(shared_cases / "c11"), instant("2019-12-20"))
    assert stored(database) == ["2019-12-09 CF Axolotl 2-0 Nahual Morelia finished"]


def test_c12_the_date_of_a_played_match_is_corrected_by_days(database, shared_cases, openfootball):
    """One match, on the corrected date."""
    look(database, openfootball(shared_cases / "c12a"), instant("2016-12-20"))
    look(database, openfootball(shared_cases / "c12b"), instant("2016-12-21"))
    assert [line[:10] for line in stored(database)] == ["2016-12-04", "2016-12-04"]


def test_api_football_one_match_one_club_and_nothing_live_for_ever(database, shared_cases, tmp_path):
    """Put off under a new id, interrupted for good, a club in league and cup, ids that identify nobody."""
    rows = json.loads((shared_cases / "api-football" / "fixtures.json").read_bytes())
    now = instant("2025-06-10")
    feed = ApiFootballFeed("http://there", Answers(tmp_path, rows, "response"), None, FixedClock(now))
    look(database, feed, now)
    look(database, feed, now + DAY)

    found = stored(database)
    assert [line for line in found if "Goblinford" in line and "Ogreton" in line] == [
        "2025-04-22 Goblinford 1-0 Ogreton finished"
    ]
    assert not [line for line in found if line.endswith(("live", "scheduled", "postponed"))]
    assert "2025-03-30 Elfbury 2-1 Goblinford finished" in found
    with database.reading() as connection:
        homes = connection.execute(
            sa.select(match.c.home_team_id).where(match.c.source_match_id.in_(["1000017", "1000018"]))
        )
        assert len(set(homes.scalars())) == 1
        assert not set(connection.execute(sa.select(match.c.quarantine)).scalars()) - {None}


def test_openligadb_a_match_made_anew_under_another_id(database, shared_cases, tmp_path):
    """One match; while both rows tell their score it teaches nothing."""
    rows = json.loads((shared_cases / "openligadb" / "bl1_2020.json").read_bytes())
    answer = tmp_path / "getmatchdata" / "bl1" / "2020"
    answer.parent.mkdir(parents=True)
    drachental, marks = [], []
    for day, gone in (("2020-10-04", None), ("2020-10-05", 61000)):
        answer.write_text(json.dumps([row for row in rows if row["matchID"] != gone]))
        feed = OpenLigaDbFeed(tmp_path.as_uri(), FileClient("SOCCER_FEED_URL", tmp_path / "cache"))
        look(database, feed, instant(day), back=40)
        drachental.append([line for line in stored(database) if "VfB Drachental" in line[11:25]])
        with database.reading() as connection:
            marks.append(set(connection.execute(sa.select(match.c.quarantine)).scalars()))
    assert drachental == [["2020-10-03 VfB Drachental 2-1 SV Koboldstadt finished"]] * 2
    assert marks == [{None, contradiction([(2, 1), (0, 1)])}, {None}]


PLAYED = "Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,FTR\n" + "".join(
    f"E0,{day}/08/2024,{pair},1,0,H\n"
    for day in (10, 17)
    for pair in ("Elfbury,Ogreton", "Trollham,Nahual", "Goblinford,Kappa", "Tengu,Kitsune")
)


@pytest.mark.parametrize(
    "correction", ["Ogreton,Elfbury,3,1,H", "Elfbury,Nahual,3,1,H", "Kappa,Ogreton,0,0,D"]
)
@pytest.mark.parametrize("has_both", [False, True])
def test_a_corrected_ground_or_opponent_leaves_the_listed_result(
    database, football_data, tmp_path, correction, has_both
):
    """The row that the feed lists no longer counts no longer, also where both were listed for a while."""
    wrong, right = "E0,25/08/2024,Elfbury,Ogreton,3,1,H\n", f"E0,25/08/2024,{correction}\n"
    file = tmp_path / "site" / "mmz4281/2425/E0.csv"
    file.parent.mkdir(parents=True)
    steps = [wrong, *([wrong + right] if has_both else []), right, right, wrong + right, right]
    marks = []
    for day, rows in enumerate(steps):
        file.write_text(PLAYED + rows)
        look(database, football_data(tmp_path / "site"), instant("2024-08-26") + day * DAY)
        with database.reading() as connection:
            last = match.c.kickoff >= dt.datetime(2024, 8, 24, tzinfo=dt.UTC)
            query = sa.select(match.c.home_goals, match.c.away_goals).where(
                last, match.c.quarantine.is_(None)
            )
            marks.append([tuple(row) for row in connection.execute(query)])
    score = tuple(map(int, correction.split(",")[2:4]))
    assert marks[-1] == marks[-3] == [score]
