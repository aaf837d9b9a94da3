"""The subscribers' file: its owner's only, with variables for secrets, redacted wherever it is shown."""

import datetime as dt
import stat
from pathlib import Path

import pytest

from soccer_assets.alerting.subscribers import SubscriberError, Subscribers
from tests.alerting.builders import NOW, STALE, condition


@pytest.fixture
def subscribers(tmp_path: Path) -> Subscribers:
    """A home's subscribers: none yet."""
    return Subscribers(tmp_path / "home" / "alerts.json")


def test_only_its_owner_may_read_the_file(subscribers: Subscribers, tmp_path: Path) -> None:
    subscriber = subscribers.subscribe("jsons://example.org/hook", note="ops")
    file = tmp_path / "home" / "alerts.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert subscribers.all() == (subscriber,)
    file.chmod(0o644)
    with pytest.raises(SubscriberError, match="chmod 600"):
        subscribers.all()


def test_a_variable_is_substituted_at_delivery_only(subscribers: Subscribers, tmp_path: Path) -> None:
    subscriber = subscribers.subscribe("mailtos://me:${MAIL_PASSWORD}@example.org?to=ops@example.org")
    assert "hunter22" not in (tmp_path / "home" / "alerts.json").read_text()
    assert subscriber.address({"MAIL_PASSWORD": "hunter22"}).startswith("mailtos://me:hunter22@")
    with pytest.raises(SubscriberError, match="MAIL_PASSWORD"):
        subscriber.address({})
    assert subscriber.redacted == "mailtos://***"


@pytest.mark.parametrize("url", ["", "example.org", "nonsense://x", "ftp://example.org/x"])
def test_an_invalid_address_is_rejected(subscribers: Subscribers, url: str) -> None:
    with pytest.raises(SubscriberError, match="not a valid address"):
        subscribers.subscribe(url)
    assert subscribers.all() == ()


def test_kinds_and_assets_filter(subscribers: Subscribers) -> None:
    subscriber = subscribers.subscribe("json://example.org", kinds=("freshness",), subjects=("releases/*",))
    assert subscriber.wants(STALE)
    assert not subscriber.wants(condition("features/team_state"))
    assert not subscriber.wants(condition("releases/current", kind="check"))
    with pytest.raises(SubscriberError, match="unknown kind 'fresh'"):
        subscribers.subscribe("json://example.org", kinds=("fresh",))


def test_mute_and_unsubscribe_need_a_known_id(subscribers: Subscribers) -> None:
    subscriber = subscribers.subscribe("json://example.org")
    subscribers.mute(subscriber.id, NOW + dt.timedelta(hours=1))
    muted = subscribers.get(subscriber.id)
    assert muted.is_muted(NOW)
    assert not muted.is_muted(NOW + dt.timedelta(hours=1))
    subscribers.unsubscribe(subscriber.id)
    with pytest.raises(SubscriberError, match="alerts list"):
        subscribers.mute(subscriber.id, NOW)


def test_an_invalid_file_is_named(subscribers: Subscribers, tmp_path: Path) -> None:
    subscribers.subscribe("json://example.org")
    file = tmp_path / "home" / "alerts.json"
    file.write_text("{")
    with pytest.raises(SubscriberError, match="is not valid"):
        subscribers.all()
