"""Audits of feeds: every row accounted for."""

import datetime as dt
from collections.abc import Iterator, Mapping

import pytest

from soccer_assets.clock import Clock, FixedClock, parse_instant
from soccer_assets.feeds.audit import Duplicate, audit
from soccer_assets.feeds.football_data import FootballDataFeed
from soccer_assets.feeds.http import FileDoor
from soccer_assets.feeds.openfootball import OpenFootballFeed
from soccer_assets.feeds.protocol import RawMatch, Rejection
from soccer_assets.football.competitions import Competition
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window

CLOCK = FixedClock(parse_instant("2025-07-10T00:00:00Z"))


def match(**change: object) -> RawMatch:
    fields = {
        "source": "listed",
        "source_match_id": None,
        "payload": {},
        "competition": "ENG-1",
        "season": "2024/2025",
        "kickoff": parse_instant("2025-04-20T13:00:00Z"),
        "kickoff_precision": KickoffPrecision.MINUTE,
        "home_team": "Fulham",
        "away_team": "Chelsea",
        "status": MatchStatus.FINISHED,
        "home_goals": 1,
        "away_goals": 2,
    }
    return RawMatch(**{**fields, **change})


class ListedFeed:
    """A feed of given rows."""

    name = "listed"
    is_simulated = False
    result_lag = dt.timedelta(0)

    def __init__(self, *rows: RawMatch | Rejection) -> None:
        self._rows = rows
        self.asked: list[Window] = []

    def first_month(self) -> dt.date:
        """A first month."""
        return dt.date(2020, 3, 1)

    def competitions(self) -> Mapping[str, Competition]:
        """No competitions."""
        return {}

    def fetch(self, window: Window, _: Clock) -> Iterator[RawMatch | Rejection]:
        """The rows, whatever the window."""
        self.asked.append(window)
        yield from self._rows


def test_every_row_is_a_match_a_duplicate_or_rejected():
    """The three add up to the rows; reasons are counted, and statuses and competitions of the matches."""
    no = Rejection(source="listed", reason="no score", payload={})
    ahead = match(
        kickoff=parse_instant("2025-08-20T13:00:00Z"), status=MatchStatus.SCHEDULED, home_goals=None
    )
    feed = ListedFeed(match(), no, match(home_team="Arsenal"), no, ahead, match(home_team="FULHAM"))

    found = audit(feed, CLOCK)

    assert (found.rows, found.matches, len(found.duplicates), found.rejected) == (6, 3, 1, 2)
    assert found.scored == 2
    assert found.statuses == {"finished": 2, "scheduled": 1}
    assert found.competitions == {"ENG-1": 3}
    assert found.reasons == {"no score": 2}
    assert feed.asked == [Window(dt.date(2020, 3, 1), dt.date(2026, 7, 11))]


@pytest.mark.parametrize(
    ("change", "is_twin"),
    [
        ({"home_team": "fulham "}, True),
        ({"home_team": "Everton"}, True),
        ({"source_match_id": "8", "home_goals": 5}, True),
        ({"source_match_id": "8", "home_team": "Everton"}, False),
        ({"source_match_id": "8", "kickoff": parse_instant("2025-04-21T13:00:00Z")}, False),
        ({"source_match_id": "8", "competition": "ENG-2"}, False),
    ],
)
def test_duplicate_names_its_twin(change, is_twin):
    """Rows with one id, or one competition, day and pair of teams, are one match."""
    first, second = match(source_match_id="7"), match(**{"source_match_id": "7", **change})

    found = audit(ListedFeed(first, second), CLOCK)

    assert found.matches == 2 - is_twin
    assert [one.twin for one in found.duplicates] == is_twin * [
        "ENG-1 2024/2025 2025-04-20 Fulham 1-2 Chelsea (id 7)"
    ]


def test_duplicate_says_which_row_it_is():
    """Both tellings are written out."""
    found = audit(ListedFeed(match(), match(home_goals=3)), CLOCK)

    assert found.duplicates == (
        Duplicate(
            row="ENG-1 2024/2025 2025-04-20 Fulham 3-2 Chelsea",
            twin="ENG-1 2024/2025 2025-04-20 Fulham 1-2 Chelsea",
        ),
    )


def test_mirror_of_football_data_is_accounted_for(shared_data, tmp_path):
    """All 79,831 rows of the mirror are matches but two, whose league has no block in the catalogue."""
    url = (shared_data / "mirror" / "www.football-data.co.uk").as_uri()

    found = audit(FootballDataFeed(url, FileDoor("X", tmp_path)), CLOCK)

    assert (found.rows, found.matches, len(found.duplicates), found.rejected) == (79_831, 79_829, 0, 2)
    assert found.scored == 79_828
    assert found.reasons == {"the competition 'Switzerland/Challenge League' is not in competitions.toml": 2}


def test_mirror_of_openfootball_is_accounted_for(shared_data, tmp_path):
    """All 83,631 rows of the mirror are matches but the final of two teams called N.N."""
    url = (shared_data / "mirror" / "openfootball" / "football.json").as_uri()

    found = audit(OpenFootballFeed(url, FileDoor("X", tmp_path)), CLOCK)

    assert (found.rows, found.matches, len(found.duplicates), found.rejected) == (83_631, 83_630, 0, 1)
    assert found.statuses == {"finished": 82_829, "cancelled": 583, "postponed": 166, "awarded": 52}
    assert found.reasons == {"N.N. cannot play itself": 1}
