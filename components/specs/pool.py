"""A pool's own objects: its namespace, its limits, its walls, its way to secrets and its monitoring."""

from __future__ import annotations

from components.definition.catalog import Environment, Pool
from components.definition.load_catalog import Catalog
from components.specs.access import access_manifests
from components.specs.mesh import namespace_labels, pool_mesh
from components.specs.monitoring.rules import pool_rules
from components.specs.monitoring.scraping import pod_monitor
from components.specs.names import SECRET_READER, SECRET_STORE, Manifest, namespace, pool_labels
from components.specs.secret_store import reader_account, secret_store

# What a namespace holds well, as Kubernetes says of Services. As the API server writes it: the engine compares text.
_MOST_OBJECTS = "5k"


def pool_manifests(pool_name: str, environment_name: str, catalog: Catalog) -> list[Manifest]:
    """The objects of a pool in an environment, in the order in which they are created."""
    pool: Pool = catalog.pools[pool_name]
    environment: Environment = catalog.environments[environment_name]
    space = namespace(pool_name, pool, environment)
    labels = pool_labels(pool_name, pool.owner)

    def meta(name: str) -> Manifest:
        return {"name": name, "namespace": space, "labels": labels}

    return [
        _namespace(space, {**labels, **namespace_labels(environment)}),
        _quota(meta("pool"), pool),
        _limit_range(meta("pool")),
        _default_deny(meta("default-deny")),
        *pool_mesh(environment, space, labels),
        _default_account(meta("default")),
        *access_manifests(pool, catalog, space, labels),
        reader_account(meta(SECRET_READER), environment, pool_name),
        secret_store(meta(SECRET_STORE), environment, SECRET_READER, pool_name),
        pod_monitor(meta("agents")),
        pool_rules(
            meta("agents"),
            space,
            pool_name,
            pool.owner,
            environment_name,
            catalog.settings,
            catalog.entries["tiers"],
        ),
    ]


def _namespace(name: str, labels: dict[str, str]) -> Manifest:
    security = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {**labels, **security}}}


def _default_account(meta: Manifest) -> Manifest:
    """What Kubernetes gives a pod that names none: without a token too."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta, "automountServiceAccountToken": False}


def _quota(meta: Manifest, pool: Pool) -> Manifest:
    hard = {
        # No way in but the gateway.
        "services.loadbalancers": "0",
        "services.nodeports": "0",
        **dict.fromkeys(("configmaps", "persistentvolumeclaims", "secrets", "services"), _MOST_OBJECTS),
        "requests.cpu": pool.quota.cpu,
        "requests.memory": pool.quota.memory,
        "requests.storage": pool.quota.storage,
        "pods": str(pool.quota.pods),
    }
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": hard}}


def _limit_range(meta: Manifest) -> Manifest:
    limit = {
        "type": "Container",
        "default": {"cpu": "500m", "memory": "512Mi", "ephemeral-storage": "256Mi"},
        "defaultRequest": {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "64Mi"},
    }
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": meta, "spec": {"limits": [limit]}}


def _default_deny(meta: Manifest) -> Manifest:
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}
