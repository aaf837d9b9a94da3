"""The champion's alias under kills between any two steps, retries, and a second run beside a slow one."""

from typing import Any

import pytest

from soccer_assets.alerting.detection import graph_conditions
from soccer_assets.contract.release import CHAMPION, PREVIOUS
from soccer_assets.graph.assets import model
from soccer_assets.graph.jobs import rollback_config
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.models import champion
from soccer_assets.stores.models.champion_change import ChampionChange
from soccer_assets.stores.models.champion_move import ChampionMovedError, Move, finish_move, move_champion
from soccer_assets.stores.models.evaluations import Scorecards
from soccer_assets.stores.models.reigns import read_reigns
from soccer_assets.stores.models.rollbacks import RollbackRefusedError, RollbackRequest, roll_back
from tests.builders import NOW
from tests.graph.assets.conftest import FakeRegistry, Graph, graph  # noqa: F401 - a fixture
from tests.graph.assets.killed_retrain import winning
from tests.graph.assets.test_model import MODEL, untrained  # noqa: F401 - a fixture
from tests.models import elo_model

ROLLED_BACK = {CHAMPION: "1", PREVIOUS: "2"}


class Killed(BaseException):
    """The process died here."""


class MortalRegistry(FakeRegistry):
    """Dies before or after the n-th move of an alias."""

    def __init__(self) -> None:
        super().__init__()
        self.moves_left = 100

    def set_alias(self, alias: str, version: str) -> None:
        """Move an alias, while this process lives."""
        if self.moves_left == 0:
            raise Killed
        self.moves_left -= 1
        super().set_alias(alias, version)


@pytest.fixture
def registry() -> MortalRegistry:
    """Version 1 was champion before version 2; version 3 is a candidate."""
    made = MortalRegistry()
    for number, aliases in enumerate([(PREVIOUS,), (CHAMPION,), ()]):
        made.add(elo_model(0.9 + number / 10), *aliases)
    return made


def _rolled_back(store: ObjectStore, registry: FakeRegistry, **asked: str) -> ChampionChange:
    return roll_back(store, registry, RollbackRequest(**{"run_id": "first", **asked}))  # type: ignore[arg-type]


@pytest.mark.parametrize("moves", [0, 1, 2])
@pytest.mark.parametrize("again", ["first", "another"])
@pytest.mark.parametrize("versions", [{}, {"from_version": "2", "to_version": "1"}])
def test_a_rollback_killed_between_two_steps_is_finished_by_a_retry_and_by_another_run(
    folder_store: ObjectStore, registry: MortalRegistry, moves: int, again: str, versions: dict[str, str]
) -> None:
    """The bad champion does not return, and neither alias is lost."""
    registry.moves_left = moves
    if moves < 2:
        with pytest.raises(Killed):
            _rolled_back(folder_store, registry, **versions)
    else:
        _rolled_back(folder_store, registry, **versions)
    registry.moves_left = 100
    changes = [_rolled_back(folder_store, registry, run_id=again, **versions) for _ in range(2)]

    assert registry.aliases == ROLLED_BACK
    assert [change.kind for change in changes] == ["rolled_back" if moves == 0 else "kept", "kept"]
    assert changes[1].reason == "already so: version 1 is the champion, version 2 the previous champion"


def test_a_retry_after_a_promotion_does_not_take_the_new_champion_away(
    folder_store: ObjectStore, registry: MortalRegistry
) -> None:
    """A run that is executed again a week later is for a champion that is gone."""
    _rolled_back(folder_store, registry)
    registry.aliases = {CHAMPION: "3", PREVIOUS: "1"}

    with pytest.raises(RollbackRefusedError, match="version 3 is the champion, neither version 2 nor"):
        _rolled_back(folder_store, registry)
    assert registry.aliases == {CHAMPION: "3", PREVIOUS: "1"}


