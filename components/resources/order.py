"""How manifests become resources: type tokens, logical names, order, protection. Data and pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Manifest = dict[str, Any]

# In order of creation; within a component, an object waits for all objects of all earlier stages, and deletion goes the
# other way. A Service comes after its Deployment: the provider waits until it has endpoints. A disk comes before the
# pods that use it: the provider does not wait for one that is bound at its first use (pulumi-kubernetes 3130).
STAGES: tuple[frozenset[str], ...] = (
    frozenset({"Namespace", "PriorityClass"}),
    frozenset(
        {
            *("ResourceQuota", "LimitRange", "NetworkPolicy", "CiliumNetworkPolicy", "ServiceAccount", "Role"),
            *("ValidatingAdmissionPolicy", "ImageValidatingPolicy", "PeerAuthentication", "AuthorizationPolicy"),
        }
    ),
    frozenset({"SecretStore", "ClusterSecretStore", "ValidatingAdmissionPolicyBinding", "RoleBinding"}),
    frozenset({"ConfigMap", "ExternalSecret", "PersistentVolumeClaim"}),
    frozenset({"Deployment"}),
    frozenset({"Service", "PodDisruptionBudget", "HorizontalPodAutoscaler", "TriggerAuthentication"}),
    frozenset({"HTTPRoute", "ScaledObject", "PodMonitor", "ServiceMonitor", "PrometheusRule"}),
    frozenset({"AlertmanagerConfig", "GrafanaDashboard"}),
)

# What would take a pool's every object along when it is deleted. Pulumi removes the rest, and ends this run and all
# further ones with an error until somebody says `pulumi state unprotect`.
PROTECTED = frozenset({"Namespace"})
# What keeps an agent's memory. The agent goes, its disk stays in the cluster until somebody deletes it, and is taken up
# again when the agent comes back. Protection would be worse: it fails every later run of the shard.
RETAINED = frozenset({"PersistentVolumeClaim"})

# The word that stands for a kind in logical names, where it is not the kind itself in lower case. When a word or a type
# token changes, the old one becomes a former one: otherwise Pulumi creates the object under its new name and then
# deletes the old one, which is the same object.
WORDS: dict[str, str] = {}
FORMER_WORDS: dict[str, tuple[str, ...]] = {}
FORMER_TOKENS: dict[str, tuple[str, ...]] = {}

# Longer than Kubernetes itself waits for a Deployment, so that its own verdict is the one that is shown.
_BEYOND_DEADLINE_SECONDS = 60
_STAGE_OF = {kind: stage for stage, kinds in enumerate(STAGES) for kind in kinds}


def stage_of(manifest: Manifest) -> int:
    """The stage in which an object is created, from 0. Raises ValueError for a kind that has none."""
    kind = manifest["kind"]
    if kind not in _STAGE_OF:
        raise ValueError(f"{describe(manifest)}: the kind {kind} has no place in the order of creation")
    return _STAGE_OF[kind]


def type_token(manifest: Manifest) -> str:
    """Pulumi's type: `kubernetes:apps/v1:Deployment`; the group without a name is called core; CRDs are alike.

    As in pulumi_kubernetes' generated classes and in its `apiextensions.CustomResource`.
    """
    version = manifest["apiVersion"]
    return f"kubernetes:{version if '/' in version else f'core/{version}'}:{manifest['kind']}"


def logical_name(component: str, manifest: Manifest) -> str:
    """The resource's name in the stack: `<component>/<kind>`, and the object's own name where it is another one.

    The component's name is in it because Pulumi tells resources apart by their types and this name only.
    """
    kind = manifest["kind"]
    return _logical_name(component, manifest, WORDS.get(kind, kind.lower()))


def former_names(component: str, manifest: Manifest) -> list[str]:
    """Logical names that the object had in earlier versions of Roster."""
    return [_logical_name(component, manifest, word) for word in FORMER_WORDS.get(manifest["kind"], ())]


def former_tokens(manifest: Manifest) -> list[str]:
    """Type tokens that the object had in earlier versions of Roster."""
    return list(FORMER_TOKENS.get(type_token(manifest), ()))


def wait_seconds(manifest: Manifest) -> int | None:
    """How long to wait for the object; None for the provider's own limit."""
    deadline = manifest.get("spec", {}).get("progressDeadlineSeconds") if manifest["kind"] == "Deployment" else None
    return None if deadline is None else int(deadline) + _BEYOND_DEADLINE_SECONDS


def identity(manifest: Manifest) -> tuple[str, str, str]:
    """What makes an object the same one in a cluster: group and kind, namespace, name."""
    group = manifest["apiVersion"].rpartition("/")[0]
    meta = manifest["metadata"]
    return f"{group}/{manifest['kind']}", meta.get("namespace", ""), meta["name"]


def describe(manifest: Manifest) -> str:
    """An object in words: `Deployment business/lead-scorer`."""
    meta = manifest["metadata"]
    return f"{manifest['kind']} {'/'.join(filter(None, (meta.get('namespace'), meta['name'])))}"


def unregistrable(manifests: Sequence[Manifest]) -> list[str]:
    """Why the manifests cannot be registered as they are; empty when they can."""
    problems = []
    seen: set[tuple[str, str, str]] = set()
    for manifest in manifests:
        try:
            stage_of(manifest)
        except ValueError as problem:
            problems.append(str(problem))
        if identity(manifest) in seen:
            problems.append(f"{describe(manifest)}: two manifests for one object")
        seen.add(identity(manifest))
        problems += [f"{describe(manifest)}: {path} is {what}" for path, what in _lost(manifest, "")]
    return problems


def _logical_name(component: str, manifest: Manifest, word: str) -> str:
    name = manifest["metadata"]["name"]
    return f"{component}/{word}" if name == component else f"{component}/{word}/{name}"


def _lost(value: object, path: str) -> list[tuple[str, str]]:
    """Values that Pulumi's wire format would drop or round: null, and integers beyond a double's 53 bits."""
    if value is None:
        return [(path, "null, which would be dropped")]
    if isinstance(value, int) and abs(value) > 2**53:
        return [(path, "a number that would be rounded")]
    if isinstance(value, dict):
        return [one for key, item in value.items() for one in _lost(item, f"{path}.{key}" if path else str(key))]
    if isinstance(value, list):
        return [one for index, item in enumerate(value) for one in _lost(item, f"{path}[{index}]")]
    return []
