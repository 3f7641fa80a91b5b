"""The Service, and the HTTPRoute of an agent that is exposed."""

from __future__ import annotations

from components.resolve.resolved import ResolvedAgent
from components.specs.names import Manifest, metadata, selector

PORT = 80


def service(agent: ResolvedAgent) -> Manifest | None:
    """One address for the agent's pods; None when nobody calls it."""
    if not agent.serves:
        return None
    spec = {
        "type": "ClusterIP",
        "selector": selector(agent),
        "ports": [{"name": "http", "port": PORT, "targetPort": "http", "protocol": "TCP"}],
    }
    # Pulumi would wait for endpoints, in vain where there are no pods; whether pods run, the Deployment says.
    meta = metadata(agent, **{"pulumi.com/skipAwait": "true"})
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


def http_route(agent: ResolvedAgent) -> Manifest | None:
    """The way in from the gateway; None when the agent has no public host, or is suspended."""
    if not agent.exposure.host or agent.suspended:
        return None
    gateway = agent.settings.gateway
    spec = {
        "parentRefs": [{"name": gateway.name, "namespace": gateway.namespace}],
        "hostnames": [agent.exposure.host],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": agent.exposure.path}}],
                "backendRefs": [{"name": agent.name, "port": PORT}],
            }
        ],
    }
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": metadata(agent),
        "spec": spec,
    }
