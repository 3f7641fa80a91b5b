"""Error budgets: what is recorded for whom, and that one fault is told once."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from background import running, scraped
from debian_programs import program
from rendered_rules import groups
from small_fleet import fleet

from components.definition.objectives import LATENCY_BOUNDS
from components.specs import pool_manifests

METRICS = Path(__file__).parents[2] / "components" / "images" / "fastapi" / "agent" / "metrics.py"
needs_promtool = pytest.mark.skipif(not program("promtool"), reason="promtool is missing (Debian's package prometheus)")
# By cause: what may tell of a fault that callers notice.
TELLERS = {
    "errors": "HighErrorRate|AvailabilityBudgetBurn|AvailabilityBudgetSlowBurn",
    "latency": "HighResponseTime|LatencyBudgetSlowBurn",
}

BURNS = {"AvailabilityBudgetBurn", "AvailabilityBudgetSlowBurn", "LatencyBudgetBurn", "LatencyBudgetSlowBurn"}


def test_objectives_may_lie_where_the_runtime_counts() -> None:
    assigned = {
        node.targets[0].id: node.value
        for node in ast.parse(METRICS.read_text("utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert ast.literal_eval(assigned["SECONDS"]) == LATENCY_BOUNDS


def test_a_pool_whose_tiers_promise_nothing_has_neither_series_nor_alerts_of_budgets() -> None:
    tier = "{}:\n  description: Promises nothing.\n  priority: 1\n  defaults: {{}}\n"
    tiers = "".join(tier.format(name) for name in ("small", "medium", "large", "critical"))
    found = _groups({"tiers.yaml": tiers})
    assert [one["name"] for one in found] == ["business.agents"]
    assert not {rule.get("alert", "") for one in found for rule in one["rules"]} & BURNS


def test_tiers_that_promise_the_same_cost_no_rule_more() -> None:
    tier = "{}:\n  description: One of many.\n  priority: 1\n  defaults: {{}}\n  objectives: {}\n"
    same = "{availability_percent: 99.5, latency_seconds: 10, latency_percent: 95}"
    many = "".join(tier.format(f"tier-{index}", same) for index in range(30))
    before, after = _groups({}), _groups({"tiers.yaml": many})
    assert [len(one["rules"]) for one in after] == [len(one["rules"]) for one in before]
    assert [one.get("interval") for one in after] == [None, "5m", "1h"]


@needs_promtool
def test_each_agent_is_held_against_its_own_tier_and_its_budget_is_what_is_left_of_30_days(tmp_path: Path) -> None:
    def agent(name: str, tier: str, failures: int, minutes: int = 300) -> list[dict[str, Any]]:
        labels = f'label_app_kubernetes_io_component="agent",label_roster_owner="growth",label_roster_tier="{tier}"'
        return [
            {"series": f'kube_deployment_labels{{deployment="{name}",{labels}}}', "values": "1x300"},
            {"series": f'agent_requests_total{{agent_id="{name}",status="200"}}', "values": "0+10000x300"},
            {
                "series": f'agent_errors_total{{agent_id="{name}",code="BUSY"}}',
                "values": f"0+{failures}x{minutes} {failures * minutes}x300",
            },
        ]

    series = [*agent("a", "small", 10), *agent("b", "critical", 20), *agent("c", "large", 0), *agent("d", "free", 10)]
    series += agent("past", "small", 40, minutes=60)
    seen = {
        "roster:agent:error_budget": {"a": 0.005, "b": 0.001, "c": 0.01},
        "roster:agent:latency_budget": {"a": 0.05, "b": 0.05},
        "roster:agent:error_ratio:increase1h": {"a": 0.001, "b": 0.002, "c": 0, "d": 0.001},
        # A fifth of the budget is spent; twice the budget; nothing.
        "roster:agent:error_budget_remaining": {"a": 0.8, "b": -1, "c": 1},
    }
    looks = [
        {
            "expr": f'round({name}{{agent_id!="past"}}, 0.000001)',
            "eval_time": "4h",
            "exp_samples": [
                {"labels": f'{{namespace="business",agent_id="{agent}"}}', "value": value}
                for agent, value in values.items()
            ],
        }
        for name, values in seen.items()
    ]
    # Three hours without a failure do not give back what an hour spent.
    spent = 'roster:agent:error_budget_remaining{agent_id="past"} < bool 0.9'
    value = {"labels": '{namespace="business",agent_id="past"}', "value": 1}
    looks.append({"expr": spent, "eval_time": "4h", "exp_samples": [value]})
    _holds(tmp_path, series, looks)


@needs_promtool
@pytest.mark.parametrize("hours", [1, 6, 9])
def test_one_fault_is_told_by_one_alert_at_a_time(hours: int, tmp_path: Path) -> None:
    minutes, after = 60 * hours, 540
    series = running({f"share-{share}": 1 for share in (0, 4, 6, 8, 16, 35, 45, 80, 300, 1000)}, minutes + after)
    for share in (0, 4, 6, 8, 16, 35, 45, 80, 300, 1000):  # of a thousand requests a minute
        who = f'agent_id="share-{share}"'
        bad, end = f"0+{share}x{minutes}", f"{share * minutes}x{after}"
        in_time = f"0+{1000 - share}x{minutes} {(1000 - share) * minutes + 1000}+1000x{after}"
        series += [
            {"series": f'agent_requests_total{{{who},status="200"}}', "values": f"0+1000x{minutes + after}"},
            {"series": f'agent_errors_total{{{who},code="BUSY"}}', "values": f"{bad} {end}"},
            {"series": f"agent_processing_seconds_count{{{who}}}", "values": f"0+1000x{minutes + after}"},
            {"series": f'agent_processing_seconds_bucket{{{who},le="10.0"}}', "values": in_time},
            {"series": f'agent_processing_seconds_bucket{{{who},le="15.0"}}', "values": f"0+1000x{minutes + after}"},
            {"series": f'agent_processing_seconds_bucket{{{who},le="+Inf"}}', "values": f"0+1000x{minutes + after}"},
        ]
    end_of_all = f"{minutes + after - 5}m"
    looks = []
    for cause, names in TELLERS.items():
        active = f'ALERTS{{alertname=~"{names}",cause="{cause}",alertstate="firing"}}'
        window = f"[{minutes + after}m:5m]"
        looks += [
            # The alerts that were active at any time; at most one of them at a time.
            {
                "expr": f"max_over_time((count by (agent_id) ({active}) > 1){window})",
                "eval_time": end_of_all,
                "exp_samples": [],
            },
            # And at least one where the tier's objective was missed from the first minute on, for an hour or more.
            {
                "expr": f"count(group by (agent_id) (max_over_time({active}{window}))) >= bool 3",
                "eval_time": end_of_all,
                "exp_samples": [{"labels": "{}", "value": 1}],
            },
        ]
    _holds(tmp_path, series, looks)


def _groups(catalog: dict[str, str]) -> list[dict[str, Any]]:
    manifests = pool_manifests("business", "prod", fleet({}, catalog).catalog)
    return [group for one in manifests if one["kind"] == "PrometheusRule" for group in one["spec"]["groups"]]


def _holds(folder: Path, series: list[dict[str, Any]], looks: list[dict[str, Any]]) -> None:
    """Has promtool evaluate the rendered rules every five minutes over series of a sample a minute."""
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups()}, width=10_000), "utf-8")
    given = {
        "rule_files": [str(folder / "rules.yaml")],
        "evaluation_interval": "5m",
        "group_eval_order": [group["name"] for group in groups()],
        "tests": [
            {
                "interval": "1m",
                "input_series": [{**one, "series": scraped(one["series"])} for one in series],
                "promql_expr_test": looks,
            }
        ],
    }
    (folder / "test.yaml").write_text(yaml.safe_dump(given, sort_keys=False, width=10_000), "utf-8")
    command = [program("promtool"), "test", "rules", folder / "test.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, re.sub(r"(?m)^\s+$", "", done.stdout + done.stderr)
