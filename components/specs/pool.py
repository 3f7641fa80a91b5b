"""A pool's own objects: its namespace, its limits, its walls, its way to secrets and its monitoring."""

from __future__ import annotations

from components.definition.catalog import AwsStore, AzureStore, Environment, GcpStore, KubernetesStore, Pool, VaultStore
from components.definition.load_catalog import Catalog
from components.specs.alerts import pool_rules
from components.specs.dashboard import pool_dashboard
from components.specs.names import AGENT_ROLE, SECRET_READER, SECRET_STORE, Manifest, namespace, pool_labels

# How Prometheus names the annotations of `components.specs.pod`.
METRICS_PORT_SOURCE = "__meta_kubernetes_pod_annotation_roster_metrics_port"
METRICS_PATH_SOURCE = "__meta_kubernetes_pod_annotation_roster_metrics_path"


def pool_manifests(pool_name: str, environment_name: str, catalog: Catalog) -> list[Manifest]:
    """The objects of a pool in an environment, in the order in which they are created."""
    pool: Pool = catalog.pools[pool_name]
    environment: Environment = catalog.environments[environment_name]
    space = namespace(pool_name, pool, environment)
    labels = pool_labels(pool_name, pool.owner)

    def meta(name: str) -> Manifest:
        return {"name": name, "namespace": space, "labels": labels}

    return [
        _namespace(space, labels),
        _quota(meta("pool"), pool),
        _limit_range(meta("pool")),
        _default_deny(meta("default-deny")),
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": meta(SECRET_READER),
            "automountServiceAccountToken": False,
        },
        _secret_store(meta(SECRET_STORE), environment, pool_name),
        _pod_monitor(meta("agents")),
        pool_rules(meta("agents"), space, pool.owner, catalog.settings),
        pool_dashboard(meta("dashboard"), pool_name, space),
    ]


def _namespace(name: str, labels: dict[str, str]) -> Manifest:
    security = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {**labels, **security}}}


def _quota(meta: Manifest, pool: Pool) -> Manifest:
    hard = {
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


def _secret_store(meta: Manifest, environment: Environment, pool: str) -> Manifest:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": meta,
        "spec": {"provider": _provider(environment, pool)},
    }


def _provider(environment: Environment, pool: str) -> Manifest:
    store = environment.secrets.store
    account = {"name": SECRET_READER}
    match store:
        case VaultStore():
            login = {"mountPath": store.auth_mount, "role": f"{store.role}-{pool}", "serviceAccountRef": account}
            auth = {"kubernetes": login}
            return {"vault": {"server": store.server, "path": store.mount, "version": "v2", "auth": auth}}
        case AwsStore():
            auth = {"jwt": {"serviceAccountRef": account}}
            return {"aws": {"service": "SecretsManager", "region": store.region, "auth": auth}}
        case GcpStore():
            return {"gcpsm": {"projectID": store.project}}
        case AzureStore():
            return {
                "azurekv": {"authType": "WorkloadIdentity", "vaultUrl": store.vault_url, "serviceAccountRef": account}
            }
        case KubernetesStore():
            authority = {"type": "ConfigMap", "name": "kube-root-ca.crt", "key": "ca.crt"}
            return {
                "kubernetes": {
                    "remoteNamespace": store.namespace,
                    "server": {"caProvider": authority},
                    "auth": {"serviceAccount": account},
                }
            }


def _pod_monitor(meta: Manifest) -> Manifest:
    """One for the pool: each pod says by annotations at which of its ports, and where, its metrics are."""
    endpoints = [
        {
            "port": port,
            "interval": "30s",
            "relabelings": [
                {"sourceLabels": [METRICS_PORT_SOURCE], "action": "keep", "regex": port},
                {"sourceLabels": [METRICS_PATH_SOURCE], "targetLabel": "__metrics_path__"},
                {"sourceLabels": ["__meta_kubernetes_pod_label_app_kubernetes_io_name"], "targetLabel": "agent_id"},
                {"sourceLabels": ["__meta_kubernetes_pod_label_roster_owner"], "targetLabel": "owner"},
            ],
        }
        for port in ("http", "metrics")
    ]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": meta,
        "spec": {"selector": {"matchLabels": {"role": AGENT_ROLE}}, "podMetricsEndpoints": endpoints},
    }
