"""A move of the alias `champion`: noted in the store first, so that the run after a killed one finishes it.

The registry has no transaction over two aliases. `champion` moves first and `previous` second; a run that
dies between them leaves a note from which the second is moved.
"""

import msgspec

from soccer_assets.contract.model_history import Kind
from soccer_assets.contract.release import CHAMPION, PREVIOUS
from soccer_assets.resources.model_registry import ModelRegistry
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.store_error import StoreError
from soccer_assets.stores.stored_json import read_stored

KEY = "model/champion_move.json"


class ChampionMovedError(StoreError):
    """Another run moved the alias meanwhile; the message says what to do."""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One replacement of the champion.

    Attributes:
        run_id: the first run; retries share it.
        kind: ``promoted`` or ``rolled_back``.
        replaced: version of the champion that is replaced; it becomes the previous champion.
        version: the champion after the move.
        reason: one sentence.
        candidate: the evaluated version whose recipe was refitted; empty for a rollback.
        is_done: whether both aliases moved.
    """

    run_id: str
    kind: Kind
    replaced: str
    version: str
    reason: str
    candidate: str = ""
    is_done: bool = False


def last_move(store: ObjectStore) -> Move | None:
    """The newest move, finished or not; None before the first."""
    return read_stored(store.read, KEY, Move)


def move_champion(store: ObjectStore, registry: ModelRegistry, move: Move) -> None:
    """Note a move, then make it; repeating it changes nothing.

    Raises:
        ChampionMovedError: the champion is neither the version that is replaced nor its successor. The look
            comes right before the move: a training takes minutes in which a rollback may be made.
    """
    champion = registry.get(CHAMPION).version
    if champion not in (move.replaced, move.version):
        raise ChampionMovedError(
            f"version {champion} became the champion meanwhile, in place of version {move.replaced}: "
            "nothing was changed; launch the job again"
        )
    _note(store, move)
    registry.set_alias(CHAMPION, move.version)
    registry.set_alias(PREVIOUS, move.replaced)
    _note(store, msgspec.structs.replace(move, is_done=True))


def finish_move(store: ObjectStore, registry: ModelRegistry) -> None:
    """Move the second alias where a run died between the two; nothing where the first did not move."""
    move, champion = last_move(store), registry.find(CHAMPION)
    if move is None or move.is_done or champion is None or champion.version != move.version:
        return
    registry.set_alias(PREVIOUS, move.replaced)
    _note(store, msgspec.structs.replace(move, is_done=True))


def _note(store: ObjectStore, move: Move) -> None:
    store.write(KEY, msgspec.json.encode(move))
