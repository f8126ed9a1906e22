"""Grafana's dashboards: made from their source, about what is exposed, and complete."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.demo.dashboards import FILES, Query, Span, filled_in, panels, queries, read_dashboards
from tests.deploy.promql import METRICS, labels_of, metric_of, selectors, unknown_in
from tests.deploy.words import (
    DEPLOY,
    quoted,
    unknown_commands,
    unknown_settings,
    unknown_variables,
)

DASHBOARDS = read_dashboards()
QUERIES = [query for dashboard in DASHBOARDS for query in queries(dashboard)]
PANELS = [(one["title"], panel) for one in DASHBOARDS for panel in panels(one)]
RULES = (DEPLOY / "prometheus" / "newsurge.rules.yml").read_text(encoding="utf-8")
PROVISIONING = DEPLOY / "grafana" / "provisioning"
ELSEWHERE: dict[str, str] = {}
"""Metrics that are on no dashboard, and why."""


def _provisioned(file: str) -> Any:
    return yaml.safe_load((PROVISIONING / file).read_text(encoding="utf-8"))


def _named(panel: tuple[str, dict[str, Any]]) -> str:
    return f"{panel[0]}: {panel[1]['title']}"


def test_the_files_are_what_their_source_says() -> None:
    build = pytest.importorskip("deploy.grafana.build", reason="needs the extra dev")
    files = {file.name: file.read_text(encoding="utf-8") for file in FILES.iterdir()}
    assert files == build.built(), "run: python -m deploy.grafana.build"


def test_grafanas_own_types_read_them_back() -> None:
    """What a field lacks or has too much of in Grafana's schema does not survive the way back."""
    plugins = pytest.importorskip("grafana_foundation_sdk.cog.plugins", reason="extra dev")
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    plugins.register_default_plugins()
    for dashboard in DASHBOARDS:
        again = json.loads(json.dumps(Dashboard.from_json(dashboard), cls=JSONEncoder))
        marks = [
            # Of the Prometheus data source; the general schema does not know them.
            {key: value for key, value in mark.items() if key not in {"titleFormat", "step"}}
            for mark in dashboard["annotations"]["list"]
        ]
        assert again == {**dashboard, "annotations": {"list": marks}}


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.where}: {query.expr[:40]}")
def test_queries_are_about_what_is_exposed(query: Query) -> None:
    assert unknown_in(query.expr) == []
    assert list(selectors(query.expr))


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard["title"])
def test_variables_exist_and_are_used(dashboard: dict[str, Any]) -> None:
    variables = {each["name"]: each for each in dashboard["templating"]["list"]}
    asked = " ".join(query.expr for query in queries(dashboard))
    used = set(re.findall(r"\$(\w+)", asked)) - {"__rate_interval", "__range", "__interval"}
    assert used == set(variables)
    for name, variable in variables.items():
        (query,) = (q for q in queries(dashboard) if (q.kind, q.where) == ("variable", name))
        assert name in labels_of(query.expr)
        assert variable["allValue"] == ".*"
        assert variable["current"]["value"] == "$__all"


def test_every_selector_asks_for_the_deployment_that_is_chosen() -> None:
    for query in QUERIES:
        if (query.kind, query.where) != ("variable", "job"):
            assert all("job" in dict(matchers) for _, matchers in selectors(query.expr)), query


def test_legends_and_marks_name_labels_that_are_left() -> None:
    for _, panel in PANELS:
        for target in panel["targets"]:
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert label in labels_of(target["expr"])
                assert re.search(rf"\bby \([^)]*\b{label}\b", target["expr"]), target
    for dashboard in DASHBOARDS:
        for annotation in dashboard["annotations"]["list"]:
            for label in re.findall(r"\{\{(\w+)\}\}", annotation["titleFormat"]):
                assert label in labels_of(annotation["expr"])


@pytest.mark.parametrize("panel", PANELS, ids=_named)
def test_panels_say_what_they_show_and_what_it_means_if_they_do_not(
    panel: tuple[str, dict[str, Any]],
) -> None:
    _, content = panel
    words = content["description"]
    assert words.endswith(".")
    defaults = content["fieldConfig"]["defaults"]
    assert defaults["noValue"]
    assert defaults["unit" if content["type"] != "state-timeline" else "mappings"]
    for text in (words, defaults["noValue"]):
        assert not unknown_commands(quoted(text))
        assert not unknown_settings(text.replace("alerts.yaml", ""))
        assert not unknown_variables(text)
        for alert in re.findall(r"\bNewsurge\w+", text):
            assert f"alert: {alert}" in RULES
        for name in re.findall(r"newsurge_\w+", text):
            assert metric_of(name)


def test_every_metric_is_on_a_dashboard() -> None:
    shown = {metric_of(name) for query in QUERIES for name, _ in selectors(query.expr)}
    assert set(METRICS) - shown == set(ELSEWHERE)


def test_ids_are_unique_and_panels_do_not_overlap() -> None:
    uids = [dashboard["uid"] for dashboard in DASHBOARDS]
    assert len(set(uids)) == len(uids) == 2
    for dashboard in DASHBOARDS:
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(set(ids)) == len(ids)
        places = [panel["gridPos"] for panel in dashboard["panels"]]
        assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for place in places)
        for one, other in itertools.combinations(places, 2):
            assert (
                one["x"] + one["w"] <= other["x"]
                or other["x"] + other["w"] <= one["x"]
                or one["y"] + one["h"] <= other["y"]
                or other["y"] + other["h"] <= one["y"]
            )


def test_everything_asks_the_provisioned_source() -> None:
    (source,) = _provisioned("datasources/prometheus.yml")["datasources"]
    for dashboard in DASHBOARDS:
        parts = [
            *(target for panel in panels(dashboard) for target in panel["targets"]),
            *panels(dashboard),
            *dashboard["annotations"]["list"],
            *dashboard["templating"]["list"],
        ]
        for part in parts:
            assert part["datasource"] == {"type": source["type"], "uid": source["uid"]}


def test_the_provider_reads_where_compose_puts_them() -> None:
    (provider,) = _provisioned("dashboards/newsurge.yml")["providers"]
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    mounts = dict(
        volume.removesuffix(":ro").split(":")
        for volume in compose["services"]["grafana"]["volumes"]
    )
    inside = {target: source for source, target in mounts.items()}
    assert DEPLOY / inside[provider["options"]["path"]] == Path(FILES)
    assert DEPLOY / inside["/etc/grafana/provisioning"] == PROVISIONING
    assert provider["type"] == "file"
    assert provider["allowUiUpdates"] is False


def test_variables_are_filled_in_as_grafana_does() -> None:
    span = Span(start=100, end=400, step=20, scrape=15)
    assert filled_in('x{a=~"$a", b=~"${b:regex}"}', span, {"a": "(p|q)"}) == (
        'x{a=~"(p|q)", b=~".*"}'
    )
    assert filled_in("rate(x[$__rate_interval])", span) == "rate(x[60s])"
    assert filled_in("rate(x[$__rate_interval])", Span(0, 9000, 90, 15)) == "rate(x[105s])"
    assert filled_in("increase(x[$__range])", span) == "increase(x[300s])"
