"""What a dashboard is made of, as plain values: rows of panels, their queries, and how figures are shown.

In expressions these stand for what the dashboard and the catalog say:
<where>        whose series: namespace=~"$environment", or those of a pool or an agent
<environment>  the same for series of CI and of alerts, which name the environment
and the marks of `figures` for what the catalog says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["stat", "timeseries", "bargauge", "table", "heatmap", "logs"]
Colour = Literal["green", "yellow", "red", "blue"]


@dataclass(frozen=True, slots=True)
class Scale:
    """From which value on which colour; `limit` names a threshold of the catalog's `alerts`, in units of `one`.

    With a limit, red begins where the alert does, and yellow at half of that.
    """

    steps: tuple[tuple[float, Colour], ...] = ()
    first: Colour = "green"
    limit: str = ""
    one: float = 1.0


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression (LogQL on a logs panel); the legend is Grafana's template. `instant`: only the newest."""

    expression: str
    legend: str = ""
    instant: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. `field`: a label, or Value (Value #B where several queries are one table)."""

    field: str
    title: str
    unit: str = ""
    scale: Scale | None = None
    link: str = ""
    width: int = 0


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel. `width` in columns of 24; `link` names the dashboard that a series or row leads to."""

    kind: Kind
    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    width: int
    empty: str = "no data"
    scale: Scale | None = None
    columns: tuple[Column, ...] = ()
    sort: str = ""
    ascending: bool = False
    stacked: bool = False
    reference: tuple[str, ...] = ()
    colours: tuple[tuple[str, str], ...] = ()
    maximum: float | None = None
    link: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels beside each other, of one height in units of Grafana's grid (30 pixels)."""

    title: str
    height: int
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard. `name`: the end of its uid. `scope`: by which variables its series are chosen."""

    name: str
    title: str
    description: str
    scope: Literal["environment", "pool", "agent"]
    rows: tuple[Row, ...]
    since: str = "now-6h"
