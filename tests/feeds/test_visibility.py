"""What may be shown of a match at an instant."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soccer_assets.clock import FixedClock, SystemClock, parse_instant
from soccer_assets.feeds.visibility import over_at, visibility_by_status, visibility_by_time
from soccer_assets.football.matches import KickoffPrecision, MatchStatus

KICKOFF = parse_instant("2025-04-20T13:00:00Z")
NOON = parse_instant("2025-04-20T12:00:00Z")
MINUTE, DAY = KickoffPrecision.MINUTE, KickoffPrecision.DAY
HOURS = st.floats(-72, 72).map(lambda hours: KICKOFF + dt.timedelta(hours=hours))


@pytest.mark.parametrize(
    ("kickoff", "precision", "end"),
    [(KICKOFF, MINUTE, "2025-04-20T15:00:00Z"), (NOON, DAY, "2025-04-21T02:00:00Z")],
)
def test_match_is_over_two_hours_after_kickoff_or_day(kickoff, precision, end):
    """Two hours after the kickoff, or after midnight where only the day is known."""
    assert over_at(kickoff, precision) == parse_instant(end)


@given(reported_status=st.sampled_from(MatchStatus), precision=st.sampled_from([MINUTE, DAY]), now=HOURS)
def test_no_result_before_the_end(reported_status, precision, now):
    """Whatever a provider claims, a replay shows no score before the match is over."""
    kickoff = KICKOFF if precision is MINUTE else NOON
    known = visibility_by_status(reported_status, kickoff, precision, FixedClock(now))

    is_over = now >= over_at(kickoff, precision)
    assert known.is_over <= is_over
    assert known.has_score == (is_over and reported_status is MatchStatus.FINISHED)
    assert (known.status is MatchStatus.FINISHED) == known.has_score


@pytest.mark.parametrize(
    "reported_status", [MatchStatus.POSTPONED, MatchStatus.CANCELLED, MatchStatus.AWARDED]
)
def test_replay_learns_at_the_kickoff_that_a_match_was_called_off(reported_status):
    """Before the kickoff a replay has a fixture, and real time what the provider says."""
    ahead = SystemClock().now() + dt.timedelta(days=3)

    before = visibility_by_status(
        reported_status, KICKOFF, MINUTE, FixedClock(KICKOFF - dt.timedelta(seconds=1))
    )
    after = visibility_by_status(reported_status, KICKOFF, MINUTE, FixedClock(KICKOFF))

    assert (before.status, after.status) == (MatchStatus.SCHEDULED, reported_status)
    assert visibility_by_status(reported_status, ahead, MINUTE, SystemClock()).status is reported_status


@given(now=HOURS, has_result=st.booleans(), precision=st.sampled_from([MINUTE, DAY]))
def test_time_decides_where_nobody_names_a_status(now, has_result, precision):
    """Scheduled, live, finished with a result, else scheduled until the lag is over and postponed then."""
    kickoff, lag = (KICKOFF if precision is MINUTE else NOON), dt.timedelta(days=1)
    known = visibility_by_time(kickoff, precision, now, has_result=has_result, result_lag=lag)

    end = over_at(kickoff, precision)
    if now >= end and has_result:
        expected = MatchStatus.FINISHED
    elif now >= end + lag:
        expected = MatchStatus.POSTPONED
    elif precision is MINUTE and kickoff <= now < end:
        expected = MatchStatus.LIVE
    else:
        expected = MatchStatus.SCHEDULED
    assert (known.status, known.has_score) == (expected, expected is MatchStatus.FINISHED)
