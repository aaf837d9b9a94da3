"""What each provider allows: declared by every feed, kept by sets and filters, and nothing by default."""

from types import SimpleNamespace

import pytest

from soccer_assets.contract.release import FeedTerms
from soccer_assets.feeds.feed_set import filter_competitions
from soccer_assets.feeds.registry import feed_names, open_feeds
from soccer_assets.feeds.terms import terms_of
from soccer_assets.settings import Settings


@pytest.mark.parametrize("name", feed_names())
def test_every_feed_names_its_source_and_what_it_allows(name, tmp_path, monkeypatch):
    """No installed feed of ours leaves its terms to the default."""
    for variable in ("SOCCER_FOOTBALL_DATA_ORG_KEY", "SOCCER_API_FOOTBALL_KEY"):
        monkeypatch.setenv(variable, "k")
    settings = Settings.from_env(
        {"SOCCER_HOME": str(tmp_path), "SOCCER_FEED": name, "SOCCER_FEED_URL": tmp_path.as_uri()}
    )

    (terms,) = terms_of(open_feeds(settings))

    assert terms.feed == name
    assert terms.attribution
    assert terms.may_publish_results or not terms.may_redistribute


def test_a_set_and_a_filter_keep_the_terms_of_their_members(tmp_path):
    """Each member of a home's feeds has its own terms, also where only some competitions are read."""
    feed = open_feeds(
        Settings.from_env({"SOCCER_HOME": str(tmp_path), "SOCCER_FEED": "football-data,openfootball"})
    )

    found = terms_of(filter_competitions(feed, ["ENG-1"]))

    assert found == terms_of(feed)
    assert [terms.may_redistribute for terms in found] == [False, True]


def test_a_feed_that_declares_nothing_allows_nothing():
    """A provider in a package of its own, written before it was asked for."""
    assert terms_of(SimpleNamespace(name="old")) == (FeedTerms(feed="old"),)
