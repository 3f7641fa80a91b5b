"""What must hold where an environment has a mesh: whatever a sidecar would otherwise break, or be kept out by."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.findings import Finding, one_of
from components.definition.load_catalog import Catalog
from components.definition.network import IstioMesh
from components.resolve.layers import Layers
from components.resolve.quantities import byte_count, cores
from components.resolve.resolved import ResolvedAgent

Report = Iterator[Finding]
# What a sidecar listens on in the pod, as Istio 1.31's pilot-agent lists it (status/server.go, reserved ports).
SIDECAR_PORTS = frozenset({15000, 15001, 15004, 15006, 15008, 15020, 15021, 15053, 15090})
# A sidecar's own user: what runs as it is not redirected into the sidecar.
SIDECAR_USER = 1337
_MESH = ("network", "mesh")


def catalog_mesh_findings(catalog: Catalog) -> Report:
    """What is wrong with the mesh of an environment, or with what runs in it."""
    for name, environment in catalog.environments.items():
        if environment.network.mesh is not None:
            yield from _gateway(name, environment.network.mesh, catalog)
            yield from _sidecar(name, environment.network.mesh, catalog)
    if any(one.network.mesh for one in catalog.environments.values()):
        for name, runtime in catalog.entries["runtimes"].items():
            if runtime.user == SIDECAR_USER:
                message = (
                    f"{name}: user {SIDECAR_USER} is the one of the mesh's sidecars, whose traffic nothing encrypts or "
                    "checks; give the runtime another number"
                )
                yield catalog.documents["runtimes"].finding((name, "user"), "mesh-user", message)


def mesh_findings(agent: ResolvedAgent, layers: Layers) -> Report:
    """What is wrong with an agent in a mesh."""
    if agent.network.mesh is None:
        return
    for path, port in ((("port",), agent.port), (("metrics", "port"), agent.metrics_port)):
        if port in SIDECAR_PORTS and (len(path) == 1 or port != agent.port):
            message = (
                f"{'.'.join(path)}: {port} is taken by the mesh's sidecar in {agent.environment}, which keeps "
                f"{one_of([str(one) for one in sorted(SIDECAR_PORTS)], 20)}"
            )
            yield layers.finding(path, "mesh-port", message)
    for key in agent.labels:
        prefix = key.rpartition("/")[0]
        if prefix == "istio.io" or prefix.endswith(".istio.io"):
            message = f"labels: by {key} a pod could leave the mesh of {agent.environment}; it is for the platform team"
            yield layers.finding(("labels", key), "reserved-label", message)


def _gateway(name: str, mesh: IstioMesh, catalog: Catalog) -> Report:
    namespace = mesh.gateway_account.split("/")[0]
    expected = catalog.settings.gateway.namespace
    if namespace != expected:
        message = (
            f"{name}: the gateway's pods are in {expected} (settings.yaml, gateway), so its ServiceAccount is too: "
            f"write {expected}/{mesh.gateway_account.split('/')[1]}, or no request from outside would be let in"
        )
        yield catalog.documents["environments"].finding((name, *_MESH, "gateway_account"), "mesh-gateway", message)


def _sidecar(name: str, mesh: IstioMesh, catalog: Catalog) -> Report:
    document = catalog.documents["environments"]
    proxy = mesh.sidecar
    for key, amount, limit, above in (
        ("cpu", proxy.cpu, proxy.cpu_limit, cores(proxy.cpu) > cores(proxy.cpu_limit)),
        ("memory", proxy.memory, proxy.memory_limit, byte_count(proxy.memory) > byte_count(proxy.memory_limit)),
    ):
        if above:
            message = f"{name}: sidecar.{key}: {amount} is more than the limit, {limit}"
            yield document.finding((name, *_MESH, "sidecar", key), "request-above-limit", message)
    images = catalog.settings.images
    if images.signing and images.admission.mode == "enforce" and not images.admission.sidecars:
        message = (
            f"{name}: clusters let in no image but the fleet's own, so the mesh's sidecars would keep every pod out; "
            "name their image in settings.yaml, images.admission.sidecars"
        )
        yield document.finding((name, *_MESH), "mesh-sidecar-image", message)
