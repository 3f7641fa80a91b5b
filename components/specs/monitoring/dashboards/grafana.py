"""Panels in Grafana's own terms, by its SDK; the only module that knows both. It is imported when it is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grafana_foundation_sdk.models import (
    bargauge,
    common,
    dashboard,
    heatmap,
    logs,
    loki,
    prometheus,
    stat,
    table,
    timeseries,
)

from components.specs.monitoring.dashboards.figures import LIMIT
from components.specs.monitoring.dashboards.layout import TITLE_HEIGHT, Place
from components.specs.monitoring.dashboards.panel import Board, Panel, Query, Row, Scale
from components.specs.monitoring.dashboards.ways import data_link

PROMETHEUS = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")
LOKI = dashboard.DataSourceRef(type_val="loki", uid="${logs}")
# As often as agents are scraped; Grafana makes $__rate_interval of it.
_SCRAPE = "30s"
_LOG_LINES = 200
_GREY = "text"
# Below an alert's threshold figures are yellow from half of it on.
_HALF = 0.5
# Whose series: Grafana's variables, by a dashboard's scope.
_WHERE = {
    "environment": 'namespace=~"$environment"',
    "pool": 'namespace="$namespace"',
    "agent": 'namespace="$namespace",agent_id="$agent"',
}
# An option's value is the environment's namespaces, its text the name: series of CI and alerts have that as a label.
_ENVIRONMENT = 'environment=~"${environment:text}"'


def scoped(expression: str, scope: str) -> str:
    """The expression for what a dashboard's variables choose."""
    return expression.replace("<where>", _WHERE[scope]).replace("<environment>", _ENVIRONMENT)


def panel_of(place: Place, board: Board) -> dashboard.Panel | dashboard.RowPanel:
    """A row's title or a panel, at its place."""
    where = dashboard.GridPos(h=place.height, w=place.width, x=place.x, y=place.y)
    if isinstance(place.what, Row):
        where.h = TITLE_HEIGHT
        return dashboard.RowPanel(title=place.what.title, grid_pos=where, id_val=place.number, panels=[])
    panel = place.what
    options, custom = _LOOKS[panel.kind](panel)
    return dashboard.Panel(
        type_val=panel.kind,
        id_val=place.number,
        title=panel.title,
        description=panel.description,
        datasource=LOKI if panel.kind == "logs" else PROMETHEUS,
        grid_pos=where,
        interval=_SCRAPE,
        targets=[_target(panel, number, query, board) for number, query in enumerate(panel.queries)],
        transformations=_transformations(panel) if panel.kind == "table" else None,
        options=options,
        field_config=dashboard.FieldConfigSource(defaults=_defaults(panel, custom), overrides=_overrides(panel)),
    )


def _target(panel: Panel, number: int, query: Query, board: Board) -> prometheus.Dataquery | loki.Dataquery:
    ref, expression = "ABCDEFGHIJ"[number], scoped(query.expression, board.scope)
    if panel.kind == "logs":
        return loki.Dataquery(
            ref_id=ref, expr=expression, max_lines=_LOG_LINES, query_type="range", datasource=LOKI, editor_mode=None
        )
    forms = {"table": prometheus.PromQueryFormat.TABLE, "heatmap": prometheus.PromQueryFormat.HEATMAP}
    return prometheus.Dataquery(
        ref_id=ref,
        expr=expression,
        legend_format=query.legend or "__auto",
        instant=query.instant,
        range_val=not query.instant,
        format_val=forms.get(panel.kind, prometheus.PromQueryFormat.TIME_SERIES),
        editor_mode=prometheus.QueryEditorMode.CODE,
        datasource=PROMETHEUS,
    )


def _defaults(panel: Panel, custom: Any) -> dashboard.FieldConfig:
    links = [data_link(panel.link)] if panel.link else None
    by_value = panel.kind in ("stat", "bargauge")
    mode = dashboard.FieldColorModeId.THRESHOLDS if by_value else dashboard.FieldColorModeId.PALETTE_CLASSIC_BY_NAME
    return dashboard.FieldConfig(
        unit=panel.unit,
        min_val=0 if panel.unit == "percentunit" and panel.kind == "bargauge" else None,
        max_val=panel.maximum,
        no_value=panel.empty,
        color=dashboard.FieldColor(mode=mode),
        thresholds=_thresholds(panel.scale or Scale(first="green")),
        links=links,  # type: ignore[arg-type]  # a data link has fewer fields than a dashboard's
        custom=custom,
    )


def _thresholds(scale: Scale) -> dashboard.ThresholdsConfig:
    found: list[tuple[Any, str]] = [(None, scale.first), *scale.steps]
    if scale.limit:
        found += [
            (LIMIT.format(name=scale.limit, factor=scale.one * share), colour)
            for share, colour in ((_HALF, "yellow"), (1, "red"))
        ]
    steps = [dashboard.Threshold(value=value, color=colour) for value, colour in found]
    return dashboard.ThresholdsConfig(mode=dashboard.ThresholdsMode.ABSOLUTE, steps=steps)


def _overrides(panel: Panel) -> list[dashboard.DashboardFieldConfigSourceOverrides]:
    fixed = [(name, colour) for name, colour in panel.colours]
    found = [
        _override("byRegexp", f"/^{name}/", color={"mode": "fixed", "fixedColor": colour}) for name, colour in fixed
    ]
    dashes = {"fill": "dash", "dash": [6, 6]}
    for name in panel.reference:
        looks = {"custom.lineStyle": dashes, "custom.fillOpacity": 0, "custom.stacking": {"mode": "none"}}
        found.append(_override("byName", name, color={"mode": "fixed", "fixedColor": _GREY}, **looks))
    for column in panel.columns:
        properties: dict[str, Any] = {}
        if column.unit:
            properties["unit"] = column.unit
        if column.scale:
            properties["thresholds"] = _thresholds(column.scale)
            properties["custom.cellOptions"] = {"type": "color-text"}
        if column.link:
            properties["links"] = [data_link(column.link, of_row=True)]
        if column.width:
            properties["custom.width"] = column.width
        if properties:
            found.append(_override("byName", column.title, **properties))
    return found


