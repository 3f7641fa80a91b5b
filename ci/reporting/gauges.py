"""The series that runs report, and the groups in which they are pushed. A push of a group replaces all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

JOB = "roster"
# Name → what it says and its labels, beside those of the group: environment and stack, environment, or none.
STACK_WANTED = "roster_stack_wanted_timestamp_seconds"
STACK_APPLIED = "roster_stack_applied_timestamp_seconds"
AGENT_APPLIED = "roster_agent_applied_timestamp_seconds"
RUN_AGENTS = "roster_run_agents"
LEAD_TIME = "roster_run_lead_time_seconds"
FINDINGS = "roster_image_findings"
GAUGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    STACK_WANTED: ("When the last run began that had something to do in the stack", ()),
    STACK_APPLIED: ("When all that was wanted of the stack was last applied", ()),
    AGENT_APPLIED: ("When the agent was last applied, and of which commit", ("namespace", "agent_id", "commit")),
    RUN_AGENTS: ("Agents of the last run, by what became of them", ("state",)),
    LEAD_TIME: ("From the merge until an agent of the last run was ready", ("quantile",)),
    FINDINGS: ("Vulnerabilities of a recorded image that no exception covers", ("digest", "image", "severity")),
}


@dataclass(frozen=True, slots=True)
class Value:
    """One series; `labels` are in the order of `GAUGES`."""

    name: str
    labels: tuple[str, ...]
    value: float


@dataclass(frozen=True, slots=True)
class Group:
    """What is pushed at once. `key`: the labels by which it is found again; all its series have them."""

    key: Mapping[str, str]
    values: tuple[Value, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Known:
    """A series that was pushed before."""

    name: str
    labels: Mapping[str, str]
    value: float
