"""Alerts that an author wrote: they must parse, and read series that this agent has, of this agent only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from components.definition.findings import Finding, nearest, one_of
from components.definition.load_catalog import Catalog
from components.definition.runtime import Runtime
from components.resolve.layers import Layers
from components.resolve.resolved import ResolvedAgent

if TYPE_CHECKING:
    from promql_parser import Matcher

# Labels whose values have no end: each value is a series more in Prometheus, for ever.
_ENDLESS = """
address body conversation email error id input ip message output path phone prompt question query request request_id
session session_id span_id task text time timestamp token trace_id url user user_id username uuid
"""
UNBOUNDED = frozenset(_ENDLESS.split())
_NO_END = "has no end of values, and each is a series more; count by something that has a few"
# What Roster adds to every selector.
_WHOSE = ("namespace", "agent_id")
# A histogram or a summary is declared by its own name.
_PARTS = ("_bucket", "_sum", "_count")
Report = Callable[[str, str], Finding]
# What every scraped series has, and histograms and summaries besides.
_SCRAPED = ("namespace", "agent_id", "pod", "container", "endpoint", "instance", "job", "owner", "le", "quantile")
# Not kept when pods are scraped (components/specs/monitoring/scraping.py), or somebody else's.
_NOT_ITS_OWN = (
    "process_",
    "python_",
    "go_",
    "nodejs_",
    "promhttp_",
    "scrape_",
    "kube_",
    "container_",
    "ALERTS",
    "roster_",
)
# Thresholds of alerts on what the cluster tells of any agent; all others are on the agent's own metrics.
_OF_THE_CLUSTER = frozenset(
    {"down_minutes", "cpu_percent", "memory_percent", "restarts_per_hour", "at_maximum_minutes"}
)
_OF_DISKS = frozenset({"volume_percent"})
_TEMPLATE = re.compile(r"{{ *(\$value( *\| *humanize(Duration|Percentage|1024)?)?|\$labels\.[a-zA-Z_]\w*) *}}")
_ADDRESS = re.compile(r"https://[^\s{}]+\.?[^\s{}]+")
_COMPARISONS = frozenset({">", "<", ">=", "<=", "==", "!="})
_LONGEST = timedelta(days=1)
_MOST_STEPS = 1500
# Of Prometheus 2.42, without those of dates and angles; then aggregations.
_FUNCTIONS = """
abs absent absent_over_time avg_over_time ceil changes clamp clamp_max clamp_min count_over_time day_of_week delta deriv
exp floor histogram_count histogram_fraction histogram_quantile histogram_sum hour idelta increase irate label_join
label_replace last_over_time ln log10 log2 max_over_time min_over_time minute predict_linear present_over_time
quantile_over_time rate resets round scalar sgn sort sort_desc sqrt stddev_over_time stdvar_over_time sum_over_time time
timestamp vector
sum min max avg group stddev stdvar count count_values bottomk topk quantile
"""
FUNCTIONS = frozenset(_FUNCTIONS.split())
_SELECTOR = re.compile(r"^([^{\s]+)(?:\{.*\})?(.*)$", re.DOTALL)


def catalog_series_findings(catalog: Catalog) -> Iterator[Finding]:
    """Labels without end among the series of a runtime."""
    document = catalog.documents["runtimes"]
    for name, runtime in catalog.entries["runtimes"].items():
        for metric, index, label in _endless(runtime.series or {}):
            message = f"{name}.series.{metric}: the label {label} {_NO_END}"
            yield document.finding((name, "series", metric, index), "unbounded-label", message)


def own_alert_findings(agent: ResolvedAgent, layers: Layers) -> Iterator[Finding]:
    """What is wrong with the alerts of an agent, and with the series that it says it exposes."""
    for metric, index, label in _endless(agent.own_series):
        message = f"metrics.series.{metric}: the label {label} {_NO_END}"
        yield layers.finding(("metrics", "series", metric, index), "unbounded-label", message)
    runtime: Runtime = layers.catalog.entries["runtimes"][agent.runtime]
    known = {**(runtime.series or {}), **agent.own_series} if agent.metrics_path else {}
    yield from _dropped(agent, layers)
    yield from _unmeasured(agent, layers)
    for name, alert in agent.alert_rules.items():
        yield from _texts(name, alert, layers)
        yield from _wrong(alert["expression"], agent, known, _reporter(name, layers))
        runbook = alert.get("runbook", "")
        if runbook and not runbook.startswith("https://") and not agent.settings.monitoring.files:
            message = (
                f"alert_rules.{name}.runbook: nobody says where files of this repository are read "
                "(settings.yaml: monitoring.files); give an https:// address"
            )
            yield layers.finding(("alert_rules", name, "runbook"), "no-effect", message)


def of_agent(expression: str, namespace: str, agent: str) -> str:
    """The expression, each of whose selectors reads this agent's series only."""
    import promql_parser

    added = f'namespace="{namespace}",agent_id="{agent}"'

    def narrowed(one: Any) -> Any:
        if not isinstance(one, promql_parser.VectorSelector):
            return None
        # Name, matchers in braces (greedy: a value may have braces), then offset and @.
        name, rest = _SELECTOR.sub(r"\1", one.prettify(), count=1), _SELECTOR.sub(r"\2", one.prettify(), count=1)
        given = [
            f'{match.name}{_sign(match)}"{_quoted(match.value)}"'
            for match in one.matchers.matchers
            if match.name not in _WHOSE
        ]
        return promql_parser.parse(f"{name}{{{','.join([added, *given])}}}{rest}")

    return promql_parser.transform(promql_parser.parse(expression), post_visit=narrowed).prettify()


