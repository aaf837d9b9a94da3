"""Feeds found through entry points, and the names that providers import."""

import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from soccer_assets.feeds import protocol
from soccer_assets.feeds.protocol import FeedRefusedError
from soccer_assets.feeds.providers.simulated import simulated_feed as simulated
from soccer_assets.feeds.registry import GROUP, feed_names, open_feed
from soccer_assets.settings import Settings

OTHER_WHEEL = """
[soccer_assets.feeds]
other = soccer_assets.feeds.providers.simulated.simulated_feed:SimulatedFeed
broken = soccer_assets.feeds.nowhere:Feed
untouched = module_of_another_wheel:Feed
"""


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings.from_env({"SOCCER_HOME": str(tmp_path)})


@pytest.fixture
def _other_wheel(tmp_path, monkeypatch) -> None:
    """A wheel of another provider, installed."""
    folder = tmp_path / "site" / "other_feed-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: other-feed\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(OTHER_WHEEL)
    (folder.parent / "module_of_another_wheel.py").write_text("class Feed: ...\n")
    monkeypatch.syspath_prepend(folder.parent)


@pytest.mark.usefixtures("_other_wheel")
def test_another_wheel_adds_a_feed(settings):
    """A feed that another distribution declares is listed and opened by its name."""
    assert "other" in feed_names()
    assert isinstance(open_feed("other", settings), simulated.SimulatedFeed)


@pytest.mark.usefixtures("_other_wheel")
def test_unknown_feed_names_the_setting_and_the_feeds(settings):
    """The refusal of an unknown name says which setting holds it, and what could stand there."""
    with pytest.raises(FeedRefusedError, match=r"SOCCER_FEED.*'nonsense'.*other"):
        open_feed("nonsense", settings)


@pytest.mark.usefixtures("_other_wheel")
def test_feed_that_cannot_be_imported_is_refused(settings):
    """A declared feed whose module is missing is refused with its address in the code."""
    with pytest.raises(FeedRefusedError, match=r"soccer_assets\.feeds\.nowhere:Feed cannot be loaded"):
        open_feed("broken", settings)


@pytest.mark.usefixtures("_other_wheel")
def test_listing_imports_no_feed():
    """Names are listed without importing the adapters."""
    assert "untouched" in feed_names()
    assert "module_of_another_wheel" not in sys.modules


def test_declared_feeds_exist():
    """Every feed that the project declares is a class that carries this name and is built from settings."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    declared = project["project"]["entry-points"]["soccer_assets.feeds"]

    assert {"simulated", "football-data"} <= declared.keys()
    for name, address in declared.items():
        feed_class = EntryPoint(name, address, GROUP).load()
        assert feed_class.name == name
        assert callable(feed_class.from_settings)


@pytest.mark.parametrize(
    ("old", "new"), [("FeedRefused", "FeedRefusedError"), ("FeedUnavailable", "FeedUnavailableError")]
)
def test_old_names_of_errors_still_work_and_warn(old, new):
    """A provider written before errors ended in ``Error`` raises the same class, and is warned."""
    with pytest.warns(DeprecationWarning, match=new):
        found = getattr(protocol, old)

    assert found is getattr(protocol, new)
    with pytest.raises(AttributeError):
        protocol.no_such_name  # noqa: B018
