"""Raw rows of one meeting become one match, on both engines; what a feed no longer lists is withdrawn."""

import datetime as dt

import pytest
import sqlalchemy as sa

from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.identity import mint_match_id, mint_team_id
from soccer_assets.football.matches import MatchStatus, Window
from soccer_assets.football.records import UnreadableFile
from soccer_assets.football.validity import MET_TWICE, MET_TWICE_NOT_LISTED
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.stores.matches.removals import read_balance
from soccer_assets.stores.matches.teams import merge_teams, split_team
from soccer_assets.tables import match, match_history, match_merge, match_raw, match_raw_history, team
from tests.builders import NOW, finished, raw_match, rejection

SEASON = Window(dt.date(2024, 7, 1), dt.date(2025, 7, 1))
DAY = dt.timedelta(days=1)
AHEAD = NOW + 3 * DAY


def look(database: Database, *rows: object, now: dt.datetime = NOW, window: Window = SEASON) -> None:
    """A whole look at the feed, and the matches that follow from it."""
    store_raw(database, iter(rows), asset="livescores/window", source="fake", window=window, now=now)
    update_matches(database, load_competitions(), now)
    with database.reading() as connection:  # whatever became of the rows
        assert read_balance(connection).missing == 0


def row(id_: str, kickoff: dt.datetime = AHEAD, home: str = "Leeds", away: str = "Derby", **changes: object):
    """A row of the English first division, where a pair meets once."""
    named = {"source_match_id": id_, "home_team": home, "away_team": away, "competition": "ENG-1"}
    return raw_match(kickoff=kickoff, **named | changes)


def result(id_: str, score: str, kickoff: dt.datetime, **changes: object):
    """The same match played."""
    return finished(score, kickoff.isoformat(), **{"source_match_id": id_, "competition": "ENG-1"} | changes)


def stored(database: Database) -> list[tuple[str, str, str]]:
    """Status, day and source id of every match, in the order of their kickoffs."""
    with database.reading() as connection:
        found = connection.execute(sa.select(match).order_by(match.c.kickoff, match.c.match_id))
        return [(one.status, f"{one.kickoff:%m-%d}", one.source_match_id) for one in found]


def test_a_match_made_anew_under_another_id_is_one_match(
    database: Database, folder_store: ObjectStore
) -> None:
    """The match keeps the id that predictions were made for; exports follow, and nothing is lost."""
    exports = Exports(folder_store, database)
    look(database, row("m1", NOW - 20 * DAY, status=MatchStatus.POSTPONED), row("m3", home="Hull"))
    exports.update(NOW)
    look(
        database,
        row("m1", NOW - 20 * DAY, status=MatchStatus.POSTPONED),
        result("m2", "2-1", NOW - 2 * DAY),
        row("m3", home="Hull"),
        now=NOW + DAY,
    )

    assert stored(database) == [("finished", "04-23", "m2"), ("scheduled", "04-28", "m3")]
    with database.reading() as connection:
        ids = set(connection.execute(sa.select(match.c.match_id)).scalars())
        raw = connection.execute(sa.select(sa.func.count()).select_from(match_raw)).scalar()
    assert mint_match_id("fake", "m1") in ids
    assert raw == 3
    manifest, _ = exports.update(NOW + DAY)
    assert exports.read_matches(manifest)["source_match_id"].to_pylist() == ["m2", "m3"]


def test_a_match_made_anew_at_the_other_ground_counts_beside_the_first(database: Database) -> None:
    """The feed drops the return match and lists it anew with the sides exchanged: both results are good."""
    first, late = result("m1", "1-0", NOW - 100 * DAY), NOW + 20 * DAY
    look(database, first, row("m2", late, home_team="Derby", away_team="Leeds"))
    look(database, first, row("m3", late + 2 * DAY), now=NOW + DAY)
    look(database, first, result("m3", "4-4", late + 2 * DAY), now=NOW + 23 * DAY)

    assert quarantined(database) == {"m1": None, "m2": None, "m3": None}
    assert [status for status, _, _ in stored(database)] == ["finished", "withdrawn", "finished"]


