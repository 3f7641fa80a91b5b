"""How a change reaches the agents of an environment, cluster by cluster, and what stops it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.definition.fields import Closed, Moment, Percent, Text


class Cluster(Closed):
    """A Kubernetes cluster of an environment."""

    context: str = Field(
        description="The kubeconfig context that stacks of this cluster use.",
        examples=["prod-eu"],
        min_length=1,
        max_length=200,
    )
    uid: Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")] | None = Field(
        None,
        description="The UID of its namespace kube-system; a context that leads to another cluster is then refused.",
        examples=["7f9c2ba4-e88f-4ab0-9c3e-1b2d3c4d5e6f"],
    )


class Gate(Closed):
    """What the agents of a wave must show before the next one begins."""

    prometheus: str | None = Field(
        None,
        description="A Prometheus to ask for firing alerts and success ratios; with none the cluster alone is asked.",
        pattern=r"^https?://",
        examples=["https://prometheus.example.com"],
    )
    looks: int = Field(
        3, description="How often a wave is looked at; each look must be good.", ge=1, le=20, examples=[3]
    )
    seconds_between: int = Field(20, description="Seconds from one look to the next.", ge=0, le=600, examples=[20])
    success_percent: Percent = Field(
        95.0, description="The least share of requests that succeed, where any come in.", examples=[95.0]
    )


class Rollout(Closed):
    """How a change reaches the agents of an environment."""

    waves: list[Annotated[int, Field(ge=1, le=100)]] = Field(
        [5, 25],
        description="After each wave this percentage of the agents that change is done; the last wave is the rest.",
        examples=[[5, 25]],
    )
    gate: Gate = Field(
        default_factory=lambda: Gate.model_validate({}),
        description="What a wave must show before the next one begins.",
        examples=[{"looks": 3}],
    )
    reviewed_only: bool = Field(
        False,
        description="true refuses every object that no recorded plan of a reviewed commit explains.",
        examples=[True],
    )


class Freeze(Closed):
    """A time in which nothing changes but kill switches and rollbacks."""

    reason: Text = Field(description="Why; whoever is held up reads it.")
    until: Moment = Field(description="When it ends, in UTC.", examples=["2027-01-02T06:00Z"])
