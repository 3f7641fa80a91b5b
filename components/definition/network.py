"""How an environment's clusters hold agents to what they may reach, and whether a mesh encrypts what is in between."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.definition.addresses import Endpoint, Peer
from components.definition.fields import MEANINGS, Closed, Name

PROXY_PATTERN = r"^http://[a-z0-9.-]+:[0-9]{1,5}$"
ACCOUNT_PATTERN = r"^[a-z0-9-]+/[a-z0-9.-]+$"
MEANINGS[PROXY_PATTERN] = "an address such as http://egress-proxy.egress:3128"
MEANINGS[ACCOUNT_PATTERN] = "a ServiceAccount as namespace/name, such as gateway/public-istio"


class MinimumEgress(Closed):
    """NetworkPolicies alone: they know no host names, so HTTPS to every public address is open."""

    kind: Literal["minimum"]


class CiliumEgress(Closed):
    """Cilium's policies, which hold agents to the names of their hosts."""

    kind: Literal["cilium"]


class ProxyEgress(Closed):
    """An HTTP proxy that all agents must use; it gets the hosts that they may reach from ConfigMaps of theirs."""

    kind: Literal["proxy"]
    url: Annotated[str, Field(pattern=PROXY_PATTERN)] = Field(
        description="Its address, as agents see it.",
        examples=["http://egress-proxy.egress:3128"],
    )
    endpoint: Endpoint = Field(description="Where its pods are.")


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
        None, description="The revision of istiod that injects sidecars.", examples=["stable"]
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
