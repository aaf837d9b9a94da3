"""A rollback of the champion: from one version to another, once, however often it is launched."""

import msgspec

from soccer_assets.contract.release import CHAMPION, PREVIOUS
from soccer_assets.resources.model_registry import MissingModelError, ModelRegistry
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.models.champion_change import ChampionChange
from soccer_assets.stores.models.champion_move import Move, finish_move, last_move, move_champion
from soccer_assets.stores.models.reigns import read_reigns
from soccer_assets.stores.store_error import StoreError


class RollbackRefusedError(StoreError):
    """The champion is not the one that was to be replaced, or the other version never was one."""


class RollbackRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for.

    Attributes:
        run_id: of the first run, where this one is its retry.
        from_version: the version that is expected to be the champion; None for whichever is.
        to_version: the version that shall become it; None for the previous champion.
        why: a sentence for the record; empty without one.
    """

    run_id: str
    from_version: str | None = None
    to_version: str | None = None
    why: str = ""


def roll_back(store: ObjectStore, registry: ModelRegistry, request: RollbackRequest) -> ChampionChange:
    """Make the champion of before the champion again; ``kept`` where it already is.

    Without versions a champion that a rollback restored stays: it has the lower number, as in
    `modelling.rollback`. The way forward again names its version.

    Args:
        store: holds the note of the last move and the champions of the past.
        registry: whose aliases move.
        request: from which version to which.

    Raises:
        MissingModelError: there is no champion or no previous champion.
        RollbackRefusedError: the champion is neither ``from_version`` nor ``to_version``, or the latter was
            never champion.
        ChampionMovedError: another run moved the alias meanwhile.
    """
    finish_move(store, registry)
    champion = registry.get(CHAMPION).version
    found = registry.find(PREVIOUS)
    previous = found.version if found else None
    planned = last_move(store)
    if planned is not None and planned.kind == "rolled_back" and planned.run_id == request.run_id:
        expected, target = planned.replaced, planned.version  # a retry repeats what its first run decided
    else:
        expected = request.from_version or champion
        target = request.to_version or _default(champion, previous, request.from_version)
    if champion == target:
        behind = f"version {previous} the previous champion" if previous else "there is no previous champion"
        return ChampionChange(
            kind="kept", version=champion, reason=f"already so: version {champion} is the champion, {behind}"
        )
    if champion != expected:
        asked = f"neither version {expected} nor" if expected != target else "not"
        raise RollbackRefusedError(
            f"version {champion} is the champion, {asked} version {target}: nothing was changed; name the "
            "champion in from_version, or leave it out"
        )
    if target not in {previous, *(reign.version for reign in read_reigns(store))}:
        raise RollbackRefusedError(
            f"version {target} was never the champion: nothing was changed; the page of model/champion lists "
            "those that were"
        )
    registry.version(target)  # before the alias moves to a version that was deleted
    reason = f"rolled back from version {champion} to version {target}"
    move = Move(
        run_id=request.run_id,
        kind="rolled_back",
        replaced=champion,
        version=target,
        reason=f"{reason}: {request.why}" if request.why else reason,
    )
    move_champion(store, registry, move)
    return ChampionChange(kind="rolled_back", version=target, reason=move.reason)


def _default(champion: str, previous: str | None, from_version: str | None) -> str:
    """The version that becomes champion where none is named; the champion itself where it already did."""
    if previous is None:
        raise MissingModelError("no previous champion to roll back to")
    is_restored = int(champion) < int(previous) and from_version in (None, previous)
    return champion if is_restored else previous