def _dropped(agent: ResolvedAgent, layers: Layers) -> Iterator[Finding]:
    for metric in agent.own_series:
        if metric == "up" or metric.startswith(_NOT_ITS_OWN):
            message = f"metrics.series.{metric} is not kept when the agent is scraped, or is not the agent's own"
            yield layers.finding(("metrics", "series", metric), "unknown-metric", message)


def _unmeasured(agent: ResolvedAgent, layers: Layers) -> Iterator[Finding]:
    """Thresholds of what the agent does not measure: their alerts would never come."""
    for name in sorted(agent.own_alerts):
        if name in _OF_DISKS and agent.volume is None:
            message = f"alerts.{name}: the agent has no disk of its own"
            yield layers.finding(("alerts", name), "no-effect", message)
        elif name not in _OF_THE_CLUSTER | _OF_DISKS and not agent.metrics_path:
            message = f"alerts.{name}: the agent exposes no metrics, so this has no effect; say metrics.path if it does"
            yield layers.finding(("alerts", name), "no-effect", message)


def _texts(name: str, alert: Mapping[str, Any], layers: Layers) -> Iterator[Finding]:
    """Prometheus refuses all rules of an object for one text that is no template."""
    left = _TEMPLATE.sub("", alert["summary"])
    if "{{" in left or "}}" in left:
        message = (
            f"alert_rules.{name}.summary: of {{{{ … }}}} there are $value, also as $value | humanize (or "
            "humanizeDuration, humanizePercentage, humanize1024), and $labels.NAME"
        )
        yield layers.finding(("alert_rules", name, "summary"), "wrong-template", message)
    runbook = alert.get("runbook", "")
    if "://" in runbook and not _ADDRESS.fullmatch(runbook):
        message = f"alert_rules.{name}.runbook: give an https:// address without spaces and braces, or a file beside it"
        yield layers.finding(("alert_rules", name, "runbook"), "wrong-value", message)


def _reporter(name: str, layers: Layers) -> Report:
    path = ("alert_rules", name, "expression")
    return lambda rule, message: layers.finding(path, rule, f"alert_rules.{name}.expression: {message}")


def _wrong(
    expression: str, agent: ResolvedAgent, known: Mapping[str, Sequence[str]], _report: Report
) -> Iterator[Finding]:
    import promql_parser

    try:
        parsed = promql_parser.parse(expression)
    except ValueError as problem:
        yield _report("wrong-promql", f"this is no PromQL: {problem}")
        return
    nodes: list[Any] = []
    promql_parser.walk(parsed, lambda one: nodes.append(one))
    yield from _shape(parsed, nodes, _report)
    selectors = [one for one in nodes if isinstance(one, promql_parser.VectorSelector)]
    if not selectors:
        yield _report("wrong-promql", "it reads no series, so it says nothing of the agent")
    for one in nodes:
        if isinstance(one, promql_parser.AggregateExpr) and one.modifier:
            for label in UNBOUNDED & set(one.modifier.labels):
                yield _report("unbounded-label", f"the label {label} {_NO_END}")
    for one in selectors:
        yield from _of_others(one.matchers.matchers, agent, _report)
        if one.matchers.or_matchers:
            yield _report("wrong-promql", "matchers joined by `or` are not taken; write two selectors")
        yield from _unknown(one.name or "", known, agent, _report)
        yield from _labels(one, known, _report)


