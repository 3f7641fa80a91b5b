"""What teams may do in a pool's namespace: look, or look and restart. Everything else is a pull request.

No role reads a Secret, opens a shell or a tunnel in a pod, or changes an object: what an agent holds stays with the
agent, what it says reaches no one past the gateway, and what runs is what was reviewed.
"""

from __future__ import annotations

from typing import Literal

from components.definition.catalog import Pool
from components.definition.load_catalog import Catalog
from components.specs.names import PREFIX, Manifest

Level = Literal["view", "operate"]
LEVELS: tuple[Level, ...] = ("view", "operate")
_RBAC = "rbac.authorization.k8s.io"
_READ = ["get", "list", "watch"]

# API group → the kinds of Roster's objects there, and of what Kubernetes makes of them. Secrets are none of them.
VIEWED: dict[str, tuple[str, ...]] = {
    "": (
        *("configmaps", "endpoints", "events", "limitranges", "persistentvolumeclaims", "pods", "resourcequotas"),
        *("serviceaccounts", "services"),
    ),
    "apps": ("deployments", "replicasets"),
    "autoscaling": ("horizontalpodautoscalers",),
    "cilium.io": ("ciliumnetworkpolicies",),
    "discovery.k8s.io": ("endpointslices",),
    "events.k8s.io": ("events",),
    "external-secrets.io": ("externalsecrets", "secretstores"),
    "gateway.networking.k8s.io": ("httproutes",),
    "keda.sh": ("scaledobjects", "triggerauthentications"),
    "metrics.k8s.io": ("pods",),
    "monitoring.coreos.com": ("podmonitors", "prometheusrules"),
    "networking.k8s.io": ("networkpolicies",),
    "policy": ("poddisruptionbudgets",),
    _RBAC: ("rolebindings", "roles"),
    "security.istio.io": ("authorizationpolicies", "peerauthentications"),
}


def access_manifests(pool: Pool, catalog: Catalog, namespace: str, labels: dict[str, str]) -> list[Manifest]:
    """A Role for each level that somebody has, and a RoleBinding for each team with groups; none without any."""
    given = pool.access if pool.access is not None else {pool.owner: LEVELS[0]}
    groups = {team: catalog.entries["teams"][team].groups for team in sorted(given)}
    bound = [(given[team], team, sorted(set(names))) for team, names in groups.items() if names]

    def meta(name: str) -> Manifest:
        return {"name": f"{PREFIX}-{name}", "namespace": namespace, "labels": labels}

    roles = [_role(meta(level), level) for level in LEVELS if any(one[0] == level for one in bound)]
    # With the level in the name: what a binding refers to can never change.
    return roles + [_binding(meta(f"{level}-{team}"), level, names) for level, team, names in bound]


def _role(meta: Manifest, level: Level) -> Manifest:
    rules = [{"apiGroups": [group], "resources": list(kinds), "verbs": _READ} for group, kinds in VIEWED.items()]
    rules.append({"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]})
    rules.append({"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]})
    if level == "operate":
        # The Deployment makes a new one as it was reviewed: this restarts a pod and changes nothing.
        rules.append({"apiGroups": [""], "resources": ["pods"], "verbs": ["delete"]})
    return {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": meta, "rules": rules}


def _binding(meta: Manifest, level: Level, groups: list[str]) -> Manifest:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": meta,
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": f"{PREFIX}-{level}"},
        "subjects": [{"apiGroup": _RBAC, "kind": "Group", "name": group} for group in groups],
    }
