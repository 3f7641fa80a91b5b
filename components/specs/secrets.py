"""The ExternalSecret: references to the secret store, and never a value."""

from __future__ import annotations

from components.definition.secret_stores import FLAT_SEPARATOR, FLAT_STORES
from components.resolve.resolved import ResolvedAgent
from components.specs.names import SECRET_STORE, Manifest, metadata


def external_secret(agent: ResolvedAgent) -> Manifest | None:
    """One Secret with just the keys that the agent asks for; None when it asks for none."""
    if not agent.secrets:
        return None
    flat = isinstance(agent.secret_settings.store, FLAT_STORES)
    spec = {
        "refreshInterval": f"{agent.secret_settings.refresh_hours}h0m0s",
        "secretStoreRef": {"kind": "SecretStore", "name": SECRET_STORE},
        "target": {"name": agent.name, "creationPolicy": "Owner", "deletionPolicy": "Retain"},
        "data": [
            {"secretKey": one.env, "remoteRef": {"key": _flat(one.path) if flat else one.path, "property": one.key}}
            for one in agent.secrets
        ],
    }
    return {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": metadata(agent), "spec": spec}


def _flat(path: str) -> str:
    """A path as a name, for stores whose names have no folders. `resolve.rules` sees to it that no two become one."""
    return path.replace("/", FLAT_SEPARATOR)
