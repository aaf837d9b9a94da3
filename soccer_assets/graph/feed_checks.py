"""Checks of a home with several feeds: whether they report the same scores and the same kickoffs."""

import dagster as dg

from soccer_assets.graph.pages.values import table
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.feed_agreement import (
    agreements,
    described,
    offset_described,
    undecided,
    undecided_offsets,
)

_MONTHS_SHOWN = 200
_MATCHES_SHOWN = 100
_NAMED = 10


@dg.asset_check(asset=["matches", "match"])
def feeds_agree(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    """No two feeds contradict each other in a competition and month about which nobody has decided.

    Below 95 % equal scores the results of neither feed are used until `soccer feeds trust` decides. The
    tables show every competition and month, the lowest agreement first, and the matches with other scores.
    """
    found, open_months = agreements(database), undecided(database)
    compared = sum(agreement.found.compared for agreement in found)
    contradicted = sum(len(agreement.found.contradictions) for agreement in found)
    lowest = sorted(found, key=lambda agreement: (agreement.found.share, agreement.found.month))
    newest = sorted(found, key=lambda agreement: agreement.found.month, reverse=True)
    months: list[dict[str, str | int]] = [
        {
            "competition": agreement.competition,
            "month": agreement.found.month,
            "feeds": f"{agreement.first}, {agreement.second}",
            "results_in_both": agreement.found.compared,
            "same_score": agreement.found.compared - len(agreement.found.contradictions),
            "agreement": f"{agreement.found.share:.1%}",
            "is_disputed": "yes" if agreement.found.is_disputed else "no",
        }
        for agreement in lowest
        if agreement.found.compared
    ]
    matches: list[dict[str, str | int]] = [
        {
            "competition": agreement.competition,
            "day": f"{match.day}",
            "home": match.home,
            "away": match.away,
            agreement.first: match.scores[0],
            agreement.second: match.scores[1],
        }
        for agreement in newest
        for match in agreement.found.contradictions
    ]
    return dg.AssetCheckResult(
        passed=not open_months,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(map(described, open_months[:_NAMED]))
        + ("; `soccer feeds trust` decides which feed is right" if open_months else ""),
        metadata={
            "results_compared": compared,
            "different_scores": contradicted,
            "undecided_months": len(open_months),
            **table("months", months[:_MONTHS_SHOWN]),
            **table("different_matches", _same_columns(matches[:_MATCHES_SHOWN])),
        },
    )


@dg.asset_check(asset=["matches", "match"])
def feed_clocks_agree(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    """The kickoffs of no two feeds differ by the same whole or half hours throughout a month.

    A file with a wrong time zone is found so. `soccer feeds trust` decides which feed is right.
    """
    found = undecided_offsets(database)
    records: list[dict[str, str | int]] = [
        {
            "competition": offset.competition,
            "first_feed": offset.first,
            "second_feed": offset.second,
            "second_minus_first_minutes": offset.found.minutes,
            "matches": offset.found.matches,
            "of": offset.found.timed,
            "months": ", ".join(offset.found.months),
        }
        for offset in found
    ]
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(map(offset_described, found[:_NAMED])),
        metadata={"systematic_offsets": len(found), **table("offsets", records[:_MONTHS_SHOWN])},
    )


def _same_columns(records: list[dict[str, str | int]]) -> list[dict[str, str | int]]:
    """The records with every column: competitions are of different feeds."""
    columns = list(dict.fromkeys(name for record in records for name in record))
    return [{name: record.get(name, "") for name in columns} for record in records]