def test_a_stored_match_that_turns_out_to_be_another_moves_to_the_history(database: Database) -> None:
    """Two rows stood as two matches; when one shows to be the other, its id leads on."""
    early, late = NOW - 100 * DAY, NOW - 2 * DAY
    look(database, result("m1", "1-1", early), result("m2", "2-1", late))
    assert len(stored(database)) == 2
    assert set(quarantined(database).values()) == {MET_TWICE}
    look(database, result("m1", "2-1", early), result("m2", "2-1", late), now=NOW + DAY)

    assert stored(database) == [("finished", f"{late:%m-%d}", "m2")]
    with database.reading() as connection:
        [merge] = connection.execute(sa.select(match_merge))
        history = connection.execute(
            sa.select(match_history.c.source_match_id).where(match_history.c.match_id == merge.gone)
        )
        assert (merge.gone, merge.keep) == (mint_match_id("fake", "m2"), mint_match_id("fake", "m1"))
        assert list(history.scalars()) == ["m2"]

    look(database, result("m1", "1-1", early), result("m2", "2-1", late), now=NOW + 2 * DAY)
    assert len(stored(database)) == 2
    with database.reading() as connection:
        assert list(connection.execute(sa.select(match_merge))) == []


def test_the_row_that_another_one_leaves_stands_for_the_match_again(database: Database) -> None:
    """Two rows were one match; the one that stood is corrected away, and the match shows the other one."""
    early, late = NOW - 100 * DAY, NOW - 2 * DAY
    look(database, result("m1", "2-1", early), result("m2", "2-1", late))
    assert stored(database) == [("finished", f"{late:%m-%d}", "m2")]
    look(database, result("m1", "2-1", early), result("m2", "3-1", late), now=NOW + DAY)

    assert stored(database) == [("finished", f"{early:%m-%d}", "m1"), ("finished", f"{late:%m-%d}", "m2")]


def test_what_a_feed_no_longer_lists_is_withdrawn_after_a_week_and_comes_back(database: Database) -> None:
    """A look that had the window whole marks it; a week later it is withdrawn; listed again, a fixture."""
    others = [row(f"m{number}", home=f"Town {number}") for number in range(2, 9)]
    look(database, row("m1"), *others)
    look(database, *others, now=NOW + DAY)
    assert ("scheduled", "04-28", "m1") in stored(database)
    look(database, *others, now=NOW + 8 * DAY)
    assert ("withdrawn", "04-28", "m1") in stored(database)
    look(database, *others, now=NOW + 9 * DAY)
    assert ("withdrawn", "04-28", "m1") in stored(database)

    look(database, row("m1", AHEAD + 20 * DAY), *others, now=NOW + 10 * DAY)
    assert ("scheduled", "05-18", "m1") in stored(database)
    assert [status for status, _, _ in stored(database)].count("withdrawn") == 0


@pytest.mark.parametrize(
    "doubt",
    [
        UnreadableFile(source="fake", reason="an HTML page", payload={"file": "E0.csv"}),
        rejection(payload={"HomeTeam": "LEEDS", "Date": "tomorrow"}),
        "cut short",
        "another window",
    ],
)
def test_a_look_that_was_not_whole_withdraws_nothing(database: Database, doubt: object) -> None:
    """A file that cannot be read, a rejected row of the club, half an answer, a window elsewhere."""
    others = [row(f"m{number}", home=f"Town {number}") for number in range(2, 20)]
    look(database, row("m1"), *others)
    for day in (1, 9, 10):
        rows, window = [*others], SEASON
        if doubt == "cut short":
            rows = others[:4]
        elif doubt == "another window":
            window = Window(dt.date(2024, 7, 1), dt.date(2025, 4, 1))
            rows = []
        else:
            rows.append(doubt)
        look(database, *rows, now=NOW + day * DAY, window=window)
    assert "withdrawn" not in {status for status, _, _ in stored(database)}


