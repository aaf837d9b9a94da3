"""The words of an alert, letter by letter."""

import re

import pytest

from soccer_assets.alerting.faults import KINDS, NEW, NOTICE, RECOVERED, REMINDER, Line
from soccer_assets.alerting.rendering import GUIDES, render, scrub, scrubbed
from tests.alerting.builders import NOW, STALE, condition

PUBLIC = "https://soccer.example.org/dagster/"


def test_an_alert_says_what_since_when_what_it_means_why_what_to_do_and_where() -> None:
    message = render([Line(turn=NEW, condition=STALE)], feed="football-data", public_url=PUBLIC, now=NOW)
    assert message.title == "[soccer] releases/current is stale (failure)"
    assert message.body == (
        "What:    releases/current is stale (failure)\n"
        "Since:   2026-11-24 08:07 UTC\n"
        "Promise: fails after 3 hours\n"
        "Means:   answers rest on older data than promised and say so in `stale` and `stale_reasons`\n"
        "Cause:   livescores/recent: https://feed.example.org did not answer within 30 s\n"
        "To do:   see whether the schedule and the daemon run, then launch the asset's job by hand\n"
        "Page:    https://soccer.example.org/dagster/assets/releases/current\n"
        "Feed:    football-data"
    )


def test_a_recovery_says_since_when_and_until_when() -> None:
    message = render([Line(turn=RECOVERED, condition=STALE)], feed="simulated", public_url="", now=NOW)
    assert message.title == "[soccer] recovered: releases/current is stale"
    assert message.body == (
        "What:    recovered: releases/current is stale\n"
        "Since:   2026-11-24 08:07 UTC\n"
        "Promise: fails after 3 hours\n"
        "Over:    2026-11-24 09:00 UTC; nothing is left to do\n"
        "Page:    set SOCCER_PUBLIC_URL to the address of Dagster's pages to find a link here\n"
        "Feed:    simulated"
    )


def test_a_hundred_assets_that_fail_together_are_one_message() -> None:
    lines = [Line(turn=NEW, condition=condition(f"features/{number}")) for number in range(99)]
    lines.append(Line(turn=RECOVERED, condition=STALE))
    message = render(lines, feed="simulated", public_url=PUBLIC, now=NOW)
    assert message.title == "[soccer] 100 alerts: 99 need attention, 1 recovered"
    promise = "(promise: fails after 3 hours)"
    last = f"- features/19 is stale (failure), since 2026-11-24 08:07 UTC {promise}\n- and 80 more\n"
    assert last in message.body
    assert message.body.count("To do:") == 1
    assert "Page:    https://soccer.example.org/dagster/runs" in message.body


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("turn", [NEW, REMINDER])
def test_every_kind_has_its_words_and_no_link_to_this_machine(kind: str, turn: str) -> None:
    message = render(
        [Line(turn=turn, condition=condition("x", kind=kind))], feed="simulated", public_url="", now=NOW
    )
    assert GUIDES[kind].means in message.body
    assert GUIDES[kind].to_do in message.body
    assert not re.search(r"localhost|127\.0\.0\.1", message.title + message.body)


def test_a_notice_has_no_severity() -> None:
    promoted = condition("model version 3", kind="promotion", severity=NOTICE, what="is the new champion")
    message = render([Line(turn=NEW, condition=promoted)], feed="simulated", public_url="", now=NOW)
    assert message.title == "[soccer] model version 3 is the new champion"


def test_no_secret_is_in_the_text() -> None:
    """Credentials in addresses and values of secret variables are struck out, other values are not."""
    environ = {"SOCCER_API_FOOTBALL_KEY": "abc123secret", "HOME": "/home/someone"}
    text = "postgresql://soccer:pw@db/soccer refused key abc123secret below /home/someone"
    assert scrub(text, environ) == "postgresql://***@db/soccer refused key *** below /home/someone"
    assert "abc123" not in scrubbed(condition("x", cause=text), environ).cause


def test_a_long_cause_is_cut_at_its_first_line() -> None:
    long = condition("x", cause="first " + "x" * 500 + "\nTraceback")
    body = render([Line(turn=NEW, condition=long)], feed="simulated", public_url="", now=NOW).body
    assert "Traceback" not in body
    assert max(map(len, body.splitlines())) < 320
