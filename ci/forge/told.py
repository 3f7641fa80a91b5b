"""What became of a pull request's agents, as a comment: state, address, how to call it, time since merge, or reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from shlex import quote
from typing import Any, TypeVar

from ci.deploy.report import VERSION, AgentReport, EnvironmentReport, Report, StackReport
from ci.forge.markdown import cell
from ci.git import CommitTree, git
from ci.plan.make import affected, concerns_all
from components.definition.places import agent_of, definition_paths
from components.definition.tree import AGENTS

# What needs somebody's attention comes first.
_ORDER = ("failed", "held", "pending", "building", "scanning", "deploying", "monitoring")
_MOST_ROWS = 200
_MOST_CALLS = 10
_DETAIL_CHARACTERS = 4000
Part = TypeVar("Part", AgentReport, StackReport)


def report_from(text: str, source: str) -> Report:
    """The report of `roster up`, from its JSON. Raises ValueError with a sentence."""
    try:
        raw = json.loads(text)
        if raw["version"] > VERSION:
            raise ValueError(f"it is of version {raw['version']}, and this Roster reads {VERSION}")
        report = Report(raw["commit"], raw["started"], raw["ended"])
        for name, one in raw["environments"].items():
            report.environments[name] = EnvironmentReport(
                one["state"],
                one["reason"],
                {key: _part(StackReport, stack) for key, stack in one["stacks"].items()},
                {key: _part(AgentReport, agent) for key, agent in one["agents"].items()},
            )
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError(f"{source} is no report of `roster up`: {error}") from error
    return report


def touched_agents(top: Path, commits: Iterable[str]) -> frozenset[str] | None:
    """The agents (`pool/name`) that commits of the main line change; None when they can change any. Raises GitError."""
    found: set[str] = set()
    for commit in commits:
        parent = git(top, "rev-list", "--parents", "--max-count=1", commit).split()[1:2]
        if not parent:
            return None
        names = git(top, "diff", "--name-only", "--no-renames", "-z", parent[0], commit, "--").split("\0")
        if concerns_all(names) or any(name.startswith("components/") for name in names):
            return None
        with closing(CommitTree(top, parent[0])) as old, closing(CommitTree(top, commit)) as new:
            states = [(tree, definition_paths(tree.files(AGENTS))) for tree in (old, new)]
            found |= {"/".join(agent_of(path)) for path in affected(filter(None, names), states)}
    return frozenset(found)


def of_these(environment: EnvironmentReport, touched: Collection[str] | None) -> dict[str, AgentReport]:
    """The agents of the report among `touched` (pool/name), all with None; in each cluster that they run in."""
    # What runs in a second cluster is called `pool/name (cluster, stack)` there.
    return {key: one for key, one in environment.agents.items() if touched is None or key.split(" (")[0] in touched}


def counted(agents: Mapping[str, AgentReport]) -> str:
    """Such as `1 failed, 12 deployed`; `no agent changes` for none."""
    states = Counter(one.state for one in agents.values())
    return ", ".join(f"{states[state]:,} {state}" for state in sorted(states, key=_rank)) or "no agent changes"


def as_markdown(
    name: str, environment: EnvironmentReport, agents: Mapping[str, AgentReport], commit: str, log: str = ""
) -> str:
    """The comment on one pull request about one environment. `log` is the address of the run."""
    lines = [f"### {name}: {counted(agents)}", ""]
    if environment.reason:
        lines += [f"**{environment.state}**: {cell(environment.reason, 1000)}", ""]
    ordered = sorted(agents.items(), key=lambda item: (_rank(item[1].state), item[0]))
    if ordered:
        lines += ["| agent | state | ready after the merge | where, or why not |", "| --- | --- | --- | --- |"]
        lines += [_row(key, agent) for key, agent in ordered[:_MOST_ROWS]]
        if len(ordered) > _MOST_ROWS:
            lines.append(f"\n… and {len(ordered) - _MOST_ROWS:,} more")
        lines.append("")
    lines += _calls(agents) + _details(ordered)
    lines.append(f"As of {commit[:10]}" + (f" · [the run]({log})" if log else ""))
    return "\n".join(lines) + "\n"


def _row(key: str, agent: AgentReport) -> str:
    where = agent.url if agent.state == "deployed" else " ".join(filter(None, [agent.reason, agent.advice]))
    return f"| {cell(key)} | {cell(agent.state)} | {_duration(agent.seconds)} | {cell(where)} |"


def _calls(agents: Mapping[str, AgentReport]) -> list[str]:
    live = {key: one.url for key, one in sorted(agents.items()) if one.state == "deployed" and one.url}
    if not live:
        return []
    lines = ["How to call " + ("it:" if len(live) == 1 else "them:"), "```sh"]
    lines += [f"curl --fail {quote(' '.join(url.split()))}  # {key}" for key, url in list(live.items())[:_MOST_CALLS]]
    return [*lines, *([f"# and {len(live) - _MOST_CALLS:,} more"] if len(live) > _MOST_CALLS else []), "```", ""]


def _details(ordered: list[tuple[str, AgentReport]]) -> list[str]:
    lines: list[str] = []
    for key, agent in ordered:
        if agent.detail:
            # Its last words say most; a fence of its own would end the block.
            text = agent.detail.strip()[-_DETAIL_CHARACTERS:].replace("```", "'''")
            lines += [f"<details><summary>{cell(key)}</summary>", "", "```text", text, "```", "", "</details>", ""]
    return lines


def _duration(seconds: float) -> str:
    if seconds <= 0:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _rank(state: str) -> int:
    return _ORDER.index(state) if state in _ORDER else len(_ORDER)


def _part(kind: type[Part], raw: dict[str, Any]) -> Part:
    """From JSON; what a later Roster added is left out."""
    return kind(**{one.name: raw[one.name] for one in fields(kind) if one.name in raw})
