"""Only kinds of objects that Roster has rules for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.example import deployment, manifest, of_agent, of_platform, of_pool, role
from policies.manifest_reading import group_kind, kind_of
from policies.rule import Manifest, Rule, Subject

_WHOSE: dict[str, frozenset[str]] = {
    "an agent": frozenset(
        {
            "/ConfigMap",
            "/PersistentVolumeClaim",
            "/Service",
            "/ServiceAccount",
            "apps/Deployment",
            "autoscaling/HorizontalPodAutoscaler",
            "cilium.io/CiliumNetworkPolicy",
            "external-secrets.io/ExternalSecret",
            "gateway.networking.k8s.io/HTTPRoute",
            "keda.sh/ScaledObject",
            "keda.sh/TriggerAuthentication",
            "monitoring.coreos.com/PrometheusRule",
            "networking.k8s.io/NetworkPolicy",
            "policy/PodDisruptionBudget",
            "security.istio.io/AuthorizationPolicy",
            "security.istio.io/PeerAuthentication",
        }
    ),
    "a pool": frozenset(
        {
            "/LimitRange",
            "/Namespace",
            "/ResourceQuota",
            "/ServiceAccount",
            "external-secrets.io/SecretStore",
            "monitoring.coreos.com/PodMonitor",
            "monitoring.coreos.com/PrometheusRule",
            "networking.k8s.io/NetworkPolicy",
            "rbac.authorization.k8s.io/Role",
            "rbac.authorization.k8s.io/RoleBinding",
            "security.istio.io/AuthorizationPolicy",
            "security.istio.io/PeerAuthentication",
        }
    ),
    "the platform": frozenset(
        {
            "/ConfigMap",
            "/ServiceAccount",
            "admissionregistration.k8s.io/ValidatingAdmissionPolicy",
            "admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding",
            "external-secrets.io/ExternalSecret",
            "external-secrets.io/SecretStore",
            "grafana.integreatly.org/GrafanaDashboard",
            "monitoring.coreos.com/AlertmanagerConfig",
            "monitoring.coreos.com/PrometheusRule",
            "policies.kyverno.io/ImageValidatingPolicy",
            "scheduling.k8s.io/PriorityClass",
        }
    ),
}


def _together(manifests: Sequence[Manifest], subject: Subject) -> Iterator[tuple[Manifest, str]]:
    whose = "an agent" if subject.agent else "a pool" if subject.pool else "the platform"
    known = _WHOSE[whose]
    for one in manifests:
        if group_kind(one) not in known:
            yield one, f"{one.get('apiVersion')} {kind_of(one) or 'without a kind'} is no object of {whose}"


RULE = Rule(
    id="kind-known",
    severity="error",
    why="A kind that no rule looks at is a way around all of them.",
    fix="Render another kind, or add it here together with rules for it.",
    together=_together,
    source="CIS Kubernetes 1.9 5.2.1",
)

PASSING = (
    of_agent(deployment()),
    of_pool(role()),
    of_platform(manifest("v1", "ConfigMap")),
)
FAILING = (
    of_agent(manifest("v1", "Pod")),
    of_agent(manifest("apps/v1", "DaemonSet")),
    of_agent(role()),
    of_agent(manifest("serving.knative.dev/v1", "Service")),
    of_pool(deployment()),
    of_platform(manifest("v1", "Pod")),
    of_agent({"metadata": {"name": "x"}}),
)
