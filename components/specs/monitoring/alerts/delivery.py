"""What CI reports to the Pushgateway: merges that are not applied, agents that failed, silence; findings in images."""

from __future__ import annotations

from components.specs.monitoring.alert import Alert, Runbook, Step
from components.specs.monitoring.recorded import of_pod

# What was pushed stays until the next push; a Pushgateway that restarts is away for a moment.
_WANTED = 'last_over_time(roster_stack_wanted_timestamp_seconds{environment="<environment>"}[30m]<offset>)'
_APPLIED = 'last_over_time(roster_stack_applied_timestamp_seconds{environment="<environment>"}[30m])'
_BY_STACK = "max by (stack) ({series})"


def _by_stack(series: str, offset: str = "") -> str:
    return _BY_STACK.replace("{series}", series.replace("<offset>", offset))


# A stack may want something newer by now; it waits since what it wanted then was merged.
_THEN = _by_stack(_WANTED, " offset <limit>h")
_NOT_APPLIED = (
    f"time() - ({_THEN} > {_by_stack(_APPLIED)} or {_THEN} unless {_by_stack(_APPLIED)}) and {_by_stack(_WANTED)}"
)

# Reports of one environment, or of all where they are not told apart.
_PUSHED = 'push_time_seconds{job="roster",environment=~"(<environment>)?"}'

# A container's image by its digest: as it is written, else as the kubelet resolved it.
_IMAGES = 'kube_pod_container_info{<where>,container="agent"}'
_RESOLVED = f'label_replace({_IMAGES}, "digest", "$1", "image_id", ".*(sha256:[0-9a-f]+)")'
_DIGESTS = f'label_replace({_RESOLVED}, "digest", "$1", "image_spec", ".*@(sha256:[0-9a-f]+)")'
_RUNNING = of_pod(f"max by (namespace, pod, digest) ({_DIGESTS})")
_FINDINGS = 'max by (digest, image) (last_over_time(roster_image_findings{severity=~"<severities>"}[30m]) > 0)'

_STACKS = Step("What waits, and why?", "roster stacks --since-applied -e <environment>")
_RUNS = Step("Open the runs of the workflow that applies: the newest says what stopped it.")

ALERTS = (
    Alert(
        name="StackNotApplied",
        scope="platform",
        cause="delivery",
        severity="warning",
        expression=_NOT_APPLIED,
        minutes=0,
        threshold="stack_hours",
        dashboard="deployments",
        summary="{{ $labels.stack }} has not been applied for {{ $value | humanizeDuration }} since a merge",
        runbook=Runbook(
            meaning="A merge touched this stack, and hours later what it wants is not what was applied last.",
            impact="What was reviewed and merged does not run: fixes and new agents of this stack wait.",
            look=(
                _STACKS,
                _RUNS,
                Step("Does a run hold its lock, and is that run still there?", "roster preview <stack>"),
            ),
            act=(
                Step("Apply it.", "roster up <stack>"),
                Step("A run that is no more holds the lock.", "roster unlock <stack>"),
                Step(
                    "Agents are held because a wave failed: mend the agent, or release it.",
                    "roster up --release <name>",
                ),
            ),
        ),
    ),
    Alert(
        name="DeliveryFailed",
        scope="platform",
        cause="delivery",
        severity="warning",
        expression=(
            "sum by (environment) (last_over_time("
            'roster_run_agents{environment="<environment>",state="failed"}[30m])) > 0'
        ),
        minutes=0,
        dashboard="deployments",
        summary="the last run left {{ $value }} agents of <environment> failed; they keep what they had",
        runbook=Runbook(
            meaning="Agents that the last run changed did not become what they should, or failed their wave's gate.",
            impact=(
                "They keep their last applied objects and are held until a commit touches them again; the rest of the "
                "change was not rolled out further than their wave."
            ),
            look=(
                Step("Open the run's report: it names each agent with the reason."),
                Step("What do they say themselves?", "roster status -e <environment>"),
            ),
            act=(
                Step("Mend the agent in a new pull request, or put it back.", "roster rollback <name> --to <commit>"),
                Step("Was it the cluster, and is it over? Try again.", "roster up --release <name>"),
            ),
        ),
    ),
    Alert(
        name="DeliverySilent",
        scope="platform",
        cause="delivery",
        severity="warning",
        expression=(
            f"(time() - max(last_over_time({_PUSHED}[30m])) > <limit> * 3600) or max(absent_over_time({_PUSHED}[30m]))"
        ),
        minutes=15,
        threshold="silent_hours",
        needs="pushgateway",
        dashboard="deployments",
        summary="CI has reported nothing about <environment> for longer than it may",
        runbook=Runbook(
            meaning="CI's newest push is too old, or the Pushgateway has none: the job has not run, or cannot push.",
            impact=(
                "Nobody is told of merges that are not applied, of agents that failed, or of findings in images that "
                "run; drift may go unseen."
            ),
            look=(
                Step("Does the nightly workflow run? CI services stop schedules of quiet repositories."),
                Step(
                    "Is the Pushgateway there?",
                    "kubectl get pods --all-namespaces -l app.kubernetes.io/name=prometheus-pushgateway",
                ),
                Step("What does it have?", "curl --silent <url>/metrics"),
            ),
            act=(
                Step("Start the workflow by hand; its log says whether the push got through."),
                Step("Reports are lost when the Pushgateway restarts: give it --persistence.file."),
            ),
        ),
    ),
    Alert(
        name="ImageFindings",
        scope="platform",
        cause="security",
        severity="warning",
        expression=(
            f"count by (digest) (group by (digest, namespace, agent_id) ({_RUNNING}))"
            f" * on (digest) group_right () (({_FINDINGS}) ^ 0)"
        ),
        minutes=0,
        keep_minutes=10,
        dashboard="security",
        summary="{{ $value }} agents of <environment> run {{ $labels.image }} with findings that the gate would stop",
        description="Digest {{ $labels.digest }}.",
        runbook=Runbook(
            meaning=(
                "An image that agents run passed the gate when it was built; since then vulnerabilities became known "
                "that are as severe as `images.gate.block_at` of agents/catalog/settings.yaml, or severer."
            ),
            impact="Nothing stops: who runs the image keeps it, who does not yet is not given it.",
            look=(
                Step("Which findings, in which package?", "roster images rescan"),
                Step("Which agents run it?", "kubectl get pods --all-namespaces -l role=agent -o wide"),
            ),
            act=(
                Step(
                    "Is there a newer base image? Take its digest, and have the image built again.", "roster images pin"
                ),
                Step(
                    "Does the finding not concern the agents? The security team writes an exception with an end, in "
                    "agents/catalog/exceptions/."
                ),
            ),
        ),
    ),
)
