"""What may be an attack: tasks that the safety checks object to, callers without a key, callers over their limits."""

from __future__ import annotations

from components.specs.monitoring.alert import Alert, Runbook, Step
from components.specs.monitoring.alerts import steps
from components.specs.monitoring.alerts.reasons import each
from components.specs.monitoring.recorded import BY, ERRORS, growth

# `keep_minutes`: while scrapes fail a rate falls, though nobody has stopped.
_FINDINGS = growth("agent_safety_findings_total{<where>}", 60)
_LIMITED = growth("agent_rate_limited_total{<where>}", 10)
_STRANGERS = f'{ERRORS}{{<where>,code=~"UNAUTHORIZED|FORBIDDEN"}}'
_WHERE = "namespace=%[1]q,agent_id=%[2]q"
_GATEWAY = Step(
    "Where do they come from? The gateway's log has the addresses; the agent's has request ids.", steps.LOGS.command
)

ALERTS = (
    Alert(
        name="SafetyFindings",
        scope="agent",
        cause="security",
        severity="warning",
        expression=f"round(3600 * sum {BY} ({_FINDINGS})) > <limit>",
        minutes=0,
        keep_minutes=5,
        threshold="safety_findings_per_hour",
        dashboard="security",
        summary="the safety checks of {{ $labels.agent_id }} found {{ $value }} things within an hour",
        description=each(
            "sort_desc(topk(3, round(3600 * sum by (check, kind, action) "
            f"({_FINDINGS.replace('<where>', _WHERE)})) > 0))",
            "{{ .Labels.check }}, {{ .Labels.kind }}, {{ .Labels.action }}: {{ .Value }}. ",
        ),
        runbook=Runbook(
            meaning=(
                "Tasks or answers hold what the safety checks look for (personal data, signs of "
                "injection, content that "
                "is not wanted), more often than usual for this agent."
            ),
            impact="By the agent's settings it was logged, masked or blocked. What is only logged reached the model.",
            look=(
                Step("Which checks, from which requests? No text is in the log.", steps.LOGS.command),
                steps.EXPLAIN,
                _GATEWAY,
            ),
            act=(
                Step(
                    "Is it an attack, and only logged? Block it.",
                    "roster set <pool>/<agent> service.safety.injection=block -e <environment>",
                ),
                Step(
                    "Is it personal data that the model need not see? Mask it.",
                    "roster set <pool>/<agent> service.safety.pii=mask -e <environment>",
                ),
                steps.SUSPEND,
                steps.own_limit("safety_findings_per_hour"),
            ),
        ),
    ),
    Alert(
        name="RateLimitHits",
        scope="agent",
        cause="limits",
        severity="info",
        expression=f"60 * sum {BY} ({_LIMITED}) > <limit>",
        minutes=0,
        keep_minutes=5,
        threshold="rate_limited_per_minute",
        dashboard="security",
        summary="{{ $labels.agent_id }} turns away {{ $value | humanize }} requests a minute that are over a limit",
        description=each(
            f"sort_desc(60 * sum by (scope) ({_LIMITED.replace('<where>', _WHERE)}) > 0)",
            "Limit {{ .Labels.scope }}: {{ .Value | humanize }} a minute. ",
        ),
        runbook=Runbook(
            meaning=(
                "Requests are refused with RATE_LIMIT_EXCEEDED: a caller's limit (key), an address's "
                "(address), or that "
                "of all together (total)."
            ),
            impact="Whoever is over the limit waits until the next minute. With `total` that is every caller.",
            look=(steps.STATUS, steps.LOGS, steps.EXPLAIN),
            act=(
                Step("key? That caller asks too often: talk to who has the key."),
                Step(
                    "address? Behind a gateway all callers have its address, unless the agent believes it.",
                    "roster set <pool>/<agent> 'service.limits.trusted_proxies=[10.0.0.0/8]' -e <environment>",
                ),
                Step(
                    "total? More is wanted than it may do.",
                    "roster set <pool>/<agent> service.limits.requests_per_minute_total=<number> -e <environment>",
                ),
                steps.own_limit("rate_limited_per_minute"),
            ),
        ),
    ),
    Alert(
        name="UnauthorizedBurst",
        scope="agent",
        cause="security",
        severity="warning",
        expression=f"60 * sum {BY} ({_STRANGERS}) > <limit>",
        minutes=0,
        keep_minutes=5,
        threshold="unauthorized_per_minute",
        dashboard="security",
        summary="{{ $value | humanize }} requests a minute come to {{ $labels.agent_id }} without a valid key",
        runbook=Runbook(
            meaning=(
                "Many requests have no key or token, a wrong one, or one without the scope: UNAUTHORIZED, FORBIDDEN."
            ),
            impact="They are refused. Either somebody tries keys, or a caller's key was changed and it does not know.",
            look=(
                _GATEWAY,
                Step("Did the agent's keys change?", "kubectl --namespace <namespace> describe externalsecret <agent>"),
                steps.LAST_CHANGE,
            ),
            act=(
                Step("A caller with an old key? Give it the new one, or put its line back into the secret."),
                Step("Somebody who tries? Shut the address out at the gateway."),
                Step(
                    "Must it be reached from outside at all?",
                    "roster unset <pool>/<agent> exposure.host -e <environment>",
                ),
                steps.own_limit("unauthorized_per_minute"),
            ),
        ),
    ),
)
