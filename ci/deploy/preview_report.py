"""What the engine's own preview says, in a table for people and as JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from ci.engine.runs import Counts, StackResult

_WORDS = ("create", "update", "replace", "delete")


def as_markdown(results: Mapping[str, StackResult], whys: Mapping[str, str]) -> str:
    """A line a stack with the objects that would change, then what failed, then the agents that change."""
    if not whys:
        return "No stack is touched: there is nothing to preview.\n"
    lines = ["| stack | touched by | objects | agents that change | seconds |", "| --- | --- | --- | --- | --- |"]
    for name, why in whys.items():
        result = results.get(name)
        if result is None:
            lines.append(f"| {name} | {why} | not previewed | | |")
            continue
        agents = [agent for agent, counts in result.components.items() if counts.changed]
        said = "**failed**" if result.failure else _objects(result.counts)
        lines.append(f"| {name} | {why} | {said} | {_few(agents)} | {result.seconds:.0f} |")
    for result in results.values():
        if result.failure:
            lines += ["", f"**{result.stack}**: {result.failure.message.strip()}"]
        if result.notes:
            lines += ["", *(f"- {result.stack}: {note}" for note in result.notes)]
        for what, names in (("deletes", result.deleted), ("replaces", result.replaced)):
            if names:
                lines += ["", f"**{result.stack} {what}**: {_few(names)}"]
    return "\n".join(lines) + "\n"


def as_json(results: Mapping[str, StackResult]) -> str:
    """Everything, by stack."""
    return json.dumps({name: asdict(result) for name, result in results.items()}, indent=1, default=_plain) + "\n"


def _objects(counts: Counts) -> str:
    words = [f"{getattr(counts, word)} to {word}" for word in _WORDS if getattr(counts, word)]
    return ", ".join(words) or "nothing to do"


def _few(names: tuple[str, ...] | list[str]) -> str:
    found = sorted(names)
    return ", ".join(found[:10]) + (f" and {len(found) - 10} more" if len(found) > 10 else "")


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else dict(value) if isinstance(value, Mapping) else repr(value)
