"""The graph as the code location tells it: assets, checks, jobs, schedules, sensors, resources."""

import importlib
import json
from typing import Any


def graph_of() -> dict[str, Any]:
    """All of it, of the home that the environment names."""
    import dagster as dg

    module = importlib.import_module("soccer_assets.definitions")
    found = [one for one in vars(module).values() if isinstance(one, dg.Definitions)]
    repository = (found[0] if found else module.defs()).get_repository_def()
    graph = repository.asset_graph
    return {
        "assets": {
            key.to_user_string(): _asset(graph.get(key)) for key in sorted(graph.get_all_asset_keys())
        },
        "checks": {
            f"{key.asset_key.to_user_string()} {key.name}": _check(graph.get_check_spec(key))
            for key in sorted(graph.asset_check_keys, key=str)
        },
        "jobs": {job.name: _job(job) for job in sorted(repository.get_all_jobs(), key=lambda one: one.name)},
        "schedules": {
            one.name: {
                "cron": one.cron_schedule,
                "zone": one.execution_timezone,
                "job": one.job_name,
                "status": one.default_status.value,
                "tags": dict(one.tags),
                "description": one.description,
            }
            for one in sorted(repository.schedule_defs, key=lambda one: one.name)
        },
        "sensors": {
            one.name: {
                "type": one.sensor_type.value,
                "seconds": one.minimum_interval_seconds,
                "status": one.default_status.value,
                "jobs": [target.job_name for target in one.targets],
                "run_tags": dict(getattr(one, "run_tags", None) or {}),
                "description": one.description,
            }
            for one in sorted(repository.sensor_defs, key=lambda one: one.name)
        },
        "resources": sorted(repository.get_top_level_resources()),
    }


def _asset(node: Any) -> dict[str, Any]:
    import dagster as dg

    def serialized(value: Any) -> Any:
        return None if value is None else json.loads(dg.serialize_value(value))

    schema = node.metadata.get("dagster/column_schema")
    partitions, condition = node.partitions_def, node.automation_condition
    keys = partitions.get_partition_keys() if partitions else []
    return {
        "group": node.group_name,
        "deps": sorted(key.to_user_string() for key in node.parent_keys),
        "kinds": sorted(node.kinds),
        "owners": sorted(node.owners),
        "pools": sorted(node.pools),
        "tags": dict(sorted(node.tags.items())),
        "checks": sorted(key.name for key in node.check_keys),
        "op": node.assets_def.node_def.name,
        "config": _config(node.assets_def.node_def),
        "partitions": [type(partitions).__name__, len(keys), *keys[:1], *keys[-1:]] if partitions else None,
        "backfill": str(node.backfill_policy),
        "freshness": serialized(node.freshness_policy),
        "automation": None
        if condition is None
        else {"label": condition.get_label(), "condition": serialized(condition)},
        "metadata": sorted(node.metadata),
        "columns": {
            column.name: {"type": column.type, "description": column.description}
            for column in (getattr(schema, "schema", schema).columns if schema else ())
        },
        "description": node.description,
    }


def _config(node: Any) -> dict[str, Any]:
    fields = getattr(node.config_schema.config_type, "fields", None) or {}
    return {
        name: {
            "required": one.is_required,
            "default": repr(one.default_value) if one.default_provided else None,
            "description": one.description,
        }
        for name, one in sorted(fields.items())
    }


def _check(spec: Any) -> dict[str, Any]:
    return {
        "blocking": spec.blocking,
        "deps": sorted(one.asset_key.to_user_string() for one in spec.additional_deps),
        "description": spec.description,
    }


def _job(job: Any) -> dict[str, Any]:
    keys = job.asset_layer.executable_asset_keys if job.asset_layer else ()
    return {
        "steps": sorted(node.name for node in job.nodes),
        "assets": sorted(key.to_user_string() for key in keys),
        "tags": dict(job.tags),
        "hooks": sorted(hook.name for hook in job.hook_defs),
        "config": job.run_config,
        "partitions": type(job.partitions_def).__name__,
        "executor": job.executor_def.name,
        "description": job.description,
    }
