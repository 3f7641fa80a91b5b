"""What stacks say they applied last: read from the engine that runs this program, in a preview as in an update."""

from __future__ import annotations

import re
import time
from typing import Any

import pulumi

from components.applied import COMPONENT_TYPES, Applied, applied_from
from stacks.decisions import INCOMPLETE, RefusedError

_TOKEN = "pulumi:pulumi:readStackResourceOutputs"
# A file backend writes states in place, and this run or that of another shard may be writing just now.
_HALF_WRITTEN = re.compile(r"failed to load checkpoint|EOF|unexpected end of JSON input")
_PAUSES_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)


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
    for pause in (*_PAUSES_SECONDS, 0.0):
        try:
            # By its plain name: the engine looks for it where it took this stack from.
            result = pulumi.runtime.invoke(_TOKEN, {"stackName": stack})
        except Exception as error:  # the SDK raises no narrower type
            said = str(error)
            if "unknown stack" in said:
                return {}
            if not _HALF_WRITTEN.search(said):
                raise
            time.sleep(pause)
        else:
            resources: dict[str, Any] = result.value["outputs"]
            return resources
    raise RefusedError(f"what {stack} applied last cannot be read: {said}")
