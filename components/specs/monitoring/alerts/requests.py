"""What callers notice: errors, slowness, waiting."""

from __future__ import annotations

from components.specs.monitoring.alert import Alert, Runbook, Step
from components.specs.monitoring.alerts import steps
from components.specs.monitoring.alerts.reasons import each
from components.specs.monitoring.recorded import (
    BY,
    ERROR_RATIO,
    FAILED,
    FAILURES,
    P95,
    TASK_FAILURE_RATIO,
    lasting,
)

_CODES = each(
    f"sort_desc(topk(3, round(300 * {FAILURES}) > 0))".replace("<where>", "namespace=%q,agent_id=%q").replace(
        '"', '\\"'
    ),
    "{{ .Labels.code }}: {{ .Value }} in five minutes. ",
)
_PROVIDER = Step(
    "PROVIDER_ERROR or PROVIDER_TIMEOUT? See whether the model's provider has an outage; another model is one field.",
    "roster set <pool>/<agent> model.name=<name> -e <environment>",
)
_KEY = Step(
    "PROVIDER_REFUSED? The provider's key is revoked, or without credit: put a good one in the secret store.",
    "kubectl --namespace <namespace> describe externalsecret <agent>",
)
_BUSY = Step("BUSY? All places are taken.", steps.MORE_PODS.command)

ALERTS = (
    Alert(
        name="HighErrorRate",
        scope="agent",
        cause="errors",
        severity="critical",
        # One or two in five minutes wake nobody; a budget that burns tells of them.
        expression=f"100 * {ERROR_RATIO}{{<where>}} > <limit> and 300 * {FAILED}{{<where>}} > 2.5",
        minutes=5,
        threshold="error_rate_percent",
        summary="{{ $labels.agent_id }} fails {{ $value | humanize }} % of its requests",
        description=_CODES,
        runbook=Runbook(
            meaning=(
                "More of all requests fail than may. What callers did wrong themselves (no key, over a limit, refused "
                "by the safety rules, budget spent) counts as a request, not as a failure."
            ),
            impact="Callers get errors, or answers that break off.",
            look=(steps.LOGS, steps.STATUS, steps.LAST_CHANGE),
            act=(steps.ROLLBACK, _PROVIDER, _KEY, _BUSY, steps.DEBUG),
        ),
    ),
    Alert(
        name="FailedExecutions",
        scope="agent",
        cause="errors",
        severity="warning",
        # HighErrorRate speaks of the same failures: while it does, or is about to, this one is silent.
        expression=(
            f"100 * {TASK_FAILURE_RATIO}{{<where>}} > <limit> unless on (namespace, agent_id) "
            'ALERTS{<where>,alertname="HighErrorRate"}'
        ),
        minutes=5,
        threshold="failed_executions_percent",
        summary="{{ $labels.agent_id }} does not carry out {{ $value | humanize }} % of the tasks that it takes",
        description=_CODES,
        runbook=Runbook(
            meaning=(
                "Of the tasks that came in properly, more fail than may. HighErrorRate looks at all requests, refused "
                "ones included; where most are refused, as in a flood without keys, the failures among the few good "
                "ones are too small a share of all to be seen there. HighErrorRate silences this alert."
            ),
            impact="Those who call the agent as they should get errors, or answers that break off.",
            look=(
                steps.LOGS,
                Step(
                    "What is refused, and why? `roster alerts` shows RateLimitHits and UnauthorizedBurst.",
                    "roster alerts --pool <pool> -e <environment>",
                ),
                steps.LAST_CHANGE,
            ),
            act=(steps.ROLLBACK, _PROVIDER, _KEY, _BUSY, steps.own_limit("failed_executions_percent")),
        ),
    ),
    Alert(
        name="HighResponseTime",
        scope="agent",
        cause="latency",
        severity="warning",
        expression=f"{P95}{{<where>}} > <limit>",
        minutes=5,
        threshold="p95_seconds",
        summary="{{ $labels.agent_id }} takes {{ $value | humanizeDuration }} at the 95th percentile",
        runbook=Runbook(
            meaning="One request in twenty takes longer than the limit.",
            impact="Callers wait, and may give up.",
            look=(
                steps.LOGS,
                steps.USAGE,
                Step(
                    "Does it wait for places (queue on the dashboard), for CPU, or for the model's provider (retries)?"
                ),
                steps.LAST_CHANGE,
            ),
            act=(
                steps.MORE_PODS,
                steps.MORE_CPU,
                Step(
                    "Is the model slow? Shorter answers, or a faster model.",
                    "roster set <pool>/<agent> model.max_tokens=<number> -e <environment>",
                ),
                steps.ROLLBACK,
                steps.own_limit("p95_seconds"),
            ),
        ),
    ),
    Alert(
        name="QueueDepth",
        scope="agent",
        cause="latency",
        severity="warning",
        expression=f"sum {BY} ({lasting('agent_queue_depth{<where>}')}) > <limit>",
        minutes=5,
        threshold="queue_depth",
        summary="{{ $labels.agent_id }} has {{ $value }} tasks waiting",
        runbook=Runbook(
            meaning="Tasks come in faster than they are done.",
            impact="They wait; those that wait too long are refused with BUSY.",
            look=(steps.STATUS, steps.LOGS, steps.USAGE),
            act=(
                steps.MORE_PODS,
                Step(
                    "Has each pod CPU and memory to spare? Let it work at more tasks at once.",
                    "roster set <pool>/<agent> service.limits.max_concurrent=<number> -e <environment>",
                ),
                steps.own_limit("queue_depth"),
            ),
        ),
    ),
)
