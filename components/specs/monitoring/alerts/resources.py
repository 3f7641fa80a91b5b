"""What an agent uses of what it may: CPU, memory, pods, disk."""

from __future__ import annotations

from components.specs.monitoring.alert import Alert, Runbook, Step
from components.specs.monitoring.alerts import steps
from components.specs.monitoring.recorded import AT_MAXIMUM, CPU, GAP, MEMORY, VOLUME

ALERTS = (
    Alert(
        name="HighCPUUsage",
        scope="agent",
        cause="usage",
        severity="warning",
        # While scrapes fail a rate falls, though nobody uses less.
        expression=f"100 * max_over_time({CPU}{{<where>}}[{GAP}]) > <limit>",
        minutes=10,
        threshold="cpu_percent",
        summary="{{ $labels.agent_id }} uses {{ $value | humanize }} % of its CPU limit",
        runbook=Runbook(
            meaning="One of its pods is near its CPU limit and is slowed down there.",
            impact="Answers take longer; probes may fail.",
            look=(steps.USAGE, steps.STATUS, steps.EXPLAIN, steps.LAST_CHANGE),
            act=(steps.MORE_CPU, steps.MORE_PODS, steps.ROLLBACK, steps.own_limit("cpu_percent")),
        ),
    ),
    Alert(
        name="HighMemoryUsage",
        scope="agent",
        cause="usage",
        severity="warning",
        expression=f"100 * {MEMORY}{{<where>}} > <limit>",
        minutes=10,
        threshold="memory_percent",
        summary="{{ $labels.agent_id }} uses {{ $value | humanize }} % of its memory limit",
        runbook=Runbook(
            meaning="One of its pods is near its memory limit, and is killed when it gets there.",
            impact="A killed pod loses the requests that it was working on.",
            look=(
                steps.USAGE,
                Step("Does it grow without end, or with the load? The agent's dashboard shows both."),
                steps.EXPLAIN,
                steps.LAST_CHANGE,
            ),
            act=(
                steps.MORE_MEMORY,
                Step("Does it grow without end? A restart gives time to find out why.", steps.RESTART.command),
                steps.ROLLBACK,
                steps.own_limit("memory_percent"),
            ),
        ),
    ),
    Alert(
        name="HPAAtMaximum",
        scope="agent",
        cause="usage",
        severity="warning",
        expression=f"{AT_MAXIMUM}{{<where>}} > 0",
        minutes=0,
        threshold="at_maximum_minutes",
        summary="{{ $labels.agent_id }} has its {{ $value }} pods and wants more",
        runbook=Runbook(
            meaning=(
                "The autoscaler would start more pods than `scaling.max` lets it. A fixed number of pods is not meant."
            ),
            impact="What more comes in makes answers slower, and in the end is refused.",
            look=(
                Step(
                    "See what it wants, and by which measure.",
                    "kubectl --namespace <namespace> describe hpa <agent>  # keda-hpa-<agent> with a "
                    "queue or a schedule",
                ),
                steps.STATUS,
                steps.USAGE,
            ),
            act=(
                steps.MORE_PODS,
                steps.MORE_CPU,
                Step(
                    "Is somebody calling it without end? See who, by the requests of its callers.", steps.LOGS.command
                ),
                steps.own_limit("at_maximum_minutes"),
            ),
        ),
    ),
    Alert(
        name="VolumeNearFull",
        scope="agent",
        cause="usage",
        severity="warning",
        expression=f"100 * {VOLUME}{{<where>}} > <limit>",
        minutes=5,
        threshold="volume_percent",
        summary="the disk of {{ $labels.agent_id }} is {{ $value | humanize }} % full",
        runbook=Runbook(
            meaning="The agent's own disk (`storage.volume`) is nearly full, as the kubelet measures it.",
            impact="When it is full, writing fails: the agent forgets what it should keep, or crashes.",
            look=(
                Step(
                    "See what takes the room.",
                    "kubectl --namespace <namespace> exec deployment/<agent> --container agent -- df -h",
                ),
                Step("Can the disk grow?", "kubectl --namespace <namespace> get pvc <agent> --output yaml"),
                steps.EXPLAIN,
            ),
            act=(
                Step(
                    "Make it larger; its storage class must allow that. A disk never shrinks.",
                    "roster set <pool>/<agent> storage.volume.size=<mebibytes>Mi -e <environment>",
                ),
                steps.own_limit("volume_percent"),
            ),
        ),
    ),
)
