"""Lists that end too soon, in a home that has nothing to compare them with."""

import datetime as dt

import pytest

from soccer_assets.football.matches import Window
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.ended_lists import ends_too_soon
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.tables import rejected_row
from tests.builders import finished
from tests.stores.matches.test_raw import rows_of


def day(text: str) -> dt.date:
    """A day such as 2025-01-05."""
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("competition", "season", "matches", "last", "today", "is_told"),
    [
        ("ENG-1", "2024/2025", 60, "2024-10-05", "2024-11-09", False),
        ("ENG-1", "2024/2025", 60, "2024-10-05", "2024-11-10", True),
        ("ENG-1", "2024/2025", 190, "2025-01-05", "2025-03-20", False),  # a winter break
        ("ENG-1", "2024/2025", 190, "2025-01-05", "2025-03-21", True),
        ("ENG-1", "2024/2025", 370, "2025-05-11", "2025-07-20", False),  # near its end: one match may be late
        ("ENG-1", "2024/2025", 380, "2025-04-20", "2025-07-20", False),
        ("SCO-1", "2024/2025", 198, "2025-04-13", "2025-07-20", False),  # the split is not counted
        ("SCO-1", "2024/2025", 150, "2025-02-13", "2025-07-20", True),
        ("SWE-1", "2025", 106, "2025-06-30", "2025-09-13", False),
        ("SWE-1", "2025", 106, "2025-06-30", "2025-09-14", True),
        ("TUR-1", "2022/2023", 200, "2023-02-06", "2023-07-20", False),  # two clubs left: not told
        ("UEFA-CL", "2024/2025", 20, "2024-10-05", "2025-07-20", False),  # no rules
    ],
)
def test_a_list_that_is_silent_for_longer_than_any_pause_ends_too_soon(
    competition: str, season: str, matches: int, last: str, today: str, is_told: bool
) -> None:
    """Before its first stage can be over; a season that was cut short or has no rules is not told."""
    found = ends_too_soon(competition, season, matches, day(last), day(today))

    assert (found is not None) is is_told


def test_a_new_home_names_a_league_whose_file_was_cut_at_the_end_of_a_row(database: Database) -> None:
    """At a look at these days, with how far the list goes; a look at the past says nothing of it."""
    rows = [
        finished(
            "1-0",
            f"2024-10-0{number}T18:00:00Z",
            source_match_id=f"m{number}",
            competition="ENG-1",
            home_team=f"home {number}",
        )
        for number in range(1, 6)
    ]
    now = dt.datetime(2024, 12, 1, 9, tzinfo=dt.UTC)

    def look(end: str) -> int:
        window = Window(day("2024-08-01"), day(end))
        asset = "livescores/recent"
        return store_raw(database, rows, asset=asset, source="fake", window=window, now=now).files_passed_over

    assert (look("2024-11-01"), look("2024-12-02")) == (0, 1)
    (told,) = rows_of(database, rejected_row, order_by="sha256")
    assert told.reason.startswith(
        "file ends early: fake: ENG-1 2024/2025 has 5 of its 380 matches, the last of 2024-10-05;"
    )