def test_a_season_label_corrected_between_two_looks_is_one_match(database: Database) -> None:
    """The old row went in the look in which the new one came, on the same day."""
    others = [row(f"m{number}", home=f"Town {number}") for number in range(2, 9)]
    look(database, row("m1", season="2024"), *others)
    look(database, row("m9", season="2024/2025"), *others, now=NOW + DAY)
    assert [one for one in stored(database) if one[2] in {"m1", "m9"}] == [("scheduled", "04-28", "m9")]


def test_a_fixture_with_home_and_away_exchanged_replaces_the_old_one_at_once(database: Database) -> None:
    """Its predictions were for the other ground: it is another match, and the old one is withdrawn."""
    others = [row(f"m{number}", home=f"Town {number}") for number in range(2, 9)]
    look(database, row("m1"), *others)
    look(database, row("m9", home="Derby", away="Leeds"), *others, now=NOW + DAY)
    found = {id_: status for status, _, id_ in stored(database)}
    assert (found["m1"], found["m9"]) == ("withdrawn", "scheduled")


def test_a_match_under_way_for_a_week_is_abandoned(database: Database) -> None:
    """INT and IN_PLAY for ever; a result that still comes counts."""
    kickoff = NOW - DAY
    look(database, row("m1", kickoff, status=MatchStatus.LIVE))
    assert stored(database)[0][0] == "live"
    look(database, row("m1", kickoff, status=MatchStatus.LIVE), now=NOW + 8 * DAY)
    assert stored(database)[0][0] == "abandoned"
    look(database, result("m1", "1-0", kickoff), now=NOW + 9 * DAY)
    assert stored(database)[0][0] == "finished"


def test_two_rows_of_a_merged_team_become_one_match_and_a_split_gives_them_back(database: Database) -> None:
    """The fixture under one name and the result under the other are one meeting."""
    kickoff = NOW - DAY
    look(database, row("m1", kickoff, home="Leeds Utd"))
    look(
        database,
        row("m1", kickoff, home="Leeds Utd"),
        result("m2", "3-0", kickoff, home_team="Leeds"),
        now=NOW + DAY,
    )
    assert len(stored(database)) == 2
    keep, gone = (mint_team_id("England", "men", "senior", name) for name in ("Leeds", "Leeds Utd"))
    merge_teams(database, keep, gone, NOW)
    update_matches(database, load_competitions(), NOW + DAY)
    assert stored(database) == [("finished", f"{kickoff:%m-%d}", "m2")]

    split_team(database, gone, NOW)
    update_matches(database, load_competitions(), NOW + DAY)
    assert [status for status, _, _ in stored(database)] == ["scheduled", "finished"]


def test_meetings_that_a_format_allows_stay_apart(database: Database) -> None:
    """The Scottish first division plays three rounds: one score twice is two matches."""
    look(
        database,
        *(
            result(f"m{month}", "1-0", dt.datetime(2024, month, 5, 15, tzinfo=dt.UTC), competition="SCO-1")
            for month in (8, 10, 12)
        ),
    )
    assert len(stored(database)) == 3


def quarantined(database: Database) -> dict[str, str | None]:
    """The mark of every match, before its details, by source id."""
    with database.reading() as connection:
        rows = connection.execute(sa.select(match.c.source_match_id, match.c.quarantine))
        return {id_: mark and mark.partition(":")[0] for id_, mark in rows}


@pytest.mark.parametrize(
    "mend",
    [
        {"score": "1-0"},  # the later one was the first one's
        {"away_team": "Hull"},  # its opponent was wrong
        {"home_team": "Derby", "away_team": "Leeds"},  # its sides were exchanged
        {"season": "2023/2024"},
        None,  # the feed drops it
    ],
)
def test_two_results_of_a_pair_that_meets_once_count_again_when_the_feed_is_mended(
    database: Database, mend: dict[str, str] | None
) -> None:
    """Until then neither does, in whichever look they came; both stay matches of their own."""
    early, late = NOW - 100 * DAY, NOW - 2 * DAY
    first = result("m1", "1-0", early)
    look(database, first)
    look(database, first, result("m2", "4-4", late), now=NOW + DAY)
    assert quarantined(database) == {"m1": MET_TWICE, "m2": MET_TWICE}

    found = [first]
    if mend is not None:
        changed = {"score": "4-4"} | mend
        found.append(result("m2", changed.pop("score"), late, **changed))
    look(database, *found, now=NOW + 2 * DAY)
    right = {"m2": None} if mend == {"score": "1-0"} else {"m1": None, "m2": None}
    assert quarantined(database) == (right | ({} if mend else {"m2": MET_TWICE_NOT_LISTED}))


