"""What the checks of every livescores asset find in its newest look: rows, files, months.

`livescores/history` evaluates them in its own step, because a step that fails has no check behind it; the
other assets have check steps (``checks.py``).
"""

import datetime as dt
from collections.abc import Mapping, Sequence

import dagster as dg
import msgspec
import sqlalchemy as sa

from soccer_assets.alerting.detection import BROKEN_SINCE
from soccer_assets.alerting.failed_step import REMEDY
from soccer_assets.clock import isoformat
from soccer_assets.graph.pages.values import table
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.due import DueMatches, MissingResults
from soccer_assets.stores.matches.unreadable_files import files_passed_over
from soccer_assets.tables import UtcDateTime, ingest, rejected_row

BATCH, FILES, MONTHS = "batch_is_sound", "files_are_readable", "months_are_complete"
BATCH_DESCRIPTION = (
    "At most 5 % of the rows of the newest batch are rejected, and 1 % are duplicates: a match reported "
    "twice, or a second result of a team on one day. A batch of fewer than 50 rows, or with fewer than 3 "
    "bad ones, warns and blocks nothing."
)
FILES_DESCRIPTION = "No file of the feed was passed over or ended early at the last look: which, what to do."
MONTHS_DESCRIPTION = (
    "Every match of these months has a result 36 hours plus the feed's lag after its kickoff. A run of this "
    "asset alone fails the months without."
)
# Shares of a batch above which the feed is faulty. History only warns: old archives hold months with 9 %
# duplicates.
MOST_REJECTED = 0.05
MOST_DOUBLES = 0.01
# A smaller batch only warns: a week of one league has some ten matches, and three bad rows of them are no
# change of the provider's format, while a blocked run leaves every prediction stale.
LEAST_ROWS_TO_BLOCK = 50
# One or two bad rows are somebody's typing error, whatever their share.
LEAST_BAD_ROWS_TO_BLOCK = 3
REASONS_SHOWN = 20


def batch_result(database: Database, name: str, *, blocking: bool) -> dg.AssetCheckResult:
    """Shares of rejected and duplicate rows in the newest batch of a livescores asset."""
    with database.reading() as connection:
        newest = _newest_look(name)
        sums = [sa.func.sum(ingest.c[column]).label(column) for column in ("seen", "rejected", "doubles")]
        # One row a feed of the same ingestion.
        batch = connection.execute(
            sa.select(*sums, sa.func.max(ingest.c.checked_at, type_=UtcDateTime()).label("checked_at")).where(
                ingest.c.asset == f"livescores/{name}", ingest.c.checked_at == newest
            )
        ).one()
        reasons = connection.execute(
            sa.select(rejected_row.c.reason, sa.func.count())
            .where(rejected_row.c.last_seen_at == batch.checked_at)
            .group_by(rejected_row.c.reason)
            .order_by(sa.func.count().desc())
            .limit(REASONS_SHOWN)
        )
        by_reason: dict[str, int] = {row[0]: row[1] for row in reasons}
    faults = [
        bad
        for bad, most in ((batch.rejected, MOST_REJECTED), (batch.doubles, MOST_DOUBLES))
        if bad / max(batch.seen, 1) > most
    ]
    blocks = blocking and batch.seen >= LEAST_ROWS_TO_BLOCK
    blocks = blocks and max(faults, default=0) >= LEAST_BAD_ROWS_TO_BLOCK
    return dg.AssetCheckResult(
        check_name=BATCH,
        passed=not faults,
        severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
        description=_what_is_bad(batch.rejected, batch.doubles, batch.seen, by_reason) if faults else None,
        metadata={
            "rows": int(batch.seen),
            "rejected": int(batch.rejected),
            "duplicates": int(batch.doubles),
            "rejected_by_reason": dg.MetadataValue.json(by_reason),
        },
    )


def _what_is_bad(rejected: int, doubles: int, seen: int, by_reason: Mapping[str, int]) -> str:
    """How much of a batch is bad, and the most frequent reason."""
    text = f"{rejected} of {seen} rows are rejected and {doubles} are duplicates"
    reason, rows = next(iter(by_reason.items()), ("", 0))
    return f"{text}; of {rows} the reason is: {reason}" if reason else text


def files_result(database: Database, name: str) -> dg.AssetCheckResult:
    """The files that the newest look of a livescores asset passed over."""
    with database.reading() as connection:
        found = files_passed_over(connection, f"livescores/{name}")
    files = [
        msgspec.structs.asdict(file) | {"missing_since": isoformat(file.missing_since)} for file in found
    ]
    competitions = sorted({file["competition"] for file in files if file["competition"]})
    return dg.AssetCheckResult(
        check_name=FILES,
        passed=not files,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(file["reason"] for file in files[:REASONS_SHOWN]),
        metadata={
            "files_passed_over": len(files),
            "competitions": ", ".join(competitions),
            "files": dg.MetadataValue.json(files[:REASONS_SHOWN]),
            **remedy_metadata("mend the files at their source; the next run reads them" if files else ""),
        },
    )


def months_result(missing: MissingResults) -> dg.AssetCheckResult:
    """The months of a run over past months that lack results, by name."""
    return dg.AssetCheckResult(
        check_name=MONTHS,
        passed=not missing.due,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{', '.join(missing.months)}: {missing.text}" if missing.due else None,
        metadata={
            "matches_without_result": missing.matches,
            **remedy_metadata(missing.remedy),
            **due_table(missing.due),
        },
    )


def remedy_metadata(remedy: str) -> dict[str, str]:
    """What to do about a failed check, as alerts read it; none where nothing is wrong."""
    return {REMEDY: remedy} if remedy else {}


def broken_since(instant: dt.datetime | None) -> dict[str, dg.TimestampMetadataValue]:
    """Since when the promise of a failed check is broken, as alerts read it; none where it is not known."""
    return {} if instant is None else {BROKEN_SINCE: dg.MetadataValue.timestamp(instant)}


def due_table(due: Sequence[DueMatches]) -> dict[str, dg.TableMetadataValue]:
    """The missing results by competition."""
    return table(
        "missing_results",
        [
            {
                "competition": found.competition,
                "matches": found.matches,
                "since": f"{found.since:%Y-%m-%d %H:%M}",
                "months": ", ".join(found.months),
            }
            for found in due
        ],
    )


def _newest_look(name: str) -> sa.ScalarSelect[dt.datetime]:
    """When a livescores asset last looked at its feeds."""
    looks = sa.select(sa.func.max(ingest.c.checked_at)).where(ingest.c.asset == f"livescores/{name}")
    return looks.scalar_subquery()
