"""The sidecar's copy of the history: what queries answer, what a new index changes, what is refused."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from serving.release import history_loader
from serving.release.history import History, HistoryView
from serving.release.history_loader import HistoryNotLoadedError, find_file, only_loader
from serving.release.history_rows import SettledFilter
from serving.settings import history_folder
from soccer_assets.contract.history_parts import history_key
from soccer_assets.contract.release import FileEntry
from soccer_assets.settings import Settings
from tests.serving.builders import make_settings
from tests.serving.past import english_teams, load_now, past_row, past_season, write_history

_SEASON = past_season(
    past_row(0, 0, 1, (2, 1)), past_row(1, 2, 3, (0, 0)), past_row(2, 1, 0, (1, 3)), past_row(3, 0, 2)
)
_EARLIER = past_season(past_row(-52, 0, 1, (1, 1)), season="2023/2024")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A sidecar whose store has the history of two seasons, loaded."""
    settings = make_settings(tmp_path)
    load_now(settings, write_history(tmp_path / "store", _SEASON, _EARLIER, teams=english_teams(gone="t1")))
    return settings


@pytest.fixture
def view(settings: Settings) -> Iterator[HistoryView]:
    """A view of that history."""
    history = History(find_file(history_folder(settings)))
    with history.reading() as view:
        yield view
    history.close()


def _ids(matches) -> list[str]:
    return [one.id for one in matches]


def test_a_season_has_its_table(view: HistoryView) -> None:
    """Clubs in the order of the table, the rules' source; seasons with their number of matches."""
    season = view.season("ENG-2", "2024/2025")

    assert [(row.place, row.team.name) for row in season.standings] == [
        (1, "Millwall"),
        (2, "Leeds United"),
        (3, "Derby County"),
        (4, "Cardiff City"),
    ]
    assert (season.rules_source, season.stages) == ("the rules", 1)
    assert [(link.season, link.matches) for link in view.seasons("ENG-2")] == [
        ("2024/2025", 4),
        ("2023/2024", 1),
    ]
    assert view.season("ENG-2", "1999/2000") is None
    assert view.seasons("XXX-1") == []


def test_a_match_has_its_official_forecast_and_both_strengths(view: HistoryView) -> None:
    """The last forecast before kickoff with its log loss; goals in goals; what moved it, oldest first."""
    match = view.match("m0")

    assert (match.home.name, match.away.name, match.goals) == ("Leeds United", "Derby County", (2, 1))
    assert (match.forecast.home, match.forecast.draw, match.forecast.away) == (0.45, 0.3, 0.25)
    assert match.forecast.log_loss == pytest.approx(0.7985, abs=1e-4)
    assert match.verdict == "scored"
    assert match.strengths[0].attack == pytest.approx(1.4)
    assert match.strengths[1].defence == pytest.approx(1.5)
    assert [said.home for said in view.forecast_history("m0")] == [0.5, 0.45]
    assert view.match("m3").forecast is None
    assert (view.match("none"), view.forecast_history("none")) == (None, [])


def test_days_show_matches_that_are_over(view: HistoryView) -> None:
    """Both days are included; a fixture is not over; another competition has none."""
    day = dt.date(2025, 1, 4)

    assert _ids(view.day(day, day)) == ["m0"]
    assert _ids(view.day(day, day + dt.timedelta(days=21))) == ["m0", "m1", "m2"]
    assert _ids(view.day(day, day, "ENG-2")) == ["m0"]
    assert view.day(day, day, "ENG-1") == []


def test_a_team_is_found_by_its_id_or_a_merged_one(view: HistoryView) -> None:
    """Seasons newest first with its own matches, and how well it was forecast."""
    team = view.team("gone")

    assert (team.id, team.name, team.country, team.aliases) == (
        "t1",
        "Leeds United",
        "England",
        ("leeds utd",),
    )
    assert [(link.season, link.matches) for link in team.seasons] == [("2024/2025", 3), ("2023/2024", 1)]
    assert team.scored == 3
    assert team.log_loss > 0
    assert view.team("none") is None


def test_a_teams_matches_and_meetings_come_newest_first(view: HistoryView) -> None:
    """Home and away alike, before an instant, cut at a limit."""
    assert _ids(view.team_matches("t1")) == ["m2", "m0", "m-52"]
    assert _ids(view.team_matches("t1", is_over=False)) == ["m3", "m2", "m0", "m-52"]
    assert _ids(view.team_matches("t1", before=dt.datetime(2025, 1, 18, 15, tzinfo=dt.UTC))) == ["m0", "m-52"]
    assert _ids(view.team_matches("t1", limit=1)) == ["m2"]
    assert _ids(view.meetings("t2", "t1")) == ["m2", "m0", "m-52"]
    assert view.team_matches("none") == view.meetings("none", "t1") == []


def test_a_teams_strength_is_a_thinned_curve(view: HistoryView) -> None:
    """A point a match, oldest first; with fewer points the newest stays."""
    points = view.team_strength("t1")
    thinned = view.team_strength("t1", 2)

    assert [point.strength.attack for point in points] == pytest.approx([0.88, 1.4, 1.1, 1.43])
    assert thinned == points[1::2]


