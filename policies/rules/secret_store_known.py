"""A namespace's store is the environment's, asked as the namespace's own reader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from components.definition.secret_stores import AwsStore, AzureStore, GcpStore, KubernetesStore, Store, VaultStore
from policies.example import manifest, of_agent, of_pool
from policies.manifest_reading import at, mapping
from policies.rule import Manifest, Rule, Subject

_READER = "roster-secrets"
_ACCOUNTS = ("serviceAccountRef", "serviceAccount")


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    environment = subject.catalog.environments.get(subject.environment) if subject.catalog else None
    if environment is None:
        return
    suffix = "" if subject.pool else environment.namespace_suffix or ""
    wanted = _provider(environment.secrets.store, subject.pool or "platform")
    given = mapping(manifest, "spec", "provider")
    for key in sorted(map(str, given.keys() - {path[0] for path in wanted})):
        yield f"its provider is {key}, which is not the environment's"
    for path, value in wanted.items():
        found = at(given, *path)
        if found != value:
            yield f"its {'.'.join(path)} is {found}, and the environment's is {value}"
    accounts = [*_accounts(given)]
    if not accounts:
        yield "it is opened by the controller's own identity, which reads for all"
    for account in accounts:
        if account.get("name") != _READER + suffix or account.get("namespace") is not None:
            yield f"it is opened by the ServiceAccount {account.get('name')}, which is not its namespace's reader"


def _provider(store: Store, who: str) -> dict[tuple[str, ...], str | None]:
    """What decides whose secrets are read, by its place in the provider; None for what must be away."""
    match store:
        case VaultStore():
            login = ("vault", "auth", "kubernetes")
            return {
                ("vault", "server"): store.server,
                ("vault", "path"): store.mount,
                (*login, "mountPath"): store.auth_mount,
                (*login, "role"): f"{store.role}-{who}",
            }
        case AwsStore():
            return {("aws", "region"): store.region, ("aws", "service"): "SecretsManager", ("aws", "role"): None}
        case GcpStore():
            return {("gcpsm", "projectID"): store.project}
        case AzureStore():
            return {("azurekv", "vaultUrl"): store.vault_url, ("azurekv", "tenantId"): store.tenant}
        case KubernetesStore():
            return {("kubernetes", "remoteNamespace"): store.namespace, ("kubernetes", "server", "url"): None}


def _accounts(value: Any) -> Iterator[dict[str, Any]]:
    for key, inner in value.items() if isinstance(value, dict) else ():
        if key in _ACCOUNTS and isinstance(inner, dict):
            yield inner
        else:
            yield from _accounts(inner)


RULE = Rule(
    id="secret-store-known",
    severity="error",
    why="Another server gets the reader's token, and as another pool's reader a pool reads that pool's secrets.",
    fix="Name the store in environments.yaml, `secrets`.",
    kinds=frozenset({"SecretStore", "ClusterSecretStore"}),
    judge=_judge,
    source="CIS Kubernetes 1.9 5.4.2; NSA/CISA 2022, Network separation and hardening, Secrets",
)


def _store(server: str = "https://vault.example.com", reader: str = _READER, **login: str) -> Manifest:
    auth = {"mountPath": "kubernetes", "role": "roster-business", **login, "serviceAccountRef": {"name": reader}}
    vault = {"server": server, "path": "agents", "version": "v2", "auth": {"kubernetes": auth}}
    return manifest("external-secrets.io/v1", "SecretStore", spec={"provider": {"vault": vault}})


_WITHOUT_READER = _store()
_WITHOUT_READER["spec"]["provider"]["vault"]["auth"]["kubernetes"].pop("serviceAccountRef")
PASSING = (of_pool(_store()),)
FAILING = (
    of_pool(_store("https://vault.example.net")),
    of_pool(_store(role="roster-finance")),
    of_pool(_store(mountPath="other")),
    of_pool(_store(reader="default")),
    of_pool(_store(reader="")),
    of_pool(_WITHOUT_READER),
    of_pool(manifest("external-secrets.io/v1", "SecretStore", spec={"provider": {"fake": {}}})),
    of_agent(manifest("external-secrets.io/v1", "ClusterSecretStore", spec={})),
)
