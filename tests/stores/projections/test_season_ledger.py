"""The ledger of season projections: entries at fixed shares, scored once the season is over."""

import datetime as dt

import msgspec
import numpy as np
import pytest

from soccer_assets.contract.release import Team
from soccer_assets.contract.season_projection import (
    BandEntry,
    ProjectionPart,
    SeasonProjection,
    TeamProjection,
)
from soccer_assets.operations.backup.objects import read_changing
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.projections.season_ledger import (
    mean_scores,
    score,
    settled_seasons,
    update_season_ledger,
)

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
_HALF = ((0.5, 0.5, 0.0), (0.5, 0.5, 0.0), (0.0, 0.0, 1.0))


def _projection(
    played: int, places: tuple[tuple[float, ...], ...] = _HALF, seed: int = 1
) -> SeasonProjection:
    """Three clubs, six matches."""
    return SeasonProjection(
        competition="XXX-1",
        season="2025/2026",
        feed="toy",
        as_of=f"2026-01-{played + 1:02}T00:00:00Z",
        key="key",
        seed=seed,
        matches_left=6 - played,
        bands=(BandEntry(name="title", first=1, last=1),),
        teams=tuple(
            TeamProjection(
                team=Team(name, name),
                place=place,
                played=2 * played if place == 1 else 0,
                points=0,
                expected_points=0.0,
                places=row,
                bands={"title": row[0]},
            )
            for place, (name, row) in enumerate(zip("abc", places, strict=True), 1)
        ),
    )


def _update(store: ObjectStore, one: SeasonProjection, now: dt.datetime = NOW) -> tuple[int, int]:
    return tuple(update_season_ledger(store, {one.competition: ProjectionPart(projection=one)}, now))


def test_scores_are_those_worked_by_hand() -> None:
    """RPS: a and b have (.5 - 1)^2 and (.5 - 0)^2 over two steps, c none; Brier of the title likewise."""
    found = score(_projection(0), {"a": 1, "b": 2, "c": 3})

    assert found.rps == pytest.approx((0.25 / 2 + 0.25 / 2 + 0) / 3)
    assert found.briers == {"title": pytest.approx((0.25 + 0.25 + 0) / 3)}
    assert score(_projection(0, tuple(map(tuple, np.eye(3).tolist()))), {"a": 1, "b": 2, "c": 3}).rps == 0.0


def test_a_band_that_a_play_off_leads_to_has_no_brier_score() -> None:
    """The final places do not tell who won it."""
    band = BandEntry(name="title", first=1, last=1, play_off=(2, 3))
    entry = msgspec.structs.replace(_projection(0), bands=(band,))

    assert score(entry, {"a": 1, "b": 2, "c": 3}).briers == {}


def test_an_entry_is_written_once_a_cut_and_scored_when_the_season_is_over(folder_store: ObjectStore) -> None:
    """What is projected later at the same cut does not count; a second run changes nothing."""
    assert _update(folder_store, _projection(0)) == (1, 0)
    assert _update(folder_store, _projection(0, seed=2)) == (0, 0)
    assert _update(folder_store, _projection(3)) == (1, 0)
    assert settled_seasons(folder_store) == []

    over = _projection(6, tuple(map(tuple, np.eye(3).tolist())))
    assert _update(folder_store, over) == (0, 1)
    assert _update(folder_store, over, NOW + dt.timedelta(days=1)) == (0, 0)
    (season,) = settled_seasons(folder_store)
    assert [(one.cut, one.as_of) for one in season.cuts] == [
        (0.0, "2026-01-01T00:00:00Z"),
        (0.5, "2026-01-04T00:00:00Z"),
    ]
    assert season.places == {"a": 1, "b": 2, "c": 3}
    assert mean_scores([season]) == {0.0: (1, season.cuts[0].rps), 0.5: (1, season.cuts[1].rps)}


def test_a_corrected_final_table_is_scored_again(folder_store: ObjectStore) -> None:
    """Points that are taken after the end move the places, and the scores with them."""
    _update(folder_store, _projection(0))
    eye = np.eye(3)
    _update(folder_store, _projection(6, tuple(map(tuple, eye.tolist()))))
    (before,) = settled_seasons(folder_store)
    assert _update(folder_store, _projection(6, tuple(map(tuple, eye[[2, 1, 0]].tolist())))) == (0, 1)

    (after,) = settled_seasons(folder_store)
    assert after.places == {"c": 1, "b": 2, "a": 3}
    assert after.cuts[0].rps > before.cuts[0].rps


def test_a_projection_long_after_a_cut_is_no_entry_of_it(folder_store: ObjectStore) -> None:
    """A home that begins late does not look better than one that was there."""
    assert _update(folder_store, _projection(1)) == (0, 0)  # 17 %
    assert _update(folder_store, _projection(6, tuple(map(tuple, np.eye(3).tolist())))) == (0, 0)


def test_entries_are_in_a_backup(folder_store: ObjectStore) -> None:
    """Both kinds of objects are among those that a backup copies; a damaged one counts as none."""
    _update(folder_store, _projection(0))
    _update(folder_store, _projection(6, tuple(map(tuple, np.eye(3).tolist()))))

    copied = [key for key in read_changing(folder_store) if key.startswith("projections/ledger/")]
    assert copied == [f"projections/ledger/XXX-1/2025-2026/{name}.json" for name in ("0.00", "scores")]
    folder_store.write(copied[1], msgspec.json.encode({"competition": 1}))
    assert settled_seasons(folder_store) == []
