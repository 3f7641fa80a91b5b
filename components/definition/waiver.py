"""A policy that someone answers for not keeping, for a while."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from components.definition.fields import NAME_PATTERN, Closed, Date, Name
from components.definition.vulnerability_exceptions import real_day

# Other scanners whose checks a waiver may name, as scanner/CHECK.
SCANNERS = ("checkov", "kube-score")

# The scope of the platform's own objects, which are no agent's and no pool's.
PLATFORM = "platform"

_NAME = NAME_PATTERN.strip("^$")
_RULE = re.compile(rf"{_NAME}|({'|'.join(SCANNERS)})/[A-Za-z0-9_-]{{1,80}}")
_SCOPE = re.compile(rf"{_NAME}/({_NAME}|\*)|runtime:{_NAME}|image:[^\s*]{{1,500}}|{PLATFORM}")


def _rule(value: str) -> str:
    if not _RULE.fullmatch(value):
        raise ValueError("a policy's id such as image-pinned, or a scanner's check such as checkov/CKV_K8S_14")
    return value


def _scope(value: str) -> str:
    if not _SCOPE.fullmatch(value):
        raise ValueError("an agent as pool/name, a pool as pool/*, runtime:NAME, image:REFERENCE or platform")
    return value


class Waiver(Closed):
    """`waivers/<name>.yaml`: a policy that someone answers for not keeping, for a while."""

    rule: Annotated[str, AfterValidator(_rule)] = Field(
        description="The policy's id, or a check of another scanner as scanner/CHECK.",
        examples=["image-pinned", "checkov/CKV_K8S_14"],
    )
    scope: Annotated[list[Annotated[str, AfterValidator(_scope)]], Field(min_length=1)] = Field(
        description="Agents as pool/name, a pool and its own objects as pool/*, a runtime as runtime:NAME, an image as "
        "image:REFERENCE, or platform for the platform's own objects.",
        examples=[["image:docker.io/intelgraph/agent-platform:1.0.0"]],
    )
    reason: Annotated[str, Field(min_length=10, max_length=1000)] = Field(description="Why.")
    owner: Name = Field(description="The team that answers for it.")
    expires: Annotated[Date, AfterValidator(real_day)] = Field(
        description="The day from which it no longer holds, at most twelve months away.", examples=["2027-06-30"]
    )

    @property
    def foreign(self) -> bool:
        """Whether the rule is another scanner's."""
        return "/" in self.rule
