"""A policy that someone answers for not keeping, for a while."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.definition.fields import Closed, Date, Name


class Waiver(Closed):
    """`waivers/<name>.yaml`: a policy that someone answers for not keeping, for a while."""

    rule: Name = Field(description="The policy's id.", examples=["image-pinned"])
    scope: Annotated[list[str], Field(min_length=1)] = Field(
        description="Agents as pool/name, a pool as pool/*, a runtime as runtime:NAME, or an image as image:REFERENCE.",
        examples=[["image:docker.io/intelgraph/agent-platform:1.0.0"]],
    )
    reason: Annotated[str, Field(min_length=10, max_length=1000)] = Field(description="Why.")
    owner: Name = Field(description="The team that answers for it.")
    expires: Date = Field(description="The day from which it no longer holds.")
