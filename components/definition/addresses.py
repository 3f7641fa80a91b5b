"""Where things are: pods of a namespace, or a range of addresses."""

from __future__ import annotations

from pydantic import Field

from components.definition.fields import AnyPort, Cidr, Closed, LabelKey, LabelValue, Name


class Endpoint(Closed):
    """Something in or near the cluster that pods reach by address: pods of a namespace, or a range of addresses."""

    port: AnyPort = Field(description="TCP port.", examples=[5432])
    namespace: Name | None = Field(None, description="The namespace of its pods.", examples=["data"])
    labels: dict[LabelKey, LabelValue] | None = Field(None, description="Labels of its pods.")
    cidr: Cidr | None = Field(None, description="Or its range of addresses.", examples=["10.20.0.0/16"])


class Peer(Closed):
    """Pods that may reach agents."""

    namespace: Name = Field(description="Their namespace.", examples=["gateway"])
    labels: dict[LabelKey, LabelValue] = Field(
        description="Their labels.", min_length=1, examples=[{"role": "api-gateway"}]
    )


class Gateway(Peer):
    """The gateway that exposed agents are reached through."""

    name: Name = Field(description="The Gateway object that HTTPRoutes attach to.", examples=["public"])
