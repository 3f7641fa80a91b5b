"""Istio's objects, where an environment has a mesh: who may call whom is then held by identity, not by address alone.

Ports and behaviour are those of Istio 1.31's source: the sidecar keeps the application's port on the wire, and talks to
istiod at 15012 for certificates and configuration.
"""

from __future__ import annotations

from collections.abc import Mapping

from components.definition.catalog import Environment
from components.definition.network import IstioMesh
from components.resolve.resolved import ResolvedAgent
from components.specs.names import AGENT_ROLE, NAMESPACE_LABEL, Manifest, metadata, selector

SECURITY = "security.istio.io/v1"
CONTROL_PLANE_PORT = 15012
# Istio reads this as the mesh's own trust domain, whatever that is called.
_TRUST_DOMAIN = "cluster.local"
_STRICT = {"mode": "STRICT"}


def namespace_labels(environment: Environment) -> dict[str, str]:
    """The label by which istiod puts sidecars into a namespace's pods; none without a mesh."""
    mesh = environment.network.mesh
    if mesh is None:
        return {}
    return {"istio.io/rev": mesh.revision} if mesh.revision else {"istio-injection": "enabled"}


def pool_mesh(environment: Environment, space: str, labels: Mapping[str, str]) -> list[Manifest]:
    """A pool's own: mutual TLS for every pod, nobody called unless an agent's policy says so, and the way to istiod."""
    mesh = environment.network.mesh
    if mesh is None:
        return []

    def meta(name: str) -> Manifest:
        return {"name": name, "namespace": space, "labels": dict(labels)}

    return [
        {
            "apiVersion": SECURITY,
            "kind": "PeerAuthentication",
            "metadata": meta("default"),
            "spec": {"mtls": _STRICT},
        },
        _authorization(meta("default-deny"), {}, []),
        _to_control_plane(meta("agents"), mesh),
    ]


def peer_authentication(agent: ResolvedAgent) -> Manifest | None:
    """Leaves the port of metrics open to a scraper outside of the mesh; None without a mesh, or without metrics."""
    if agent.network.mesh is None or agent.suspended or not agent.metrics_path:
        return None
    spec = {
        "selector": {"matchLabels": selector(agent)},
        "mtls": _STRICT,
        "portLevelMtls": {str(agent.metrics_port): {"mode": "PERMISSIVE"}},
    }
    return {"apiVersion": SECURITY, "kind": "PeerAuthentication", "metadata": metadata(agent), "spec": spec}


def authorization_policy(agent: ResolvedAgent) -> Manifest | None:
    """Who may call the agent, by ServiceAccount; while it is suspended, nobody. None without a mesh."""
    mesh = agent.network.mesh
    if mesh is None:
        return None
    rules = [] if agent.suspended else [*_of_callers(agent, mesh), *_of_scraper(agent)]
    return _authorization(metadata(agent), {"selector": {"matchLabels": selector(agent)}}, rules)


def mesh_annotations(agent: ResolvedAgent) -> dict[str, str]:
    """Annotations of the pods: what the sidecar asks for. With none of them the pool's LimitRange would decide it."""
    mesh = agent.network.mesh
    if mesh is None:
        return {}
    proxy = mesh.sidecar
    return {
        # Started before the agent and stopped after it; the agent's last answers still go out.
        "sidecar.istio.io/nativeSidecar": "true",
        "sidecar.istio.io/proxyCPU": proxy.cpu,
        "sidecar.istio.io/proxyCPULimit": proxy.cpu_limit,
        "sidecar.istio.io/proxyMemory": proxy.memory,
        "sidecar.istio.io/proxyMemoryLimit": proxy.memory_limit,
    }


def _of_callers(agent: ResolvedAgent, mesh: IstioMesh) -> list[Manifest]:
    if not agent.serves:
        return []
    gateway = tuple(mesh.gateway_account.split("/"))
    accounts = [gateway] if agent.exposure.gateway else []
    accounts += [caller for caller in agent.exposure.agents if caller[1]]
    sources: list[Manifest] = []
    if accounts:
        sources.append({"principals": [f"{_TRUST_DOMAIN}/ns/{space}/sa/{name}" for space, name in accounts]})
    pools = [space for space, name in agent.exposure.agents if not name]
    if pools:
        sources.append({"namespaces": pools})
    if not sources:
        return []
    return [{"from": [{"source": one} for one in sources], "to": [{"operation": {"ports": [str(agent.port)]}}]}]


def _of_scraper(agent: ResolvedAgent) -> list[Manifest]:
    """Without `from`: a scraper outside of the mesh has no identity, and is told from others by the NetworkPolicy."""
    if not agent.metrics_path:
        return []
    operation: Manifest = {"ports": [str(agent.metrics_port)]}
    if agent.serves and agent.metrics_port == agent.port:
        # The agent answers its callers there too, and those need an identity: nothing but metrics goes without.
        operation = {"methods": ["GET"], "paths": [agent.metrics_path], **operation}
    return [{"to": [{"operation": operation}]}]


def _authorization(meta: Manifest, scope: Manifest, rules: list[Manifest]) -> Manifest:
    """Nobody is let in where there are no rules."""
    spec = {**scope, "action": "ALLOW", **({"rules": rules} if rules else {})}
    return {"apiVersion": SECURITY, "kind": "AuthorizationPolicy", "metadata": meta, "spec": spec}


def _to_control_plane(meta: Manifest, mesh: IstioMesh) -> Manifest:
    at = mesh.control_plane
    istiod = {
        "namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: at.namespace}},
        "podSelector": {"matchLabels": dict(at.labels)},
    }
    spec = {
        "podSelector": {"matchLabels": {"role": AGENT_ROLE}},
        "policyTypes": ["Ingress", "Egress"],
        "egress": [{"to": [istiod], "ports": [{"protocol": "TCP", "port": CONTROL_PLANE_PORT}]}],
    }
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}
