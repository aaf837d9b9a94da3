"""The text of an alert, letter by letter."""

import msgspec
import pytest

from soccer_assets.alerting.alert import Origin, brief, dedup_key
from soccer_assets.alerting.faults import KINDS, NEW, NOTICE, RECOVERED, REMINDER, Condition, Notification
from soccer_assets.alerting.guides import GUIDES
from soccer_assets.alerting.rendering import Message, render, scrubbed
from soccer_assets.masking import mask
from tests.alerting.builders import NOW, ORIGIN, STALE, condition

ID = ORIGIN.installation
LOCAL = msgspec.structs.replace(ORIGIN, pages="http://127.0.0.1:3000", is_public=False)


def rendered(
    fault: Condition, transition: str = NEW, origin: Origin = ORIGIN, healing_run: str = ""
) -> Message:
    """The message of one transition."""
    notification = Notification(transition=transition, condition=fault)
    healing_runs = {fault.key: healing_run} if healing_run else {}
    return render([notification], origin=origin, now=NOW, healing_runs=healing_runs)


def test_an_alert_has_what_since_expected_impact_cause_action_and_page() -> None:
    message = rendered(STALE)
    assert message.title == "[soccer] releases/current is stale (failure)"
    assert message.body == (
        "What:     releases/current is stale (failure)\n"
        "Since:    2026-11-24 08:07 UTC\n"
        "Expected: fails after 3 hours\n"
        "Impact:   answers rest on data older than promised and say so in `stale` and `stale_reasons`\n"
        "Cause:    livescores/recent: https://feed.example.org did not answer within 30 s\n"
        f"Action:   {GUIDES['freshness'].action}\n"
        "Asset:    releases/current\n"
        "Page:     https://soccer.example.org/dagster/assets/releases/current\n"
        "Host:     web-1, home /srv/soccer\n"
        "Feed:     simulated"
    )


def test_a_recovery_has_its_begin_its_end_and_the_run_that_healed() -> None:
    message = rendered(STALE, RECOVERED, healing_run="2d3f")
    assert message.title == "[soccer] recovered: releases/current is fresh again"
    assert message.body == (
        "What:     recovered: releases/current is fresh again\n"
        "Since:    2026-11-24 08:07 UTC\n"
        "Expected: fails after 3 hours\n"
        "Resolved: 2026-11-24 09:00 UTC; no action needed\n"
        "Asset:    releases/current\n"
        "Run:      2d3f\n"
        "Page:     https://soccer.example.org/dagster/runs/2d3f\n"
        "Page:     https://soccer.example.org/dagster/assets/releases/current\n"
        "Host:     web-1, home /srv/soccer\n"
        "Feed:     simulated"
    )


def test_a_failed_run_that_only_grew_old_is_not_said_to_have_succeeded() -> None:
    failed = condition("the run of livescores/window", kind="run", what="failed", path="/runs/1")
    assert rendered(failed, RECOVERED, healing_run="2").alerts[0].headline == (
        "recovered: the run of livescores/window succeeded again"
    )
    assert rendered(failed, RECOVERED).alerts[0].headline == (
        "recovered: the run of livescores/window has not run again for 7 days; this alert ends"
    )


def test_a_link_on_one_machine_says_that_it_opens_there() -> None:
    body = rendered(STALE, origin=LOCAL).body
    assert "Page:     http://127.0.0.1:3000/assets/releases/current\n" in body
    assert "Links:    open on web-1 only; set SOCCER_PUBLIC_URL for links that others can open" in body
    assert "Links:" not in rendered(STALE).body


@pytest.mark.parametrize(
    ("conditions", "title"),
    [
        (["rollback", "run"], "refresh_hourly failed (failure); champion rolled back to version 2"),
        (["rollback"], "champion rolled back to version 2"),
    ],
)
def test_a_subject_says_what_and_the_worst_first(conditions: list[str], title: str) -> None:
    known = {
        "rollback": condition(
            "model version 2",
            kind="rollback",
            severity=NOTICE,
            headline="champion rolled back to version 2",
        ),
        "run": condition("refresh_hourly", kind="run", what="failed"),
    }
    notifications = [Notification(transition=NEW, condition=known[name]) for name in conditions]
    assert render(notifications, origin=ORIGIN, now=NOW).title == f"[soccer] {title}"


