"""Two leagues of fictitious clubs in a file of the feed `archive`, which a test may change under a reader."""

import csv
import datetime as dt
import io
from pathlib import Path
from typing import Any

from soccer_assets.clock import FixedClock
from soccer_assets.feeds.protocol import Feed
from soccer_assets.feeds.providers.archive.archive_table import SCHEMA
from soccer_assets.feeds.registry import open_feeds
from soccer_assets.football.matches import MatchStatus, Window
from soccer_assets.football.records import RawMatch
from soccer_assets.settings import Settings

Row = dict[str, Any]


def simulated_leagues() -> Feed:
    """Two leagues since August 2024."""
    return open_feeds(Settings.from_env({"SOCCER_LEAGUES": "2", "SOCCER_HISTORY_START": "2024-08-01"}))


def rows_until(day: dt.date) -> list[Row]:
    """Every match of the two leagues from August 2024 to a day, with its result and closing prices."""
    matches = simulated_leagues().fetch(
        Window(dt.date(2024, 8, 1), day), FixedClock(dt.datetime(2025, 7, 1, tzinfo=dt.UTC))
    )
    return [
        dict.fromkeys(SCHEMA, "")
        | {
            "match_id": match.source_match_id,
            "kickoff_utc": match.kickoff.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "date": str(match.kickoff.date()),
            "country": "Atlantis",
            "competition": match.competition,
            "tier": 1,
            "season": match.season,
            "home_team": match.home_team,
            "away_team": match.away_team,
            "home_goals": match.home_goals,
            "away_goals": match.away_goals,
            "status": "FT",
            "odds_home": match.odds.home,
            "odds_draw": match.odds.draw,
            "odds_away": match.odds.away,
            "odds_type": "avg_closing",
        }
        for match in matches
        if isinstance(match, RawMatch) and match.status is MatchStatus.FINISHED and match.odds
    ]


def write_archive(file: Path, rows: list[Row]) -> None:
    """Rows as the CSV file that the feed reads; a reader sees the old file or the new one."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    partial = file.with_suffix(".partial")
    partial.write_text(text.getvalue())
    partial.replace(file)
