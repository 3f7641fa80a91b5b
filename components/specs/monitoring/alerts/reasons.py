"""What Prometheus knows of the why, as templates of a description."""

from __future__ import annotations

from components.specs.monitoring.recorded import ENDED, WAITING

_WHO = "$labels.namespace $labels.agent_id"


def each(series: str, text: str) -> str:
    """`text` for each series of the agent: .Value and .Labels are its own. `series` has %q for namespace and agent."""
    return f'{{{{ range printf "{series}" {_WHO} | query }}}}{text}{{{{ end }}}}'


def _of_agent(name: str) -> str:
    return f"sort_desc({name}{{namespace=%q,agent_id=%q}})"


WAITS = each(_of_agent(WAITING), "Pods that wait, {{ .Labels.reason }}: {{ .Value }}. ")
ENDS = each(_of_agent(ENDED), "Pods whose container ended before, {{ .Labels.reason }}: {{ .Value }}. ")
REFUSED_PODS = each(
    'kube_deployment_status_condition{condition=\\"ReplicaFailure\\",status=\\"true\\",'
    "namespace=%q,deployment=%q} == 1",
    "Kubernetes refuses to make its pods: the quota is used up, or admission says no. ",
)
# AgentDown and RolloutStuck.
WHY = WAITS + ENDS + REFUSED_PODS
QUOTA_USED = (
    '{{ range printf "sort_desc(100 * max by (resource) (kube_resourcequota{namespace=%q,type=\\"used\\"}) '
    '/ (max by (resource) (kube_resourcequota{namespace=%q,type=\\"hard\\"}) > 0))" '
    "$labels.namespace $labels.namespace | query }}"
    "{{ .Labels.resource }}: {{ .Value | humanize }} %. {{ end }}"
)
