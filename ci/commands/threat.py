"""`roster threat`: what one agent could do if it were turned against its owners."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import closing

import typer

from ci.commands.session import FINDINGS, day, environment_of, fail, open_fleet, path_of, plain_errors, top
from ci.formats import as_text
from ci.git import CommitTree, GitError, branch_point
from ci.parallel import for_each
from ci.threat.holders import other_holders
from ci.threat.network import PEOPLE, SUSPENDED
from ci.threat.page import as_markdown, statements
from ci.threat.statement import Statements, differences
from components.definition.findings import InvalidInput, errors, one_of
from components.facts import Facts
from components.fleet import Fleet
from components.resolve.resolved import ResolvedAgent
from components.specs import agent_manifests
from policies.judge import Policies
from policies.rule import Subject


def run(agent: str, environment: str, as_json: bool, base: str, today: str) -> None:
    """Prints the page of the agent in `environment`, or in the last one that it runs in."""
    fleet = open_fleet()
    path = path_of(fleet, agent)
    chosen = environment_of(fleet, environment) if environment else ""
    resolved = _resolved(fleet, path, chosen)
    when = day(today)
    with plain_errors():
        known = [facts for some in for_each(fleet.definitions, lambda one: _facts(fleet, one)) for facts in some]
    found = _statements(fleet, resolved, when, known)
    changes = _changes(path, resolved, found, base, when) if base else None
    if as_json:
        typer.echo(_json(resolved, found, base, changes), nl=False)
        return
    text = as_markdown(f"What {resolved.key} could do in {resolved.environment}", found, base, changes)
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(text))
    else:
        typer.echo(text, nl=False)


def _resolved(fleet: Fleet, path: str, environment: str) -> ResolvedAgent:
    examined = fleet.examine(path)
    if errors(examined.findings):
        typer.echo(as_text(errors(examined.findings)), nl=False)
        raise typer.Exit(FINDINGS)
    if not examined.resolved or (environment and environment not in examined.resolved):
        raise fail(f"{path} does not run in {environment}; it runs in {one_of(list(examined.resolved))}")
    return examined.resolved[environment or list(examined.resolved)[-1]]


def _facts(fleet: Fleet, path: str) -> list[Facts]:
    return fleet.examine(path).facts()


def _statements(fleet: Fleet, agent: ResolvedAgent, today: str, known: Sequence[Facts] = ()) -> Statements:
    catalog = fleet.catalog
    manifests = agent_manifests(agent)
    violations = Policies(catalog.waivers, today).judge(manifests, Subject.of(agent, catalog))
    return statements(agent, manifests, violations, catalog, today, other_holders(agent, known, catalog))


def _changes(path: str, agent: ResolvedAgent, found: Statements, base: str, today: str) -> list[str]:
    """What differs from `base`, read by the code that is running."""
    here = top()
    try:
        with closing(CommitTree(here, branch_point(here, base))) as tree:
            fleet = Fleet.open(tree)
            if path not in fleet.definitions:
                return ["the agent is new"]
            before = fleet.examine(path, [agent.environment]).resolved.get(agent.environment)
            if not before:
                return [f"the agent is new in {agent.environment}, or was broken"]
            was = _statements(fleet, before, today)
            return [*_besides(was, found), *differences(was, found)]
    except InvalidInput as error:
        raise fail(f"the catalog at {base} is not sound ({error.findings[0]}), so nothing can be compared") from error
    except GitError as error:
        raise fail(str(error)) from error


def _besides(before: Statements, after: Statements) -> list[str]:
    """What a plan tells by itself, with the agent or its pool, and this page has to: the kill switch and people."""
    old = {one.key: one.text for one in before}
    new = {one.key: one.text for one in after}
    words = []
    if SUSPENDED in new and SUSPENDED not in old:
        words.append("is suspended: no pods, no traffic")
    if SUSPENDED in old and SUSPENDED not in new:
        words.append("is no longer suspended")
    if old.get(PEOPLE) != new.get(PEOPLE):
        words.append(new.get(PEOPLE) or "no people with a kubeconfig any more")
    return words


def _json(agent: ResolvedAgent, found: Statements, base: str, changes: list[str] | None) -> str:
    content = {
        "agent": agent.key,
        "environment": agent.environment,
        "file": agent.file,
        "statements": [{"topic": one.topic, "key": one.key, "value": one.value, "text": one.text} for one in found],
        **({"base": base, "changes": changes} if changes is not None else {}),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
