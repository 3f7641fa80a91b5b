"""`roster remove`: an agent's definition and the files that only it names."""

from __future__ import annotations

import typer

from ci.commands.proposal import Proposal, propose
from ci.commands.rollback import files_in
from ci.commands.session import FINDINGS, fail, open_fleet, path_of
from ci.fleet_edit import Known, know
from components.definition.places import agent_of
from components.fleet import Fleet


def run(agent: str, force: bool, dry_run: bool) -> None:
    """Removes the files; refuses while another agent calls this one, unless forced."""
    fleet = open_fleet()
    path = path_of(fleet, agent)
    known = know(fleet)
    calling, expecting = _referring(path, known)
    name = agent_of(path)[1]
    if calling and not force:
        for one in calling:
            typer.echo(f"{one} calls {name}")
        count = "one agent calls" if len(calling) == 1 else f"{len(calling)} agents call"
        raise fail(f"nothing was removed: {count} {name}; change that first, or use --force", FINDINGS)
    notes = [f"{one} calls {name} and will fail `roster check`" for one in calling]
    notes += [f"{one} still lists {name} among its callers" for one in expecting]
    changes: dict[str, bytes | None] = dict.fromkeys([path, *_only_its(fleet, path, known)])
    propose(fleet, Proposal(changes, f"remove {name}", force=force, notes=tuple(notes), known=known), dry_run)


def _referring(path: str, known: list[Known]) -> tuple[list[str], list[str]]:
    """The definitions of agents that call this one, and of those that expect its calls."""
    mine = {(fact.namespace, fact.name) for one in known if one.path == path for fact in one.facts}
    others = [one for one in known if one.path != path]
    calling = [one.path for one in others if any(mine & set(fact.calls) for fact in one.facts)]
    return calling, [one.path for one in others if any(mine & set(fact.callers) for fact in one.facts)]


def _only_its(fleet: Fleet, path: str, known: list[Known]) -> list[str]:
    mine = set().union(*(one.named for one in known if one.path == path))
    others = set().union(*(one.named for one in known if one.path != path))
    return sorted(files_in(fleet, mine) - files_in(fleet, others))
