"""Formats of seasons: what `seasons.toml` tells, and that every block of it can be read."""

import datetime as dt

import pytest

from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.season_formats import load_season_formats, season_format


@pytest.mark.parametrize(
    ("competition", "season", "clubs", "meetings"),
    [
        ("ENG-1", "2024/2025", 20, 1),
        ("ENG-1", "1994/1995", 22, 1),
        ("GER-1", "2023/2024", 18, 1),
        ("FRA-1", "2022/2023", 20, 1),
        ("FRA-1", "2023/2024", 18, 1),
        ("SCO-2", "2024/2025", 10, 2),
        ("SUI-1", "2022/2023", 10, 2),
        ("USA-1", "2025", 30, 2),
    ],
)
def test_a_format_holds_until_the_next_begins(
    competition: str, season: str, clubs: int, meetings: int
) -> None:
    """Clubs and meetings of the season, in whichever year the format began."""
    found = season_format(competition, season)

    assert found is not None
    assert (found.clubs, found.meetings) == (clubs, meetings)


def test_an_expelled_club_is_an_exception_of_its_season() -> None:
    """Bury was expelled in 2019: 23 clubs, and 24 again a season later."""
    expelled, later = season_format("ENG-3", "2019/2020"), season_format("ENG-3", "2020/2021")

    assert expelled is not None
    assert later is not None
    assert (expelled.clubs, later.clubs) == (23, 24)
    assert "Bury" in expelled.why


def test_a_season_before_the_first_format_is_not_told() -> None:
    """What nobody wrote down is None, not a guess."""
    assert season_format("GER-3", "1998/1999") is None
    assert season_format("CHILE-TOP-DIVISION", "2024") is None


@pytest.mark.parametrize("code", sorted(load_season_formats()))
def test_each_block_is_of_a_competition_and_in_its_calendar(code: str) -> None:
    """A block's competition is in the catalogue, its seasons are in order, and its numbers fit together."""
    competition, league = load_competitions()[code], load_season_formats()[code]

    starts = [block.start for block in league.formats]
    assert starts == sorted(set(starts))
    for season in [*starts, *(differs.season for differs in league.exceptions)]:
        found = season_format(code, season)
        assert found is not None
        assert 1 < found.least_clubs <= found.clubs <= found.most_clubs
        assert found.meetings <= found.most_meetings
    assert competition.tier > 0 or competition.country == "International" or code == "ARG-LC"


def test_a_calendar_year_is_no_season_of_a_league_that_is_told_by_two_years():
    """It would hold the spring of one season and the autumn of the next."""
    assert season_format("POL-1", "2008/2009") is not None
    assert season_format("POL-1", "2009") is None
    assert season_format("JPN-1", "2019") is not None


def test_guests_have_a_place_from_the_play_offs_on() -> None:
    """Before them a season has its own clubs alone."""
    season = season_format("FRA-1", "2024/2025")
    assert season is not None
    assert season.most_clubs_on(dt.date(2025, 2, 1)) == 18
    assert season.most_clubs_on(dt.date(2025, 5, 29)) == 19
    of_a_year = season_format("NOR-1", "2024")
    assert of_a_year is not None
    assert of_a_year.most_clubs_on(dt.date(2024, 6, 1)) == 16
    assert of_a_year.most_clubs_on(dt.date(2024, 12, 5)) == 17
