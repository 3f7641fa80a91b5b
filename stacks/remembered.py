"""What stacks say they applied last: read from the engine that runs this program, in a preview as in an update."""

from __future__ import annotations

from typing import Any

import pulumi

from components.applied import COMPONENT_TYPES, Applied, applied_from
from stacks.decisions import INCOMPLETE

_TOKEN = "pulumi:pulumi:readStackResourceOutputs"


def last_applied(stack: str = "") -> dict[str, Applied | None]:
    """The records of a stack's components by name, as they were before this run; None for one that is unreadable.

    Of this stack with none named. Empty for a stack that does not exist.
    """
    found: dict[str, Applied | None] = {}
    for urn, resource in _resources(stack or pulumi.get_stack()).items():
        if resource["type"] in COMPONENT_TYPES:
            outputs = resource["outputs"]
            # Outputs are registered when all objects are there, and not before.
            found[urn.rpartition("::")[2]] = applied_from(outputs) if outputs else INCOMPLETE
    return found


def _resources(stack: str) -> dict[str, Any]:
    try:
        # By its plain name: the engine looks for it where it took this stack from.
        result = pulumi.runtime.invoke(_TOKEN, {"stackName": stack})
    except Exception as error:  # the SDK raises no narrower type
        if "unknown stack" in str(error):
            return {}
        raise
    resources: dict[str, Any] = result.value["outputs"]
    return resources
