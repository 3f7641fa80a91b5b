"""The way to an environment's secret store: from a pool's namespace, or from the platform's."""

from __future__ import annotations

from components.definition.catalog import Environment
from components.definition.secret_stores import (
    FLAT_SEPARATOR,
    FLAT_STORES,
    AwsStore,
    AzureStore,
    GcpStore,
    KubernetesStore,
    VaultStore,
)
from components.specs.names import Manifest


def reader_account(meta: Manifest) -> Manifest:
    """The ServiceAccount that external-secrets reads as; no pod has it."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta, "automountServiceAccountToken": False}


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
    flat = isinstance(environment.secrets.store, FLAT_STORES)
    return {"key": full.replace("/", FLAT_SEPARATOR) if flat else full, "property": key}


def _provider(environment: Environment, reader: str, who: str) -> Manifest:
    store = environment.secrets.store
    account = {"name": reader}
    match store:
        case VaultStore():
            login = {"mountPath": store.auth_mount, "role": f"{store.role}-{who}", "serviceAccountRef": account}
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
