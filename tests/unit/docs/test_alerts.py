"""Alert rules, runbook, dashboard and metrics name one another: each of them is there, and none is about nothing."""

import json
import re
from typing import Any

import pytest
from promql_parser import Expr, MatrixSelector, VectorSelector, parse, walk
from ruamel.yaml import YAML

from hub.settings import ROOT
from hub.telemetry.metrics import METRICS

YML = YAML(typ="safe")
RULES: list[dict[str, Any]] = YML.load((ROOT / "deploy" / "alerts.yml").read_text())["groups"][0]["rules"]
MANAGER: dict[str, Any] = YML.load((ROOT / "deploy" / "alertmanager.yml").read_text())
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "dashboard.json").read_text())
NAMES = [rule["alert"] for rule in RULES]
OF_PROMETHEUS = {"up"}


def metrics_of(expression: str) -> set[str]:
    """The metrics that an expression reads; a histogram's parts as itself. Raises `ValueError` where it is none."""
    found: set[str] = set()

    def read(part: Expr) -> bool:
        selector = part.vector_selector if isinstance(part, MatrixSelector) else part
        if isinstance(selector, VectorSelector):
            found.add(selector.name or "nothing by its name")
        return True

    walk(parse(expression), read)
    return {name if name in METRICS else re.sub(r"_(bucket|sum|count)$", "", name) for name in found}


def headings() -> list[str]:
    return re.findall(r"^## (\S+)$", RUNBOOK, re.MULTILINE)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_alert_has_its_metrics_its_runbook_and_its_severity_when_it_may_fire(rule: dict[str, Any]) -> None:
    read = metrics_of(rule["expr"])
    assert read
    assert read - OF_PROMETHEUS <= METRICS.keys()
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
    assert rule["alert"] in headings()


def test_every_entry_of_the_runbook_is_of_an_alert_when_it_has_one_word() -> None:
    assert headings() == NAMES


def test_one_fault_is_one_alert_when_it_concerns_many_partitions() -> None:
    added = re.compile(r"^\(?(count|sum|max|min|histogram_quantile)\b|^time\(\)")
    assert [rule["alert"] for rule in RULES if not added.match(rule["expr"])] == []


def test_what_is_silenced_is_an_alert_when_another_stands() -> None:
    named = re.findall(r"\"([A-Za-z|]+)\"", json.dumps(MANAGER["inhibit_rules"]).replace('\\"', '"'))
    assert {name for each in named if "|" in each or each[0].isupper() for name in each.split("|")} <= set(
        NAMES
    )
    assert MANAGER["route"]["receiver"] in [each["name"] for each in MANAGER["receivers"]]


def test_every_panel_shows_metrics_that_are_there() -> None:
    shown = {
        metric
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
        for metric in metrics_of(target["expr"])
    }
    assert shown <= METRICS.keys()
    assert len(shown) > 15


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_stands_in_the_reference_when_a_process_tells_it(name: str) -> None:
    kind, says = METRICS[name]
    assert f"| `{name}` | {kind} | {says} |" in REFERENCE


def test_an_expression_is_read_when_it_has_labels_and_functions() -> None:
    read = metrics_of(
        'histogram_quantile(0.99, sum by (le) (rate(wraparound_http_request_seconds_bucket{route="/x"}[5m])))'
    )
    assert read == {"wraparound_http_request_seconds"}
