"""The ledger of season projections: written once at fixed shares of a season, scored when it is over.

One object an entry, created where there is none and never rewritten; one of scores a season, made anew where
the final table is corrected. A second run changes nothing. Objects of the store are in every backup.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec
import numpy as np

from soccer_assets.clock import isoformat
from soccer_assets.contract.season_projection import ProjectionPart, SeasonProjection
from soccer_assets.resources.object_store import ConflictError, ObjectStore
from soccer_assets.stores.stored_json import decoded_or_none

FOLDER = "projections/ledger"
# Shares of the season's matches from which on an entry is made, and how much later it may still be.
CUTS = (0.0, 0.25, 0.5, 0.75)
_LATEST = 0.15
_SCORES = "scores.json"


class CutScore(msgspec.Struct, frozen=True, kw_only=True):
    """Scores of an entry.

    Attributes:
        cut: share of the season from which on it was made.
        as_of: of the projection.
        rps: sum over places / (n - 1), mean over teams.
        briers: mean over teams by band; none of a band that a play-off can lead to, which no table tells.
    """

    cut: float
    as_of: str
    rps: float
    briers: dict[str, float]


class SeasonScores(msgspec.Struct, frozen=True, kw_only=True):
    """A season that is over: the final places by team id, from 1, and the score of each entry."""

    competition: str
    season: str
    settled_at: str
    places: dict[str, int]
    cuts: tuple[CutScore, ...]


class LedgerUpdate(NamedTuple):
    """How many entries and scores an update wrote."""

    recorded: int
    settled: int


def update_season_ledger(
    store: ObjectStore, parts: Mapping[str, ProjectionPart], now: dt.datetime
) -> LedgerUpdate:
    """Record the projections whose season has come to a cut, and score those whose season is over."""
    recorded = settled = 0
    for part in parts.values():
        one = part.projection
        if not one.teams:
            continue
        if one.matches_left:
            recorded += _record(store, one)
        else:
            settled += _settle(store, one, now)
    return LedgerUpdate(recorded, settled)


def settled_seasons(store: ObjectStore) -> list[SeasonScores]:
    """The scores of every season that is over, by competition and season; a damaged object counts as none."""
    keys = sorted(key for key in store.list(FOLDER) if key.endswith(f"/{_SCORES}"))
    found = (decoded_or_none(store.read(key), SeasonScores) for key in keys)
    return [one for one in found if one is not None]


def mean_scores(seasons: Iterable[SeasonScores]) -> dict[float, tuple[int, float]]:
    """Number of seasons and their mean RPS, by cut."""
    by_cut: dict[float, list[float]] = {}
    for season in seasons:
        for score in season.cuts:
            by_cut.setdefault(score.cut, []).append(score.rps)
    return {cut: (len(scores), float(np.mean(scores))) for cut, scores in sorted(by_cut.items())}


def score(entry: SeasonProjection, places: Mapping[str, int]) -> CutScore:
    """RPS and Brier scores of an entry, given the final places by team id, from 1.

    Raises:
        KeyError: a team of the entry has no final place.
    """
    came = np.array([places[line.team.id] for line in entry.teams])
    forecast = np.array([line.places for line in entry.teams]).cumsum(axis=1)[:, :-1]
    steps = np.arange(1, len(came))
    rps = ((forecast - (came[:, None] <= steps)) ** 2).sum(axis=1) / len(steps)
    briers = {}
    for band in entry.bands:
        if band.play_off:
            continue
        said = np.array([line.bands[band.name] for line in entry.teams])
        briers[band.name] = float(((said - ((band.first <= came) & (came <= band.last))) ** 2).mean())
    return CutScore(cut=_cut(entry), as_of=entry.as_of, rps=float(rps.mean()), briers=briers)


def _played_share(one: SeasonProjection) -> float:
    played = sum(line.played for line in one.teams) / 2
    return played / (played + one.matches_left)


def _cut(one: SeasonProjection) -> float:
    return max(cut for cut in CUTS if cut <= _played_share(one))


def _folder(one: SeasonProjection) -> str:
    return f"{FOLDER}/{one.competition}/{one.season.replace('/', '-')}"


def _record(store: ObjectStore, one: SeasonProjection) -> bool:
    cut = _cut(one)
    key = f"{_folder(one)}/{cut:.2f}.json"
    if _played_share(one) > cut + _LATEST or store.exists(key):
        return False
    try:
        store.swap(key, msgspec.json.encode(one), None)
    except ConflictError:  # another run was faster
        return False
    return True


def _settle(store: ObjectStore, one: SeasonProjection, now: dt.datetime) -> bool:
    """Score a season's entries; whether its scores are new."""
    found = (decoded_or_none(store.read(f"{_folder(one)}/{cut:.2f}.json"), SeasonProjection) for cut in CUTS)
    places = _final_places(one)
    entries = [entry for entry in found if entry and {line.team.id for line in entry.teams} == set(places)]
    key = f"{_folder(one)}/{_SCORES}"
    before = decoded_or_none(store.read(key), SeasonScores)
    if not entries or (before is not None and before.places == places and len(before.cuts) == len(entries)):
        return False
    scores = SeasonScores(
        competition=one.competition,
        season=one.season,
        settled_at=isoformat(now),
        places=places,
        cuts=tuple(score(entry, places) for entry in entries),
    )
    store.write(key, msgspec.json.encode(scores))
    return True


def _final_places(one: SeasonProjection) -> dict[str, int]:
    """By team id, from 1: certain but for clubs that no rule separates, which stand in the order of ids."""
    mean = {line.team.id: float(np.dot(line.places, np.arange(len(line.places)))) for line in one.teams}
    ordered = sorted(mean, key=lambda team: (mean[team], team))
    return {team: place for place, team in enumerate(ordered, 1)}