def test_a_format_that_the_feeds_own_rows_contradict_merges_nothing(database: Database) -> None:
    """Two tournaments of a year under one label: pairs meet twice, and some of them with one score."""
    spring, autumn = (dt.datetime(*day, 15, tzinfo=dt.UTC) for day in ((2024, 9, 5), (2025, 2, 8)))
    look(
        database,
        *(
            result(f"{home} {half.month}", score, half, home_team=home, away_team=f"{home} B")
            for home, scores in (
                ("Leeds", "1-0 1-0"),
                ("Hull", "1-0 2-0"),
                ("York", "0-0 3-1"),
                ("Bury", "0-0 0-1"),
            )
            for half, score in zip((spring, autumn), scores.split(), strict=True)
        ),
    )
    assert len(stored(database)) == 8
    assert set(quarantined(database).values()) == {None}


@pytest.mark.parametrize("new_first", [False, True])
def test_the_new_date_stands_before_the_postponed_row_in_any_order_of_looks(
    database: Database, new_first: bool
) -> None:
    """A backfill reads the month of the new date before that of the old one, or after it."""
    old, new = NOW + 3 * DAY, NOW + 40 * DAY
    passes = [
        (row("m1", old, status=MatchStatus.POSTPONED), Window(old.date(), old.date() + DAY)),
        (row("m2", new), Window(new.date(), new.date() + DAY)),
    ]
    for number, (found, window) in enumerate(reversed(passes) if new_first else passes):
        look(database, found, window=window, now=NOW + number * DAY)
    assert stored(database) == [("scheduled", f"{new:%m-%d}", "m2")]


def test_home_and_away_exchanged_under_one_id_leaves_both_matches_as_they_are_listed(
    database: Database,
) -> None:
    """Both matches of a pair are exchanged, and their looks are a day apart: neither hides the other."""
    first, second = NOW + 3 * DAY, NOW + 150 * DAY
    windows = [Window(day.date(), day.date() + DAY) for day in (first, second)]
    look(database, row("m1", first), row("m2", second, home="Derby", away="Leeds"))
    look(database, row("m1", first, home="Derby", away="Leeds"), window=windows[0], now=NOW + DAY)
    look(database, row("m2", second), window=windows[1], now=NOW + 2 * DAY)

    assert stored(database) == [
        ("scheduled", f"{first:%m-%d}", "m1"),
        ("scheduled", f"{second:%m-%d}", "m2"),
    ]
    with database.reading() as connection:
        names = sa.select(team.c.name).join(match, match.c.home_team_id == team.c.team_id)
        assert list(connection.execute(names.order_by(match.c.kickoff)).scalars()) == ["Derby", "Leeds"]


@pytest.mark.parametrize("ids", [{}, {"team_ids": ("t1", "t2")}])
@pytest.mark.parametrize("is_first_leg", [True, False])
def test_a_fixture_whose_sides_are_exchanged_under_its_id_keeps_the_id_and_its_result_counts(
    database: Database, ids: dict[str, tuple[str, str]], *, is_first_leg: bool
) -> None:
    """Both matches of a pair are at one ground then, whichever the provider moved; each stays listed."""
    back = {name: own[::-1] for name, own in ids.items()}
    early, late = NOW + 3 * DAY, NOW + 100 * DAY
    home = {"m1": early, "m2": late}
    moved = "m1" if is_first_leg else "m2"
    fixtures = {id_: row(id_, day, **ids) for id_, day in home.items()}
    look(
        database, *(fixtures | {moved: row(moved, home[moved], home="Derby", away="Leeds", **back)}).values()
    )
    look(database, *fixtures.values(), now=NOW + DAY)
    listed = [("scheduled", f"{day:%m-%d}", id_) for id_, day in home.items()]
    assert stored(database) == listed

    first = result("m1", "1-0", early, **ids)
    look(database, first, fixtures["m2"], now=early + DAY)
    look(database, first, result("m2", "1-0", late, **ids), now=late + DAY)
    assert [status for status, _, _ in stored(database)] == ["finished", "finished"]
    assert quarantined(database) == {"m1": None, "m2": None}
    with database.reading() as connection:
        history = sa.select(match_raw_history).where(match_raw_history.c.source_match_id == moved)
        assert len(connection.execute(history).all()) == 2


