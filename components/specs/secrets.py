"""The ExternalSecret: references to the secret store, and never a value."""

from __future__ import annotations

from components.resolve.resolved import ResolvedAgent
from components.specs.names import SECRET_STORE, Manifest, metadata
from components.specs.secret_store import name_in_store, refresh_interval


def external_secret(agent: ResolvedAgent) -> Manifest | None:
    """One Secret with just the keys that the agent asks for; None when it asks for none."""
    if not agent.secrets:
        return None
    spec = {
        "refreshInterval": refresh_interval(agent.secret_settings, f"{agent.namespace}/{agent.name}"),
        "secretStoreRef": {"kind": "SecretStore", "name": SECRET_STORE},
        "target": {"name": agent.name, "creationPolicy": "Owner", "deletionPolicy": "Retain"},
        "data": [
            {
                "secretKey": one.env,
                "remoteRef": {"key": name_in_store(agent.secret_settings, one.path), "property": one.key},
            }
            for one in agent.secrets
        ],
    }
    return {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": metadata(agent), "spec": spec}
