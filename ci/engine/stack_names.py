"""Which stacks the backend has, whatever the catalog says."""

from __future__ import annotations

import json

from ci.engine.command import Pulumi
from ci.engine.failure import EngineError
from ci.engine.said import backend_failure, last_words


def filled_stacks(pulumi: Pulumi) -> list[str]:
    """The project's stacks that hold something, or of which that is not known, by name. Raises EngineError."""
    done = pulumi.run(["stack", "ls", "--json"])
    if done.code:
        failure = backend_failure(done.text)
        message = f"the stacks cannot be listed: {last_words(done.text)}"
        raise EngineError(failure.kind if failure else "unreachable-backend", message)
    # Pulumi Cloud has the owner's name in front.
    return sorted(one["name"].rpartition("/")[2] for one in json.loads(done.stdout) if one.get("resourceCount") != 0)
