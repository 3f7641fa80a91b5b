"""Error budgets that are spent too fast. Agents of tiers without objectives have none."""

from __future__ import annotations

from collections.abc import Callable

from components.specs.monitoring.alert import Alert, Runbook, Step, query
from components.specs.monitoring.objectives import (
    ERROR_BUDGET,
    LATENCY_BUDGET,
    counted,
    error_ratio,
    slow_ratio,
)

# How many times too fast, over which window, and in which shorter one it must go on still.
_FAST = ((14.4, "1h", "5m"), (6.0, "6h", "30m"))
_SLOW = ((3.0, "1d", "2h"), (1.0, "3d", "6h"))
# Fewer than so many in the long window are an accident: an agent with ten requests a day fails 10 % at once.
_FEWEST = 5


def _burn(
    pairs: tuple[tuple[float, str, str], ...], ratio: Callable[[str], str], bad: str, budget: str, told: str
) -> str:
    """Spent too fast in both windows of a pair; not where another alert told of the same in the shorter one.

    `told`: a regular expression of alerts. Once they are silent for the length of the shorter window, nothing of what
    they told of is left in it.
    """
    parts = []
    for factor, long, short in pairs:
        limit = f"{factor:g} * {budget}{{<where>}}"
        burning = (
            f"{ratio(long)}{{<where>}} > {limit} and {ratio(short)}{{<where>}} > {limit}"
            f" and {counted(bad, long)}{{<where>}} >= {_FEWEST}"
        )
        silence = ""
        if told:
            active = f'ALERTS{{<where>,alertname=~"{told}",alertstate="firing"}}[{short}]'
            silence = f" unless on (namespace, agent_id) max_over_time({active})"
        parts.append(f"({burning}{silence})")
    return " or ".join(parts)


_SPENT = "See how much of the budget is left, and since when it shrinks: the agent's dashboard, row Objectives."
_ERRORS = query(
    "See which errors: of the provider (PROVIDER_…), of the agent's own limits (BUSY), of its config (NOT_READY).",
    'sum by (code) (increase(agent_errors_total{namespace="<namespace>",agent_id="<agent>"}[1h]))',
)
_LOGS = Step("Read its log; the answer's X-Request-Id leads from a caller to its line.", "roster logs <pool>/<agent>")
_CHANGES = Step("Did it begin with a change?", "git log -p -- agents/<pool>/<agent>.yaml")
_ROLLBACK = Step("Put the agent back to what worked.", "roster rollback <pool>/<agent> --to <commit>")
_PROVIDER = Step(
    "Is it the provider, then all agents that use it are hit: look at its status page, and suspend it in the catalog "
    "(providers.yaml, suspended: true) or name another model."
)
_PLACES = Step(
    "Do requests wait for a place (agent_queue_depth above 0)? Give it more pods.",
    "roster scale <agent> --min 2 --max <pods>",
)
_PROMISE = Step(
    "Was too much promised? Give the agent a tier that promises less, or change the tier's objectives in "
    "agents/catalog/tiers.yaml; whoever relies on them approves.",
    "roster set <agent> tier=<tier>",
)

