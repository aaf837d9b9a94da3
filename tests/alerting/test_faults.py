"""Which transitions a subscriber is notified of: begin, recovery, escalation, and a reminder in between."""

import datetime as dt

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soccer_assets.alerting.faults import (
    ESCALATED,
    FAILURE,
    NEW,
    NOTICE,
    RECOVERED,
    REMINDER,
    WARNING,
    Notified,
    diff,
)
from tests.alerting.builders import NOW, STALE, condition

DAY = dt.timedelta(days=1)


def transitions(
    notified: dict[str, Notified], *current, now: dt.datetime = NOW
) -> tuple[list[str], dict[str, Notified]]:
    """The transitions that are due, and the subscriber's state after them."""
    changes = diff(notified, current, now, DAY)
    return [notification.transition for notification in changes.notifications], changes.notified


def test_a_lasting_fault_is_one_message_and_its_recovery_another() -> None:
    due, notified = transitions({}, STALE)
    assert due == [NEW]
    for hours in (1, 2, 23):
        due, notified = transitions(notified, STALE, now=NOW + dt.timedelta(hours=hours))
        assert due == []
    due, notified = transitions(notified)
    assert due == [RECOVERED]
    assert transitions(notified) == ([], {})


RUN = condition(kind="run", subject="refresh_hourly", root="store:the object store")
STORE = condition(kind="store", subject="the object store")
OLD = condition(kind="freshness", subject="a/b", root="store:the object store")


def test_faults_of_one_cause_are_one_message_and_recover_together() -> None:
    """The cause is told where it is seen at once; what it stops is not told after it, nor when it ends."""
    due, notified = transitions({}, RUN, STORE, OLD)
    assert (due, list(notified)) == ([NEW], [STORE.key])
    due, notified = transitions(notified, RUN, OLD)
    assert due == []
    due, notified = transitions(notified, STORE, OLD)  # away again
    assert due == []
    due, notified = transitions(notified)
    assert due == [RECOVERED]

    due, notified = transitions({}, OLD, RUN)
    assert (due, list(notified)) == ([NEW], [OLD.key])
    due, notified = transitions(notified, OLD, RUN, STORE)
    assert due == []
    due, notified = transitions(notified, STORE, now=NOW + DAY)  # a reminder speaks of what still is
    assert sorted(due) == [NEW, RECOVERED]


def test_an_open_fault_is_repeated_after_the_set_time() -> None:
    _, notified = transitions({}, STALE)
    due, notified = transitions(notified, STALE, now=NOW + DAY)
    assert due == [REMINDER]
    assert transitions(notified, STALE, now=NOW + DAY + dt.timedelta(hours=1))[0] == []


def test_a_warning_that_becomes_a_failure_notifies_and_the_way_back_does_not() -> None:
    warning = condition("releases/current", severity=WARNING)
    _, notified = transitions({}, warning)
    due, notified = transitions(notified, STALE)
    assert due == [ESCALATED]
    due, notified = transitions(notified, warning)
    assert due == []
    assert transitions(notified, STALE)[0] == []


def test_a_notice_is_sent_once_and_never_recovers() -> None:
    promoted = condition("model version 3", kind="promotion", severity=NOTICE)
    due, notified = transitions({}, promoted)
    assert due == [NEW]
    assert transitions(notified, promoted, now=NOW + 9 * DAY)[0] == []
    assert transitions(notified)[0] == []


@settings(suppress_health_check=[HealthCheck.too_slow])  # busy cores
@given(st.lists(st.sets(st.sampled_from("abcdef")), max_size=12))
def test_every_recovery_follows_one_alert_whatever_the_history(evaluations: list[set[str]]) -> None:
    """Alerts and recoveries of a subject alternate, and the last transition is the current state."""
    notified: dict[str, Notified] = {}
    is_open = dict.fromkeys("abcdef", False)
    for faults in evaluations:
        current = [condition(subject, severity=FAILURE) for subject in sorted(faults)]
        changes = diff(notified, current, NOW, DAY)
        for each in changes.notifications:
            assert is_open[each.condition.subject] == (each.transition == RECOVERED)
            is_open[each.condition.subject] = each.transition == NEW
        notified = changes.notified
        assert {subject for subject, state in is_open.items() if state} == faults
