"""Pods that do not come up, or do not stay up. Each fault has one alert: the reason that Kubernetes gives decides."""

from __future__ import annotations

from components.specs.monitoring.alert import Alert, Runbook, Step
from components.specs.monitoring.alerts import steps
from components.specs.monitoring.alerts.reasons import ENDS, WHY
from components.specs.monitoring.recorded import BY, RESTARTS, WAITING, of_deployment, reported

CRASHES = "CrashLoopBackOff"
UNSCHEDULABLE = "Unschedulable"
# Kubelet's reasons, all of them about the image.
IMAGE = "ErrImagePull|ImagePullBackOff|ErrImageNeverPull|InvalidImageName|ImageInspectError"

# Between two crashes it runs a while.
_CRASHES = f'max {BY} (max_over_time({WAITING}{{<where>,reason="{CRASHES}"}}[2m]))'
_LATE = (
    'kube_deployment_status_condition{<where>,condition="Progressing",status="false",reason="ProgressDeadlineExceeded"}'
)
_EXPLAINED = f'max_over_time({WAITING}{{<where>,reason=~"{CRASHES}|{UNSCHEDULABLE}|{IMAGE}"}}[10m])'

ALERTS = (
    Alert(
        name="CrashLoop",
        scope="agent",
        cause="starting",
        severity="warning",
        expression=f"{_CRASHES} > 0",
        minutes=5,
        # Kubelet forgets what crashed only after it ran for ten minutes.
        keep_minutes=10,
        summary="pods of {{ $labels.agent_id }} crash again and again",
        description=ENDS,
        runbook=Runbook(
            meaning="A container starts, ends, and Kubernetes waits longer and longer before it starts it again.",
            impact=(
                "Fewer pods answer than should; with a new version none of them may. Where none is left, "
                "AgentDown says so."
            ),
            look=(steps.BEFORE_THE_CRASH, steps.DESCRIBE, steps.LAST_CHANGE, steps.EXPLAIN),
            act=(
                steps.ROLLBACK,
                Step(
                    "Exit code 78, or a message that something is missing? Put the secret in the store, "
                    "then look at it.",
                    "kubectl --namespace <namespace> describe externalsecret <agent>",
                ),
                Step("OOMKilled? It needs more memory.", steps.MORE_MEMORY.command),
                steps.SUSPEND,
            ),
        ),
    ),
    Alert(
        name="ImagePullFailing",
        scope="agent",
        cause="starting",
        severity="warning",
        expression=f'sum {BY} ({WAITING}{{<where>,reason=~"{IMAGE}"}}) > 0',
        minutes=5,
        summary="the image of {{ $labels.agent_id }} cannot be pulled, pods that wait for it: {{ $value }}",
        runbook=Runbook(
            meaning="Nodes cannot get the agent's image: it is not in the registry, the registry is away, or says no.",
            impact="Pods that run go on; no new one starts. What is replaced or moved to another node is gone.",
            look=(
                steps.DESCRIBE,
                Step("Has an image no record of having been built and pushed?", "roster images missing"),
                Step(
                    "Read which image it is, and ask the registry for it.",
                    "kubectl --namespace <namespace> get deployment <agent> "
                    "--output jsonpath='{.spec.template.spec.containers[0].image}'",
                ),
            ),
            act=(
                Step("One agent alone? Its change names an image that is not there.", steps.ROLLBACK.command),
                Step("Many? The registry or the nodes' access to it: ask those who run it."),
            ),
        ),
    ),
    Alert(
        name="PodsUnschedulable",
        scope="agent",
        cause="starting",
        severity="warning",
        expression=f'sum {BY} ({WAITING}{{<where>,reason="{UNSCHEDULABLE}"}}) > 0',
        minutes=10,
        summary="pods of {{ $labels.agent_id }} that find no node: {{ $value }}",
        runbook=Runbook(
            meaning="No node has room for these pods, or none may take them: CPU, memory, disk zone, taints.",
            impact="The agent runs with fewer pods than it needs; a change of it does not come up.",
            look=(
                steps.DESCRIBE,
                Step("What have the nodes left?", "kubectl describe nodes | grep -A 8 'Allocated resources'"),
                steps.EXPLAIN,
            ),
            act=(
                Step("Does the cluster grow by itself? See why it does not; else add nodes."),
                Step(
                    "Does it ask for more than any node has? Ask for less.",
                    "roster set <pool>/<agent> resources.requests.memory=<mebibytes>Mi -e <environment>",
                ),
                steps.ROLLBACK,
            ),
        ),
    ),
    Alert(
        name="FrequentRestarts",
        scope="agent",
        cause="starting",
        severity="warning",
        # The restarts of a crash loop are counted for an hour after it.
        expression=(
            f"{RESTARTS}{{<where>}} > <limit> unless on (namespace, agent_id) "
            'max_over_time(ALERTS{<where>,alertname="CrashLoop",alertstate="firing"}[1h])'
        ),
        minutes=5,
        threshold="restarts_per_hour",
        summary="containers of {{ $labels.agent_id }} were restarted {{ $value }} times within an hour",
        description=ENDS,
        runbook=Runbook(
            meaning=(
                "Containers end and come back, too far apart for a crash loop: out of memory, a liveness probe that "
                "fails, a rare fault. Pods that are replaced by new ones are not counted."
            ),
            impact="Each restart cuts off what the pod was working on.",
            look=(steps.BEFORE_THE_CRASH, steps.DESCRIBE, steps.USAGE, steps.LAST_CHANGE),
            act=(
                Step("OOMKilled? It needs more memory.", steps.MORE_MEMORY.command),
                steps.ROLLBACK,
                steps.DEBUG,
                steps.own_limit("restarts_per_hour"),
            ),
        ),
    ),
    Alert(
        name="RolloutStuck",
        scope="agent",
        cause="starting",
        severity="warning",
        expression=(
            f"max {BY} ({of_deployment(reported(_LATE))}) == 1 unless on (namespace, agent_id) {_EXPLAINED} > 0"
        ),
        minutes=1,
        summary="a change of {{ $labels.agent_id }} does not come up",
        description=WHY,
        runbook=Runbook(
            meaning=(
                "New pods were not ready within the time that the runtime may take to start, and five minutes more. "
                "Crashes, a missing image and a lack of nodes have alerts of their own; this is what is left: probes "
                "that fail, a missing secret, a used-up quota, an admission rule."
            ),
            impact="The old pods go on as before; the change is not in force.",
            look=(steps.ROLLOUT, steps.DESCRIBE, steps.LOGS, steps.QUOTA, steps.LAST_CHANGE),
            act=(
                steps.ROLLBACK,
                Step(
                    "CreateContainerConfigError? A secret is missing: is it in the store, and synced?",
                    "kubectl --namespace <namespace> describe externalsecret <agent>",
                ),
                Step(
                    "Does it need longer to start?",
                    "roster set <pool>/<agent> probes.startup_seconds=<number> -e <environment>",
                ),
                steps.DEBUG,
            ),
        ),
    ),
)
