"""Feed sets: precedence, addresses, what must not be mixed; and the filter by competition."""

import datetime as dt
from pathlib import Path

import pytest

from soccer_assets.feeds.feed_set import FeedSet, members_of, owners_of
from soccer_assets.feeds.protocol import FeedRefusedError
from soccer_assets.feeds.providers.football_data.football_data_feed import FootballDataFeed
from soccer_assets.feeds.providers.openfootball.openfootball_feed import OpenFootballFeed
from soccer_assets.feeds.registry import open_feeds
from soccer_assets.settings import SettingError, Settings
from tests.homes import make_home


def _settings(**environ: str) -> Settings:
    return Settings.from_env({"SOCCER_HOME": "/nowhere", **environ})


def test_each_feed_reads_its_own_address(shared_data: Path) -> None:
    """The first has the competitions that both know; the name, the lag and the first month are of all."""
    mirror = (shared_data / "mirror").as_uri()
    settings = _settings(
        SOCCER_FEED="football-data, openfootball",
        SOCCER_FEED_URL=f"football-data={mirror}/www.football-data.co.uk,"
        f"openfootball={mirror}/openfootball/football.json",
    )
    feed = open_feeds(settings)
    first, second = members_of(feed)

    assert isinstance(first, FootballDataFeed)
    assert isinstance(second, OpenFootballFeed)
    assert feed.name == "football-data+openfootball"
    assert feed.first_month() == min(first.first_month(), second.first_month())
    assert feed.result_lag == max(first.result_lag, second.result_lag)
    owners = owners_of(feed)
    assert owners is not None
    assert owners["ENG-1"] == "football-data"
    only_second = set(second.competitions()) - set(first.competitions())
    assert only_second
    assert {owners[code] for code in only_second} == {"openfootball"}


def test_one_feed_is_itself() -> None:
    """No wrapping where there is nothing to join."""
    feed = open_feeds(_settings())
    assert not isinstance(feed, FeedSet)
    assert members_of(feed) == (feed,)
    assert owners_of(feed) is None


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"SOCCER_FEED": "espn,espn"}, "names a feed twice"),
        ({"SOCCER_FEED": "espn,openligadb", "SOCCER_FEED_URL": "https://x"}, "NAME=URL"),
        ({"SOCCER_FEED": "espn,openligadb", "SOCCER_FEED_URL": "archive=https://x"}, "espn, openligadb"),
    ],
)
def test_orders_and_addresses_that_make_no_sense_are_refused(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        _settings(**environ)


def test_simulated_and_real_clubs_do_not_mix() -> None:
    with pytest.raises(FeedRefusedError, match="mixes real and simulated"):
        open_feeds(_settings(SOCCER_FEED="simulated,espn"))


def test_a_home_keeps_the_earliest_month_of_its_feeds(tmp_path: Path, shared_data: Path) -> None:
    mirror = (shared_data / "mirror").as_uri()
    settings = make_home(
        tmp_path / "home",
        SOCCER_FEED="openfootball,football-data",
        SOCCER_FEED_URL=f"football-data={mirror}/www.football-data.co.uk,"
        f"openfootball={mirror}/openfootball/football.json",
    )
    assert settings.history_start == dt.date(1993, 7, 1)
