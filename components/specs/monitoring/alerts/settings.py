"""Agents that do not run with the settings that they should: a refused config, limits that are not shared."""

from __future__ import annotations

from components.specs.monitoring.alert import Alert, Runbook, Step
from components.specs.monitoring.alerts import steps
from components.specs.monitoring.recorded import BY, SHARED, lasting

ALERTS = (
    Alert(
        name="ConfigNotTaken",
        scope="agent",
        cause="delivery",
        severity="warning",
        expression=f"sum {BY} (increase(agent_config_errors_total{{<where>}}[1h])) > 0",
        minutes=0,
        summary="{{ $labels.agent_id }} refuses its changed config or secrets, and goes on with those before",
        runbook=Runbook(
            meaning=(
                "Files of its config or secrets changed, and the service cannot use them: a field that it does not "
                "understand, or a line of API_KEYS that is none. The alert ends an hour after the last "
                "refusal, mended or not."
            ),
            impact="What runs goes on as before; the change is not in force. A pod that starts anew is not ready.",
            look=(
                Step(
                    "Read which file or field it is: `The config cannot be used`, `not used: line`.", steps.LOGS.command
                ),
                Step(
                    "See what it is given.",
                    "kubectl --namespace <namespace> get configmap <agent> --output jsonpath='{.data.settings\\.json}'",
                ),
                steps.LAST_CHANGE,
            ),
            act=(
                steps.ROLLBACK,
                Step("A secret? Mend it in the secret store; it is in force without a restart."),
            ),
        ),
    ),
    Alert(
        name="SharedLimitsLost",
        scope="agent",
        cause="limits",
        severity="warning",
        # Pods that were never told of a Redis have 0, too: only who shared within a day can have lost it.
        expression=f"min {BY} ({lasting('agent_redis_up{<where>}')}) == 0 and {SHARED}{{<where>}}",
        minutes=5,
        summary="pods of {{ $labels.agent_id }} count limits and budget each for itself: Redis does not answer",
        runbook=Runbook(
            meaning=(
                "The agent's pods shared their counts through Redis, and at least one of them does not any more. Taken "
                "out on purpose? Then this ends after a day."
            ),
            impact=(
                "Callers are served. With N pods a caller may ask N times as often, and N times the budget "
                "may be spent."
            ),
            look=(
                Step("Read why: `Redis does not answer`, with the reason.", steps.LOGS.command),
                steps.POOL_ALERTS,
                Step("May it reach Redis?", "kubectl --namespace <namespace> describe networkpolicy <agent>"),
                Step(
                    "Is the secret there, and synced?",
                    "kubectl --namespace <namespace> describe externalsecret <agent>",
                ),
            ),
            act=(
                Step("Many agents at once? It is Redis itself: see that it runs. Agents find it again by themselves."),
                Step("One alone? Its secret, its address, or its way there.", steps.ROLLBACK.command),
            ),
        ),
    ),
)
