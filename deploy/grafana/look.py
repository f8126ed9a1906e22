"""How the dashboards' panels look: graphs, numbers, states.

A thin layer over Grafana's own builders. It knows no metric. Every panel has a description, and
words for when there is nothing to show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from grafana_foundation_sdk.builders import common as c
from grafana_foundation_sdk.builders import dashboard as d
from grafana_foundation_sdk.builders import stat, statetimeline, timeseries
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery as AnyQuery
from grafana_foundation_sdk.models import common as cm
from grafana_foundation_sdk.models import dashboard as dm

SOURCE = cm.DataSourceRef(type_val="prometheus", uid="newsurge-prometheus")
NOT_SCRAPED = "Prometheus has no data of this job; see that it scrapes newsurge"
Steps = Sequence[tuple[float | None, str]]
"""Values from which on a colour holds, ascending; the first is None, from minus infinity on."""
CALM: Steps = ((None, "green"),)
_DESCENDING = cm.SortOrder.DESCENDING
_NAME_IF_SEVERAL = cm.BigValueTextMode.AUTO
_FILL = 8


class Query(NamedTuple):
    """An expression in PromQL, and how its series are called in the legend."""

    expr: str
    legend: str


Panel = Builder[dm.Panel]
Kind = Literal["lines", "steps", "bars", "stacked"]


def graph(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "short",
    none: str = NOT_SCRAPED,
    span: int = 12,
    kind: Kind = "lines",
    most: float | None = None,
    line_at: float | None = None,
    dashed: str | None = None,
    calcs: Sequence[str] = ("lastNotNull", "max"),
) -> Panel:
    """Values over time, with a legend that tells last and greatest value.

    Args:
        title: the panel's.
        description: what it shows, in the words of the field.
        queries: what is drawn; their references are A, B and so on.
        unit: Grafana's name of it.
        none: said where there is nothing to draw.
        span: its width, of 24 columns.
        kind: lines; steps for what changes in leaps; bars or stacked areas for shares of a whole.
        most: the end of the axis, where it is known.
        line_at: where to draw a line that is not to be crossed.
        dashed: the reference of a query whose lines are dashed.
        calcs: what the legend tells of each series.
    """
    panel = (
        timeseries.Panel()
        .unit(unit)
        .min(0)
        .line_width(1)
        .fill_opacity(_FILL)
        .show_points(cm.VisibilityMode.NEVER)
        .span_nulls(False)
        .color_scheme(d.FieldColor().mode(dm.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
        .tooltip(c.VizTooltipOptions().mode(cm.TooltipDisplayMode.MULTI).sort(_DESCENDING))
        .legend(
            c.VizLegendOptions()
            .display_mode(cm.LegendDisplayMode.TABLE)
            .placement(cm.LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(list(calcs))
            .sort_by("Last *")
            .sort_desc(True)
        )
        .thresholds(_thresholds(CALM if line_at is None else ((None, "green"), (line_at, "red"))))
    )
    if kind == "steps":
        panel.line_interpolation(cm.LineInterpolation.STEP_AFTER)
    if kind == "bars":
        panel.draw_style(cm.GraphDrawStyle.BARS).fill_opacity(60)
    if kind == "stacked":
        panel.stacking(c.StackingConfig().mode(cm.StackingMode.NORMAL).group("A")).fill_opacity(40)
    if most is not None:
        panel.max(most)
    if line_at is not None:
        style = c.GraphThresholdsStyleConfig().mode(cm.GraphThresholdsStyleMode.DASHED)
        panel.thresholds_style(style)
    if dashed is not None:
        dashes = {"fill": "dash", "dash": [6, 6]}
        panel.override_by_query(
            dashed,
            [
                dm.DynamicConfigValue("custom.lineStyle", dashes),
                dm.DynamicConfigValue("custom.fillOpacity", 0),
            ],
        )
    panel.title(title).description(description).no_value(none).datasource(SOURCE)
    panel.targets(_targets(queries)).span(span).height(8)
    return panel


def numbers(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "short",
    none: str = NOT_SCRAPED,
    span: int = 4,
    steps: Steps = CALM,
    colours: Mapping[str, str] | None = None,
) -> Panel:
    """The last value of each series, large, over a spark line.

    Args:
        title: the panel's.
        description: what it shows.
        queries: what is shown.
        unit: Grafana's name of it.
        none: said where there is nothing.
        span: its width, of 24 columns.
        steps: the colour of a value.
        colours: the colour of a series by its name in the legend, whatever its value.
    """
    panel = (
        stat.Panel()
        .unit(unit)
        .color_mode(cm.BigValueColorMode.VALUE)
        .graph_mode(cm.BigValueGraphMode.AREA)
        .text_mode(
            cm.BigValueTextMode.VALUE_AND_NAME if colours or len(queries) > 1 else _NAME_IF_SEVERAL
        )
        .reduce_options(c.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
        .color_scheme(d.FieldColor().mode(dm.FieldColorModeId.THRESHOLDS))
        .thresholds(_thresholds(steps))
    )
    for name, colour in (colours or {}).items():
        fixed = {"mode": "fixed", "fixedColor": colour}
        panel.override_by_name(name, [dm.DynamicConfigValue("color", fixed)])
    panel.title(title).description(description).no_value(none).datasource(SOURCE)
    panel.targets(_targets(queries)).span(span).height(5)
    return panel


def states(
    title: str,
    description: str,
    *queries: Query,
    names: Mapping[int, tuple[str, str]],
    none: str = NOT_SCRAPED,
    span: int = 24,
    height: int = 8,
) -> Panel:
    """One bar for each series over time, in the colour of the state that its value stands for.

    Args:
        title: the panel's.
        description: what it shows.
        queries: what is shown.
        names: by value, a state's name and colour.
        none: said where there is nothing.
        span: its width, of 24 columns.
        height: in rows.
    """
    panel = (
        statetimeline.Panel()
        .merge_values(True)
        .show_value(cm.VisibilityMode.AUTO)
        .row_height(0.8)
        .line_width(0)
        .fill_opacity(70)
        .mappings([_mapping(names)])
        .color_scheme(d.FieldColor().mode(dm.FieldColorModeId.THRESHOLDS))
        .thresholds(_thresholds(CALM))
        .legend(
            c.VizLegendOptions()
            .display_mode(cm.LegendDisplayMode.LIST)
            .placement(cm.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(c.VizTooltipOptions().mode(cm.TooltipDisplayMode.SINGLE).sort(_DESCENDING))
    )
    panel.title(title).description(description).no_value(none).datasource(SOURCE)
    panel.targets(_targets(queries)).span(span).height(height)
    return panel


def _targets(queries: Sequence[Query]) -> list[Builder[AnyQuery]]:
    return [
        Dataquery()
        .ref_id(chr(ord("A") + place))
        .datasource(SOURCE)
        .expr(query.expr)
        .legend_format(query.legend)
        .range()
        for place, query in enumerate(queries)
    ]


def _thresholds(steps: Steps) -> d.ThresholdsConfig:
    made = [dm.Threshold(value, colour) for value, colour in steps]
    return d.ThresholdsConfig().mode(dm.ThresholdsMode.ABSOLUTE).steps(made)


def _mapping(names: Mapping[int, tuple[str, str]]) -> dm.ValueMap:
    return dm.ValueMap(
        {
            str(value): dm.ValueMappingResult(text=text, color=colour, index=place)
            for place, (value, (text, colour)) in enumerate(names.items())
        }
    )
