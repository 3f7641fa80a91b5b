"""`roster preview`: what the engine itself would do, in the stacks that a change touches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from ci.commands.engine_session import ENGINE_CODES, HELD, PERMISSION, engine_errors, opened
from ci.commands.session import FINDINGS, fail, open_fleet, top
from ci.commands.stacks import Touch, since_base, touched
from ci.deploy.opening import all_situations, chosen_stacks, head_of, offers_for
from ci.deploy.preview_report import as_json, as_markdown
from ci.deploy.real_hands import RealHands
from components.fleet import Fleet
from components.removals import alarming
from components.stacks import Stack
from stacks.instructions import Instructions

# Where more agents of a shard change, all of it is previewed: each costs two words of the engine's command line.
_FEW = 25


def run(names: Sequence[str], changed_since: str, environment: str, folder: Path | None, wait_minutes: float) -> None:
    """Previews; exits with 0, 1 (findings), 3 (more would go than may without a permission), 4, 5, 6 or 7."""
    fleet = open_fleet()
    here = top()
    try:
        stacks = chosen_stacks(fleet, names, environment)
    except LookupError as error:
        raise fail(str(error.args[0])) from error
    target = (folder or here / "out" / "preview").resolve()
    with engine_errors():
        pulumi = opened(here)
        hands = RealHands(pulumi, fleet, head_of(here).commit, target, "", wait_minutes * 60, _say)
        chosen = _touched(hands, fleet, stacks, bool(names), changed_since)
        reachable = _reachable(chosen)
        results = hands.run("preview", {stack: _told(stack, chosen[stack]) for stack in reachable})
    target.mkdir(parents=True, exist_ok=True)
    (target / "report.json").write_text(as_json(results), "utf-8")
    text = as_markdown(results, {stack.name: touch.why for stack, touch in chosen.items()})
    (target / "report.md").write_text(text, "utf-8")
    typer.echo(text, nl=False)
    failures = [result.failure for result in results.values() if result.failure]
    if failures:
        raise typer.Exit(
            max(ENGINE_CODES.get(one.kind, FINDINGS if one.kind == "refused" else HELD) for one in failures)
        )
    gone = {name for result in results.values() for name in (*result.deleted, *result.replaced)}
    if alarming(len(gone), len(fleet.definitions)):
        raise fail(
            f"{len(gone)} of {len(fleet.definitions)} agents would be deleted or replaced; that needs a permission",
            PERMISSION,
        )


def _touched(hands: RealHands, fleet: Fleet, stacks: Sequence[Stack], named: bool, base: str) -> dict[Stack, Touch]:
    """The stacks to preview."""
    if named:
        return dict.fromkeys(stacks, Touch("named"))
    if base:
        touches = since_base(base)
    else:
        situations = all_situations(fleet, hands.records(stacks), offers_for(fleet, stacks), stacks)
        touches = {name: touch for one in situations.values() for name, touch in touched(one).items()}
    return {stack: touches[stack.name] for stack in stacks if stack.name in touches}


def _told(stack: Stack, touch: Touch) -> Instructions:
    """The engine looks at each object of what it previews: of a few agents among many, at theirs alone."""
    few = stack.kind == "shard" and 0 < len(touch.agents) <= _FEW
    return Instructions(allow_removals=True, look=touch.agents if few else None)


def _reachable(chosen: dict[Stack, Touch]) -> list[Stack]:
    """The stacks whose cluster the kubeconfig knows; says which it does not."""
    from ci.cluster.kubeconfig import ClusterError, find_context

    missing: dict[str, str] = {}
    for context in sorted({stack.context for stack in chosen}):
        try:
            find_context(context)
        except ClusterError as error:
            missing[context] = str(error)
    for context, why in missing.items():
        skipped = [stack.name for stack in chosen if stack.context == context]
        _say(f"not previewed: {', '.join(skipped)}. {why}")
    return [stack for stack in chosen if stack.context not in missing]


def _say(line: str) -> None:
    typer.echo(line, err=True)
