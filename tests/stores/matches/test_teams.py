"""Teams merged and split by hand, on both engines."""

import datetime as dt
import threading

import pytest
import sqlalchemy as sa

from soccer_assets.football.first_half import FirstHalfShares
from soccer_assets.football.identity import mint_team_id
from soccer_assets.football.matches import Window
from soccer_assets.football.name_lookup import Names
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.history.country_teams import read_teams, teams_tag
from soccer_assets.stores.matches import normalise, unread
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.stores.matches.teams import TeamError, list_teams, merge_teams, redirects, split_team
from soccer_assets.stores.releases.directory import read_directory
from soccer_assets.tables import match, match_history, team
from tests.builders import COMPETITIONS, NOW, finished

WINDOW = Window(dt.date(2025, 1, 1), dt.date(2026, 1, 1))
ONE_DAY = Window(dt.date(2025, 3, 8), dt.date(2025, 3, 10))
UNITED, SHORT, CITY, LEEDS = (
    mint_team_id("Testland", "men", "senior", name)
    for name in ("Leeds United", "Leeds Utd", "Bradford City", "Leeds")
)


@pytest.fixture
def three(database: Database) -> Database:
    """Two spellings of one team against two others, and a third that both spellings met."""
    rows = [
        finished("1-0", "2025-03-01T15:00:00Z", source_match_id="a", home_team="Leeds United"),
        finished("2-0", "2025-03-08T15:00:00Z", source_match_id="b", home_team="Leeds Utd", away_team="Hull"),
        finished(
            "3-0",
            "2025-03-15T15:00:00Z",
            source_match_id="c",
            home_team="Leeds United",
            away_team="Bradford City",
        ),
    ]
    store_raw(database, rows, asset="livescores/recent", source="fake", window=WINDOW, now=NOW)
    update_matches(database, COMPETITIONS, NOW)
    return database


def homes(database: Database) -> list[str]:
    """The home teams of the matches, in the order of their days."""
    with database.reading() as connection:
        return list(connection.execute(sa.select(match.c.home_team_id).order_by(match.c.kickoff)).scalars())


def test_a_merge_carries_matches_over_and_a_split_gives_them_back(
    three: Database, folder_store: ObjectStore
) -> None:
    """Merge and split each write a new version with history; exports follow, and the old id redirects."""
    exports = Exports(folder_store, three)
    exports.update(NOW)
    assert merge_teams(three, UNITED, SHORT, NOW) == 1
    assert homes(three) == [UNITED, SHORT, UNITED]  # not before the next pass
    update_matches(three, COMPETITIONS, NOW)
    assert homes(three) == [UNITED] * 3
    manifest, _ = exports.update(NOW)
    assert set(exports.read_matches(manifest)["home_team"].to_pylist()) == {"Leeds United"}
    with three.reading() as connection:
        assert redirects(connection) == {SHORT: UNITED}

    assert split_team(three, SHORT, NOW) == 3
    update_matches(three, COMPETITIONS, NOW)
    assert homes(three) == [UNITED, SHORT, UNITED]
    with three.reading() as connection:
        kept = connection.execute(
            sa.select(match_history.c.version).order_by(match_history.c.version)
        ).scalars()
        assert list(kept) == [1, 2]


class KilledError(Exception):
    """The process ends between two transactions."""