def _shape(parsed: Any, nodes: Sequence[Any], _report: Report) -> Iterator[Finding]:
    """What every Prometheus that Roster supports can evaluate, in bounded time, to alerts that come and go."""
    import promql_parser as promql

    top = parsed
    while isinstance(top, promql.ParenExpr):
        top = top.expr
    if isinstance(top, promql.MatrixSelector | promql.SubqueryExpr):
        yield _report("wrong-promql", "it gives ranges, not values; put a function around it, such as rate(…)")
    functions = {one.func.name for one in nodes if isinstance(one, promql.Call)}
    functions |= {str(one.op) for one in nodes if isinstance(one, promql.AggregateExpr)}
    unknown = sorted(functions - FUNCTIONS)
    if unknown:
        yield _report("wrong-promql", f"Prometheus 2.42 has no function {one_of(unknown)}")
    binary = [one for one in nodes if isinstance(one, promql.BinaryExpr)]
    # With `bool` a comparison always gives a value.
    compares = any(str(one.op) in _COMPARISONS and not (one.modifier and one.modifier.return_bool) for one in binary)
    if not compares and not functions & {"absent", "absent_over_time"}:
        yield _report("wrong-promql", "it compares nothing, so the alert would never end; compare with a limit: … > 3")
    for one in nodes:
        if not isinstance(one, promql.MatrixSelector | promql.SubqueryExpr) or one.range is None:
            continue
        if one.range > _LONGEST:
            yield _report("wrong-promql", f"it looks back {one.range.days} days; one day is the most")
        if isinstance(one, promql.SubqueryExpr) and one.step and one.range / one.step > _MOST_STEPS:
            yield _report("wrong-promql", f"a subquery of more than {_MOST_STEPS} steps; take longer ones")


def _labels(selector: Any, known: Mapping[str, Sequence[str]], _report: Report) -> Iterator[Finding]:
    own = known.get(selector.name or "")
    if own is None:
        own = next((known[one] for one in known if selector.name in {f"{one}{part}" for part in _PARTS}), None)
    for match in selector.matchers.matchers if own is not None else ():
        allowed = [*(own or ()), *_SCRAPED]
        if match.name not in allowed:
            hint = nearest(match.name, allowed) or f" There is: {one_of(own or ('none',))}."
            yield _report("unknown-label", f"{selector.name} has no label {match.name}.{hint}")


def _of_others(matchers: Sequence[Matcher], agent: ResolvedAgent, _report: Report) -> Iterator[Finding]:
    whose = {"namespace": agent.namespace, "agent_id": agent.name}
    for one in matchers:
        if one.name in whose and not (_sign(one) == "=" and one.value == whose[one.name]):
            message = f"{one.name}{_sign(one)}{one.value!r} reads series of other agents; leave {one.name} out"
            yield _report("other-agents", message)


def _unknown(name: str, known: Mapping[str, Sequence[str]], agent: ResolvedAgent, _report: Report) -> Iterator[Finding]:
    if not name:
        yield _report("unknown-metric", "a selector names no metric")
    elif not agent.metrics_path:
        yield _report("unknown-metric", f"{name}: the agent exposes no metrics; say metrics.path")
    elif name.startswith(("kube_", "container_")):
        yield _report(
            "unknown-metric", f"{name} is the cluster's, not the agent's; Roster's own alerts watch the cluster"
        )
    elif name not in known and not any(name == f"{one}{part}" for one in known for part in _PARTS):
        hint = nearest(name, known) or f" There is: {one_of(known, 20)}." * bool(known)
        yield _report("unknown-metric", f"the agent exposes no {name}.{hint} Its own ones are named in metrics.series")


def _endless(series: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, int, str]]:
    for metric, labels in series.items():
        for index, label in enumerate(labels):
            if label in UNBOUNDED:
                yield metric, index, label


def _sign(matcher: Matcher) -> str:
    import promql_parser

    operators = promql_parser.MatchOp
    table = ((operators.Equal, "="), (operators.NotEqual, "!="), (operators.Re, "=~"), (operators.NotRe, "!~"))
    return next(sign for operator, sign in table if matcher.op == operator)


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
