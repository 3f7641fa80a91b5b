"""Agents that do not run, and agents of which nothing is known."""

from __future__ import annotations

from components.specs.monitoring.alert import Alert, Runbook, Step
from components.specs.monitoring.alerts import steps
from components.specs.monitoring.alerts.reasons import WHY
from components.specs.monitoring.recorded import AVAILABLE, DOWN, SCRAPED

ALERTS = (
    Alert(
        name="AgentDown",
        scope="agent",
        cause="availability",
        severity="critical",
        expression=f"{DOWN}{{<where>}} == 1",
        minutes=0,
        threshold="down_minutes",
        # A crash loop is ready for seconds between its crashes.
        keep_minutes=3,
        summary="{{ $labels.agent_id }} has no pod that answers",
        description=WHY,
        runbook=Runbook(
            meaning="The agent's Deployment wants pods, and not one of them is ready.",
            impact="Nobody who calls the agent, or writes to it, gets an answer.",
            look=(steps.PODS, steps.DESCRIBE, steps.BEFORE_THE_CRASH, steps.LAST_CHANGE),
            act=(steps.ROLLBACK, steps.RESTART, steps.MORE_MEMORY, steps.DEBUG),
        ),
    ),
    Alert(
        name="NotScraped",
        scope="agent",
        cause="monitoring",
        severity="warning",
        expression=f"{AVAILABLE}{{<where>}} - {SCRAPED}{{<where>}} > 0",
        minutes=10,
        summary="pods of {{ $labels.agent_id }} that run and give no metrics: {{ $value }}",
        runbook=Runbook(
            meaning=(
                "The agent's pods are ready, but Prometheus cannot read their metrics: it tries in vain, "
                "or it read them "
                "within the last hour and they are no target any more. Agents that never gave metrics are not meant."
            ),
            impact="None by itself. But errors, latency, cost and budget of these pods are not seen, and alert nobody.",
            look=(
                Step(
                    "A cluster administrator asks a pod for its metrics. A runtime may have another port and path: "
                    "the pod's annotations `roster/metrics-port` and `roster/metrics-path` say them.",
                    "kubectl --namespace <namespace> port-forward deployment/<agent> 8080 &\n"
                    "curl --silent http://127.0.0.1:8080/metrics",
                ),
                Step(
                    "Is the scraper let in, and does it look?",
                    "kubectl --namespace <namespace> get networkpolicies,podmonitors",
                ),
                Step("Read on Prometheus' page Status, Targets what the scrape of its pods ends with."),
                steps.EXPLAIN,
            ),
            act=(
                Step(
                    "Are path or port wrong? Say them in the definition.",
                    "roster set <pool>/<agent> metrics.path=/metrics -e <environment>",
                ),
                steps.ROLLBACK,
                Step("Does it give no metrics any more, on purpose? Then this ends within the hour."),
            ),
        ),
    ),
)
