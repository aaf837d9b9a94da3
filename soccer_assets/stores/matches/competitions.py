"""The competitions in the database, and which raw rows are normalised again when the catalogue changes.

Raw rows of an unknown competition, or of one that another feed provides, stay in `match_raw` without a match.
When ``competitions.toml`` gains a competition, or the feeds of a home change, these rows are normalised
again. When a competition's country, tier, sex, age group or squad changes, all its rows are. Rows of women's,
youth and reserve sides, which are few, are after any change: the rules of their names may have changed.
"""

import hashlib
from collections.abc import Collection, Mapping

import msgspec
import sqlalchemy as sa

from soccer_assets.football.competitions import Competition
from soccer_assets.resources.bulk_rows import in_list, upsert
from soccer_assets.resources.watermarks import read_watermark, set_watermark
from soccer_assets.stores.matches.unread import mark_unread_where
from soccer_assets.tables import competition, match_raw, match_source_id

_CATALOGUE = "catalogue of the last pass"  # a stored watermark's name
# To be raised when `name_in_pool` changes.
_RULES_OF_NAMES = 2
_PLACE = ("country", "tier", "sex", "age_group", "squad")


def store_competitions(
    connection: sa.Connection, codes: Collection[str], competitions: Mapping[str, Competition]
) -> None:
    """Write the catalogue's current fields of these competitions."""
    names = [column.name for column in competition.columns if column.name != "competition"]
    rows = [
        {"competition": code} | {name: getattr(competitions[code], name) for name in names}
        for code in sorted(codes)
    ]
    upsert(connection, competition, rows)


def mark_rows_of_changed_competitions(
    connection: sa.Connection,
    competitions: Mapping[str, Competition],
    owners: Mapping[str, str] | None,
    read_so_far: int,
) -> int:
    """Mark as unread the raw rows whose match depends on something that changed in the catalogue.

    Args:
        connection: a transaction that writes.
        competitions: the whole catalogue, by code.
        owners: by competition, the feed whose rows count; None where a home has one feed.
        read_so_far: the last change number that was normalised.

    Returns:
        How many raw rows were marked.
    """
    places = {code: [getattr(entry, name) for name in _PLACE] for code, entry in competitions.items()}
    content = msgspec.json.encode([places, owners, _RULES_OF_NAMES], order="sorted")
    digest = int.from_bytes(hashlib.blake2b(content, digest_size=7).digest())
    if digest == read_watermark(connection, _CATALOGUE):
        return 0
    set_watermark(connection, _CATALOGUE, digest)
    if not read_so_far:
        return 0
    stored = {row.competition: row for row in connection.execute(sa.select(competition))}
    moved = {
        code
        for code, row in stored.items()
        if code in places
        and (
            [getattr(row, name) for name in _PLACE] != places[code]
            or (row.sex, row.age_group) != ("men", "senior")
            or row.squad == "reserve"
        )
    }
    store_competitions(connection, moved, competitions)
    is_placed = sa.exists().where(
        match_source_id.c.source == match_raw.c.source,
        match_source_id.c.source_match_id == match_raw.c.source_match_id,
    )
    concerned = sa.or_(
        in_list(connection, match_raw.c.competition, sorted(moved)),
        sa.and_(in_list(connection, match_raw.c.competition, sorted(places)), ~is_placed),
    )
    return mark_unread_where(connection, sa.and_(match_raw.c.change_no <= read_so_far, concerned))