def _override(by: str, what: str, **properties: Any) -> dashboard.DashboardFieldConfigSourceOverrides:
    return dashboard.DashboardFieldConfigSourceOverrides(
        matcher=dashboard.MatcherConfig(id_val=by, options=what),
        properties=[dashboard.DynamicConfigValue(id_val=name, value=value) for name, value in properties.items()],
    )


def _transformations(panel: Panel) -> list[dashboard.DataTransformerConfig]:
    """Several queries become one table; then just the named columns, in their order, under their titles."""
    names = [column.field for column in panel.columns]
    order = {
        "indexByName": {name: index for index, name in enumerate(names)},
        "renameByName": {column.field: column.title for column in panel.columns},
    }
    return [
        dashboard.DataTransformerConfig(id_val="merge", options={}),
        dashboard.DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": names}}),
        dashboard.DataTransformerConfig(id_val="organize", options=order),
    ]


def _newest() -> common.ReduceDataOptions:
    return common.ReduceDataOptions(values=False, calcs=["lastNotNull"], fields="")


def _stat(panel: Panel) -> tuple[Any, Any]:
    named = "{{" in panel.queries[0].legend
    drawn = common.BigValueGraphMode.NONE if panel.queries[0].instant else common.BigValueGraphMode.AREA
    return stat.Options(
        graph_mode=drawn,
        color_mode=common.BigValueColorMode.VALUE,
        justify_mode=common.BigValueJustifyMode.AUTO,
        text_mode=common.BigValueTextMode.VALUE_AND_NAME if named else common.BigValueTextMode.VALUE,
        reduce_options=_newest(),
        orientation=common.VizOrientation.AUTO,
    ), None


def _lines(panel: Panel) -> tuple[Any, Any]:
    several = len(panel.queries) > 1 or "{{" in panel.queries[0].legend
    options = timeseries.Options(
        legend=common.VizLegendOptions(
            display_mode=common.LegendDisplayMode.LIST,
            placement=common.LegendPlacement.BOTTOM,
            show_legend=several,
            calcs=[],
        ),
        tooltip=common.VizTooltipOptions(mode=common.TooltipDisplayMode.MULTI, sort=common.SortOrder.DESCENDING),
    )
    # A line where the alert begins; areas of colour behind the lines would hide them.
    marked = panel.scale is not None and bool(panel.scale.limit)
    mode = common.GraphThresholdsStyleMode.DASHED if marked else common.GraphThresholdsStyleMode.OFF
    return options, common.GraphFieldConfig(
        draw_style=common.GraphDrawStyle.LINE,
        line_width=1,
        fill_opacity=20 if panel.stacked else 5,
        show_points=common.VisibilityMode.NEVER,
        span_nulls=False,
        stacking=common.StackingConfig(
            mode=common.StackingMode.NORMAL if panel.stacked else common.StackingMode.NONE, group="A"
        ),
        thresholds_style=common.GraphThresholdsStyleConfig(mode=mode),
        axis_soft_min=0,
    )


def _bars(_: Panel) -> tuple[Any, Any]:
    return bargauge.Options(
        display_mode=common.BarGaugeDisplayMode.BASIC,
        value_mode=common.BarGaugeValueMode.TEXT,
        name_placement=common.BarGaugeNamePlacement.LEFT,
        show_unfilled=True,
        orientation=common.VizOrientation.HORIZONTAL,
        reduce_options=_newest(),
    ), None


def _table(panel: Panel) -> tuple[Any, Any]:
    order = [common.TableSortByFieldState(display_name=panel.sort, desc=not panel.ascending)] if panel.sort else []
    return table.Options(
        show_header=True,
        cell_height=common.TableCellHeight.SM,
        sort_by=order,
        footer=common.TableFooterOptions(show=False, reducer=[], enable_pagination=True),
    ), common.TableFieldOptions(align=common.FieldTextAlignment.AUTO, inspect=False, filterable=True)


def _heatmap(panel: Panel) -> tuple[Any, Any]:
    colours = heatmap.HeatmapColorOptions(
        mode=heatmap.HeatmapColorMode.SCHEME, scheme="Oranges", fill="dark-orange", exponent=0.5, steps=64
    )
    return heatmap.Options(
        calculate=False,
        color=colours,
        y_axis=heatmap.YAxisConfig(unit="s", axis_placement=common.AxisPlacement.LEFT),
        cell_values=heatmap.CellValues(unit=panel.unit),
        tooltip=heatmap.HeatmapTooltip(mode=common.TooltipDisplayMode.SINGLE, show_color_scale=True),
        legend=heatmap.HeatmapLegend(show=True),
        cell_gap=1,
    ), None


def _logs(_: Panel) -> tuple[Any, Any]:
    return logs.Options(
        show_time=True,
        wrap_log_message=True,
        enable_log_details=True,
        sort_order=common.LogsSortOrder.DESCENDING,
        dedup_strategy=common.LogsDedupStrategy.NONE,
    ), None


_LOOKS: dict[str, Callable[[Panel], tuple[Any, Any]]] = {
    "stat": _stat,
    "timeseries": _lines,
    "bargauge": _bars,
    "table": _table,
    "heatmap": _heatmap,
    "logs": _logs,
}
