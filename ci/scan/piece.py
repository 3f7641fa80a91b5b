"""What scanners are given, and what they say of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from components.resolve.resolved import ResolvedAgent
from components.specs import Manifest
from policies.waivers import scopes_of

Kind = Literal["object", "dockerfile", "workflow"]


class ScannerFailure(Exception):  # noqa: N818 - what happened
    """A scanner is missing, broke, or did not read all that it was given; `str()` is one line with the way out."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """What one scanned file stands for.

    `text`: its content. `source`: the repository's file that findings are shown at. Of an object: `manifest`, its
    `environment`, `pool` (empty for the platform's) and `agent` (None for a pool's own); `context`: given because
    others are judged by it, while what is said of itself is not this scan's. `users`: of a Dockerfile, who runs it, as
    scopes of waivers.
    """

    kind: Kind
    text: str = field(repr=False)
    source: str
    environment: str = ""
    pool: str = ""
    agent: ResolvedAgent | None = field(default=None, repr=False)
    manifest: Manifest | None = field(default=None, repr=False)
    context: bool = False
    users: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """As a message calls it, such as `Deployment lead-scorer`."""
        if self.manifest is None:
            return "the Dockerfile" if self.kind == "dockerfile" else "the workflow"
        return f"{self.manifest['kind']} {self.manifest['metadata']['name']}"

    @property
    def scopes(self) -> frozenset[str]:
        """What a waiver may name to hold for this; nothing holds for the platform's own objects and for workflows."""
        if self.agent is not None:
            return scopes_of(self.agent)
        if self.manifest is not None:
            return frozenset({f"{self.pool}/*"} if self.pool else ())
        return self.users


@dataclass(frozen=True, slots=True)
class Hit:
    """What a scanner found. `check`: its own id; `line`: in the file that it read, 0 where it names none.

    `skipped`: not judged, as the piece itself asks for that.
    """

    scanner: str
    check: str
    problem: str
    piece: Piece
    line: int = 0
    skipped: bool = False

    @property
    def rule(self) -> str:
        """The id that waivers and findings name, such as `checkov/CKV_K8S_14`."""
        return f"{self.scanner}/{self.check}"
