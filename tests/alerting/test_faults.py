"""What a subscriber is told: once when bad, once when over, a reminder in between."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from soccer_assets.alerting.faults import (
    FAILURE,
    NEW,
    NOTICE,
    RECOVERED,
    REMINDER,
    WARNING,
    WORSE,
    Told,
    tell,
)
from tests.alerting.builders import NOW, STALE, condition

DAY = dt.timedelta(days=1)


def turns(told: dict[str, Told], *current, now: dt.datetime = NOW) -> tuple[list[str], dict[str, Told]]:
    """The turns of the news, and what was told then."""
    news = tell(told, current, now, DAY)
    return [line.turn for line in news.lines], news.told


def test_a_fault_that_lasts_is_one_message_and_its_end_another() -> None:
    said, told = turns({}, STALE)
    assert said == [NEW]
    for hours in (1, 2, 23):
        said, told = turns(told, STALE, now=NOW + dt.timedelta(hours=hours))
        assert said == []
    said, told = turns(told)
    assert said == [RECOVERED]
    assert turns(told) == ([], {})


def test_what_stays_bad_is_reminded_of_after_the_set_time() -> None:
    _, told = turns({}, STALE)
    said, told = turns(told, STALE, now=NOW + DAY)
    assert said == [REMINDER]
    assert turns(told, STALE, now=NOW + DAY + dt.timedelta(hours=1))[0] == []


def test_a_warning_that_becomes_a_failure_is_told_and_the_way_back_is_not() -> None:
    warning = condition("releases/current", severity=WARNING)
    _, told = turns({}, warning)
    said, told = turns(told, STALE)
    assert said == [WORSE]
    said, told = turns(told, warning)
    assert said == []
    assert turns(told, STALE)[0] == []


def test_a_notice_is_told_once_and_never_recovers() -> None:
    promoted = condition("model version 3", kind="promotion", severity=NOTICE)
    said, told = turns({}, promoted)
    assert said == [NEW]
    assert turns(told, promoted, now=NOW + 9 * DAY)[0] == []
    assert turns(told)[0] == []


@given(st.lists(st.sets(st.sampled_from("abcdef")), max_size=12))
def test_every_recovery_follows_one_alert_whatever_the_history(looks: list[set[str]]) -> None:
    """Alerts and recoveries of a subject alternate, and the last word is what holds."""
    told: dict[str, Told] = {}
    is_open = dict.fromkeys("abcdef", False)
    for look in looks:
        news = tell(told, [condition(one, severity=FAILURE) for one in sorted(look)], NOW, DAY)
        for line in news.lines:
            assert is_open[line.condition.subject] == (line.turn == RECOVERED)
            is_open[line.condition.subject] = line.turn == NEW
        told = news.told
        assert {one for one, state in is_open.items() if state} == look
