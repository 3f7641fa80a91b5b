"""The six dashboards as Grafana's JSON: their variables, what they mark on graphs, and their links.

What is made here lies in `built/`: Grafana's SDK takes longer than rendering a hundred agents.
"""

from __future__ import annotations

import json
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from components.specs.monitoring.dashboards.agent import AGENT
from components.specs.monitoring.dashboards.cost import COST
from components.specs.monitoring.dashboards.deployments import DEPLOYMENTS
from components.specs.monitoring.dashboards.figures import FIRST, FIRST_SPACES, OPTIONS
from components.specs.monitoring.dashboards.grafana import PROMETHEUS, panel_of, scoped
from components.specs.monitoring.dashboards.layout import places
from components.specs.monitoring.dashboards.overview import OVERVIEW
from components.specs.monitoring.dashboards.panel import Board
from components.specs.monitoring.dashboards.pool import POOL
from components.specs.monitoring.dashboards.security import SECURITY
from components.specs.monitoring.dashboards.ways import TITLES
from components.specs.monitoring.links import dashboard_uid
from components.specs.monitoring.recorded import AGENT as SEEN

BOARDS: tuple[Board, ...] = (OVERVIEW, AGENT, POOL, SECURITY, COST, DEPLOYMENTS)
_TAG = "roster"
# Grafana takes a series' value for the time of a mark when it is in milliseconds.
_APPLIED = "1000 * max by (environment, stack) (roster_stack_applied_timestamp_seconds<where>)"
_CHANGED = "1000 * max by (environment, commit) (roster_agent_applied_timestamp_seconds{<where>})"


def templates() -> dict[str, str]:
    """Name → JSON, laid out for reading, with marks of `figures` where the catalog's go."""
    return {
        board.name: json.dumps(_document(board), cls=JSONEncoder, indent=1, ensure_ascii=False) + "\n"
        for board in BOARDS
    }


def _document(board: Board) -> dashboard.Dashboard:
    return dashboard.Dashboard(
        uid=dashboard_uid(board.name),
        title=board.title,
        description=board.description,
        tags=[_TAG],
        editable=False,
        graph_tooltip=dashboard.DashboardCursorSync.CROSSHAIR,
        time=dashboard.DashboardDashboardTime(from_val=board.since, to="now"),
        refresh="1m",
        panels=[panel_of(place, board) for place in places(board.rows)],
        templating=dashboard.DashboardDashboardTemplating(list_val=_variables(board)),
        annotations=dashboard.AnnotationContainer(list_val=_marks(board)),
        links=[_link(name, title) for name, title in TITLES.items() if name != board.name],
    )


def _variables(board: Board) -> list[dashboard.VariableModel]:
    found = [_source("datasource", "Prometheus", "prometheus")]
    if board.scope == "environment":
        return [*found, _environment()]
    if board.scope == "agent":
        found.append(_source("logs", "Loki", "loki"))
    found.append(_query("namespace", "Pool", f"label_values({SEEN}, namespace)"))
    if board.scope == "agent":
        found.append(_query("agent", "Agent", f'label_values({SEEN}{{namespace="$namespace"}}, agent_id)'))
    return found


def _source(name: str, label: str, kind: str) -> dashboard.VariableModel:
    return dashboard.VariableModel(
        type_val=dashboard.VariableType.DATASOURCE, name=name, label=label, query=kind, allow_custom_value=False
    )


def _environment() -> dashboard.VariableModel:
    """Namespaces by environment. Without `multi` and `all`, whose values Grafana escapes: these are expressions."""
    return dashboard.VariableModel(
        type_val=dashboard.VariableType.CUSTOM,
        name="environment",
        label="Environment",
        query=OPTIONS,
        current=dashboard.VariableOption(text=FIRST, value=FIRST_SPACES),
        allow_custom_value=False,
    )


def _query(name: str, label: str, query: str) -> dashboard.VariableModel:
    return dashboard.VariableModel(
        type_val=dashboard.VariableType.QUERY,
        name=name,
        label=label,
        query={"query": query, "refId": name},
        datasource=PROMETHEUS,
        refresh=dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED,
        sort=dashboard.VariableSort.ALPHABETICAL_ASC,
        allow_custom_value=False,
    )


def _marks(board: Board) -> list[Any]:
    """Each apply of a stack; where pools and agents are looked at these are many, and their own changes are shown."""
    narrow = board.scope != "environment"
    where = "" if narrow else "{<environment>}"
    marks = [_mark("Applied", "blue", _APPLIED.replace("<where>", where), "{{environment}}: {{stack}}", on=not narrow)]
    if narrow:
        marks.insert(0, _mark("Changes", "purple", _CHANGED, "commit {{commit}}", on=True))
    for mark in marks:
        mark["expr"] = scoped(mark["expr"], board.scope)
    return marks


def _mark(name: str, colour: str, expression: str, text: str, *, on: bool) -> dict[str, Any]:
    """The SDK's class knows no more than what all data sources have in common; the rest is Prometheus' own."""
    common = dashboard.AnnotationQuery(name=name, datasource=PROMETHEUS, enable=on, icon_color=colour, hide=False)
    return {
        **common.to_json(),
        "expr": expression,
        "titleFormat": name,
        "textFormat": text,
        "step": "1m",
        "useValueForTime": True,
    }


def _link(name: str, title: str) -> dashboard.DashboardLink:
    return dashboard.DashboardLink(
        title=title,
        type_val=dashboard.DashboardLinkType.LINK,
        icon="dashboard",
        url=f"/d/{dashboard_uid(name)}",
        include_vars=True,
        keep_time=True,
    )
