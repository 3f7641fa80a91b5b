"""What an agent spends on its model."""

from __future__ import annotations

from components.specs.monitoring.alert import Alert, Runbook, Step
from components.specs.monitoring.alerts import steps
from components.specs.monitoring.alerts.reasons import each
from components.specs.monitoring.recorded import BY, COST, USUAL_COST, lasting

_LOWER = Step(
    "Have it spend less: a smaller model, shorter answers.",
    "roster set <pool>/<agent> model.name=<name> model.max_tokens=<number> -e <environment>",
)
_FEWER = Step(
    "One caller too many? Fewer requests a minute for each.",
    "roster set <pool>/<agent> service.limits.requests_per_minute=<number> -e <environment>",
)

ALERTS = (
    Alert(
        name="BudgetNearEnd",
        scope="agent",
        cause="spending",
        severity="warning",
        # Without a shared counter each pod has the whole budget; the one that is nearest to its end counts.
        expression=f"100 * max {BY} ({lasting('agent_budget_used_ratio{<where>}')}) >= <limit>",
        minutes=0,
        threshold="budget_percent",
        dashboard="cost",
        summary="{{ $labels.agent_id }} has used {{ $value | humanize }} % of its budget of today",
        description=each(
            "sort_desc(max by (kind) (agent_budget_used_ratio{namespace=%q,agent_id=%q}))",
            "Of the day's {{ .Labels.kind }}: {{ .Value | humanizePercentage }}. ",
        ),
        runbook=Runbook(
            meaning=(
                "The day's budget of tokens or cost (`budget` in the definition) is nearly used up. It "
                "begins anew at midnight UTC."
            ),
            impact="At 100 % every task is refused with BUDGET_SPENT until midnight UTC.",
            look=(
                steps.STATUS,
                Step("Who uses it? The log has the tokens of each request.", steps.LOGS.command),
                steps.LAST_CHANGE,
            ),
            act=(
                Step(
                    "Is it worth it? A larger budget is in force without a restart.",
                    "roster set <pool>/<agent> budget.cost_per_day=<number> -e <environment>",
                ),
                _LOWER,
                _FEWER,
                steps.SUSPEND,
                steps.own_limit("budget_percent"),
            ),
        ),
    ),
    Alert(
        name="CostAnomaly",
        scope="agent",
        cause="spending",
        severity="warning",
        expression=f"3600 * {COST}{{<where>}} > <limit> * 3600 * {USUAL_COST}{{<where>}} > <floor>",
        minutes=15,
        threshold="cost_times",
        floor="cost_floor_per_hour",
        dashboard="cost",
        summary="{{ $labels.agent_id }} costs {{ $value | humanize }} an hour, far more than usual",
        description=each(
            f"3600 * {USUAL_COST}{{namespace=%q,agent_id=%q}}",
            "Around this time it cost {{ .Value | humanize }} an hour at most: yesterday, three days and a week ago. ",
        ),
        runbook=Runbook(
            meaning=(
                "Within the last hour the agent's model cost a multiple (`cost_times`) of what it cost at most around "
                "the same time yesterday, three days and a week ago. Costs below `cost_floor_per_hour`, "
                "in the catalog's "
                "currency, are never meant, and neither is an agent without a day before."
            ),
            impact="None for callers. The bill grows, and the day's budget may end early.",
            look=(
                Step(
                    "More requests, longer ones, or another price? The cost dashboard tells them apart.",
                    steps.STATUS.command,
                ),
                Step("Who sends them?", steps.LOGS.command),
                steps.LAST_CHANGE,
            ),
            act=(
                Step(
                    "Has it no budget yet? Set one: it stops the agent before it costs more.",
                    "roster set <pool>/<agent> budget.cost_per_day=<number> -e <environment>",
                ),
                _FEWER,
                steps.ROLLBACK,
                steps.SUSPEND,
                steps.own_limit("cost_times"),
            ),
        ),
    ),
)
