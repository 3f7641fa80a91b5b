"""Which stacks the backend has, whatever the catalog says."""

from __future__ import annotations

import json

from ci.engine.command import Pulumi


def filled_stacks(pulumi: Pulumi) -> list[str]:
    """The project's stacks that hold something, or of which that is not known, by name.

    None when they cannot be listed, as one damaged state is enough for: whoever reads that state says so.
    """
    done = pulumi.run(["stack", "ls", "--json"])
    if done.code:
        return []
    # Pulumi Cloud has the owner's name in front.
    return sorted(one["name"].rpartition("/")[2] for one in json.loads(done.stdout) if one.get("resourceCount") != 0)
