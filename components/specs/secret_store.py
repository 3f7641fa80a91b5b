"""The way to an environment's secret store: from a pool's namespace, or from the platform's."""

from __future__ import annotations

from hashlib import sha256

from components.definition.catalog import Environment
from components.definition.secret_stores import (
    FLAT_SEPARATOR,
    FLAT_STORES,
    AwsStore,
    AzureStore,
    GcpStore,
    KubernetesStore,
    SecretSettings,
    VaultStore,
)
from components.resolve.store_identity import store_identity
from components.specs.names import Manifest

# external-secrets reads again so long after the last time, each object by itself: equal intervals stay in step.
SPREAD_SECONDS = 900


def refresh_interval(settings: SecretSettings, key: str) -> str:
    """How long after the last time values are read again: `refresh_hours` and up to 15 minutes, by a hash of `key`.

    As Go writes a duration, such as `1h7m23s`, so that nobody writes it anew.
    """
    more = int.from_bytes(sha256(key.encode()).digest()[:8]) % SPREAD_SECONDS
    return f"{settings.refresh_hours}h{more // 60}m{more % 60}s"


def reader_account(meta: Manifest, environment: Environment, who: str) -> Manifest:
    """The ServiceAccount that external-secrets reads as, for the pool `who`; no pod has it."""
    annotations = store_identity(environment.secrets, who)
    full = {**meta, "annotations": annotations} if annotations else meta
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": full, "automountServiceAccountToken": False}


def secret_store(meta: Manifest, environment: Environment, reader: str, who: str) -> Manifest:
    """A SecretStore of external-secrets. `reader` is its ServiceAccount; Vault is asked as ROLE-`who`."""
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": meta,
        "spec": {"provider": _provider(environment, reader, who)},
    }


def remote_reference(environment: Environment, reference: str) -> dict[str, str]:
    """Where a `path#key` lies in the environment's store."""
    path, _, key = reference.partition("#")
    full = f"{environment.secrets.prefix}/{path}" if environment.secrets.prefix else path
    return {"key": name_in_store(environment.secrets, full), "property": key}


def name_in_store(settings: SecretSettings, path: str) -> str:
    """What a full path is called in the store. `resolve.secret_rules` sees to it that no two become one."""
    return path.replace("/", FLAT_SEPARATOR) if isinstance(settings.store, FLAT_STORES) else path


def _provider(environment: Environment, reader: str, who: str) -> Manifest:
    store = environment.secrets.store
    account: Manifest = {"name": reader}
    match store:
        case VaultStore():
            asked = {**account, "audiences": [store.audience]} if store.audience else account
            login = {"mountPath": store.auth_mount, "role": f"{store.role}-{who}", "serviceAccountRef": asked}
            auth = {"kubernetes": login}
            return {"vault": {"server": store.server, "path": store.mount, "version": "v2", "auth": auth}}
        case AwsStore():
            auth = {"jwt": {"serviceAccountRef": account}}
            return {"aws": {"service": "SecretsManager", "region": store.region, "auth": auth}}
        case GcpStore():
            auth = {"workloadIdentity": {**_cluster(store), "serviceAccountRef": account}}
            return {"gcpsm": {"projectID": store.project, "auth": auth}}
        case AzureStore():
            tenant = {"tenantId": store.tenant} if store.tenant else {}
            vault = {"authType": "WorkloadIdentity", "vaultUrl": store.vault_url, "serviceAccountRef": account}
            return {"azurekv": {**vault, **tenant}}
        case KubernetesStore():
            authority = {"type": "ConfigMap", "name": "kube-root-ca.crt", "key": "ca.crt"}
            return {
                "kubernetes": {
                    "remoteNamespace": store.namespace,
                    "server": {"caProvider": authority},
                    "auth": {"serviceAccount": account},
                }
            }


def _cluster(store: GcpStore) -> dict[str, str]:
    """Which cluster vouches for the ServiceAccount; Google's metadata server says what is left out."""
    given = {
        "clusterProjectID": store.cluster_project,
        "clusterLocation": store.cluster_location,
        "clusterName": store.cluster_name,
    }
    return {name: value for name, value in given.items() if value}
