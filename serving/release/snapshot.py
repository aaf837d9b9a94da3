"""A release opened for look-ups and pages.

Look-ups read bodies from memory if they fit, otherwise from the SQLite file; pages always query the file.
"""

import contextlib
import functools
import json
import sqlite3
import threading
import time
import weakref
from collections.abc import Sequence
from urllib.parse import quote

import msgspec
import structlog

from serving.release.reader import LocalRelease, ReleaseRefusedError
from serving.release.scoring_files import ScoringFiles
from soccer_assets.contract.release import (
    CHAMPION,
    DIRECTORY_FILE,
    MODEL_FILE,
    PREDICTIONS_FILE,
    Directory,
    Manifest,
    Prediction,
)
from soccer_assets.football.name_lookup import Names

_log = structlog.get_logger()

# Up to this file size, about 120,000 matches, each worker holds the bodies in memory: a look-up in a dict
# takes a tenth of the time of one in SQLite and does not wait for the GIL. Larger releases stay in the file.
# A row of 2.2 kB has a page of 4 kB for itself, so that the bodies are half of the file.
IN_MEMORY_BYTES = 512 * 1024 * 1024

# Bodies are open, without their closing brace, where more fields follow: cutting each of many look-ups would
# copy it once more.
_END = b"}"
_OPEN_BODY = "substr(body, 1, length(body) - 1)"


# By two indexes: a condition on either side would read every row.
def _of_teams(span: Sequence[str]) -> str:
    """The condition that a team plays; ``span`` are those on the kickoff, which its indexes hold too."""
    sides = (
        f"SELECT rowid FROM prediction WHERE {' AND '.join(('model = :model', *span))}"  # noqa: S608 - constants
        f" AND {side}_team_id IN (SELECT value FROM json_each(:team_ids))"
        for side in ("home", "away")
    )
    return f"rowid IN ({' UNION ALL '.join(sides)})"


def _conditions(span: Sequence[str], competition: str | None, team_ids: Sequence[str] | None) -> list[str]:
    """Those of the champion's rows: on the kickoff, on the competition, and that a team plays."""
    found = ["model = :model", *span]
    if competition is not None:
        found.append("competition = :competition")
    if team_ids is not None:
        found.append(_of_teams(span))
    return found


class PageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Filter and position of a page of the champion's predictions.

    Attributes:
        limit: maximum number of rows.
        after: kickoff and match id of the last row of the previous page.
        offset: rows to skip, for the predecessor's clients.
        kickoff_from: inclusive lower bound, ISO 8601 in UTC.
        kickoff_before: exclusive upper bound.
        upcoming_only: excludes matches played before the release.
        team_ids: of the home or away team.
    """

    limit: int
    after: tuple[str, str] | None = None
    offset: int = 0
    kickoff_from: str | None = None
    kickoff_before: str | None = None
    upcoming_only: bool = False
    competition: str | None = None
    team_ids: tuple[str, ...] | None = None


class Page(msgspec.Struct, frozen=True):
    """Match ids and stored bodies ordered by kickoff, and the position of the next page."""

    rows: list[tuple[str, bytes]]
    next_after: tuple[str, str] | None


class Snapshot:
    """One release: its manifest, look-ups and pages.

    Both connections stay open, because the file may be pruned while a slow request still reads. One serves
    look-ups (microseconds, on the event loop), one pages (milliseconds, in threads), so that a look-up never
    waits for a page.
    """

    def __init__(self, release: LocalRelease) -> None:
        """Open a release.

        Raises:
            ReleaseRefusedError: the predictions are not what the manifest and the contract say.
        """
        self.pointer = release.pointer
        self.manifest: Manifest = release.manifest
        self.model_file = release.files[MODEL_FILE]
        self.scoring_files = ScoringFiles.of(release.manifest, release.files)
        self.names = _read_names(release)
        self.opened_at = time.time()
        # Identifies every byte of the release, for ETags.
        self.tag = self.pointer.manifest_sha256[:16].encode()
        path = release.files[PREDICTIONS_FILE]
        uri = f"file:{quote(str(path))}?mode=ro&immutable=1"
        try:
            self._lookups = sqlite3.connect(uri, uri=True, check_same_thread=False)
            self._pages = sqlite3.connect(uri, uri=True, check_same_thread=False)
            self._closer = weakref.finalize(self, _close, self._lookups, self._pages)
            self._check()
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise ReleaseRefusedError(
                "malformed", f"{PREDICTIONS_FILE}: {error}; publish the release again"
            ) from error
        self._uri = uri
        self._fits_memory = path.stat().st_size <= IN_MEMORY_BYTES
        self._bodies: dict[str, bytes] | None = None
        self._lookups_lock = threading.Lock()
        self._pages_lock = threading.Lock()

    @property
    def release_id(self) -> str:
        """The id in every prediction."""
        return self.manifest.release_id

    def find(self, match_id: str, model: str) -> bytes | None:
        """The stored body of one match by one model; None if there is none."""
        found = self.find_open(match_id, model)
        return None if found is None else found + _END

    def find_open(self, match_id: str, model: str) -> bytes | None:
        """The same without its closing brace: the `VOLATILE_FIELDS` follow."""
        if self._bodies is not None and model == CHAMPION:
            return self._bodies.get(match_id)
        with self._lookups_lock:
            row = self._lookups.execute(
                f"SELECT {_OPEN_BODY} FROM prediction WHERE match_id = ? AND model = ?",  # noqa: S608 - constant
                (match_id, model),
            ).fetchone()
        if row is None:
            return None
        body: bytes = row[0]
        return body

    def find_in_memory(self, match_ids: Sequence[str]) -> list[bytes] | None:
        """The champion's open bodies of these matches; None if one is unknown or they are not in memory."""
        if self._bodies is None:
            return None
        try:
            return list(map(self._bodies.__getitem__, match_ids))
        except KeyError:
            return None

    def find_each(self, match_ids: Sequence[str], model: str) -> list[bytes | None]:
        """`find_open` of each of at most 1,000 matches."""
        bodies = self._bodies
        if bodies is None or model != CHAMPION:
            sql = (
                f"SELECT match_id, {_OPEN_BODY} FROM prediction"  # noqa: S608 - marks
                f" WHERE model = ? AND match_id IN ({_marks(match_ids)})"
            )
            with self._lookups_lock:
                bodies = dict(self._lookups.execute(sql, (model, *match_ids)))
        return [bodies.get(match_id) for match_id in match_ids]

    def find_match_ids(self, source_match_ids: Sequence[str]) -> dict[str, str]:
        """`find_match_id` of at most 1,000 matches: id in the source -> match, of those that have one."""
        sql = (
            "SELECT source_match_id, min(match_id) FROM prediction"  # noqa: S608 - marks
            f" WHERE model = ? AND source_match_id IN ({_marks(source_match_ids)})"
            " GROUP BY source_match_id HAVING count(*) = 1"
        )
        with self._lookups_lock:
            return dict(self._lookups.execute(sql, (CHAMPION, *source_match_ids)))

    def find_match_id(self, source_match_id: str) -> str | None:
        """The match with this id in its source; None if there is none or more than one."""
        with self._lookups_lock:
            found = self._lookups.execute(
                "SELECT match_id FROM prediction WHERE source_match_id = ? AND model = ? LIMIT 2",
                (source_match_id, CHAMPION),
            ).fetchall()
        return str(found[0][0]) if len(found) == 1 else None

    def page(self, query: PageQuery) -> Page:
        """A page of the champion's predictions, ordered by kickoff and match id."""
        span = []
        if query.kickoff_from is not None:
            span.append("kickoff >= :kickoff_from")
        if query.kickoff_before is not None:
            span.append("kickoff < :kickoff_before")
        conditions = _conditions(span, query.competition, query.team_ids)
        if query.upcoming_only:
            conditions.append("is_upcoming = 1")
        if query.after is not None:
            conditions.append("(kickoff, match_id) > (:after_kickoff, :after_match_id)")
        # Only the constants above are joined; all values are bound parameters. Bodies are read of the page
        # alone: to sort all matches of a team with theirs takes as long again.
        sql = f"SELECT rowid FROM prediction WHERE {' AND '.join(conditions)}"  # noqa: S608
        after_kickoff, after_match_id = query.after or ("", "")
        values = msgspec.structs.asdict(query) | {
            "model": CHAMPION,
            "after_kickoff": after_kickoff,
            "after_match_id": after_match_id,
            "rows": query.limit + 1,
            "team_ids": json.dumps(query.team_ids),
        }
        del values["after"]
        with self._pages_lock:
            found = self._pages.execute(
                f"SELECT match_id, body, kickoff FROM prediction WHERE rowid IN ({sql}"  # noqa: S608
                " ORDER BY kickoff, match_id LIMIT :rows OFFSET :offset) ORDER BY kickoff, match_id",
                values,
            ).fetchall()
        rows = [(match_id, body) for match_id, body, _ in found[: query.limit]]
        last = found[query.limit - 1] if len(found) > query.limit else None
        return Page(rows, None if last is None else (last[2], last[0]))

    def kickoffs(
        self, first: str, end: str, competition: str | None, team_ids: tuple[str, ...] | None
    ) -> list[tuple[str, str, str]]:
        """Match id, kickoff and competition of the champion's rows of a span, without their bodies."""
        conditions = _conditions(("kickoff >= :first", "kickoff < :end"), competition, team_ids)
        values = {
            "model": CHAMPION,
            "first": first,
            "end": end,
            "competition": competition,
            "team_ids": json.dumps(team_ids),
        }
        sql = f"SELECT match_id, kickoff, competition FROM prediction WHERE {' AND '.join(conditions)}"  # noqa: S608 - constants
        with self._pages_lock:
            return self._pages.execute(f"{sql} ORDER BY kickoff, match_id", values).fetchall()

    def latest_before(
        self, kickoff: str, limit: int, competition: str | None, team_ids: tuple[str, ...] | None
    ) -> list[bytes]:
        """Stored bodies of the last matches before an instant, the latest first; see `PageQuery`."""
        conditions = _conditions(("kickoff < :kickoff",), competition, team_ids)
        values = {
            "model": CHAMPION,
            "kickoff": kickoff,
            "competition": competition,
            "team_ids": json.dumps(team_ids),
            "rows": limit,
        }
        sql = f"SELECT rowid FROM prediction WHERE {' AND '.join(conditions)}"  # noqa: S608 - constants
        order = "ORDER BY kickoff DESC, match_id DESC"
        with self._pages_lock:
            rows = self._pages.execute(
                f"SELECT body FROM prediction WHERE rowid IN ({sql} {order} LIMIT :rows) {order}",  # noqa: S608
                values,
            )
            return [row[0] for row in rows]

    @functools.cached_property
    def competitions(self) -> tuple[str, ...]:
        """Codes of the competitions of the champion's rows, one look into the index for each."""
        sql = (
            "WITH RECURSIVE found (code) AS ("
            "SELECT min(competition) FROM prediction WHERE model = :model UNION ALL "
            "SELECT (SELECT min(competition) FROM prediction WHERE model = :model AND competition > code)"
            " FROM found WHERE code IS NOT NULL) SELECT code FROM found WHERE code IS NOT NULL"
        )
        with self._pages_lock:
            return tuple(row[0] for row in self._pages.execute(sql, {"model": CHAMPION}))

    def has_competition(self, code: str) -> bool:
        """Whether a row is of this competition."""
        sql = "SELECT 1 FROM prediction WHERE competition = ? LIMIT 1"
        with self._pages_lock:
            return self._pages.execute(sql, (code,)).fetchone() is not None

    def team_ids(self, text: str, folded: str) -> tuple[str, ...]:
        """The teams of the rows that have this id, or this folded name."""
        sql = " UNION ".join(
            f"SELECT {side}_team_id FROM prediction"  # noqa: S608 - constants
            f" WHERE {side}_team_id = :text OR {side}_team_folded = :folded"
            for side in ("home", "away")
        )
        with self._pages_lock:
            return tuple(row[0] for row in self._pages.execute(sql, {"text": text, "folded": folded}))

    def close(self) -> None:
        """Close the connections now, instead of after the last request."""
        self._bodies = None
        self._closer()

    def load_bodies(self) -> None:
        """Load the champion's bodies into memory if they fit; until then look-ups read the file."""
        if not self._fits_memory:
            return
        with contextlib.closing(sqlite3.connect(self._uri, uri=True)) as connection:
            self._bodies = dict(
                connection.execute(
                    f"SELECT match_id, {_OPEN_BODY} FROM prediction WHERE model = ?",  # noqa: S608 - constant
                    (CHAMPION,),
                )
            )

    def _check(self) -> None:
        # The hashes matched; this detects a publisher that wrote another schema or too few rows.
        (rows,) = self._lookups.execute("SELECT count(*) FROM prediction").fetchone()
        if rows != self.manifest.prediction_rows:
            message = (
                f"{PREDICTIONS_FILE} holds {rows} rows, the manifest says {self.manifest.prediction_rows}"
            )
            raise ReleaseRefusedError("half", f"{message}; publish the release again")
        first = self._lookups.execute(
            "SELECT body, kickoff, competition, home_team_id, away_team_id, home_team_folded,"
            " away_team_folded, is_upcoming FROM prediction LIMIT 1"
        ).fetchone()
        if first is not None:
            msgspec.json.decode(first[0], type=Prediction)


def _read_names(release: LocalRelease) -> Names | None:
    """The names of teams and competitions; None for a release without a directory of them."""
    file = release.files.get(DIRECTORY_FILE)
    if file is None:
        return None
    try:
        return Names(msgspec.json.decode(file.read_bytes(), type=Directory))
    except (OSError, ValueError) as error:
        _log.warning(
            "names of the release cannot be read", release_id=release.pointer.release_id, error=str(error)
        )
        return None


def _marks(values: Sequence[str]) -> str:
    """A question mark for each value, to bind it."""
    return ",".join("?" * len(values))


def _close(*connections: sqlite3.Connection) -> None:
    for connection in connections:
        connection.close()
