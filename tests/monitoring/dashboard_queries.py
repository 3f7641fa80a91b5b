"""What each panel, variable and mark of a dashboard asks, with Grafana's variables filled in as Grafana does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from small_fleet import fleet

from components.specs.monitoring.dashboards import documents

DEFAULTS = {
    "environment": ".*",
    "environment:text": ".*",
    "namespace": "business",
    "agent": "support",
    "__rate_interval": "5m",
    "__interval": "1m",
    "__range": "6h",
}
_VARIABLE = re.compile(r"\$\{([\w:]+)\}|\$([A-Za-z_]\w*)")
_LABEL_VALUES = re.compile(r"label_values\((.+), (\w+)\)")


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """`panel`: its title, or "variable NAME", or "mark NAME". `language`: promql or logql."""

    dashboard: str
    panel: str
    ref: str
    language: str
    query: str
    instant: bool


@cache
def dashboards() -> dict[str, dict[str, Any]]:
    """The six dashboards of the fixture catalog."""
    return documents(fleet({}).catalog)


def queries(dashboard: str, variables: Mapping[str, str] = DEFAULTS) -> list[PanelQuery]:
    """All that a dashboard asks. `variables` are laid over `DEFAULTS`; KeyError for one that the dashboard has not."""
    return list(_queries(dashboard, {**DEFAULTS, **variables}))


def _queries(name: str, variables: Mapping[str, str]) -> Iterator[PanelQuery]:
    document = dashboards()[name]
    for variable in document["templating"]["list"]:
        if variable["type"] == "query":
            found = _LABEL_VALUES.fullmatch(variable["query"]["query"])
            assert found, f"{name}: {variable['name']} is no label_values(series, label)"
            yield PanelQuery(name, f"variable {variable['name']}", "A", "promql", filled(found[1], variables), True)
    for mark in document["annotations"]["list"]:
        yield PanelQuery(name, f"mark {mark['name']}", "A", "promql", filled(mark["expr"], variables), False)
    for panel in document["panels"]:
        for target in panel.get("targets", ()):
            language = "logql" if target["datasource"]["type"] == "loki" else "promql"
            query = filled(target["expr"], variables)
            yield PanelQuery(name, panel["title"], target["refId"], language, query, bool(target.get("instant")))


def filled(query: str, variables: Mapping[str, str]) -> str:
    """The query with its variables' values; `$1` of label_replace is none."""
    return _VARIABLE.sub(lambda match: variables[match[1] or match[2]], query)
