"""The metrics that the docs list are those that a server has, and that the code declares."""

import json
import pkgutil
import re
from importlib import import_module
from itertools import combinations
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

import app
from app.domain.close_codes import SLOW_CONSUMER
from app.domain.limits import FAILED_COMMITS_UNTIL_NOT_READY, MAX_QUEUED_APPENDS
from app.observability.metrics import Counter, Description, Distribution, Gauge
from app.store.database import Database
from tests.docs.pages import documented, page
from tests.harness.server import open_server

KINDS = {Counter: "counter", Gauge: "gauge", Distribution: "histogram"}


def declared() -> dict[str, Description]:
    """The metrics that the modules ``metrics`` and ``http_counts`` declare, by name."""
    names = (module.name for module in pkgutil.walk_packages(app.__path__, "app."))
    modules = [
        import_module(name) for name in names if name.endswith((".metrics", ".http_counts"))
    ]
    return {
        value.name: value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Description)
    }


def listed() -> dict[str, list[str]]:
    rows = documented(page("docs/metrics.md"))
    return {name: cells for name, cells in rows.items() if name.startswith("parley_")}


@pytest.mark.parametrize("metric", declared().values(), ids=lambda metric: metric.name)
def test_a_metric_is_listed_with_its_kind_and_labels(metric: Description) -> None:
    _name, kind, labels, meaning = listed()[metric.name]

    assert kind == KINDS[type(metric)]
    assert all(f"`{label}`" in labels for label in metric.labels)
    assert bool(labels) == bool(metric.labels)
    assert meaning
    assert metric.help.endswith(".")
    assert metric.name.endswith("_total") == isinstance(metric, Counter)


async def test_a_server_has_the_metrics_that_are_listed_and_no_others(database: Database) -> None:
    async with open_server(database) as server:
        text = (await server.client.get("/metrics")).text

    kinds = {
        family.name + ("_total" if family.type == "counter" else ""): family.type
        for family in text_string_to_metric_families(text)
    }
    assert kinds == {name: cells[1] for name, cells in listed().items()}
    assert kinds.keys() >= declared().keys()


# The dashboard and the alert rules

ALERTS = page("deploy/prometheus/alerts.yml")
DASHBOARD = json.loads(page("deploy/grafana/parley.json"))
_USE = re.compile(r"(parley_\w+)(?:\{([^}]*)\})?")
# What Prometheus itself or Grafana adds, and what samples of several workers have.
_LABELS_OF_ALL = {"instance", "job", "le", "worker"}


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def alerts() -> list[str]:
    """Each rule's text, without comments."""
    text = re.sub(r"^ *#.*$", "", ALERTS, flags=re.M)
    return re.split(r"^ +- alert: ", text, flags=re.M)[1:]


def alert_expression(rule: str) -> str:
    found = re.search(r"^ {8}expr: (?:>-\n)?(.*?)^ {8}\w", rule, re.M | re.S)
    assert found is not None, rule
    return found[1]


EXPRESSIONS = [
    *(pytest.param(target["expr"], id=p["title"]) for p in panels() for target in p["targets"]),
    *(pytest.param(alert_expression(rule), id=rule.partition("\n")[0]) for rule in alerts()),
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_uses_metrics_and_labels_that_exist(expression: str) -> None:
    known, rows = declared(), listed()

    used = _USE.findall(expression)

    assert used or "up{" in expression
    for sample, matchers in used:
        part = re.search(r"_(bucket|sum|count)$", sample)
        name = sample if part is None else sample.removesuffix(part[0])
        assert name in rows, sample
        assert (rows[name][1] == "histogram") == (part is not None), sample
        if name in known:
            labels = set(re.findall(r"(\w+) *[=!]", matchers))
            assert labels <= {*known[name].labels, *_LABELS_OF_ALL}, sample


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_counters_and_histograms_are_used_as_rates(expression: str) -> None:
    for sample, _matchers in _USE.findall(expression):
        if re.search(r"_(bucket|sum|count|total)$", sample):
            assert re.search(rf"rate\({sample}\b", expression), sample


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule.partition("\n")[0])
def test_an_alert_says_how_urgent_it_is_and_what_to_do(rule: str) -> None:
    assert re.search(r"^ +for: \d+[sm]$", rule, re.M)
    assert re.search(r"^ +labels: \{severity: (page|ticket)\}$", rule, re.M)
    assert re.search(r"^ +summary: \S", rule, re.M)
    assert re.search(r"^ +description: \S.*\.$", rule, re.M)


def test_the_panels_of_the_dashboard_have_places_and_ids_of_their_own() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)

    for one, other in combinations((panel["gridPos"] for panel in DASHBOARD["panels"]), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)
        assert one["x"] + one["w"] <= 24


def test_the_numbers_in_the_alerts_are_those_of_the_code() -> None:
    numbers = {rule.partition("\n")[0]: alert_expression(rule) for rule in alerts()}

    assert f">= {FAILED_COMMITS_UNTIL_NOT_READY}\n" in numbers["ParleyCommitsFail"]
    assert f"> {MAX_QUEUED_APPENDS // 2}\n" in numbers["ParleyQueueFills"]


def test_the_limits_that_the_page_names_are_those_of_the_code() -> None:
    rows = listed()

    assert f"{MAX_QUEUED_APPENDS:,}" in rows["parley_queued_appends"][3]
    failures = rows["parley_commit_failures_in_a_row"][3]
    assert f"from {FAILED_COMMITS_UNTIL_NOT_READY} on" in failures
    assert str(SLOW_CONSUMER.code) in rows["parley_slow_consumers_total"][3]