def test_a_large_merge_is_read_in_short_transactions(
    three: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that waits has its turn between two of them, and a pass that was killed there goes on."""
    rows = [
        finished(
            "1-0",
            f"2025-04-{day:02}T15:00:00Z",
            source_match_id=f"d{day}",
            home_team="Leeds Utd",
            away_team=f"Away {day}",
        )
        for day in range(1, 6)
    ]
    store_raw(three, rows, asset="livescores/recent", source="fake", window=WINDOW, now=NOW)
    update_matches(three, COMPETITIONS, NOW)
    for module in (normalise, unread):
        monkeypatch.setattr(module, "DAYS_PER_TRANSACTION", 1)
    assert merge_teams(three, UNITED, SHORT, NOW) == 6

    with monkeypatch.context() as patch:
        patch.setattr(Database, "let_others_write", lambda _: raise_killed())
        with pytest.raises(KilledError):
            update_matches(three, COMPETITIONS, NOW)
    assert homes(three) == [UNITED] * 3 + [SHORT] * 5  # the earliest first, and whole

    merged: list[int] = []
    is_over = threading.Event()

    def write() -> None:
        other = Database(three.url)
        while not is_over.is_set():
            with other.writing() as connection:
                count = sa.select(sa.func.count()).where(match.c.home_team_id == UNITED)
                merged.append(connection.execute(count).scalar_one())
        other.engine.dispose()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        update_matches(three, COMPETITIONS, NOW)
    finally:
        is_over.set()
        writer.join()
    assert homes(three) == [UNITED] * 8
    assert {4, 5, 6, 7} & {*merged}
    with three.reading() as connection:
        versions = connection.execute(sa.select(match.c.version)).scalars()
        assert sorted(versions) == [1] * 2 + [2] * 6


def raise_killed() -> None:
    """End the pass here."""
    raise KilledError


def test_a_merge_leads_through_a_chain(three: Database) -> None:
    """A team merged into a team that is merged later redirects to the last one."""
    hull = mint_team_id("Testland", "men", "senior", "Hull")
    derby = mint_team_id("Testland", "men", "senior", "Derby")
    merge_teams(three, hull, derby, NOW)
    merge_teams(three, CITY, hull, NOW)
    with three.reading() as connection:
        assert redirects(connection) == {derby: CITY, hull: CITY}


@pytest.mark.parametrize(
    ("keep", "duplicate", "message"),
    [
        (UNITED, CITY, "met on 2025-03-15: they are two teams"),
        (UNITED, UNITED, "merged into itself"),
        (UNITED, "nobody", "there is no team 'nobody'"),
    ],
)
def test_what_cannot_be_one_team_is_refused(three: Database, keep: str, duplicate: str, message: str) -> None:
    with pytest.raises(TeamError, match=message):
        merge_teams(three, keep, duplicate, NOW)


def test_a_merged_team_is_not_merged_again_and_an_unmerged_one_not_split(three: Database) -> None:
    merge_teams(three, UNITED, SHORT, NOW)
    with pytest.raises(TeamError, match="split it first"):
        merge_teams(three, CITY, SHORT, NOW)
    with pytest.raises(TeamError, match="not merged"):
        split_team(three, UNITED, NOW)


def test_teams_are_listed_by_competition_country_and_name(three: Database) -> None:
    merge_teams(three, UNITED, SHORT, NOW)
    found = {row.name: (row.matches, row.merged_into) for row in list_teams(three, search="LÉEDS")}
    assert found == {"Leeds United": (2, None), "Leeds Utd": (1, UNITED)}
    assert len(list_teams(three, competition="TST-1", country="testland")) == 5
    assert list_teams(three, competition="TST-2") == []
    assert list_teams(three, search="%") == []
    with three.writing() as connection:
        connection.execute(sa.update(team).where(team.c.team_id == CITY).values(country="Österreich"))
    assert [row.team_id for row in list_teams(three, country="ÖSTERREICH")] == [CITY]
    assert [row.team_id for row in list_teams(three, country="osterreich")] == [CITY]


def test_an_id_that_no_match_has_any_more_leads_to_its_heir(three: Database) -> None:
    """The provider corrects a name: the old id is listed nowhere and leads on, until a match has it again."""

    def look(name: str, day: str, id_: str) -> None:
        row = finished("2-0", f"{day}T15:00:00Z", source_match_id=id_, home_team=name, away_team="Hull")
        store_raw(three, [row], asset="livescores/recent", source="fake", window=ONE_DAY, now=NOW)
        update_matches(three, COMPETITIONS, NOW)

    def listed() -> tuple[set[str], set[str], dict[str, str]]:
        directory = read_directory(three, FirstHalfShares())
        with three.reading() as connection:
            parts = list(read_teams(connection))
        assert {one.id for one in directory.teams} == {one.id for part in parts for one in part.teams}
        assert directory.redirects == {old: new for part in parts for old, new in part.redirects.items()}
        return (
            {one.id for one in directory.teams},
            {one.team_id for one in list_teams(three)},
            directory.redirects,
        )

    with three.reading() as connection:
        before = teams_tag(connection)
    look("Leeds", "2025-03-08", "b")
    with three.reading() as connection:
        assert teams_tag(connection) != before
    for ids in listed()[:2]:
        assert SHORT not in ids
        assert LEEDS in ids
    assert listed()[2] == {SHORT: LEEDS}

    look("Leeds Utd", "2025-03-09", "d")
    for ids in listed()[:2]:
        assert SHORT in ids
    assert listed()[2] == {}


def test_the_directory_names_each_team_once_with_all_its_spellings(three: Database) -> None:
    """A merged team is an alias and a redirect of the kept team; the directory lists competitions too."""
    merge_teams(three, UNITED, SHORT, NOW)
    update_matches(three, COMPETITIONS, NOW)

    directory = read_directory(three, FirstHalfShares())

    teams = {each.id: each for each in directory.teams}
    assert SHORT not in teams
    assert directory.redirects == {SHORT: UNITED}
    assert teams[UNITED].aliases == ("leeds utd",)
    assert teams[CITY].aliases == ()
    assert {competition.code for competition in directory.competitions} >= {"TST-1"}
    names = Names(directory)
    assert names.team("LEEDS UTD", names.competition("tst-1")).id == UNITED