def test_a_hundred_assets_that_fail_together_are_one_message() -> None:
    notifications = [
        Notification(transition=NEW, condition=condition(f"features/{number}")) for number in range(99)
    ]
    notifications.append(Notification(transition=RECOVERED, condition=STALE))
    message = render(notifications, origin=ORIGIN, now=NOW)
    first = "; ".join(f"features/{number} is stale (failure)" for number in range(3))
    assert message.title == f"[soccer] {first}; and 97 more"
    expected = "(expected: fails after 3 hours)"
    last = (
        f"- features/19 is stale (failure), since 2026-11-24 08:07 UTC {expected}\n"
        f"  Cause: {STALE.cause}\n"
        "  asset releases/current, https://soccer.example.org/dagster/assets/releases/current\n"
    )
    assert last in message.body
    assert "- and 80 more\n" in message.body
    assert len(message.alerts) == 100
    assert message.body.count("Action:") == 1
    assert "Page:     https://soccer.example.org/dagster/runs" in message.body


def test_a_digest_has_the_cause_and_the_action_of_each_fault_and_the_advice_of_a_kind_once() -> None:
    """An action of its own stands with its fault; the general one is not given beside it."""
    run = condition(
        "refresh_hourly",
        kind="run",
        what="failed",
        cause="x: ValueError: y",
        action="`soccer run refresh_hourly` runs it again",
        impact="nothing is refreshed",
    )
    notifications = [Notification(transition=NEW, condition=each) for each in (run, STALE)]
    notifications.append(Notification(transition=RECOVERED, condition=condition("old", kind="feed")))
    body = render(notifications, origin=ORIGIN, now=NOW).body
    assert "  Cause: x: ValueError: y\n  Action: `soccer run refresh_hourly` runs it again\n" in body
    assert f"  Cause: {STALE.cause}\n" in body
    assert "\nrun: nothing is refreshed.\n" in body
    assert f"\nfreshness: {GUIDES['freshness'].impact}. Action: {GUIDES['freshness'].action}.\n" in body
    assert GUIDES["run"].action not in body
    assert "feed:" not in body


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("transition", [NEW, REMINDER])
def test_every_kind_has_its_text(kind: str, transition: str) -> None:
    message = rendered(condition("x", kind=kind), transition)
    assert GUIDES[kind].impact in message.body
    assert GUIDES[kind].action in message.body


def test_a_notice_has_no_severity() -> None:
    promoted = condition("model version 3", kind="promotion", severity=NOTICE, what="is the new champion")
    assert rendered(promoted).title == "[soccer] model version 3 is the new champion"


def test_no_secret_is_in_the_text() -> None:
    """Credentials in addresses and values of secret variables are masked, other values are not."""
    environ = {"SOCCER_API_FOOTBALL_KEY": "abc123secret", "HOME": "/home/someone"}
    text = "postgresql://soccer:pw@db/soccer refused key abc123secret below /home/someone"
    assert mask(text, environ) == "postgresql://***@db/soccer refused key *** below /home/someone"
    assert "abc123" not in scrubbed(condition("x", cause=text), environ).cause


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (
            "livescores/recent: soccer_assets.feeds.protocol.FeedUnavailableError: the provider answered 503",
            "livescores/recent: the provider answered 503",
        ),
        (
            "sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) gone",
            "OperationalError: (OperationalError) gone",
        ),
        ("KeyError: 'x'", "KeyError: 'x'"),
        ("https://feeds.example.Org/a.b.C did not answer", "https://feeds.example.Org/a.b.C did not answer"),
        ("mail to ops@feeds.example.Org failed", "mail to ops@feeds.example.Org failed"),
    ],
)
def test_a_cause_has_no_path_of_a_class(cause: str, text: str) -> None:
    assert brief(cause) == text


def test_a_key_is_the_same_at_begin_and_end_and_not_longer_than_receivers_take() -> None:
    long = condition("the run of " + ", ".join(f"features/{number}" for number in range(100)), kind="run")
    other = msgspec.structs.replace(long, subject=long.subject + ", model/candidate")
    keys = {rendered(long, transition).alerts[0].dedup_key for transition in (NEW, REMINDER, RECOVERED)}
    assert keys == {dedup_key(long, ID)}
    assert len(dedup_key(long, ID)) == 255
    assert dedup_key(long, ID) != dedup_key(other, ID)
    assert dedup_key(STALE, ID) == "5f0c2a9be1d40377:freshness:releases/current"
    assert dedup_key(STALE, "0" * 16) != dedup_key(STALE, ID)


def test_a_long_cause_is_cut_at_its_first_line() -> None:
    long = condition("x", cause="first " + "x" * 500 + "\nTraceback")
    body = rendered(long).body
    assert "Traceback" not in body
    assert max(map(len, body.splitlines())) < 320
