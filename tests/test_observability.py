"""What stands in ``deploy/``: Prometheus' rules and the Grafana dashboard ask for metrics that exist."""

import ast
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

from serving.metrics import Metrics

FOLDER = Path(__file__).parent.parent / "deploy"
RULES = FOLDER / "prometheus/soccer.rules.yml"
# Prometheus' own, which need no exporter.
_OWN = {"up"}
_OWN_LABELS = {"job", "instance"}


def _rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def _panels() -> list[dict[str, Any]]:
    dashboard = json.loads((FOLDER / "grafana/soccer.json").read_text())
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def _expressions() -> Iterator[str]:
    """Every query of the rules and of the dashboard."""
    yield from (rule["expr"] for rule in _rules())
    yield from (target["expr"] for panel in _panels() for target in panel["targets"])


def _exported() -> dict[str, set[str]]:
    """The labels of every series that the sidecar exports, by the series' name."""
    metrics = Metrics()
    series: dict[str, set[str]] = {}
    for metric in (vars(metrics) | vars(metrics.pipeline)).values():
        if not isinstance(metric, MetricWrapperBase):
            continue
        labels = set(metric._labelnames)
        (family,) = metric.describe()
        if family.type == "histogram":
            series |= {f"{family.name}_{part}": labels for part in ("sum", "count")}
            series[f"{family.name}_bucket"] = labels | {"le"}
        else:
            series[f"{family.name}_total" if family.type == "counter" else family.name] = labels
    return series


def test_every_query_asks_for_series_and_labels_that_exist() -> None:
    """No rule and no panel waits for a metric that nobody exports, nor chooses by a label that it lacks."""
    exported = _exported() | {rule["record"]: set() for rule in _rules() if "record" in rule}
    exported |= dict.fromkeys(_OWN, _OWN_LABELS)

    for expression in _expressions():
        named = re.findall(r"\b(soccer[:_][\w:]+|up)\b(?:\{([^}]*(?:\{[^}]*\}[^}]*)?)\})?", expression)
        assert named, expression
        for name, selector in named:
            assert name in exported, expression
            chosen = set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)\s*\"", selector))
            assert chosen <= exported[name], expression
        # A sum or a maximum by a label that no series has is one line without a name.
        by = set(
            itertools.chain(
                *(re.findall(r"\w+", found) for found in re.findall(r"by \(([^)]*)\)", expression))
            )
        )
        assert by <= set.union(*(exported[name] for name, _ in named)), expression


def test_every_metric_is_on_the_dashboard_or_in_a_rule() -> None:
    """Of the pipeline: what is exported is also looked at."""
    asked = " ".join(_expressions())
    metrics = Metrics()
    names = [
        metric._name for metric in vars(metrics.pipeline).values() if isinstance(metric, MetricWrapperBase)
    ]

    assert len(names) > 10
    assert [name for name in names if name not in asked] == []


def _literals(source: str) -> dict[str, set[str]]:
    """By counter, the values of its one label that the source writes out."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        texts = {
            each.value
            for argument in node.args[:1]
            for each in ([argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument])
            if isinstance(each, ast.Constant) and isinstance(each.value, str)
        }
        called = node.func
        if isinstance(called, ast.Name) and called.id == "ReleaseRefusedError":
            found.setdefault("reloads", set()).update(texts)
        elif isinstance(called, ast.Attribute) and called.attr == "_read" and texts:
            found.setdefault("poll_failures", set()).update(texts)
            found.setdefault("store_failures", set()).update(texts)
        elif (
            isinstance(called, ast.Attribute)
            and isinstance(called.value, ast.Attribute)
            and called.attr == "labels"
            and len(node.args) == 1
        ):
            found.setdefault(called.value.attr, set()).update(texts)
    return found


def test_every_value_of_a_counters_label_is_exported_as_zero_from_the_start() -> None:
    """`increase` sees no series begin: the first refused release or wrong key would count for nothing."""
    used: dict[str, set[str]] = {}
    for file in (FOLDER.parent / "serving").rglob("*.py"):
        for name, values in _literals(file.read_text()).items():
            used.setdefault(name, set()).update(values)
    metrics = Metrics()
    counters = {
        name
        for name, metric in vars(metrics).items()
        if isinstance(metric, Counter) and len(metric._labelnames) == 1
    }

    assert counters == {name for name in used if isinstance(getattr(metrics, name, None), Counter)}
    for name in counters:
        samples = {
            sample.labels[label]
            for family in getattr(metrics, name).collect()
            for sample in family.samples
            for label in sample.labels
        }
        assert used[name] <= samples, name
    cases = (FOLDER / "prometheus/soccer.tests.yml").read_text()
    for name in counters:
        made = re.findall(rf"{getattr(metrics, name)._name}_total{{\w+=\"(\w+)\"}}", cases)
        assert set(made) <= used[name], name


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    """Severity, a summary and an action; each alert has a case in which it fires."""
    alerts = [rule for rule in _rules() if "alert" in rule]
    tests = yaml.safe_load((FOLDER / "prometheus/soccer.tests.yml").read_text())["tests"]
    firing = {
        case["alertname"] for test in tests for case in test["alert_rule_test"] if case.get("exp_alerts")
    }

    assert {alert["alert"] for alert in alerts} == firing
    for alert in alerts:
        assert alert["labels"]["severity"] in {"warning", "critical"}
        assert alert["annotations"].keys() == {"summary", "action"}


@pytest.mark.trial
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "soccer.rules.yml"),
        ("test", "rules", "soccer.tests.yml"),
    ],
    ids=" ".join,
)
def test_prometheus_accepts_the_rules_and_their_cases(arguments: tuple[str, ...]) -> None:
    """Prometheus' own tool: the syntax, and each alert on its fault and on a system at work."""
    promtool = shutil.which("promtool")
    assert promtool, "make trial needs promtool: install it (Debian: apt install prometheus)"

    done = subprocess.run(
        [promtool, *arguments], cwd=RULES.parent, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
