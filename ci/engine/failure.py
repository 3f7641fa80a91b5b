"""What can go wrong between Roster and the engine, by kind, each with one message for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "missing",  # no pulumi, no language host, no provider plugin
    "too-old",  # a pulumi before the first version that does what is needed
    "broken",  # a pulumi that does not run
    "no-passphrase",
    "no-backend",  # logged in to none
    "unreachable-backend",
    "backend-refused",  # it answers, and says no: credentials, rights
    "no-stack",
    "damaged-state",
    "no-disk",
    "locked",
    "refused",  # by the program, before anything was registered
    "unreachable-cluster",
    "wrong-cluster",  # the kubeconfig has no such context
    "expired-credentials",  # the cluster does not know who asks, or does not let them
    "failed",  # resources that could not be applied
    "interrupted",
    "crash",  # the engine ended in a way that nobody foresaw
]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run did not do what it should. `message` is complete: what is wrong, and the way out."""

    kind: Kind
    message: str


class EngineError(Exception):
    """A failure that ends the command. `str()` is its message."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(kind, message)

    @property
    def kind(self) -> Kind:
        """Which kind of failure it is."""
        return self.failure.kind
