"""Every series that a rule reads comes from a named exporter, or from a rule; and how many there are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
from captures import ENUMERATED, Sample, captured, exporters
from rendered_rules import groups

from components.definition.findings import nearest
from components.specs.monitoring.scraping import pod_monitor

# Labels that Prometheus, or the PodMonitor, gives to all that it scrapes; what is scraped cannot have them itself.
TARGET = {"job", "instance"}
OF_PODS = TARGET | {"namespace", "pod", "container", "endpoint", "agent_id", "owner"}
# Where an exporter is scraped without honorLabels its own labels of these names get this in front.
RENAMED = "exported_"
PROMETHEUS_SAYS = {"alertstate": ("pending", "firing")}
ERRORS = Path(__file__).parents[2] / "components/images/fastapi/agent/errors.py"
Known = Mapping[str, list[dict[str, str]]]


@pytest.fixture(scope="module")
def known() -> Known:
    """Metric → the labels of each captured series."""
    found: dict[str, list[dict[str, str]]] = {}
    for exporter in exporters():
        for one in captured(exporter):
            found.setdefault(one.name, []).append(dict(one.labels))
    # Not all of these can be brought about in a test of a few seconds.
    for code in _codes():
        found["agent_errors_total"].append({"agent_id": "brief-writer", "code": code})
    return found


def _codes() -> list[str]:
    """All codes of errors that the fastapi runtime has."""
    return re.findall(r"^    ([A-Z_]+) = ", ERRORS.read_text("utf-8"), re.MULTILINE)


def test_every_rule_reads_series_that_exist(known: Known) -> None:
    recorded = {rule["record"] for group in groups() for rule in group["rules"] if "record" in rule}
    wrong = [
        f"{rule.get('alert') or rule['record']}: {said}"
        for group in groups()
        for rule in group["rules"]
        for said in _wrong(rule["expr"], known, recorded)
    ]
    assert not wrong, "\n".join(dict.fromkeys(wrong))


def test_a_series_a_label_and_a_value_that_nobody_exposes_are_found(known: Known) -> None:
    def said(expression: str) -> str:
        return " ".join(_wrong(expression, known, {"roster:agent:down"}))

    assert said("rate(agent_request_total[5m])") == (
        "nobody exposes agent_request_total. Did you mean 'agent_requests_total'?"
    )
    assert "Did you mean 'roster:agent:down'?" in said("roster:agents:down == 1")
    waiting = "kube_pod_container_status_waiting_reason"
    assert said(f'{waiting}{{reason="CrashLoopBackOff",pod!="x"}}') == ""
    assert "has no label cause" in said(f'{waiting}{{cause="CrashLoopBackOff"}}')
    assert "reason is never CrashLoop." in said(f'{waiting}{{reason="CrashLoop"}}')
    assert "reason is never ErrPull." in said(f'{waiting}{{reason=~"ErrImagePull|ErrPull"}}')
    assert "reason is never CrashLoop." in said('roster:agent:down{reason="CrashLoop"}')
    assert "alertname is never HighErrorsRate. Did you mean 'HighErrorRate'?" in said(
        'ALERTS{alertname="HighErrorsRate"}'
    )
    # One series must have both.
    assert "no series has all of" in said('kube_resourcequota{type="used",resource="requests.cpu",resourcequota=""}')


# How many series one agent with two pods may cost Prometheus, by who exposes them.
LIMITS = {"fastapi": 140, "kube_state_metrics": 190, "cadvisor": 380, "external_secrets": 5, "recorded": 70}


def test_one_agent_costs_few_series() -> None:
    rules = [rule for group in groups() for rule in group["rules"]]
    recorded = {rule["record"] for rule in rules if "record" in rule and rule["record"].startswith("roster:agent")}
    cost = {
        # Of a pod that has every code of errors; of them there are two.
        "fastapi": 2 * (len(captured("fastapi")) + len(_codes()) - len(_of("fastapi", "agent_errors_total"))),
        "kube_state_metrics": sum(_is_of(one, "brief-writer") for one in captured("kube_state_metrics")),
        "cadvisor": 2 * sum(bool(one.label("pod")) for one in captured("cadvisor")),
        "external_secrets": sum(_is_of(one, "brief-writer") for one in captured("external_secrets")),
        # And which pod is whose.
        "recorded": len(recorded) + 2,
    }
    over = {name: count for name, count in cost.items() if count > LIMITS[name]}
    assert cost.keys() == LIMITS.keys()
    assert not over, f"more series an agent than {LIMITS}: {over}"
    # A limit that is far off holds nothing.
    assert {name: count for name, count in cost.items() if count < 0.8 * LIMITS[name]} == {}


def test_a_pod_with_every_kind_of_trouble_stays_far_below_what_a_scrape_may_have() -> None:
    spec = pod_monitor({})["spec"]
    assert 5 * (len(captured("fastapi")) + len(_codes())) < spec["sampleLimit"]
    longest = max(len(one.labels) for one in captured("fastapi"))
    # The name, and what scraping adds.
    assert 2 * (1 + longest + len(OF_PODS)) < spec["labelLimit"]


def test_nothing_that_a_rule_reads_is_dropped_at_scraping() -> None:
    [one] = {endpoint["metricRelabelings"][0]["regex"] for endpoint in pod_monitor({})["spec"]["podMetricsEndpoints"]}
    read = {
        str(found.name)
        for group in groups()
        for rule in group["rules"]
        for found in _selectors(promql.parse(rule["expr"]))
    }
    assert "agent_requests_total" in read
    assert not [name for name in read if re.fullmatch(one, name)]
    assert re.fullmatch(one, "process_resident_memory_bytes")


def _of(exporter: str, name: str) -> list[Sample]:
    return [one for one in captured(exporter) if one.name == name]


def _is_of(one: Sample, agent: str) -> bool:
    return any(value == agent or value.startswith(f"{agent}-") for _, value in one.labels)


def _wrong(expression: str, known: Known, recorded: set[str]) -> Iterator[str]:
    for selector in _selectors(promql.parse(expression)):
        name, matchers = str(selector.name), selector.matchers.matchers
        if name in recorded or name == "ALERTS":
            yield from _wrong_values(name, matchers, known)
        elif name not in known:
            yield f"nobody exposes {name}.{nearest(name, [*known, *recorded])}"
        else:
            yield from _wrong_matchers(name, matchers, known[name])


def _wrong_values(name: str, matchers: list[Any], known: Known) -> Iterator[str]:
    """A recorded series has its values from those that it was made of, or from a rule."""
    for one in matchers:
        if one.name in {*ENUMERATED, "alertname"} and one.op in (promql.MatchOp.Equal, promql.MatchOp.Re):
            said = {labels.get(one.name, "") for series in known.values() for labels in series} | _replaced(one.name)
            for value in one.value.split("|"):
                if value not in said:
                    yield f"{name}: {one.name} is never {value}.{nearest(value, sorted(said))}"


@cache
def _replaced(label: str) -> set[str]:
    """What rules themselves write into a label, and what Prometheus does."""
    rules = [rule for group in groups() for rule in group["rules"]]
    written = {rule["labels"][label] for rule in rules if label in rule.get("labels", {})}
    replaced = re.findall(rf'"{label}", "([^"$]+)"', " ".join(rule["expr"] for rule in rules))
    names = {rule["alert"] for rule in rules if "alert" in rule and label == "alertname"}
    return {*written, *replaced, *names, *PROMETHEUS_SAYS.get(label, ())}


def _wrong_matchers(name: str, matchers: list[Any], series: list[dict[str, str]]) -> Iterator[str]:
    labels = {label for one in series for label in one}
    possible = labels | (OF_PODS if name.startswith(("agent_", "up", "scrape_")) else TARGET)
    left = series
    for one in matchers:
        if one.name not in possible and one.name.removeprefix(RENAMED) not in labels:
            yield f"{name} has no label {one.name}.{nearest(one.name, sorted(possible))}"
        if one.name not in ENUMERATED or one.op not in (promql.MatchOp.Equal, promql.MatchOp.Re):
            if one.op == promql.MatchOp.Equal and one.value == "" and one.name in labels:
                left = [labels for labels in left if not labels.get(one.name)]
            continue
        values = {labels.get(one.name, "") for labels in series}
        wanted = one.value.split("|") if one.op == promql.MatchOp.Re else [re.escape(one.value)]
        for value in wanted:
            if not any(re.fullmatch(value, found) for found in values):
                yield f"{name}: {one.name} is never {value.replace(chr(92), '')}.{nearest(value, sorted(values))}"
        left = [labels for labels in left if re.fullmatch("|".join(wanted), labels.get(one.name, ""))]
    if not left:
        yield f"{name}: no series has all of {', '.join(f'{one.name} {one.value!r}' for one in matchers)}"


def _selectors(found: Any) -> Iterator[Any]:
    """All selectors of a parsed expression."""
    if isinstance(found, promql.VectorSelector):
        yield found
    inner = [getattr(found, part, None) for part in ("lhs", "rhs", "expr", "vector_selector")]
    for one in [*inner, *getattr(found, "args", ())]:
        if one is not None:
            yield from _selectors(one)