def test_a_result_that_turns_round_under_its_id_is_in_quarantine_beside_the_other(database: Database) -> None:
    """The match was played: which of its two tellings is right, no row says."""
    early, late = NOW - 100 * DAY, NOW - 2 * DAY
    first = result("m1", "1-0", early)
    look(database, first, result("m2", "4-4", late, home_team="Derby", away_team="Leeds"))
    look(database, first, result("m2", "4-4", late), now=NOW + DAY)
    assert quarantined(database) == {"m1": MET_TWICE, "m2": MET_TWICE}


def test_rows_of_one_team_id_under_two_names_are_one_meeting(database: Database) -> None:
    """The provider renamed a club and made its postponed match anew."""
    ids = {"team_ids": ("t1", "t2")}
    look(database, row("m1", NOW - 20 * DAY, status=MatchStatus.POSTPONED, home="Leeds Utd", **ids))
    look(
        database,
        row("m1", NOW - 20 * DAY, status=MatchStatus.POSTPONED, home="Leeds Utd", **ids),
        result("m2", "2-1", NOW - 2 * DAY, home_team="Leeds United", **ids),
        now=NOW + DAY,
    )
    assert stored(database) == [("finished", f"{NOW - 2 * DAY:%m-%d}", "m2")]


def test_a_row_of_two_that_name_a_club_otherwise_stays_in_its_match_when_it_is_read_alone(
    database: Database,
) -> None:
    """The name in the row that does not stand is known from no match."""
    ids, old, new = {"team_ids": ("t1", "t2")}, NOW - 20 * DAY, NOW - 2 * DAY
    renamed = {"home_team": "Leeds United"} | ids
    look(database, row("m1", old, home="Leeds Utd", **ids), row("m2", new, **renamed), now=old - DAY)
    assert stored(database) == [("scheduled", f"{new:%m-%d}", "m2")]
    played = result("m2", "2-1", new, **renamed)
    look(database, played, window=Window(new.date(), new.date() + DAY))
    assert stored(database) == [("finished", f"{new:%m-%d}", "m2")]


def test_a_row_named_otherwise_than_the_one_that_leaves_its_match_is_a_match_again(
    database: Database,
) -> None:
    """Both matches of a pair are listed at one ground, one with a club abbreviated; one is corrected."""
    early, late = NOW - 100 * DAY, NOW - 20 * DAY
    ids, exchanged = {"team_ids": ("t1", "t2")}, {"team_ids": ("t2", "t1")}
    named = {"home_team": "Leeds Utd", "away_team": "Derby"}
    look(database, row("m1", early, **ids), row("m2", late, **named, **ids), now=early - DAY)
    look(
        database,
        result("m2", "2-2", late, **named, **ids),
        window=Window(late.date(), late.date() + DAY),
        now=NOW,
    )
    assert stored(database) == [("finished", f"{late:%m-%d}", "m2")]
    turned = {"home_team": "Derby", "away_team": "Leeds Utd"}
    look(
        database,
        result("m1", "1-0", early, **turned, **exchanged),
        window=Window(early.date(), early.date() + DAY),
        now=NOW + DAY,
    )

    assert stored(database) == [("finished", f"{early:%m-%d}", "m1"), ("finished", f"{late:%m-%d}", "m2")]
