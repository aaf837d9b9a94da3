"""Audits the ledger: recomputes its hash chain and compares it with every kept release and the parquet copy.

A chain that was rewritten with every hash recomputed is consistent in itself; a head published in an earlier
release, or the copy, reveals it.
"""

import msgspec
import sqlalchemy as sa

from soccer_assets.modelling.ledger_rules import SCORED
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parquet_parts import DamagedPartError
from soccer_assets.stores.installation import read_installation
from soccer_assets.stores.ledger.chain import EMPTY, Head, walk
from soccer_assets.stores.ledger.parquet_copy import FOLDER, LedgerCopy, head_of_copy, read_copy
from soccer_assets.stores.ledger.scores import newest_scores
from soccer_assets.stores.release_manifests import kept_manifests
from soccer_assets.tables import match, match_merge


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an audit.

    Attributes:
        entries: entries read.
        first_broken: sequence of the first entry whose hash does not match its content; None where all match.
        releases: releases whose manifest names a head.
        contradicted_by: releases that name a head which the ledger lacks.
        copied: entries of the copy in parquet.
        copy_fault: why the copy and the ledger disagree; None where they agree.
    """

    entries: int
    first_broken: int | None
    releases: int
    contradicted_by: tuple[str, ...]
    copied: int = 0
    copy_fault: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing was rewritten."""
        return self.first_broken is None and not self.contradicted_by and self.copy_fault is None


class VoidMatch(msgspec.Struct, frozen=True, kw_only=True):
    """A predicted match that is not scored, and why."""

    match_id: str
    competition: str
    kickoff: str
    reason: str


def audit(database: Database, store: ObjectStore) -> Audit:
    """Recompute every hash, and look up the head of every release and of the copy among them.

    Releases that a person declared lost to this database (`soccer release accept`) are left out.
    """
    heads = _published_heads(store)
    copy = read_copy(store)
    missing = dict(heads)
    head, broken = EMPTY, None
    copied = None if copy is None else Head(copy.entries.rows, copy.head)
    is_copied = copy is None or copy.head == EMPTY.hash
    with database.reading() as connection:
        for link in walk(connection):
            head = link.head
            if broken is None and not link.is_sound:
                broken = link.stored
            missing.pop(head.hash, None)
            is_copied = is_copied or head == copied
    fault = None if is_copied else "the ledger lacks entries that its copy holds"
    return Audit(
        entries=head.sequence,
        first_broken=broken,
        releases=sum(len(releases) for releases in heads.values()),
        contradicted_by=tuple(sorted(release for releases in missing.values() for release in releases)),
        copied=copy.entries.rows if copy else 0,
        copy_fault=(copy and _fault_of(store, copy)) or fault,
    )


def _fault_of(store: ObjectStore, copy: LedgerCopy) -> str | None:
    """Why the copy does not agree with its own head; None where it does."""
    try:
        is_whole = head_of_copy(store, copy) == copy.head
    except DamagedPartError:
        is_whole = False
    return None if is_whole else f"the copy of the ledger is damaged; restore {FOLDER} in the object store"


def void_matches(database: Database) -> list[VoidMatch]:
    """Every predicted match that the rules do not score, newest first, with ids that were merged."""
    newest = newest_scores().subquery()
    shown = sa.func.coalesce(match_merge.c.keep, newest.c.match_id)
    query = (
        sa.select(newest.c.match_id, match.c.competition, match.c.kickoff, newest.c.verdict)
        .select_from(newest)
        .join(match_merge, match_merge.c.gone == newest.c.match_id, isouter=True)
        .join(match, match.c.match_id == shown)
        .where(newest.c.verdict != SCORED)
        .order_by(match.c.kickoff.desc(), newest.c.match_id)
    )
    with database.reading() as connection:
        return [
            VoidMatch(
                match_id=row.match_id,
                competition=row.competition,
                kickoff=f"{row.kickoff:%Y-%m-%d %H:%M}",
                reason=row.verdict,
            )
            for row in connection.execute(query)
        ]


def _published_heads(store: ObjectStore) -> dict[str, list[str]]:
    heads: dict[str, list[str]] = {}
    owner = read_installation(store)
    accepted = owner.accepted if owner else ()
    for manifest in kept_manifests(store):
        if manifest.ledger_head is not None and manifest.release_id not in accepted:
            heads.setdefault(manifest.ledger_head, []).append(manifest.release_id)
    return heads
