"""Followers of teams and matches: news of five points and of the end, quiet hours, one click to end it."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from soccer_assets.alerting.forecast_news import moves
from soccer_assets.alerting.notifier import AlertNotifier
from soccer_assets.alerting.quiet_hours import QuietHoursError, check_quiet_hours, is_quiet
from soccer_assets.alerting.subscribers import SubscriberError
from soccer_assets.clock import isoformat
from soccer_assets.contract.following import UNSUBSCRIBED_PREFIX, follower_of, unfollow_token
from soccer_assets.contract.page_access import PAGES_SECRET_KEY
from soccer_assets.resources.database import Database
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.settings import Settings
from soccer_assets.stores.ledger.followed import Said
from soccer_assets.stores.matches.teams import TeamError, team_id_of
from tests.alerting.builders import STALE, Mailbox
from tests.alerting.test_delivery import HandClock
from tests.builders import NOW, raw_match
from tests.stores.ledger.test_record import KICKOFF, MONDAY, entry, feed, played, record

SECRET = b"s" * 32


@pytest.fixture
def clock() -> HandClock:
    hand = HandClock()
    hand.instant = NOW + dt.timedelta(minutes=1)
    return hand


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """A store whose sidecar has made the secret of its pages."""
    found = ObjectStore(f"file://{tmp_path}/store")
    found.write(PAGES_SECRET_KEY, SECRET)
    return found


def notifier_at(database: Database, home: Path, clock: HandClock, now: dt.datetime) -> AlertNotifier:
    """A notifier of a home whose pages are public, in a world at ``now``."""
    settings = Settings.from_env(
        {
            "SOCCER_HOME": str(home),
            "SOCCER_NOW": isoformat(now),
            "SOCCER_PAGES_URL": "https://forecasts.example.org",
        }
    )
    return AlertNotifier(settings, database, EventBus(""), clock)


def said(sequence: int, home: float, hours: float = 0.0) -> Said:
    return Said(sequence, NOW + dt.timedelta(hours=hours), (home, 0.25, 0.75 - home))


def test_news_are_moves_of_five_points_from_the_last_news() -> None:
    """Drifting by four points is none, drifting on from there is; the first forecast is never news."""
    assert moves([]) == []
    assert moves([said(1, 0.5)]) == []
    drift = [said(1, 0.50), said(2, 0.54), said(3, 0.55), said(4, 0.53), said(5, 0.49)]
    assert [(a.sequence, b.sequence) for a, b in moves(drift)] == [(1, 3), (3, 5)]


def test_a_follower_hears_of_moves_and_of_the_end_and_of_no_fault(
    database: Database, tmp_path: Path, clock: HandClock, store: ObjectStore, mailbox: tuple[Mailbox, str]
) -> None:
    box, address = mailbox
    feed(database, raw_match())
    record(database, entry())
    before = notifier_at(database, tmp_path, clock, NOW)
    team = team_id_of(database, raw_match().home_team)
    follower = before.subscribers.follow(address, (f"team:{team}",), NOW)
    assert before.tell_followers(store) == 0
    before.report("graph", [STALE])
    assert box.mails == []

    record(database, entry(p_home=0.56, p_away=0.19, recorded_at=NOW + dt.timedelta(hours=1)))
    later = notifier_at(database, tmp_path, clock, NOW + dt.timedelta(hours=2))
    assert later.tell_followers(store) == 1
    assert later.tell_followers(store) == 0
    (mail,) = box.mails
    assert "56/25/19 %, was 50/25/25 %" in str(mail["Subject"])
    link = f"https://forecasts.example.org/unsubscribe/{unfollow_token(SECRET, follower.id)}"
    assert link in " ".join(str(mail["List-Unsubscribe"]).split())
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text, page = (part.get_payload(decode=True).decode() for part in mail.get_payload())
    assert link in text
    assert "https://forecasts.example.org/matches/" in text
    assert ">Unsubscribe</a>" in page
    assert str(tmp_path) not in text + page

    feed(database, played("2-1"))
    record(database, now=MONDAY)
    after = notifier_at(database, tmp_path, clock, MONDAY)
    assert after.tell_followers(store) == 1
    assert "ended 2:1 after 90 minutes; the forecast was 56/25/19 %" in str(box.mails[-1]["Subject"])


def test_a_new_follower_does_not_hear_of_what_was_before(
    database: Database, tmp_path: Path, clock: HandClock, store: ObjectStore, httpserver: HTTPServer
) -> None:
    feed(database, raw_match())
    record(database, entry())
    record(database, entry(p_home=0.6, p_away=0.15, recorded_at=NOW + dt.timedelta(hours=1)))
    now = NOW + dt.timedelta(hours=2)
    notifier = notifier_at(database, tmp_path, clock, now)
    follows = (f"match:{entry().match_id}",)
    notifier.subscribers.follow(f"json://127.0.0.1:{httpserver.port}/a", follows, now)
    assert notifier.tell_followers(store) == 0


def test_quiet_hours_hold_news_back_and_then_tell_the_newest(
    database: Database, tmp_path: Path, clock: HandClock, store: ObjectStore, mailbox: tuple[Mailbox, str]
) -> None:
    """Two moves of a night are one message in the morning."""
    box, address = mailbox
    feed(database, raw_match())
    record(database, entry())
    clock.instant = dt.datetime(2025, 4, 24, 23, 0, tzinfo=dt.UTC)
    follows = (f"match:{entry().match_id}",)
    for hours, home in ((1, 0.56), (2, 0.62)):
        moved = entry(p_home=home, p_away=0.75 - home, recorded_at=NOW + dt.timedelta(hours=hours))
        record(database, moved)
    notifier = notifier_at(database, tmp_path, clock, NOW + dt.timedelta(hours=3))
    notifier.subscribers.follow(address, follows, NOW, quiet="22:00-07:00 Europe/London")
    assert notifier.tell_followers(store) == 0
    clock.instant = dt.datetime(2025, 4, 25, 6, 0, tzinfo=dt.UTC)  # 7:00 in London
    assert notifier.tell_followers(store) == 1
    (mail,) = box.mails
    assert "62/25/13 %, was 56/25/19 %" in str(mail["Subject"])


@pytest.mark.parametrize(
    ("text", "clock_time", "quiet"),
    [
        ("22:00-07:00 UTC", "21:59", False),
        ("22:00-07:00 UTC", "22:00", True),
        ("22:00-07:00 UTC", "06:59", True),
        ("22:00-07:00 UTC", "07:00", False),
        ("12:00-13:00 Asia/Tokyo", "03:30", True),
        ("", "03:30", False),
    ],
)
def test_quiet_hours(text: str, clock_time: str, quiet: bool) -> None:
    now = dt.datetime.fromisoformat(f"2025-04-25T{clock_time}:00+00:00")
    assert is_quiet(text, now) is quiet


@pytest.mark.parametrize(
    "text", ["22-7", "22:00-07:00", "25:00-07:00 UTC", "22:00-07:00 Mars/X", "22:00-07:00 ../x"]
)
def test_quiet_hours_that_cannot_be_read_are_refused(text: str, database: Database, tmp_path: Path) -> None:
    with pytest.raises(QuietHoursError, match="write them as"):
        check_quiet_hours(text)
    notifier = notifier_at(database, tmp_path, HandClock(), NOW)
    with pytest.raises(SubscriberError, match="write them as"):
        notifier.subscribers.follow("json://127.0.0.1/a", ("team:x",), NOW, quiet=text)


def test_one_click_ends_it(
    database: Database, tmp_path: Path, clock: HandClock, store: ObjectStore, mailbox: tuple[Mailbox, str]
) -> None:
    """A wish in the store removes its follower; it removes no subscriber of alerts."""
    _, address = mailbox
    notifier = notifier_at(database, tmp_path, clock, NOW)
    follower = notifier.subscribers.follow(address, ("team:x",), NOW)
    operator = notifier.subscribers.subscribe(address)
    for each in (follower, operator):
        store.write(f"{UNSUBSCRIBED_PREFIX}{each.id}", b"")
    notifier.tell_followers(store)
    assert [each.id for each in notifier.subscribers.all()] == [operator.id]
    assert store.list(UNSUBSCRIBED_PREFIX) == []


def test_a_token_is_of_one_follower_and_one_secret() -> None:
    token = unfollow_token(SECRET, "abc123")
    assert follower_of(SECRET, token) == "abc123"
    forged: list[Any] = [token[:-1], f"abd123.{token.partition('.')[2]}", "", ".", "abc123", "\N{SNOWMAN}.x"]
    assert [follower_of(SECRET, text) for text in forged] == [None] * len(forged)
    assert follower_of(b"t" * 32, token) is None


def test_a_team_is_named_by_id_or_name(database: Database) -> None:
    feed(database, raw_match())
    name = raw_match().home_team
    assert team_id_of(database, name.upper()) == team_id_of(database, team_id_of(database, name))
    with pytest.raises(TeamError, match="there is no team 'Nowhere'"):
        team_id_of(database, "Nowhere")


def test_kickoff_is_after_the_world() -> None:
    """The builders' match lies ahead of NOW, so that these tests are about the future."""
    assert NOW < KICKOFF < MONDAY
