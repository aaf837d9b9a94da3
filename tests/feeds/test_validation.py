"""Validation: an implausible row is rejected with the sentence of its check, all others pass unchanged."""

import datetime as dt

import msgspec
import pytest

from soccer_assets.feeds.validation import validate_rows
from soccer_assets.football.matches import MatchStatus
from soccer_assets.football.records import MatchOdds, RawMatch, Rejection, UndrawnFixture
from tests.builders import NOW, finished, raw_match

SOUND = finished("2-1", home_goals_half_time=1, away_goals_half_time=0)
SOUND_ODDS = MatchOdds("avg_closing", 2.1, 3.4, 3.6)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"home_goals": 37, "home_goals_half_time": None}, "a score is not from 0 to 36"),
        ({"away_goals": -1, "away_goals_half_time": None}, "a score is not from 0 to 36"),
        ({"home_goals": None}, "only one side has a score"),
        ({"home_team": "Ärsenal", "away_team": "arsenal"}, "a team cannot play itself"),
        ({"competition": ""}, "the competition is empty"),
        ({"season": ""}, "the season is empty"),
        ({"kickoff": dt.datetime(1066, 10, 14, tzinfo=dt.UTC)}, "the kickoff lies before 1863"),
        (
            {"kickoff": NOW + dt.timedelta(days=1200), "status": MatchStatus.TBD},
            "the kickoff lies more than three years ahead",
        ),
        ({"kickoff": NOW + dt.timedelta(hours=26)}, "the match has a result a day before its kickoff"),
        (
            {"home_goals_half_time": 9, "away_goals_half_time": 0},
            "the score at half-time is higher than the one at the end",
        ),
    ],
)
def test_a_row_that_cannot_be_is_refused_between_sound_ones(changes: dict[str, object], reason: str) -> None:
    """The failing row becomes a rejection with its payload; its neighbours pass in their order."""
    bad = msgspec.structs.replace(SOUND, payload={"as": "it came"}, **changes)
    first, refused, last = validate_rows([SOUND, bad, SOUND], NOW)
    assert first is SOUND
    assert last is SOUND
    assert refused == Rejection(
        source=SOUND.source, reason=f"{reason}; correct it at the source", payload={"as": "it came"}
    )


@pytest.mark.parametrize(
    ("teams", "named"),
    [
        (("Winner Match 49", "Leeds"), "'Winner Match 49' is a placeholder"),
        (("Leeds", "2B/C/D"), "'2B/C/D' is a placeholder"),
        (("W49", "L50"), "'W49' and 'L50' are placeholders"),
        (("N.N.", "N.N."), "'N.N.' are placeholders"),
    ],
)
def test_a_fixture_with_a_placeholder_waits_for_its_teams(teams: tuple[str, str], named: str) -> None:
    """It is kept with a true reason, and is neither a match nor a fault of the feed."""
    fixture = raw_match(home_team=teams[0], away_team=teams[1])

    assert list(validate_rows([fixture], NOW)) == [
        UndrawnFixture(
            source=fixture.source,
            reason=f"{named}: the fixture is read once its teams are known",
            payload=fixture.payload,
        )
    ]


def test_a_result_of_a_placeholder_is_a_fault_of_the_feed() -> None:
    """Somebody won the match: the provider did not name the team."""
    (refused,) = validate_rows([msgspec.structs.replace(SOUND, away_team="W49")], NOW)

    assert type(refused) is Rejection
    assert refused.reason == (
        "'W49' is a placeholder, but the match has a result: name the team at the source"
    )


@pytest.mark.parametrize(
    ("odds", "reason"),
    [
        (MatchOdds("x", 1.5, 2.0, 2.0), "odds: the overround is not from 0.97 to 1.4"),
        (MatchOdds("x", 9.0, 9.0, 9.0), "odds: the overround is not from 0.97 to 1.4"),
        (MatchOdds("x", 1.0, 12.0, 30.0), "odds: a price is not above 1"),
    ],
)
def test_prices_that_cannot_be_are_taken_off_their_match(odds: MatchOdds, reason: str) -> None:
    """The match stays; the prices are kept with the reason."""
    refused, kept = validate_rows([msgspec.structs.replace(SOUND, odds=odds)], NOW)
    assert isinstance(refused, Rejection)
    assert reason in refused.reason
    assert isinstance(kept, RawMatch)
    assert kept == msgspec.structs.replace(SOUND, odds=None)


def test_sound_rows_and_rejections_pass_untouched_in_their_order() -> None:
    rejection = Rejection(source="x", reason="unreadable", payload={})
    rows = [msgspec.structs.replace(SOUND, odds=SOUND_ODDS), rejection, SOUND] * 7_000
    assert all(before is after for before, after in zip(rows, validate_rows(rows, NOW), strict=True))


def test_faults_of_one_row_are_told_together() -> None:
    bad = msgspec.structs.replace(SOUND, competition="", home_goals=99)
    (refused,) = validate_rows([bad], NOW)
    assert isinstance(refused, Rejection)
    assert refused.reason == "a score is not from 0 to 36; the competition is empty; correct it at the source"