def test_scored_forecasts_are_searched_a_page_at_a_time(view: HistoryView) -> None:
    """Newest first; filters by day, team and probability; a cursor continues where the page ended."""
    first = view.settled(SettledFilter(), limit=3)
    rest = view.settled(SettledFilter(), first.cursor, limit=3)

    assert _ids(first.matches) == ["m2", "m1", "m0"]
    assert (_ids(rest.matches), rest.cursor) == (["m-52"], None)
    assert _ids(view.settled(SettledFilter(team_id="t3")).matches) == ["m1"]
    assert _ids(view.settled(SettledFilter(competition="ENG-2", first=dt.date(2025, 1, 11))).matches) == [
        "m2",
        "m1",
    ]
    assert len(view.settled(SettledFilter(outcome="home", p_from=0.4, p_before=0.5)).matches) == 4
    assert view.settled(SettledFilter(outcome="home", p_from=0.5)).matches == ()
    assert view.settled(SettledFilter(last=dt.date(2020, 1, 1))).matches == ()


def test_the_record_is_summed_by_month_competition_and_bin(view: HistoryView) -> None:
    """Every scored forecast once; closing prices beside it; bins add up to the matches of each outcome."""
    (competition,) = view.record_by_competition()
    months = view.record_by_month()
    bins = view.reliability()

    assert (competition.key, competition.matches, competition.priced) == ("ENG-2", 4, 4)
    assert sum(month.matches for month in months) == 4
    assert [month.key for month in months] == ["2024-01", "2025-01"]
    assert months[1].own_log_loss == pytest.approx(months[1].log_loss)
    assert [(row.outcome, row.p_from, row.matches, row.happened) for row in bins] == [
        ("home", 0.45, 4, 1),
        ("draw", 0.3, 4, 2),
        ("away", 0.25, 4, 1),
    ]
    assert view.reliability("ENG-2") == bins
    assert view.record_by_month("ENG-1") == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("leeds", "Leeds United"),
        ("LEEDS UTD", "Leeds United"),
        ("Leds Untied", "Leeds United"),
        ("milwall", "Millwall"),
        ("ca", "Cardiff City"),
        ('<script>"', None),
        ("", None),
        ("xq%_", None),
    ],
)
def test_teams_are_searched_with_typing_mistakes(view: HistoryView, text: str, name: str | None) -> None:
    """A wrong, missing or swapped letter finds the club; what is like no name finds nothing."""
    found = view.search_teams(text)

    assert (found[0].name if found else None) == name


def test_a_new_index_replaces_what_changed_and_a_reader_keeps_its_own(
    settings: Settings, tmp_path: Path
) -> None:
    """A view that is open answers from its index to the end; the next one from the new one."""
    history = History(find_file(history_folder(settings)))
    played = past_season(*_SEASON.matches[:3], past_row(3, 0, 2, (5, 0)))
    with history.reading() as before:
        old = before.index_sha256
        entry = write_history(tmp_path / "store", played)
        load_now(settings, entry)
        assert before.match("m3").goals is None
        assert before.seasons("ENG-2")[1].season == "2023/2024"
    with history.reading() as after:
        assert (old != entry.sha256, after.index_sha256) == (True, entry.sha256)
        assert after.match("m3").goals == (5, 0)
        assert [link.season for link in after.seasons("ENG-2")] == ["2024/2025"]
        assert after.team("gone") is None
        assert len(after.settled(SettledFilter()).matches) == 4
    history.close()


def test_many_changes_make_a_new_file(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has the last file open reads on; the folder holds both until the next one."""
    monkeypatch.setattr(history_loader, "MOST_IN_PLACE", 0)
    folder = history_folder(settings)
    first = find_file(folder)
    entry = write_history(tmp_path / "store", _EARLIER, past_season(past_row(0, 0, 1, (2, 2))))
    load_now(settings, entry)

    assert find_file(folder, entry.sha256) != first
    assert find_file(folder) == find_file(folder, entry.sha256)
    assert first.exists()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [(lambda file: file.unlink(), "missing"), (lambda file: file.write_bytes(b"{}"), "hash")],
)
def test_a_lost_or_altered_part_is_refused_and_the_last_index_stays(
    settings: Settings, tmp_path: Path, damage, reason: str
) -> None:
    """The transaction is undone: the file holds the index of before."""
    file = find_file(history_folder(settings))
    part = past_season(past_row(0, 0, 1, (9, 9)))
    entry = write_history(tmp_path / "store", part)
    damage(next(path for path in (tmp_path / "store" / "history").iterdir() if _holds(path, entry)))

    with pytest.raises(HistoryNotLoadedError, match=reason):
        load_now(settings, entry)
    assert find_file(history_folder(settings), entry.sha256) is None
    assert find_file(history_folder(settings)) == file


def _holds(path: Path, entry: FileEntry) -> bool:
    """Whether a file is the season's part that was written last."""
    return path.name != Path(history_key(entry.sha256)).name and path.stat().st_mtime_ns == max(
        other.stat().st_mtime_ns
        for other in path.parent.iterdir()
        if other.name != Path(history_key(entry.sha256)).name
    )


def test_one_worker_loads(tmp_path: Path) -> None:
    """The second one is told so, until the first is done."""
    with only_loader(tmp_path) as first, only_loader(tmp_path) as second:
        assert (first, second) == (True, False)
    with only_loader(tmp_path) as third:
        assert third


def test_rows_with_fields_of_a_later_version_are_read(settings: Settings) -> None:
    """A field more at the end of a row is ignored."""
    row = [*msgspec.json.decode(msgspec.json.encode(past_row(0, 0, 1))), "new"]

    assert msgspec.json.decode(msgspec.json.encode(row), type=type(past_row(0, 0, 1))) == past_row(0, 0, 1)
