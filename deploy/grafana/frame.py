"""What stands around the panels of a dashboard: its variables, annotations, rows and links.

It knows no metric.
"""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as d
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as dm

from deploy.grafana.look import SOURCE, Panel

_ALL = dm.VariableOption(selected=True, text="All", value="$__all")


def variable(name: str, label: str, description: str, metric: str) -> d.QueryVariable:
    """A variable whose values are those of the label of the same name; any number of them, or all.

    Args:
        name: of the variable, and of the label.
        label: as it is called at the top of the dashboard.
        description: what choosing does.
        metric: the selector on which the label is looked up.
    """
    query = f"label_values({metric}, {name})"
    return (
        d.QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(SOURCE)
        .query({"query": query, "refId": "StandardVariableQuery"})
        .refresh(dm.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dm.VariableSort.NATURAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(_ALL)
    )


class Annotation(Builder[dm.AnnotationQuery]):
    """Marks the times at which an expression is above 0, over all panels.

    Args:
        name: as it is called at the top of the dashboard.
        expr: in PromQL.
        title: what a mark says, with `{{label}}` in it.
        colour: of the marks.
    """

    def __init__(self, name: str, expr: str, title: str, colour: str) -> None:
        self._made = _Annotation(
            name=name, datasource=SOURCE, icon_color=colour, expr=expr, hide=False, built_in=0
        )
        self._made.title_format = title

    def build(self) -> dm.AnnotationQuery:
        """The annotation as Grafana has it."""
        return self._made


class _Annotation(dm.AnnotationQuery):
    """Of a Prometheus data source, whose fields the general type lacks."""

    title_format = ""

    def to_json(self) -> dict[str, object]:
        return {**super().to_json(), "titleFormat": self.title_format, "step": "15s"}


def dashboard(
    uid: str,
    title: str,
    description: str,
    *,
    variables: Sequence[d.QueryVariable],
    annotations: Sequence[Annotation],
    rows: Sequence[tuple[str, Sequence[Panel]]],
) -> dm.Dashboard:
    """A dashboard of rows of panels, with a link to those beside it."""
    beside = (
        d.DashboardLink("newsurge")
        .type(dm.DashboardLinkType.DASHBOARDS)
        .tags(["newsurge"])
        .include_vars(True)
        .keep_time(True)
    )
    builder = (
        d.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["newsurge"])
        .time("now-6h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(dm.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .links([beside])
        .variables(list(variables))
        .annotations(list(annotations))
    )
    for name, panels in rows:
        builder.with_row(d.Row(name).collapsed(False))
        for panel in panels:
            builder.with_panel(panel)
    built = builder.build()
    for number, placed in enumerate(built.panels or [], 1):
        placed.id_val = number
    return built
