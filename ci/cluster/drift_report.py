"""Drift as plain text, Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from ci.cluster.drift import Difference, by_agent

# A GitHub issue or comment holds 65,536 characters.
MOST_CHARACTERS = 60_000
_NOTHING = "The cluster is as it was applied last."
_NO_RECORD = "no record"


def as_text(found: Sequence[Difference]) -> str:
    """One line a difference, under its agent."""
    if not found:
        return f"{_NOTHING}\n"
    lines = []
    for agent, some in by_agent(found).items():
        lines.append(f"{agent or _NO_RECORD}")
        lines += [f"  {_object(one)}: {_words(one)}{_by(one)}" for one in some]
    return "\n".join([headline(found), "", *lines]) + "\n"


def as_markdown(found: Sequence[Difference], most: int = MOST_CHARACTERS) -> str:
    """One table an agent, for an issue; agents that do not fit are counted."""
    if not found:
        return f"# Roster drift\n\n{_NOTHING}\n"
    text = f"# Roster drift\n\n**{headline(found)}**\n"
    groups = by_agent(found)
    for done, (agent, some) in enumerate(groups.items()):
        section = "\n".join(_table(agent, some)) + "\n"
        if len(text) + len(section) > most - 100:
            return f"{text}\n**{len(groups) - done} more agents do not fit here.**\n"
        text += section
    return text


def as_json(found: Sequence[Difference]) -> str:
    """A list of differences, with the fields of Difference and Owner."""
    return json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False) + "\n"


def headline(found: Sequence[Difference]) -> str:
    """The drift in one sentence."""
    groups = by_agent(found)
    stray = len(groups.pop("", ()))
    parts = (
        [f"{_count(len(groups), 'agent')} differ{'s' * (len(groups) == 1)} from what was applied last"]
        if groups
        else []
    )
    parts += [f"{_count(stray, 'object')} that no record explains"] if stray else []
    return "; ".join(parts) + "."


def _table(agent: str, some: Sequence[Difference]) -> Iterator[str]:
    yield f"\n### {_code(agent) if agent else 'Objects that no record explains'}\n"
    yield "| object | field | applied | live | changed by |"
    yield "| --- | --- | --- | --- | --- |"
    for one in some:
        field = _code(one.path) if one.path else f"({one.what})"
        cells = (_code(_object(one)), field, _cell(one.applied), _cell(one.live), _cell(str(one.owner or "")))
        yield f"| {' | '.join(cells)} |"


def _words(one: Difference) -> str:
    if one.what == "missing":
        return "is not in the cluster"
    if one.what == "unexplained":
        return "is in the cluster, and no record explains it"
    if one.what == "removed":
        return f"{one.path} was removed (applied: {one.applied})"
    if one.what == "added":
        return f"{one.path} was added: {one.live}"
    return f"{one.path} is {one.live}, applied was {one.applied}"


def _by(one: Difference) -> str:
    return f" — {one.owner}" if one.owner else ""


def _object(one: Difference) -> str:
    return f"{one.kind} {one.namespace}/{one.name}" if one.namespace else f"{one.kind} {one.name}"


def _cell(text: str | None) -> str:
    return _code(text) if text else ""


def _code(text: str) -> str:
    """Text of the cluster as code in a table: it can hold neither a link, a mention nor the end of its cell."""
    plain = " ".join(text.split()).replace("|", "¦")
    ticks = "`" * (1 + max((len(run) for run in _runs(plain)), default=0))
    return f"{ticks} {plain} {ticks}" if len(ticks) > 1 else f"`{plain}`"


def _runs(text: str) -> Iterator[str]:
    run = ""
    for char in text + " ":
        if char == "`":
            run += char
        elif run:
            yield run
            run = ""


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"
