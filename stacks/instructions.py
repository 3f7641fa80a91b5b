"""What one run of the engine is told beyond the files: which agents it may change, which to hold, which to release.

`roster up` writes them for each run, as JSON, into the file that the environment variable ROSTER_RUN names. Without it,
as with a plain `pulumi up`, everything that changes and is neither held nor frozen is applied at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from components.applied import Held, Why
from components.definition.fields import Closed


@dataclass(frozen=True, slots=True)
class Instructions:
    """`apply`: the agents that may change in this run, all others wait; None for all.

    `hold`: agents that are returned to what ran before, and held there; `back`: agents that are only returned.
    `release`: agents whose hold ends without a change of theirs. `proven`: agents that the gate found well.
    `allow_removals`: many agents are meant to go. `look`: of a preview, the agents that the engine is told to look at.
    """

    apply: frozenset[str] | None = None
    hold: Mapping[str, Held] = field(default_factory=dict)
    back: frozenset[str] = frozenset()
    release: frozenset[str] = frozenset()
    allow_removals: bool = False
    proven: frozenset[str] = frozenset()
    look: frozenset[str] | None = None

    def may_change(self, agent: str) -> bool:
        """Whether the agent's turn has come."""
        return self.apply is None or agent in self.apply

    def as_json(self) -> str:
        """As the file's text."""
        held = {
            agent: {"digest": one.digest, "commit": one.commit, "why": one.why, "reason": one.reason}
            for agent, one in sorted(self.hold.items())
        }
        content: dict[str, Any] = {
            "hold": held,
            "back": sorted(self.back),
            "release": sorted(self.release),
            "proven": sorted(self.proven),
            "allow_removals": self.allow_removals,
        }
        some = {"apply": self.apply, "look": self.look}
        content |= {name: sorted(agents) for name, agents in some.items() if agents is not None}
        return json.dumps(content, indent=1)


class _Hold(Closed):
    digest: str
    commit: str
    why: Why
    reason: str


class _File(Closed):
    """The file's form; a list is no text and a number no list."""

    apply: frozenset[str] | None = None
    hold: dict[str, _Hold] = Field(default_factory=dict)
    back: frozenset[str] = frozenset()
    release: frozenset[str] = frozenset()
    proven: frozenset[str] = frozenset()
    allow_removals: bool = False
    look: frozenset[str] | None = None


def read_instructions(path: str) -> Instructions:
    """The instructions in a file. Raises ValueError with a sentence that says what is wrong with them."""
    try:
        file = _File.model_validate_json(Path(path).read_bytes())
    except OSError as error:
        raise ValueError(f"ROSTER_RUN names {path}, which cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ValueError(f"ROSTER_RUN names {path}, which holds no instructions: {where}: {first['msg']}") from error
    held = {name: Held(**one.model_dump()) for name, one in file.hold.items()}
    return Instructions(file.apply, held, file.back, file.release, file.allow_removals, file.proven, file.look)
