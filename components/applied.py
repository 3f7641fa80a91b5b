"""What a stack remembers of each agent, pool or platform: what it applied last, whole enough to apply it again.

It lies in the outputs of the component that registered the objects, in Pulumi's own state. So a held agent needs no
commit to be rendered anew, and neither a rewritten history nor a new version of Roster changes what it is held at.
"""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from components.digest import canonical, objects_digest

Manifest = dict[str, Any]
Why = Literal["failed", "returned", "stopped"]

# The component types whose outputs are such records: `type` → what its name is the name of.
COMPONENT_TYPES = {
    "roster:index:Agent": "agent",
    "roster:index:Pool": "pool",
    "roster:index:Platform": "platform",
}
# How many digests that ran before are remembered: going back to one of them is a rollback, which waits for no wave.
REMEMBERED = 5
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Held:
    """What was offered and is not to be applied until it is something else.

    `digest` is that of the offered objects (empty when the agent was to be removed), `commit` where they came from.
    `why`: `failed` its gate, was `returned` because another agent of its wave failed, or was `stopped` before its wave
    because the change that it shares failed elsewhere. `reason` says it to people.
    """

    digest: str
    commit: str
    why: Why
    reason: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What was applied last: the objects, their digest, and the commit that made them so.

    `digest` is empty, and there are no manifests, when a new agent is held that never ran. `previous` is what was there
    before, to go back to when the gate finds fault with what was applied; `proven` is false until the gate did not.
    `earlier` are digests of objects that ran before and were not given up because they failed, the last one first.
    """

    commit: str
    digest: str
    manifests: tuple[Manifest, ...]
    earlier: tuple[str, ...] = ()
    held: Held | None = None
    previous: Applied | None = None
    proven: bool = True

    def over(self, last: Applied) -> Applied:
        """This, applied where `last` was; what was not proven yet is nothing to go back to."""
        if not last.proven:
            last = replace(last.previous or Applied("", "", ()), earlier=last.earlier)
        if not last.digest:
            return self
        earlier = tuple(dict.fromkeys(one for one in (last.digest, *last.earlier) if one != self.digest))
        return replace(
            self,
            earlier=earlier[:REMEMBERED],
            previous=replace(last, held=None, previous=None, earlier=(), proven=True),
        )

    def without(self, digest: str) -> Applied:
        """What is left when those objects are not to be: what ran before them, where they were applied last."""
        if digest != self.digest:
            return replace(self, held=None)
        if self.previous is None:
            return Applied("", "", ())
        return replace(self.previous, earlier=tuple(one for one in self.earlier if one != self.previous.digest))

    def outputs(self) -> dict[str, Any]:
        """As a component's outputs; `applied_from` reads them back."""
        held = self.held
        return {
            "commit": self.commit,
            "digest": self.digest,
            "earlier": list(self.earlier),
            "held": {"digest": held.digest, "commit": held.commit, "why": held.why, "reason": held.reason}
            if held
            else {},
            "manifests": packed(self.manifests),
            "proven": self.proven,
            "previous": {
                "commit": self.previous.commit,
                "digest": self.previous.digest,
                "manifests": packed(self.previous.manifests),
            }
            if self.previous
            else {},
        }


def applied_from(outputs: Mapping[str, Any]) -> Applied | None:
    """The record in a component's outputs; None when they hold none that can be trusted to be whole."""
    try:
        plain = replace(_plain(outputs), proven=outputs["proven"] is True)
        held = Held(**outputs["held"]) if outputs["held"] else None
        earlier = tuple(one for one in outputs["earlier"] if _DIGEST.fullmatch(one))
        return replace(
            plain, earlier=earlier, held=held, previous=_plain(outputs["previous"]) if outputs["previous"] else None
        )
    except (KeyError, TypeError, ValueError):
        return None


def _plain(outputs: Mapping[str, Any]) -> Applied:
    manifests = tuple(unpacked(outputs["manifests"]))
    if outputs["digest"] != (objects_digest(manifests) if manifests else ""):
        raise ValueError("the objects are not those of the digest")
    return Applied(outputs["commit"], outputs["digest"], manifests)


def packed(manifests: Sequence[Manifest]) -> str:
    """The manifests as text: canonical JSON, deflated, in base 64. About 2 kB an agent."""
    return b64encode(zlib.compress(f"[{','.join(map(canonical, manifests))}]".encode(), 9)).decode()


def unpacked(text: str) -> list[Manifest]:
    """What was packed. Raises ValueError."""
    try:
        found: list[Manifest] = json.loads(zlib.decompress(b64decode(text, validate=True)))
    except (zlib.error, UnicodeDecodeError) as error:
        raise ValueError("not a packed list of manifests") from error
    return found
