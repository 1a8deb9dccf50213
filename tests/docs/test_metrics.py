"""The metrics that the docs list are those that a server has, and that the code declares."""

import pkgutil
from importlib import import_module

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


def test_the_limits_that_the_page_names_are_those_of_the_code() -> None:
    rows = listed()

    assert f"{MAX_QUEUED_APPENDS:,}" in rows["parley_queued_appends"][3]
    failures = rows["parley_commit_failures_in_a_row"][3]
    assert f"from {FAILED_COMMITS_UNTIL_NOT_READY} on" in failures
    assert str(SLOW_CONSUMER.code) in rows["parley_slow_consumers_total"][3]
