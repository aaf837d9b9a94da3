"""Checks of matches beside one another: reported twice, a matchday of one score, home and away exchanged."""

import datetime as dt

import dagster as dg

from soccer_assets.clock import Clock
from soccer_assets.graph.ingest_checks import remedy_metadata
from soccer_assets.graph.pages.values import table
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.doubtful import possible_duplicates, withdrawn_matches
from soccer_assets.stores.matches.exchanged_sides import EXCHANGED_REMEDY, LOOK_BACK, exchanged_seasons
from soccer_assets.stores.matches.filled_matchdays import FILLED_REMEDY, filled_matchdays

_RECENTLY = dt.timedelta(days=30)
_ROWS_SHOWN = 20


@dg.asset_check(asset=["matches", "match"], name="meetings_are_told_once")
def meetings_are_told_once(
    database: dg.ResourceParam[Database], clock: dg.ResourceParam[Clock]
) -> dg.AssetCheckResult:
    """No pair of the last 400 days has more matches than its season allows, or one score twice in two weeks.

    Also lists the matches of the last 30 days and of those ahead that their feed no longer lists; `soccer
    matches doubtful` prints all.
    """
    now = clock.now()
    doubled = possible_duplicates(database, now - LOOK_BACK)
    gone = withdrawn_matches(database, now - _RECENTLY)
    records = [
        {
            "competition": found.competition,
            "season": found.season,
            "kickoff": f"{found.kickoff:%Y-%m-%d %H:%M}",
            "match": f"{found.home_team} {found.score} {found.away_team}",
            "status": found.status,
            "doubt": found.doubt,
        }
        for found in (*doubled, *gone)
    ]
    return dg.AssetCheckResult(
        passed=not doubled,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "possible_duplicates": len(doubled),
            "withdrawn": len(gone),
            **table("matches", records[:_ROWS_SHOWN]),
        },
    )


@dg.asset_check(asset=["matches", "match"])
def no_matchday_is_filled_in(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    """No matchday has one score in all of its results: five or more without a goal, or six or more alike.

    Such results are quarantined until another score comes or `soccer feeds trust` decides.
    """
    found = filled_matchdays(database)
    records: list[dict[str, str | int]] = [
        {
            "competition": day.competition,
            "day": f"{day.day}",
            "results": day.matches,
            "score": day.score,
            "to_use_them": day.command,
        }
        for day in found
    ]
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(map(str, found[:_ROWS_SHOWN])),
        metadata={
            "matchdays": len(found),
            "results": sum(day.matches for day in found),
            **remedy_metadata(FILLED_REMEDY if found else ""),
            **table("filled_in", records[:_ROWS_SHOWN]),
        },
    )


@dg.asset_check(asset=["matches", "match"])
def sides_at_home_win_more(
    database: dg.ResourceParam[Database], clock: dg.ResourceParam[Clock]
) -> dg.AssetCheckResult:
    """No season of the last 400 days has so many away wins that its home and away sides must be exchanged.

    Counted from 150 results on, without matches on neutral ground.
    """
    found = exchanged_seasons(database, clock.now())
    records: list[dict[str, str | int]] = [
        {
            "competition": season.competition,
            "season": season.season,
            "feed": season.source,
            "results": season.results,
            "home_wins": season.home_wins,
            "away_wins": season.away_wins,
        }
        for season in found
    ]
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(map(str, found[:_ROWS_SHOWN])),
        metadata={
            "seasons": len(found),
            **remedy_metadata(EXCHANGED_REMEDY if found else ""),
            **table("exchanged", records[:_ROWS_SHOWN]),
        },
    )
