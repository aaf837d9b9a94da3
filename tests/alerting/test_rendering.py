"""The text of an alert, letter by letter."""

import re

import pytest

from soccer_assets.alerting.faults import KINDS, NEW, NOTICE, RECOVERED, REMINDER, Condition, Notification
from soccer_assets.alerting.rendering import GUIDES, Message, render, scrubbed
from soccer_assets.masking import mask
from tests.alerting.builders import NOW, STALE, condition

PUBLIC = "https://soccer.example.org/dagster/"


def rendered(fault: Condition, transition: str = NEW, public_url: str = "") -> Message:
    """The message of one transition."""
    notification = Notification(transition=transition, condition=fault)
    return render([notification], feed="simulated", public_url=public_url, now=NOW)


def test_an_alert_has_what_since_expected_impact_cause_action_and_page() -> None:
    message = rendered(STALE, public_url=PUBLIC)
    assert message.title == "[soccer] releases/current is stale (failure)"
    assert message.body == (
        "What:     releases/current is stale (failure)\n"
        "Since:    2026-11-24 08:07 UTC\n"
        "Expected: fails after 3 hours\n"
        "Impact:   answers rest on data older than promised and say so in `stale` and `stale_reasons`\n"
        "Cause:    livescores/recent: https://feed.example.org did not answer within 30 s\n"
        "Action:   check that the schedule and the daemon run, then launch the asset's job by hand\n"
        "Page:     https://soccer.example.org/dagster/assets/releases/current\n"
        "Feed:     simulated"
    )


def test_a_recovery_has_its_begin_and_its_end() -> None:
    message = rendered(STALE, RECOVERED)
    assert message.title == "[soccer] recovered: releases/current is stale"
    assert message.body == (
        "What:     recovered: releases/current is stale\n"
        "Since:    2026-11-24 08:07 UTC\n"
        "Expected: fails after 3 hours\n"
        "Resolved: 2026-11-24 09:00 UTC; no action needed\n"
        "Page:     set SOCCER_PUBLIC_URL to the address of Dagster's pages to get a link here\n"
        "Feed:     simulated"
    )


def test_a_hundred_assets_that_fail_together_are_one_message() -> None:
    notifications = [
        Notification(transition=NEW, condition=condition(f"features/{number}")) for number in range(99)
    ]
    notifications.append(Notification(transition=RECOVERED, condition=STALE))
    message = render(notifications, feed="simulated", public_url=PUBLIC, now=NOW)
    assert message.title == "[soccer] 100 alerts: 99 need attention, 1 recovered"
    expected = "(expected: fails after 3 hours)"
    last = f"- features/19 is stale (failure), since 2026-11-24 08:07 UTC {expected}\n- and 80 more\n"
    assert last in message.body
    assert message.body.count("Action:") == 1
    assert "Page:     https://soccer.example.org/dagster/runs" in message.body


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("transition", [NEW, REMINDER])
def test_every_kind_has_its_text_and_no_link_to_this_machine(kind: str, transition: str) -> None:
    message = rendered(condition("x", kind=kind), transition)
    assert GUIDES[kind].impact in message.body
    assert GUIDES[kind].action in message.body
    assert not re.search(r"localhost|127\.0\.0\.1", message.title + message.body)


def test_a_notice_has_no_severity() -> None:
    promoted = condition("model version 3", kind="promotion", severity=NOTICE, what="is the new champion")
    assert rendered(promoted).title == "[soccer] model version 3 is the new champion"


def test_no_secret_is_in_the_text() -> None:
    """Credentials in addresses and values of secret variables are masked, other values are not."""
    environ = {"SOCCER_API_FOOTBALL_KEY": "abc123secret", "HOME": "/home/someone"}
    text = "postgresql://soccer:pw@db/soccer refused key abc123secret below /home/someone"
    assert mask(text, environ) == "postgresql://***@db/soccer refused key *** below /home/someone"
    assert "abc123" not in scrubbed(condition("x", cause=text), environ).cause


def test_a_long_cause_is_cut_at_its_first_line() -> None:
    long = condition("x", cause="first " + "x" * 500 + "\nTraceback")
    body = rendered(long).body
    assert "Traceback" not in body
    assert max(map(len, body.splitlines())) < 320
