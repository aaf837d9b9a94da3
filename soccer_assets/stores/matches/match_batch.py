"""Rows of `match` that are about to be written: a list a column, not a dictionary of 49 values a match.

Passes that look at all rows take whole columns; what concerns few matches is read and changed by match id.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from soccer_assets.football.matches import SETTLED_STATUSES


class MatchBatch:
    """Rows of `match` that are about to be written.

    Attributes:
        columns: lists by name, all of one length; what a column that is not among them holds is empty.
        places: the place of each match in the lists, by its id.
        beside: whole rows by match id: stored matches with another mark because of these.
    """

    def __init__(self, columns: dict[str, list[Any]]) -> None:
        """Of these columns; `match_id`, `kickoff` and `quarantine` are among them."""
        self.columns = columns
        self.places = {match_id: place for place, match_id in enumerate(columns["match_id"])}
        self.beside: dict[str, dict[str, Any]] = {}
        # UTC days of kickoff, and the places of the matches that have a result.
        self.days: list[dt.date] = [kickoff.date() for kickoff in columns["kickoff"]]
        self.settled = [place for place, status in enumerate(columns["status"]) if status in SETTLED_STATUSES]

    def __len__(self) -> int:
        """How many rows the columns have."""
        return len(self.places)

    def __contains__(self, match_id: object) -> bool:
        """Whether the match is among the rows."""
        return match_id in self.places or match_id in self.beside

    def cells(self, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """The cells of each row in the order of the names."""
        empty = [None] * len(self)
        return zip(*(self.columns.get(name, empty) for name in names), strict=True)

    def row(self, match_id: str, names: Sequence[str]) -> dict[str, Any]:
        """The cells of one match, by name."""
        if match_id in self.beside:
            return {name: self.beside[match_id][name] for name in names}
        place = self.places[match_id]
        return {name: column[place] if (column := self.columns.get(name)) else None for name in names}

    def rows(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The cells of every match, by name; those beside them last."""
        for cells in self.cells(names):
            yield dict(zip(names, cells, strict=True))
        for row in self.beside.values():
            yield {name: row[name] for name in names}

    def results(self, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """UTC day of kickoff and the cells of each match that has a result; those beside the rows last."""
        columns = (self.columns[name] for name in names)
        chosen = ([column[place] for place in self.settled] for column in (self.days, *columns))
        yield from zip(*chosen, strict=True)
        for row in self.beside.values():
            if row["status"] in SETTLED_STATUSES:
                yield (row["kickoff"].date(), *(row[name] for name in names))

    def has_value(self, name: str) -> bool:
        """Whether a column has a value in any row."""
        return any(value is not None for value in self.columns.get(name, ())) or any(
            row[name] is not None for row in self.beside.values()
        )

    def put(self, match_id: str, cells: Mapping[str, Any]) -> None:
        """Change cells of one match, of columns that are there."""
        if match_id in self.beside:
            self.beside[match_id].update(cells)
            return
        place = self.places[match_id]
        for name, value in cells.items():
            self.columns[name][place] = value

    def mark(self, match_id: str, mark: str) -> None:
        """Set ``quarantine`` of a match; one that is not among the rows or has a mark stays as it is."""
        if match_id in self and self.row(match_id, ("quarantine",))["quarantine"] is None:
            self.put(match_id, {"quarantine": mark})

    def differing(self, known: Mapping[str, sa.Row[Any]], names: Collection[str]) -> list[str]:
        """Ids of the matches that are stored with another value in one of the columns."""
        stored = [(place, known[match_id]) for match_id, place in self.places.items() if match_id in known]
        changed: set[int] = set()
        for name in names:
            read, column = attrgetter(name), self.columns.get(name)
            changed.update(
                place for place, row in stored if (None if column is None else column[place]) != read(row)
            )
        ids = self.columns["match_id"]
        found = [ids[place] for place, _ in stored if place in changed]
        return found + [
            match_id
            for match_id, row in self.beside.items()
            if any(row[name] != getattr(known[match_id], name) for name in names)
        ]

    def new(self, known: Collection[str]) -> dict[str, list[Any]]:
        """The columns of the matches that are not stored."""
        if not known:
            return dict(self.columns)
        places = [place for match_id, place in self.places.items() if match_id not in known]
        return {name: [column[place] for place in places] for name, column in self.columns.items()}
