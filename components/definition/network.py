"""How an environment's clusters hold agents to what they may reach, and whether a mesh encrypts what is in between."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.definition.addresses import Peer
from components.definition.fields import MEANINGS, Bytes, Cidr, Closed, Cpu, Name, Port

DOMAIN_PATTERN = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$"
ACCOUNT_PATTERN = r"^[a-z0-9-]+/[a-z0-9.-]+$"
MEANINGS[DOMAIN_PATTERN] = "a name in lower case without scheme or port, such as egress-proxy.egress"
MEANINGS[ACCOUNT_PATTERN] = "a ServiceAccount as namespace/name, such as gateway/public-istio"


class MinimumEgress(Closed):
    """NetworkPolicies alone: they know no host names, so HTTPS to every public address is open."""

    kind: Literal["minimum"]


class CiliumEgress(Closed):
    """Cilium's policies, which hold agents to the names of their hosts."""

    kind: Literal["cilium"]
    cluster_domain: Annotated[str, Field(pattern=DOMAIN_PATTERN)] = Field(
        "cluster.local", description="The domain of the cluster's own names."
    )


class ProxyEgress(Closed):
    """An HTTP proxy that all agents must use; it gets the hosts that they may reach from ConfigMaps of theirs."""

    kind: Literal["proxy"]
    host: Annotated[str, Field(pattern=DOMAIN_PATTERN, max_length=253)] = Field(
        description="Its name, as agents see it.", examples=["egress-proxy.egress"]
    )
    ports: dict[Name, Port] = Field(
        description="Each pool's own port, at the Service and at the pods: by it the proxy tells whose hosts hold.",
        min_length=1,
        examples=[{"sales": 3129, "support": 3130}],
    )
    pods: Peer | None = Field(
        None, description="Its pods.", examples=[{"namespace": "egress", "labels": {"app": "squid"}}]
    )
    cidr: Cidr | None = Field(None, description="Or its range of addresses.", examples=["10.30.0.8/32"])


class Sidecar(Closed):
    """What the proxy beside each agent asks for and may use; it counts in the pool's quota like the agent itself."""

    cpu: Cpu = Field("100m", description="Reserved cores.")
    memory: Bytes = Field("128Mi", description="Reserved memory.")
    cpu_limit: Cpu = Field("500m", description="The most cores.")
    memory_limit: Bytes = Field("256Mi", description="The most memory.")


class IstioMesh(Closed):
    """Istio, with sidecars: pods speak mutual TLS to each other, and are told apart by their ServiceAccounts."""

    kind: Literal["istio"]
    gateway_account: Annotated[str, Field(pattern=ACCOUNT_PATTERN)] = Field(
        description="The gateway's ServiceAccount, as namespace/name.", examples=["gateway/public-istio"]
    )
    control_plane: Peer = Field(
        description="The pods of istiod.", examples=[{"namespace": "istio-system", "labels": {"app": "istiod"}}]
    )
    revision: Name | None = Field(
        None, description="The revision of istiod that injects sidecars; its default with none.", examples=["stable"]
    )
    sidecar: Sidecar = Field(
        default_factory=lambda: Sidecar.model_validate({}),
        description="Resources of the sidecars.",
        examples=[{"cpu": "50m", "memory": "96Mi"}],
    )


class Network(Closed):
    """Network settings of an environment."""

    egress: Annotated[MinimumEgress | CiliumEgress | ProxyEgress, Field(discriminator="kind")] = Field(
        default_factory=lambda: MinimumEgress(kind="minimum"),
        description="What holds agents to the hosts that they may reach.",
        examples=[{"kind": "cilium"}],
    )
    mesh: IstioMesh | None = Field(
        None,
        description="A service mesh; with none traffic in the cluster is as it is.",
        examples=[
            {
                "kind": "istio",
                "gateway_account": "gateway/public-istio",
                "control_plane": {"namespace": "istio-system", "labels": {"app": "istiod"}},
            }
        ],
    )
