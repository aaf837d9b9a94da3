"""One webserver application over a small instance, for all tests of the guard."""

from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from starlette.applications import Starlette

from soccer_assets.webserver.server import RoleProcessContext, make_app

OVERRIDES = {
    "telemetry": {"enabled": False},
    "run_coordinator": {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"},
    "run_launcher": {
        "module": "dagster._core.launcher.sync_in_memory_run_launcher",
        "class": "SyncInMemoryRunLauncher",
    },
}


def load_target(module: str, location: str) -> InProcessWorkspaceLoadTarget:
    """A code location whose `defs` of a module are loaded in this process."""
    target = LoadableTargetOrigin(
        executable_path=None,
        python_file=None,
        module_name=module,
        working_directory=None,
        attribute="defs",
        package_name=None,
    )
    return InProcessWorkspaceLoadTarget(InProcessCodeLocationOrigin(target, location_name=location))


@pytest.fixture(scope="package")
def process_context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RoleProcessContext]:
    """A workspace of one asset, loaded in this process."""
    with (
        dg.instance_for_test(
            overrides=OVERRIDES, temp_dir=str(tmp_path_factory.mktemp("instance"))
        ) as instance,
        RoleProcessContext(
            instance,
            workspace_load_target=load_target("tests.webserver.small_graph", "small"),
            version="test",
        ) as context,
    ):
        yield context


@pytest.fixture(scope="package")
def app(process_context: RoleProcessContext) -> Starlette:
    """Dagster's application, not guarded."""
    return make_app(process_context)
