"""Error budgets: what a tier promises, how much of it each agent has spent, and over which windows.

Rates of several windows against a budget are told apart as Google's "The Site Reliability Workbook" does in its
chapter on alerting on objectives. Long windows are sums of what was counted every five minutes, and the 30 days of a
budget sums of what was counted every hour: no rule reads raw counters over more than five minutes.
All series have just namespace and agent_id; agents of tiers without objectives have no budget.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from components.definition.catalog import Tier
from components.definition.objectives import Objectives
from components.specs.monitoring.recorded import AGENT, BY, FAILED, REQUESTS, Recorded, growth

# What the two groups are evaluated at.
INTERVAL = "5m"
BUDGET_INTERVAL = "1h"
BUDGET_PERIOD = "30d"
# What is counted every five minutes is summed over these.
WINDOWS = ("30m", "1h", "2h", "6h", "1d", "3d")

# The share of requests that may fail, or be slow; an agent has it from its tier.
ERROR_BUDGET = "roster:agent:error_budget"
LATENCY_BUDGET = "roster:agent:latency_budget"
# 1: nothing is spent; 0: all of it; below: more than all.
ERROR_BUDGET_REMAINING = "roster:agent:error_budget_remaining"
LATENCY_BUDGET_REMAINING = "roster:agent:latency_budget_remaining"

_SECONDS = 300
_COUNTED = ("requests", "failures", "answered", "slow")


def counted(what: str, window: str = INTERVAL) -> str:
    """The series that says how many: requests, failures, answered (by the model) or slow, in a window of `WINDOWS`."""
    return f"roster:agent:{what}:increase{window}"


def error_ratio(window: str) -> str:
    """The series with the share of requests that failed."""
    return f"roster:agent:error_ratio:increase{window}"


def slow_ratio(window: str) -> str:
    """The series with the share of answers that took longer than the tier promises."""
    return f"roster:agent:slow_ratio:increase{window}"


def recorded_objectives(tiers: Mapping[str, Tier]) -> tuple[Recorded, ...]:
    """What a pool records every five minutes, in the order of evaluation; nothing when no tier has objectives."""
    given = {name: tier.objectives for name, tier in sorted(tiers.items()) if tier.objectives is not None}
    if not given:
        return ()
    budgets = [(ERROR_BUDGET, _budget(given, lambda one: one.availability_percent))]
    latency = {name: one for name, one in given.items() if one.latency_seconds is not None}
    if latency:
        budgets.append((LATENCY_BUDGET, _budget(latency, lambda one: one.latency_percent)))
    kinds = [("requests", "failures", error_ratio, ERROR_BUDGET, ERROR_BUDGET_REMAINING)]
    if latency:
        kinds.append(("answered", "slow", slow_ratio, LATENCY_BUDGET, LATENCY_BUDGET_REMAINING))
    found = [Recorded(name, expression) for name, expression in budgets if expression]
    found += [Recorded(counted(what), expression) for what, expression in _counts(latency).items()]
    for all_of_them, bad, ratio, _, _ in kinds:
        found.append(Recorded(ratio(INTERVAL), _ratio(_series(counted(bad)), _series(counted(all_of_them)))))
        for window in WINDOWS:
            found.append(Recorded(counted(bad, window), _sum(counted(bad), window)))
            whole = _sum(counted(all_of_them), window)
            found.append(Recorded(ratio(window), _ratio(_series(counted(bad, window)), whole)))
    for all_of_them, bad, _, budget, remaining in kinds:
        spent = _ratio(_sum(_hourly(bad), BUDGET_PERIOD), _sum(_hourly(all_of_them), BUDGET_PERIOD))
        found.append(Recorded(remaining, f"1 - {spent} / {_series(budget)}"))
    return tuple(found)


def recorded_hourly(tiers: Mapping[str, Tier]) -> tuple[Recorded, ...]:
    """What a pool records every hour, so that 30 days are 720 samples of a series."""
    names = {one.name for one in recorded_objectives(tiers)}
    return tuple(
        Recorded(_hourly(what), _sum(counted(what), BUDGET_INTERVAL)) for what in _COUNTED if counted(what) in names
    )


def _hourly(what: str) -> str:
    return f"roster:agent:{what}:hourly"


def _counts(latency: Mapping[str, Objectives]) -> dict[str, str]:
    # An agent that never failed has no series of failures: that is none, not nothing known.
    found = {
        "requests": f"{_series(REQUESTS)} * {_SECONDS}",
        "failures": f"{_series(FAILED)} * {_SECONDS} or {_series(counted('requests'))} * 0",
    }
    if latency:
        answered = f"sum {BY} ({growth('agent_processing_seconds_count{<where>}', 5)}) * {_SECONDS}"
        quick = " or ".join(
            _quick(bound, names) for bound, names in _by(latency, lambda one: one.latency_seconds).items()
        )
        found |= {"answered": answered, "slow": f"clamp_min({_series(counted('answered'))} - ({quick}), 0)"}
    return found


def _quick(bound: float, tiers: list[str]) -> str:
    """Answers within the bound, of agents of these tiers. Clients write 10 as 10 or as 10.0."""
    le = f"{bound:g}".replace(".", "[.]") + ("([.]0)?" if float(bound).is_integer() else "")
    buckets = growth(f'agent_processing_seconds_bucket{{<where>,le=~"{le}"}}', 5)
    return f"(sum {BY} ({buckets}) * {_SECONDS} and on (namespace, agent_id) {_of_tiers(tiers)})"


def _budget(given: Mapping[str, Objectives], percent: Callable[[Objectives], float | None]) -> str:
    """The share that may fail, by agent; empty when no tier says."""
    return " or ".join(
        f"max {BY} ({_of_tiers(names)}) * 0 + {round(1 - value / 100, 6):.6g}"
        for value, names in _by(given, percent).items()
    )


def _of_tiers(tiers: list[str]) -> str:
    # Labels are away for a moment when kube-state-metrics restarts; the promise holds on.
    return f'last_over_time({AGENT}{{<where>,tier=~"{"|".join(tiers)}"}}[15m])'


def _by(given: Mapping[str, Objectives], value: Callable[[Objectives], float | None]) -> dict[float, list[str]]:
    """Value → tiers that have it, the strictest first."""
    found: dict[float, list[str]] = {}
    for name, objectives in given.items():
        one = value(objectives)
        if one is not None:
            found.setdefault(one, []).append(name)
    return dict(sorted(found.items(), reverse=True))


def _series(name: str) -> str:
    return f"{name}{{<where>}}"


def _sum(name: str, window: str) -> str:
    return f"sum_over_time({name}{{<where>}}[{window}])"


def _ratio(part: str, whole: str) -> str:
    return f"({part} / ({whole} > 0))"
