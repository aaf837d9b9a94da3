"""The code location of a home whose provider tells no results of one month; nothing starts by itself."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import msgspec

from soccer_assets.clock import Clock
from soccer_assets.feeds.providers.simulated.simulated_feed import SimulatedFeed
from soccer_assets.football.matches import MatchStatus, Window
from soccer_assets.football.records import RawMatch, Rejection
from soccer_assets.graph.build import build_definitions
from soccer_assets.settings import Settings


class StuckFeed(SimulatedFeed):
    """The simulated provider; matches of the month in ``file`` stay fixtures while it is there."""

    file: Path

    def fetch(self, window: Window, clock: Clock) -> Iterator[RawMatch | Rejection]:
        """The provider's rows, those of that month without results."""
        month = self.file.read_text() if self.file.is_file() else "none"
        for row in super().fetch(window, clock):
            if isinstance(row, RawMatch) and f"{row.kickoff:%Y-%m}" == month:
                goals = dict.fromkeys(name for name in row.__struct_fields__ if "_goals" in name)
                fixture = {"status": MatchStatus.SCHEDULED, "odds": None, "stats": None}
                yield msgspec.structs.replace(row, **fixture, **goals)
            else:
                yield row


_SETTINGS = Settings.from_env()
_FEED = StuckFeed.from_settings(_SETTINGS)
_FEED.file = _SETTINGS.home / "stuck"
_built = build_definitions(_SETTINGS, feed=_FEED)
defs = dg.Definitions(
    assets=_built.assets,
    asset_checks=_built.asset_checks,
    jobs=_built.jobs,
    resources=_built.resources,
    executor=_built.executor,
)
