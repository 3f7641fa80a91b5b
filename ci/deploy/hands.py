"""What the order of a deployment needs of the outside: states read, stacks applied, agents watched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ci.deploy.changes import Change
from ci.engine.records import StackRecord
from ci.engine.runs import Action, StackResult
from components.stacks import Stack
from stacks.instructions import Instructions


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of an agent. `reason` and `advice` are sentences; `detail` holds events and log lines."""

    healthy: bool
    reason: str = ""
    advice: str = ""
    detail: str = ""


class Hands(Protocol):
    """Does what the flow decides."""

    def records(self, stacks: Sequence[Stack]) -> dict[str, StackRecord]:
        """What the stacks remember, by name."""

    def run(
        self, action: Action, jobs: Mapping[Stack, Instructions], wave: Sequence[Change] = ()
    ) -> dict[str, StackResult]:
        """Previews or applies the stacks side by side, each with its instructions.

        The agents of `wave` are watched meanwhile: when one fails for certain, all runs are ended, with a failure of
        the kind `failed`.
        """

    def gate(self, changes: Sequence[Change], failed: Mapping[Change, str]) -> dict[Change, Verdict]:
        """Watches agents that were applied until each is found healthy or not; `failed` are those that the engine could
        not apply, with what it said: of these only the reason is looked for."""

    def move(self, source: Stack, target: Stack, agents: Sequence[str]) -> None:
        """Moves agents from one stack's state to another's; nothing happens in the cluster. Raises EngineError."""
