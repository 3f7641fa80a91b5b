"""Objects are in their pool's namespace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.example import deployment, manifest, network_policy, of_agent, of_platform, of_pool
from policies.manifest_reading import kind_of, name_of, text
from policies.namespaces import namespaces
from policies.rule import Manifest, Rule, Subject

_CLUSTERS = frozenset({"", "default", "kube-system", "kube-public", "kube-node-lease"})
_WITHOUT = frozenset(
    {
        "ClusterRole",
        "ClusterRoleBinding",
        "ImageValidatingPolicy",
        "Namespace",
        "PriorityClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
)


def _together(manifests: Sequence[Manifest], subject: Subject) -> Iterator[tuple[Manifest, str]]:
    own = {subject.agent.namespace} if subject.agent else {name_of(one) for one in namespaces(manifests)}
    for one in manifests:
        if kind_of(one) in _WITHOUT:
            continue
        namespace = text(one, "metadata", "namespace")
        if subject.pool and namespace not in own:
            yield (
                one,
                f"it is in the namespace {namespace or '(none)'}, not in {', '.join(sorted(own)) or 'one of its own'}",
            )
        elif namespace in _CLUSTERS:
            yield one, f"it is in the namespace {namespace or '(none)'}, which is the cluster's"


RULE = Rule(
    id="namespace-own",
    severity="error",
    why="What stands in another namespace has that one's rights, and in the cluster's own everybody's.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    together=_together,
    source="CIS Kubernetes 1.9 5.7.1, 5.7.4; NSA/CISA 2022, Network separation and hardening, Namespaces",
)

PASSING = (
    of_agent(deployment()),
    of_pool(manifest("v1", "Namespace", "business", ""), network_policy()),
    of_platform(manifest("v1", "ConfigMap", namespace="monitoring")),
)
FAILING = (
    of_agent(manifest("v1", "Service", namespace="kube-system")),
    of_agent(manifest("v1", "Service", namespace="")),
    of_pool(manifest("v1", "Namespace", "business", ""), manifest("v1", "ServiceAccount", namespace="support")),
    of_pool(network_policy()),
    of_platform(manifest("v1", "ConfigMap", namespace="default")),
)
