"""Commit statuses: one an environment, which says in a line what became of a commit there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ci.deploy.report import AgentReport, EnvironmentReport
from ci.forge.github import GitHub
from ci.forge.told import counted

State = Literal["pending", "success", "failure", "error"]
# What GitHub refuses a status for.
MOST_CHARACTERS = 140
_STATES: Mapping[str, State] = {
    "unchanged": "success",
    "deployed": "success",
    "held": "failure",
    "failed": "failure",
    "frozen": "pending",
    "waiting": "pending",
}
_AGENT_STATES: Mapping[str, State] = {
    "deployed": "success",
    "removed": "success",
    "stopped": "success",
    "held": "failure",
    "failed": "failure",
}


@dataclass(frozen=True, slots=True)
class Status:
    """One status; `context` is its name, such as `roster/prod`."""

    context: str
    state: State
    description: str


def status(environment: str, state: State, said: str) -> Status:
    """A status whose description is cut to what GitHub takes."""
    line = " ".join(said.split())
    line = line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…"
    return Status(f"roster/{environment}", state, line)


def status_of(name: str, environment: EnvironmentReport, agents: Mapping[str, AgentReport]) -> Status:
    """The status of a commit whose agents these are.

    They count, not the others that were applied with them; a commit without any has the environment's state.
    """
    states = {_AGENT_STATES.get(one.state, "pending") for one in agents.values()}
    own = next((one for one in ("failure", "pending", "success") if one in states), None)
    said = counted(agents)
    worst = next((f"{key}: {one.reason}" for key, one in sorted(agents.items()) if one.state == "failed"), "")
    if not own:
        return status(name, _STATES.get(environment.state, "error"), environment.reason or said)
    why = worst or (environment.reason if own != "success" else "")
    return status(name, own, f"{said}: {why}" if why else said)


def put_status(github: GitHub, commit: str, one: Status, target_url: str = "") -> None:
    """Sets it. Raises ForgeError."""
    body = {"state": one.state, "context": one.context, "description": one.description}
    if target_url:
        body["target_url"] = target_url
    # The latest of a context counts, so that a second one of the kind does no harm.
    github.post(f"statuses/{commit}", body, repeatable=True)
