"""Matches: the normalised table, one row a match, and the closing prices for evaluation."""

from collections.abc import Iterator

import dagster as dg
import sqlalchemy as sa

from soccer_assets.clock import Clock
from soccer_assets.feeds.feed_set import owners_of
from soccer_assets.feeds.protocol import Feed
from soccer_assets.graph.automation_conditions import FOLLOW_UPSTREAM
from soccer_assets.graph.pages.columns import column_schema
from soccer_assets.graph.pages.lineage import table_metadata
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.feed_agreement import compare_feeds
from soccer_assets.stores.matches.filled_matchdays import filled_matchdays
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.quarantine import count_disputed, count_same_day, count_without_score
from soccer_assets.stores.matches.team_aliases import learn_team_aliases
from soccer_assets.tables import match, odds

LIVESCORES = [dg.AssetKey(["livescores", name]) for name in ("recent", "upcoming", "history", "window")]


@dg.multi_asset(
    name="matches",
    group_name="matches",
    specs=[
        dg.AssetSpec(
            ["matches", "match"],
            deps=LIVESCORES,
            description="One row a match, played or upcoming: teams identified, kickoff in UTC, score after "
            "90 minutes, status. A corrected score changes one row and keeps its history; a postponed match "
            "keeps its row and gets a new kickoff.",
            kinds={"python", "table"},
            owners=["team:data"],
            automation_condition=FOLLOW_UPSTREAM,
            metadata=table_metadata("matches/match", column_schema(match)),
        ),
        dg.AssetSpec(
            ["matches", "odds"],
            deps=LIVESCORES,
            description="Prices of bookmakers, where the feed has them. Closing averages are the scorecard's "
            "market; ratings read a price once its match is over; the API serves none.",
            kinds={"python", "table"},
            owners=["team:data"],
            automation_condition=FOLLOW_UPSTREAM,
            metadata=table_metadata("matches/odds", column_schema(odds)),
        ),
    ],
)
def matches(
    database: dg.ResourceParam[Database],
    feed: dg.ResourceParam[Feed],
    clock: dg.ResourceParam[Clock],
) -> Iterator[dg.MaterializeResult]:
    """Everything that changed in `match_raw` since the last run, normalised."""
    competitions, owners, now = feed.competitions(), owners_of(feed), clock.now()
    counts, aliases = update_matches(database, competitions, now, owners), 0
    if owners:  # also after a run that was killed in between: each step knows what it has read
        aliases = learn_team_aliases(database, competitions, owners, now)
        compare_feeds(database, competitions, owners, now)
        counts += update_matches(database, competitions, now, owners)
    with database.reading() as connection:
        rows = connection.execute(sa.select(sa.func.count()).select_from(match)).scalar_one()
        in_quarantine = sum(count_same_day(connection).values()) + count_disputed(connection)
        without_score = count_without_score(connection)
        priced = connection.execute(sa.select(sa.func.count()).select_from(odds)).scalar_one()
    yield dg.MaterializeResult(
        asset_key=["matches", "match"],
        metadata={
            "dagster/row_count": rows,
            "rows_read": counts.read,
            "added": counts.added,
            "changed": counts.changed,
            "rejected": counts.rejected,
            "owned_by_another_feed": counts.owned_by_another_feed,
            "teams_added": counts.teams_added,
            "aliases_learnt": aliases,
            "in_quarantine": in_quarantine + sum(day.matches for day in filled_matchdays(database)),
            "without_90_minute_score": dg.MetadataValue.json(without_score),
        },
    )
    yield dg.MaterializeResult(
        asset_key=["matches", "odds"],
        metadata={"dagster/row_count": priced, "prices_written": counts.odds_written},
    )