@pytest.mark.parametrize("moves", [0, 1, 2])
def test_a_promotion_killed_between_the_aliases_keeps_the_replaced_champion(
    folder_store: ObjectStore, registry: MortalRegistry, moves: int
) -> None:
    """Finished or not begun: the champion before is never lost, so that a rollback has where to go."""
    move = Move(run_id="r", kind="promoted", replaced="2", version="3", reason="won", candidate="3")
    registry.moves_left = moves
    if moves < 2:
        with pytest.raises(Killed):
            move_champion(folder_store, registry, move)  # type: ignore[arg-type]
    else:
        move_champion(folder_store, registry, move)  # type: ignore[arg-type]
    registry.moves_left = 100
    finish_move(folder_store, registry)  # type: ignore[arg-type]

    unmoved, moved = {CHAMPION: "2", PREVIOUS: "1"}, {CHAMPION: "3", PREVIOUS: "2"}
    assert registry.aliases == (unmoved if moves == 0 else moved)
    registry.set_alias(PREVIOUS, "1")  # by hand, in MLflow
    finish_move(folder_store, registry)  # type: ignore[arg-type]
    assert registry.aliases[PREVIOUS] == "1"


def test_a_slow_promotion_does_not_undo_a_rollback_made_meanwhile(
    folder_store: ObjectStore, registry: MortalRegistry
) -> None:
    """It was compared with a champion that is none any more."""
    slow = Move(run_id="slow", kind="promoted", replaced="2", version="3", reason="won", candidate="3")
    _rolled_back(folder_store, registry)

    with pytest.raises(ChampionMovedError, match="version 1 became the champion meanwhile"):
        move_champion(folder_store, registry, slow)  # type: ignore[arg-type]
    assert registry.aliases == ROLLED_BACK


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, untrained: Graph) -> Graph:  # noqa: F811
    """A home with a champion that its page names, and a candidate that wins."""
    assert untrained.run(*MODEL).success
    winning(monkeypatch.setattr)
    return untrained


@pytest.mark.parametrize("place", ["describe", "record_reign"])
def test_a_promotion_killed_behind_the_aliases_is_told_once_by_its_retry(
    told: Graph, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """The retry runs the failed step alone; it neither trains, nor registers, nor promotes a second time."""
    assert told.run("model/candidate", "model/evaluation").success
    before = told.registry.get(CHAMPION)
    with monkeypatch.context() as patched:
        owner: Any = Scorecards if place == "describe" else model
        patched.setattr(owner, place, _die)
        assert not told.run("model/champion").success
    promoted = told.registry.get(CHAMPION)
    assert promoted != before
    monkeypatch.setattr(champion, "refit", _die)  # a second promotion would need a second fit
    retried, again = told.run("model/champion"), told.run("model/champion")

    assert (retried.success, again.success) == (True, True)
    changes = [told.metadata(run, "model/champion")["change"] for run in (retried, again)]
    assert changes == ["promoted", "kept"]
    assert told.metadata(retried, "model/champion")["reason"] == "every gate holds"
    assert told.registry.aliases[PREVIOUS] == before.version
    assert told.registry.notes[promoted.version][1]["promoted"] == "true"
    assert [reign.version for reign in read_reigns(told.store)] == [before.version, promoted.version]


def test_a_rollback_killed_behind_the_aliases_is_told_by_the_next_run(
    told: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The subscribers hear of it, with its reason."""
    assert told.run(*MODEL).success
    new, old = told.registry.get(CHAMPION).version, told.registry.get(PREVIOUS).version
    with monkeypatch.context() as patched:
        patched.setattr(model, "record_reign", _die)
        assert not told.run("model/champion", run_config=rollback_config()).success
    assert told.run("model/champion", run_config=rollback_config()).success

    (notice,) = graph_conditions(told.instance, {}, [], NOW)
    assert (notice.kind, notice.subject) == ("rollback", f"model version {old}")
    assert notice.cause == f"rolled back from version {new} to version {old}"


def _die(*_arguments: Any, **_options: Any) -> None:
    raise RuntimeError("the process died here")
