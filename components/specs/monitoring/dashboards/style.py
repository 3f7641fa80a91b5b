"""The house style: units, colours, thresholds and legends, and one constructor for each kind of panel."""

from __future__ import annotations

from components.specs.monitoring.dashboards.panel import Column, Panel, Query, Scale

# Grafana's units; `count:` puts a word behind figures in K and M. Money becomes the catalog's currency.
REQUESTS = "reqps"
RATIO = "percentunit"
SECONDS = "s"
COUNT = "short"
CORES = "suffix:cores"
BYTES = "bytes"
BYTES_RATE = "Bps"
TOKENS = "count:tokens"
AGO = "dateTimeFromNow"
# Grafana draws log lines and not figures; the unit only satisfies that each panel has one.
LINES = "none"

PLAIN = Scale(first="blue")
ERRORS = Scale(limit="error_rate_percent", one=0.01)
LATENCY = Scale(limit="p95_seconds")
CPU = Scale(limit="cpu_percent", one=0.01)
MEMORY = Scale(limit="memory_percent", one=0.01)
QUEUE = Scale(limit="queue_depth")
USED = Scale(((0.75, "yellow"), (0.9, "red")))
NONE_EXPECTED = Scale(((1, "red"),))
FAILED_RUNS = Scale(((0.001, "yellow"), (0.05, "red")))
FEW_EXPECTED = Scale(((1, "yellow"),))
LEFT = Scale(((0.25, "yellow"), (0.5, "green")), first="red")
HEALTH = Scale(((0.95, "yellow"), (0.99, "green")), first="red")
GROWTH = Scale(((0.25, "yellow"), (1, "red")))

# Series whose names say whether they are good have the same colour on every panel.
QUANTILES = (("P50", "green"), ("P95", "yellow"), ("P99", "red"))
STATUSES = (("2..", "green"), ("4..", "yellow"), ("5..", "red"))

_AGENT = "no agent here has this"


def stat(
    title: str,
    unit: str,
    expression: str,
    description: str,
    *,
    scale: Scale = PLAIN,
    width: int = 3,
    empty: str = "no data",
    legend: str = "",
    instant: bool = False,
) -> Panel:
    """One figure, with its course behind it unless it is `instant`."""
    query = Query(expression, legend or title, instant)
    return Panel("stat", title, description, unit, (query,), width, empty=empty, scale=scale)


def lines(
    title: str,
    unit: str,
    queries: tuple[Query, ...],
    description: str,
    *,
    width: int = 8,
    scale: Scale | None = None,
    stacked: bool = False,
    reference: tuple[str, ...] = (),
    colours: tuple[tuple[str, str], ...] = (),
    maximum: float | None = None,
    empty: str = "no data",
    link: str = "",
) -> Panel:
    """Figures over time; `reference` names series that are drawn as dashed grey lines: limits and wishes."""
    return Panel(
        "timeseries",
        title,
        description,
        unit,
        queries,
        width,
        empty=empty,
        scale=scale,
        stacked=stacked,
        reference=reference,
        colours=colours,
        maximum=maximum,
        link=link,
    )


def top(
    title: str,
    unit: str,
    expression: str,
    description: str,
    *,
    count: int = 10,
    lowest: bool = False,
    width: int = 8,
    scale: Scale = PLAIN,
    legend: str = "{{agent_id}}",
    link: str = "agent",
    empty: str = _AGENT,
    maximum: float | None = None,
) -> Panel:
    """The largest (or lowest) few as bars, the first on top; each leads on to `link`."""
    chosen = f"sort(bottomk({count}, {expression}))" if lowest else f"sort_desc(topk({count}, {expression}))"
    return Panel(
        "bargauge",
        title,
        description,
        unit,
        (Query(chosen, legend, instant=True),),
        width,
        empty=empty,
        scale=scale,
        maximum=maximum,
        link=link,
    )


def table(
    title: str,
    unit: str,
    expressions: tuple[str, ...],
    columns: tuple[Column, ...],
    description: str,
    *,
    width: int = 12,
    sort: str = "",
    ascending: bool = False,
    empty: str = "nothing",
) -> Panel:
    """Rows of the newest values; several expressions with the same labels become columns of one table."""
    return Panel(
        "table",
        title,
        description,
        unit,
        tuple(Query(one, instant=True) for one in expressions),
        width,
        empty=empty,
        columns=columns,
        sort=sort,
        ascending=ascending,
    )
