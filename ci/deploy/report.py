"""What became of each agent: the one record that reports, commit statuses and `roster status` read."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from ci.atomic_files import write_files

State = Literal[
    "pending", "building", "scanning", "deploying", "monitoring", "deployed", "held", "failed", "removed", "stopped"
]
EnvironmentState = Literal["unchanged", "deployed", "held", "failed", "frozen", "waiting"]
VERSION = 1


@dataclass(slots=True)
class AgentReport:
    """One agent in one environment. `seconds` are those from the merge to being ready; 0 when it is not."""

    state: State
    stack: str
    commit: str = ""
    digest: str = ""
    reason: str = ""
    advice: str = ""
    detail: str = ""
    url: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class StackReport:
    """One run of the engine, or several of one stack; `log` is the file with all that it said."""

    state: str = "pending"
    seconds: float = 0.0
    log: str = ""
    message: str = ""


@dataclass(slots=True)
class EnvironmentReport:
    """What became of an environment; `agents` are those that change, by `pool/name`."""

    state: EnvironmentState = "unchanged"
    reason: str = ""
    stacks: dict[str, StackReport] = field(default_factory=dict)
    agents: dict[str, AgentReport] = field(default_factory=dict)


@dataclass(slots=True)
class Report:
    """A whole run. Moments are ISO 8601 in UTC."""

    commit: str
    started: str
    ended: str = ""
    environments: dict[str, EnvironmentReport] = field(default_factory=dict)

    def of(self, environment: str) -> EnvironmentReport:
        """The environment's report, made when there is none."""
        return self.environments.setdefault(environment, EnvironmentReport())

    def as_json(self) -> str:
        """The record, `version` first."""
        return json.dumps({"version": VERSION, **asdict(self)}, indent=1, ensure_ascii=False) + "\n"

    def write(self, folder: Path) -> None:
        """Writes report.json and report.md, each whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        texts = {"report.json": self.as_json(), "report.md": as_markdown(self)}
        write_files({folder / name: text.encode() for name, text in texts.items()})


def moment(now: datetime) -> str:
    """A moment as the record has it."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def as_markdown(report: Report) -> str:
    """The report for people: a headline an environment, then who needs attention, then the rest."""
    lines = [f"# {headline(report)}", ""]
    for name, environment in report.environments.items():
        lines += [f"## {name}: {environment.state}", ""]
        if environment.reason:
            lines += [environment.reason, ""]
        lines += _failed_stacks(environment) + _agents(environment)
    return "\n".join(lines).rstrip() + "\n"


def headline(report: Report) -> str:
    """One line: how many agents are in which state, over all environments."""
    states = Counter(agent.state for one in report.environments.values() for agent in one.agents.values())
    said = ", ".join(f"{count} {state}" for state, count in states.most_common())
    bad = [name for name, one in report.environments.items() if one.state in ("failed", "held")]
    stopped = f" ({', '.join(bad)} stopped)" if bad else ""
    return f"{report.commit[:10] or 'The files'}: {said or 'nothing to do'}{stopped}"


def _failed_stacks(environment: EnvironmentReport) -> list[str]:
    said = [
        f"- **{name}** {stack.state}: {stack.message.strip()}" + (f" ({stack.log})" if stack.log else "")
        for name, stack in environment.stacks.items()
        if stack.message
    ]
    return [*said, ""] if said else []


def _agents(environment: EnvironmentReport) -> list[str]:
    if not environment.agents:
        return []
    order: dict[State, int] = {"failed": 0, "held": 1, "pending": 2}
    lines = ["| agent | state | why, or where |", "| --- | --- | --- |"]
    for key, agent in sorted(environment.agents.items(), key=lambda item: (order.get(item[1].state, 3), item[0])):
        words = " ".join(filter(None, [agent.reason, agent.advice])) or agent.url
        lines.append(f"| {key} | {agent.state} | {words.replace('|', '∣').replace(chr(10), ' ')} |")
    details = [
        f"<details><summary>{key}</summary>\n\n```text\n{agent.detail}\n```\n\n</details>"
        for key, agent in environment.agents.items()
        if agent.detail
    ]
    return [*lines, "", *details, ""]
