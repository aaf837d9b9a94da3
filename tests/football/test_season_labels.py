"""Labels of seasons, and the days that their matches may have."""

import datetime as dt

import msgspec
import pytest

from soccer_assets.feeds.json_rows import season_label
from soccer_assets.feeds.providers.football_data.season_labels import FileSeasons
from soccer_assets.football.competitions import load_competitions, season_of
from soccer_assets.football.season_labels import SeasonLabel, read_label, season_days

DAY = dt.date


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("2024", "2024"),
        ("2024.0", "2024"),
        ("2024/2025", "2024/2025"),
        ("2024/25", "2024/2025"),
        ("2024-25", "2024/2025"),
        ("24/25", "2024/2025"),
        ("99/00", "1999/2000"),
        (" 2024 / 2025 ", "2024/2025"),
        ("2024/2026", None),
        ("2024 Apertura", None),
        ("", None),
    ],
)
def test_a_label_has_one_form_however_it_is_written(text: str, label: str | None) -> None:
    """Two years that follow each other, or one."""
    found = read_label(text)

    assert (None if found is None else str(found)) == label


@pytest.mark.parametrize(
    ("code", "label", "inside", "outside"),
    [
        ("ENG-1", (2024, True), [DAY(2024, 8, 16), DAY(2025, 5, 25)], [DAY(2024, 5, 19), DAY(2025, 8, 15)]),
        # The pandemic: 2019/20 ended in August.
        ("ENG-1", (2019, True), [DAY(2020, 7, 26), DAY(2020, 8, 31)], [DAY(2020, 9, 12)]),
        ("MEX-1", (2023, True), [DAY(2023, 6, 30)], [DAY(2023, 5, 28)]),
        ("UEFA-CL", (2024, True), [DAY(2024, 6, 2), DAY(2025, 5, 31)], [DAY(2024, 5, 31)]),
        ("EGY-1", (2019, True), [DAY(2020, 10, 31)], [DAY(2020, 11, 2)]),
        # 5 September for 9 May: day and month exchanged.
        ("GER-1", (2020, True), [DAY(2021, 5, 9)], [DAY(2021, 9, 5)]),
        ("BRA-1", (2020, False), [DAY(2020, 1, 1), DAY(2021, 2, 25)], [DAY(2019, 12, 31), DAY(2021, 4, 1)]),
        ("ARG-1", (2019, False), [DAY(2020, 6, 1)], [DAY(2020, 8, 1)]),
        # Autumn since August 2026, after a short league from February to June.
        ("JPN-1", (2026, True), [DAY(2026, 8, 7), DAY(2027, 6, 6)], [DAY(2026, 6, 6), DAY(2027, 8, 6)]),
        ("JPN-1", (2026, False), [DAY(2026, 2, 6), DAY(2026, 6, 6)], [DAY(2025, 12, 6)]),
        ("ARG-1", (2013, True), [DAY(2013, 8, 2), DAY(2015, 1, 20)], [DAY(2015, 3, 1)]),
    ],
)
def test_the_days_of_a_season(
    code: str, label: tuple[int, bool], inside: list[dt.date], outside: list[dt.date]
) -> None:
    """Leagues of autumn and of the calendar year, cups with qualifiers in June, and what ended late."""
    first, end = season_days(load_competitions()[code], SeasonLabel(*label))

    assert all(first <= day < end for day in inside)
    assert not any(first <= day < end for day in outside)


@pytest.mark.parametrize("year", [-5, 0, 10**9])
@pytest.mark.parametrize("is_double", [False, True])
@pytest.mark.parametrize("calendar", ["autumn", "year"])
def test_a_year_that_cannot_be_has_days_too(year: int, calendar: str, *, is_double: bool) -> None:
    """Hostile rows may name any year; no match lies in its days."""
    competition = msgspec.structs.replace(load_competitions()["ENG-1"], calendar=calendar)

    first, end = season_days(competition, SeasonLabel(year, is_double))

    assert not first <= DAY(2024, 8, 16) < end


@pytest.mark.parametrize(
    ("day", "season"),
    [
        (DAY(2025, 12, 6), "2025"),
        (DAY(2026, 6, 6), "2026"),
        (DAY(2026, 8, 7), "2026/2027"),
        (DAY(2026, 11, 29), "2026/2027"),
        (DAY(2027, 5, 30), "2026/2027"),
    ],
)
def test_a_league_that_changed_to_autumn_has_one_label_in_every_feed(day: dt.date, season: str) -> None:
    """The day decides where a provider names one year, whether the season was played to its end or not."""
    japan = load_competitions()["JPN-1"]
    rows = FileSeasons([(season, "Japan/J1 League", DAY(2026, 8, 7))])

    assert season_of(japan, day) == season
    assert season_label(japan, int(season[:4]), day) == season
    assert [rows.label_of(text, "Japan/J1 League", japan, day) for text in ("", season, season[:4])] == [
        season
    ] * 3
