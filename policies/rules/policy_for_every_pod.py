"""Every pod is selected by policies that close both directions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from policies.example import deployment, network_policy, of_agent
from policies.manifest_reading import at, kind_of, mapping, text, words
from policies.pods import WORKLOADS, pod_template
from policies.rule import Manifest, Rule, Subject

_SIDES = frozenset({"Ingress", "Egress"})


def _together(manifests: Sequence[Manifest], _subject: Subject) -> Iterator[tuple[Manifest, str]]:
    workloads = [one for one in manifests if kind_of(one) in WORKLOADS]
    if not workloads:
        return
    policies = [one for one in manifests if kind_of(one) == "NetworkPolicy"]
    for workload in workloads:
        labels = mapping(pod_template(workload), "metadata", "labels")
        namespace = text(workload, "metadata", "namespace")
        closed: set[str] = set()
        for policy in policies:
            if text(policy, "metadata", "namespace") == namespace and _selects(policy, labels):
                closed.update(words(policy, "spec", "policyTypes"))
        missing = sorted(_SIDES - closed, reverse=True)
        if missing:
            yield workload, f"no NetworkPolicy closes {' and '.join(one.lower() for one in missing)} for its pods"


def _selects(policy: Manifest, labels: dict[str, Any]) -> bool:
    selector = at(policy, "spec", "podSelector")
    return (
        isinstance(selector, dict)
        and not selector.get("matchExpressions")
        and mapping(selector, "matchLabels").items() <= labels.items()
    )


RULE = Rule(
    id="policy-for-every-pod",
    severity="error",
    why="A pod that no policy selects reaches everything, and is reached by all.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    together=_together,
    source="NSA/CISA 2022, Network separation and hardening, Network policies; CIS Kubernetes 1.9 5.3.2",
)

PASSING = (
    of_agent(deployment(), network_policy()),
    of_agent(deployment(), network_policy(podSelector={})),
)
FAILING = (
    of_agent(deployment()),
    of_agent(deployment(), network_policy(policyTypes=["Ingress"])),
    of_agent(deployment(), network_policy(podSelector={"matchLabels": {"app.kubernetes.io/name": "other"}})),
    of_agent(deployment(), {**network_policy(), "metadata": {"name": "planner", "namespace": "support"}}),
)
