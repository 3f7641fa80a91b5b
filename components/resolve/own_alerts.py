"""Alerts that an author wrote: they must parse, and read series that this agent has, of this agent only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from components.definition.catalog import Runtime
from components.definition.findings import Finding, nearest, one_of
from components.definition.load_catalog import Catalog
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
    for name, alert in agent.alert_rules.items():
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
