"""Retrain runs that are killed at every step between candidate and release, each in a home of its own.

Run as a script it makes one home, and for each step a copy in which a forked child runs and dies:
``python -m tests.graph.assets.killed_retrain FOLDER VALKEY_URL STEP ...``.
"""

import logging
import os
import pickle
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from soccer_assets.contract.events import Event
from soccer_assets.contract.release import CANDIDATE, CHAMPION, MANIFEST_FILE, POINTER_KEY, PREVIOUS
from soccer_assets.graph.assets import model, predictions
from soccer_assets.modelling import evaluation
from soccer_assets.modelling.outcome_model import OutcomeModel
from soccer_assets.modelling.promotion import PromotionDecision
from soccer_assets.resources.database import Database
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.model_registry import RegisteredModel, TrainingFacts
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.installation import write_id
from soccer_assets.stores.models import champion
from soccer_assets.stores.models.evaluations import Scorecards
from soccer_assets.stores.releases.publish import Releases
from tests.builders import INSTALLATION, two_leagues
from tests.graph.assets.conftest import FakeRegistry, Graph, history_of
from tests.graph.assets.test_model import MODEL, TO_RELEASE
from tests.graph.assets.test_refresh import HOURLY
from tests.models import elo_model

EXIT_CODE = 9
# What was done last before the kill.
STEPS = (
    "candidate",
    "evaluation",
    "champion alias",
    "previous alias",
    "predictions",
    "ledger",
    "files",
    "manifest",
    "pointer",
    "event",
)
RETRAIN = (*MODEL, *TO_RELEASE)
OLD, CANDIDATE_MODEL, WINNER = elo_model(0.5), elo_model(0.9), elo_model(1.1)


class FileRegistry(FakeRegistry):
    """A registry that outlives its process: every change is in its file before the call returns."""

    def __init__(self, file: Path) -> None:
        """Open the registry of a home."""
        super().__init__()
        self._file = file
        if file.exists():
            kept = pickle.loads(file.read_bytes())  # noqa: S301 - this module wrote it
            self.models, self.registered, self.aliases = kept

    def register(self, registered: OutcomeModel, facts: TrainingFacts, run_name: str = "") -> RegisteredModel:
        """Register a model as the next version."""
        made = super().register(registered, facts, run_name)
        self._save()
        return made

    def set_alias(self, alias: str, version: str) -> None:
        """Move an alias."""
        super().set_alias(alias, version)
        self._save()

    def _save(self) -> None:
        scratch = self._file.with_suffix(".new")
        scratch.write_bytes(pickle.dumps((self.models, self.registered, self.aliases)))
        scratch.replace(self._file)


def home(folder: Path, events_url: str, instance: dg.DagsterInstance) -> Graph:
    """The graph of a home in a folder."""
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    graph = Graph(Database(f"sqlite:///{folder}/soccer.db"), ObjectStore(f"file://{folder}/store"), instance)
    graph.feed.items = two_leagues()
    graph.registry = FileRegistry(folder / "registry.pickle")
    graph.releases = Releases(graph.store, EventBus(events_url, graph.store))
    return graph


def events_of(valkey_url: str, step: str) -> str:
    """The event stream of a step's home: a database of its own."""
    return f"{valkey_url.rsplit('/', 1)[0]}/{STEPS.index(step) + 1}"


def winning(patch: Callable[[Any, str, Any], object]) -> None:
    """Let the next candidate pass every gate; its models cost nothing."""
    patch(
        evaluation,
        "decide_promotion",
        lambda _facts: PromotionDecision(promote=True, reason="every gate holds", gates=()),
    )
    patch(model, "fit_candidate", lambda *_arguments, **_options: CANDIDATE_MODEL)
    patch(champion, "refit", lambda *_arguments, **_options: WINNER)


def _kill_after(step: str) -> None:
    """Let this process die as soon as a step is done."""
    alias = {"candidate": CANDIDATE, "previous alias": PREVIOUS, "champion alias": CHAMPION}.get(step)
    _dies(FileRegistry, "set_alias", after=lambda _self, name, _version: name == alias)
    _dies(Scorecards, "write", after=lambda *_arguments: step == "evaluation")
    _dies(
        predictions,
        "record_and_score",
        before=lambda *_arguments: step == "predictions",
        after=lambda *_arguments: step == "ledger",
    )
    _dies(
        ObjectStore,
        "swap",
        before=lambda _self, key, *_rest: (
            (step == "files" and key.endswith(MANIFEST_FILE)) or (step == "manifest" and key == POINTER_KEY)
        ),
        after=lambda _self, key, *_rest: step == "pointer" and key == POINTER_KEY,
    )
    real = EventBus.publish_next

    def deadly(self: EventBus, next_event: Callable[[Event | None], Event | None]) -> bool:
        events: list[Event | None] = []

        def observed(last: Event | None) -> Event | None:
            events.append(next_event(last))
            return events[-1]

        is_published = real(self, observed)
        last = events[-1] if events else None
        if step == "event" and is_published and last is not None and last.type == "promotion":
            os._exit(EXIT_CODE)
        return is_published

    EventBus.publish_next = deadly  # type: ignore[method-assign]


def _dies(
    owner: Any,
    name: str,
    *,
    before: Callable[..., bool] = lambda *_arguments: False,
    after: Callable[..., bool] = lambda *_arguments: False,
) -> None:
    real = getattr(owner, name)

    def deadly(*arguments: Any) -> Any:
        if before(*arguments):
            os._exit(EXIT_CODE)
        result = real(*arguments)
        if after(*arguments):
            os._exit(EXIT_CODE)
        return result

    setattr(owner, name, deadly)


def main(folder: Path, valkey_url: str, steps: Sequence[str]) -> None:
    """Make the homes and kill a run in each."""
    base = folder / "base"
    base.mkdir()
    database = Database(f"sqlite:///{base}/soccer.db")
    database.migrate()
    write_id(database, INSTALLATION)
    with dg.DagsterInstance.ephemeral() as instance:
        graph = home(base, "", instance)
        registered = graph.registry.add(OLD)
        graph.registry.set_alias(CHAMPION, registered.version)
        assert graph.run("livescores/history", tags=history_of("2025-03-01", "2025-04-01")).success
        assert graph.run(*HOURLY).success
        graph.database.engine.dispose()
        for step in steps:
            copy = folder / step
            shutil.copytree(base, copy)
            child = os.fork()
            if child == 0:
                winning(setattr)
                _kill_after(step)
                home(copy, events_of(valkey_url, step), instance).run(*RETRAIN)
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == EXIT_CODE, step


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
