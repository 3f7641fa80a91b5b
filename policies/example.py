"""Examples of rules: manifests that keep or break one, and whose they are.

A file of `policies/rules/` has PASSING and FAILING, tuples of these. They hold no agent until a test asks for it, so
that reading the rules costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from policies.rule import Manifest, Subject

Whose = Literal["nobody", "agent", "pool", "platform"]
AGENT, NAMESPACE, OWNER = "planner", "business", "growth"
DIGEST = "sha256:" + "0" * 64


@dataclass(frozen=True, slots=True)
class Example:
    """Manifests of one subject. `changes`: values of ResolvedAgent in which the agent differs from the sample one.

    For a pool they are keys of its environment, for the platform keys of settings.yaml, as they stand in the file.
    `team`: values in which its owner does.
    """

    manifests: tuple[Manifest, ...]
    whose: Whose = "nobody"
    changes: Mapping[str, Any] | None = None
    team: Mapping[str, Any] | None = None

    def subject(self) -> Subject:
        """Whose manifests they are; nobody's for rules that do not ask."""
        from policies import example_fleet

        match self.whose:
            case "agent":
                return example_fleet.agent_subject(self.changes or {}, self.team or {})
            case "pool":
                return example_fleet.pool_subject(self.changes or {})
            case "platform":
                return example_fleet.platform_subject(self.changes or {})
        return Subject()


def alone(*manifests: Manifest) -> Example:
    """Manifests of nobody in particular."""
    return Example(manifests)


def of_agent(*manifests: Manifest, **changes: Any) -> Example:
    """Manifests of the sample agent, or of one that differs from it in some values."""
    return Example(manifests, "agent", changes)


def of_pool(*manifests: Manifest, **environment: Any) -> Example:
    """Manifests of the sample pool, in the sample environment or one that differs from it in some values."""
    return Example(manifests, "pool", environment)


def of_platform(*manifests: Manifest, **settings: Any) -> Example:
    """Manifests of the sample platform, or of one with other values in settings.yaml."""
    return Example(manifests, "platform", settings)


def manifest(api_version: str, kind: str, name: str = AGENT, namespace: str = NAMESPACE, **rest: Any) -> Manifest:
    """An object with the labels that Roster gives; no namespace for an empty one."""
    meta: Manifest = {"name": name, "labels": {"app.kubernetes.io/name": AGENT, "roster/owner": OWNER}}
    if namespace:
        meta["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **rest}


def deployment(
    pod: Mapping[str, Any] | None = None,
    container: Mapping[str, Any] | None = None,
    security: Mapping[str, Any] | None = None,
    pod_security: Mapping[str, Any] | None = None,
    annotations: Mapping[str, str] | None = None,
    **spec: Any,
) -> Manifest:
    """A Deployment as Roster makes it, with some values of its pod, container or their security contexts replaced."""
    template: Manifest = {
        "metadata": {
            "labels": {"app.kubernetes.io/name": AGENT, "app.kubernetes.io/managed-by": "roster", "role": "agent"},
            "annotations": dict(annotations or {}),
        },
        "spec": {
            "serviceAccountName": AGENT,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "priorityClassName": "roster-small",
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "runAsGroup": 10001,
                "fsGroup": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
                **(pod_security or {}),
            },
            "containers": [sound_container(container, security)],
            **(pod or {}),
        },
    }
    return manifest("apps/v1", "Deployment", spec={"template": template, **spec})


def sound_container(change: Mapping[str, Any] | None = None, security: Mapping[str, Any] | None = None) -> Manifest:
    """A container as Roster makes it, with some values replaced."""
    amounts = {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "64Mi"}
    probe = {"httpGet": {"path": "/health", "port": "http"}}
    return {
        "name": "agent",
        "image": f"registry.example.com/roster/fastapi@{DIGEST}",
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "resources": {"requests": amounts, "limits": amounts},
        "livenessProbe": probe,
        "readinessProbe": probe,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "privileged": False,
            "capabilities": {"drop": ["ALL"]},
            **(security or {}),
        },
        **(change or {}),
    }


def role(kind: str = "Role", **rule: Iterable[str]) -> Manifest:
    """A Role or ClusterRole with one rule, which by default lets its subjects read pods."""
    given: Manifest = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"], **rule}
    return manifest(
        "rbac.authorization.k8s.io/v1", kind, namespace="" if kind == "ClusterRole" else NAMESPACE, rules=[given]
    )


def binding(*subjects: Mapping[str, str], to: str = "view", kind: str = "RoleBinding") -> Manifest:
    """A binding of subjects to a ClusterRole."""
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": to}
    namespace = "" if kind == "ClusterRoleBinding" else NAMESPACE
    return manifest(
        "rbac.authorization.k8s.io/v1", kind, namespace=namespace, roleRef=reference, subjects=list(subjects)
    )


def network_policy(**spec: Any) -> Manifest:
    """A NetworkPolicy over the sample agent's pods, both ways, that allows nothing, with some values replaced."""
    selected = {"matchLabels": {"app.kubernetes.io/name": AGENT}}
    full = {"podSelector": selected, "policyTypes": ["Ingress", "Egress"], **spec}
    return manifest("networking.k8s.io/v1", "NetworkPolicy", spec=full)


def cilium_policy(**spec: Any) -> Manifest:
    """A CiliumNetworkPolicy over the sample agent's pods, with some values replaced."""
    selected = {"matchLabels": {"app.kubernetes.io/name": AGENT}}
    return manifest("cilium.io/v2", "CiliumNetworkPolicy", spec={"endpointSelector": selected, **spec})


def external_secret(*data: Mapping[str, Any], **spec: Any) -> Manifest:
    """An ExternalSecret as Roster makes it, with some values replaced."""
    full = {
        "refreshInterval": "1h0m0s",
        "secretStoreRef": {"kind": "SecretStore", "name": "roster"},
        "target": {"name": AGENT, "creationPolicy": "Owner", "deletionPolicy": "Retain"},
        "data": list(data),
        **spec,
    }
    return manifest("external-secrets.io/v1", "ExternalSecret", spec=full)