ALERTS = (
    Alert(
        name="AvailabilityBudgetBurn",
        scope="agent",
        cause="errors",
        severity="critical",
        expression=_burn(_FAST, error_ratio, "failures", ERROR_BUDGET, "HighErrorRate"),
        # HighErrorRate holds for five minutes; whatever is its to tell, it has told by then.
        minutes=10,
        keep_minutes=10,
        group="objectives",
        summary="{{ $labels.agent_id }} fails {{ $value | humanizePercentage }} of its requests; its tier allows fewer",
        description="At this rate the error budget of 30 days is gone in five days at the latest.",
        runbook=Runbook(
            meaning=(
                "The agent fails requests at least six times as fast as its tier's availability objective allows, over "
                "the last six hours, or 14 times over the last hour, and goes on. What callers did wrong themselves is "
                "not counted. HighErrorRate did not tell of it: fewer fail than it takes for that."
            ),
            impact=(
                "Callers get errors more often than they were promised. After two days at 14 times, or five days at "
                "six times, the budget of the whole month is gone."
            ),
            look=(Step(_SPENT), _ERRORS, _LOGS, _CHANGES),
            act=(_ROLLBACK, _PROVIDER, _PLACES),
        ),
    ),
    Alert(
        name="AvailabilityBudgetSlowBurn",
        scope="agent",
        cause="errors",
        severity="warning",
        expression=_burn(_SLOW, error_ratio, "failures", ERROR_BUDGET, "HighErrorRate|AvailabilityBudgetBurn"),
        # AvailabilityBudgetBurn begins within 20 minutes where both are true.
        minutes=30,
        group="objectives",
        summary="{{ $labels.agent_id }} fails {{ $value | humanizePercentage }} of its requests; its tier allows fewer",
        description="A matter for working hours: at this rate the error budget of 30 days does not last.",
        runbook=Runbook(
            meaning=(
                "The agent fails requests faster than its tier's availability objective allows: three times as fast "
                "over the last day, or just faster over the last three days, and it goes on. Nothing louder told of it."
            ),
            impact="Callers get errors now and then; by the end of the month the objective will have been missed.",
            look=(Step(_SPENT), _ERRORS, _LOGS, _CHANGES),
            act=(_ROLLBACK, _PROVIDER, _PROMISE),
        ),
    ),
    Alert(
        name="LatencyBudgetBurn",
        scope="agent",
        cause="latency",
        severity="critical",
        # HighResponseTime is a warning; this one wakes somebody, and silences it.
        expression=_burn(_FAST, slow_ratio, "slow", LATENCY_BUDGET, ""),
        minutes=10,
        keep_minutes=10,
        group="objectives",
        summary=(
            "{{ $labels.agent_id }} is late with {{ $value | humanizePercentage }} of its answers; "
            "its tier allows fewer"
        ),
        description="At this rate the latency budget of 30 days is gone in five days at the latest.",
        runbook=Runbook(
            meaning=(
                "At least six times as many answers as the tier's latency objective allows took longer than its "
                "latency_seconds, over the last six hours (14 times: over the last hour), and it goes on."
            ),
            impact="Callers wait longer than they were promised; the impatient give up and see an error.",
            look=(
                Step(_SPENT),
                query(
                    "Is it the model, or waiting? The wait for a place counts too.",
                    'max by (pod) (agent_queue_depth{namespace="<namespace>",agent_id="<agent>"})',
                ),
                _LOGS,
                _CHANGES,
            ),
            act=(
                _PLACES,
                _PROVIDER,
                Step(
                    "Was max_tokens raised, or the model changed? Put it back.", "roster rollback <agent> --to <commit>"
                ),
            ),
        ),
    ),
    Alert(
        name="LatencyBudgetSlowBurn",
        scope="agent",
        cause="latency",
        severity="warning",
        expression=_burn(_SLOW, slow_ratio, "slow", LATENCY_BUDGET, "HighResponseTime|LatencyBudgetBurn"),
        minutes=30,
        group="objectives",
        summary=(
            "{{ $labels.agent_id }} is late with {{ $value | humanizePercentage }} of its answers; "
            "its tier allows fewer"
        ),
        description="A matter for working hours: at this rate the latency budget of 30 days does not last.",
        runbook=Runbook(
            meaning=(
                "More answers than the tier's latency objective allows took longer than its latency_seconds: three "
                "times as many over the last day, or just more over the last three days. Nothing louder told of it."
            ),
            impact="Some callers wait longer than they were promised.",
            look=(Step(_SPENT), _LOGS, _CHANGES),
            act=(
                _PLACES,
                Step("A smaller max_tokens, or a quicker model.", "roster set <agent> model.name=<name>"),
                _PROMISE,
            ),
        ),
    ),
)
