"""Kill -9 in a complete home with its real registry; `test_publish` covers every step with cheap models."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from soccer_assets.contract.release import CHAMPION, PREVIOUS
from soccer_assets.resources.database import Database
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.model_registry import ModelRegistry
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.ledger.audit import audit
from soccer_assets.stores.releases.publish import Releases
from tests.homes import build, built_home

pytestmark = pytest.mark.trial

_KILLED = """
    import os, sys
    from pathlib import Path
    from soccer_assets.modelling import evaluation
    from soccer_assets.modelling.promotion import PromotionDecision
    from soccer_assets.home import read_home, apply_home
    from soccer_assets.resources.model_registry import ModelRegistry
    from soccer_assets.settings import Settings
    from tests.homes import build
    real = ModelRegistry.set_alias
    def deadly(self, alias, version):
        real(self, alias, version)
        if alias == sys.argv[2]:
            os._exit(9)
    ModelRegistry.set_alias = deadly
    won = PromotionDecision(promote=True, reason="every gate holds", gates=())
    evaluation.decide_promotion = lambda _facts: won
    settings = Settings.from_env({"SOCCER_HOME": sys.argv[1]})
    build(apply_home(settings, read_home(settings)), "retrain_model")
"""


def test_a_home_whose_retrain_was_killed_at_either_alias_is_whole_after_the_next_hourly_run(
    tmp_path: Path,
) -> None:
    """Killed after moving `previous` the old champion answers; after moving `champion` the new one does."""
    settings = built_home(tmp_path / "home", SOCCER_LEAGUES="2")
    registry = ModelRegistry(settings.mlflow_url, settings.home / "mlflow" / "artifacts")
    store, database = ObjectStore(settings.store_url), Database(settings.database_url)
    releases = Releases(store, EventBus(""))
    before = registry.get(CHAMPION).version
    for alias, is_promoted in ((PREVIOUS, False), (CHAMPION, True)):
        killed = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(_KILLED), str(settings.home), alias],
            check=False,
            capture_output=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        assert killed.returncode == 9, killed.stderr[-2000:]
        outcome = build(settings, "refresh_hourly")

        assert not outcome.failure
        champion = registry.get(CHAMPION)
        assert (champion.version != before) is is_promoted
        assert registry.load(champion).sha256 == champion.facts.content_sha256
        assert registry.get(PREVIOUS).version == before
        pointer = releases.pointer()
        assert pointer is not None
        assert pointer.model_version == champion.version
        assert audit(database, store).is_whole
