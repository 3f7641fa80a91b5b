"""`roster images`, `missing` and `tools`: which images the fleet needs, and what is known of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from typing import Any

import typer

from ci.commands.session import CLEAN, FINDINGS, day, fail, open_fleet, plain_errors, top
from ci.images.batches import batches
from ci.images.fleet_images import FleetImages, fleet_images, since
from ci.images.leftovers import leftovers
from ci.tables import print_table
from components.builds.needed import Needed
from components.fleet import Fleet

_HEADINGS = ("image", "kind", "agents", "hash", "MB", "age", "digest", "last scan")
_RIGHT = ("agents", "MB", "age")


def run_list(changed_since: str, as_json: bool, today: str) -> None:
    """Prints every image with who runs it and what its record says."""
    now = date.fromisoformat(day(today))
    fleet = open_fleet()
    found, images = _found(changed_since, fleet)
    if as_json:
        typer.echo(json.dumps([_plain(one) for one in images], indent=1))
    elif images:
        print_table(_HEADINGS, [_row(one, now) for one in images], _RIGHT)
        typer.echo(_total(images))
    else:
        typer.echo("no image changes" if changed_since else "the fleet runs no image", err=True)
    # Where not all definitions can be read, nobody knows what is needed.
    for line in leftovers(images, fleet.catalog) if not changed_since and not found.broken else ():
        typer.echo(f"warning: {line}", err=True)
    raise _ended(found)


def run_missing(changed_since: str, as_json: bool, jobs: bool = False) -> None:
    """Prints the images that no record says have passed: as a list, as JSON, or as a matrix of CI jobs."""
    found, images = _found(changed_since, open_fleet())
    lacking = [one for one in images if not one.passed]
    if jobs:
        parts = batches([one.name for one in lacking])
        rows = [{"name": one.name, "images": " ".join(one.images), "minutes": one.minutes} for one in parts]
        typer.echo(json.dumps({"include": rows}))
    elif as_json:
        entries = [
            {
                "name": one.name,
                "image": one.reference,
                "context_hash": one.context_hash,
                "source": one.kind,
                "agents": len(one.agents),
            }
            for one in lacking
        ]
        typer.echo(json.dumps({"include": entries}))
    else:
        for one in lacking:
            typer.echo(f"{one.name}: {_agents(one)} wait for it")
        typer.echo(f"{len(lacking)} of {len(images)} images have no record of having passed the gate", err=True)
    raise _ended(found)


def run_tools(step: str) -> None:
    """Prints what scans, lists and signs images on PATH, by the catalog's settings: of one step, or of all."""
    settings = open_fleet().catalog.settings.images
    signed = settings.signing is not None
    needs = {"scan": [settings.scanner, *(["syft"] if signed else [])], "sign": ["cosign"] if signed else []}
    if step and step not in needs:
        raise fail(f"there is no step {step!r} that needs tools; there is: {', '.join(needs)}")
    typer.echo(" ".join(needs[step] if step else [one for tools in needs.values() for one in tools]))


def images_of(fleet: Fleet, names: Sequence[str]) -> list[Needed]:
    """The images of those names, or all; exits with 2 for unknown names, with 1 when all cannot be known."""
    with plain_errors():
        found = fleet_images(fleet)
    try:
        chosen = found.named(names)
    except LookupError as error:
        raise fail(str(error.args[0])) from error
    if found.broken and not names:
        raise fail(f"`roster check` finds errors in {', '.join(found.broken)}", FINDINGS)
    return chosen


def _found(changed_since: str, fleet: Fleet) -> tuple[FleetImages, list[Needed]]:
    with plain_errors():
        found = fleet_images(fleet)
        if not changed_since:
            return found, found.images
        from ci.git import CommitTree, GitError, branch_point

        try:
            with closing(CommitTree(top(), branch_point(top(), changed_since))) as base:
                return found, since(found.images, base)
        except GitError as error:
            raise fail(str(error)) from error


def _ended(found: FleetImages) -> typer.Exit:
    if found.broken:
        typer.echo(f"not shown, for `roster check` finds errors in them: {', '.join(found.broken)}", err=True)
    return typer.Exit(FINDINGS if found.broken else CLEAN)


def _row(one: Needed, now: date) -> tuple[str, ...]:
    record = one.record
    size = f"{record.size_bytes / 1e6:,.0f}" if record and record.size_bytes else "-"
    age = f"{(now - date.fromisoformat(record.built)).days} d" if record and record.built else "-"
    digest = record.digest.removeprefix("sha256:")[:12] if record else "-"
    return one.name, one.kind, str(len(one.agents)), one.context_hash[:12] or "-", size, age, digest, _scan(one)


def _scan(one: Needed) -> str:
    record = one.record
    if record is None or record.scan is None:
        return "never: no agent gets it"
    if record.blocked:
        return f"blocked: {', '.join(record.blocked)}"
    counts = ", ".join(f"{getattr(record.scan, level)} {level}" for level in ("critical", "high", "medium", "low"))
    return f"passed: {counts} ({record.scan.scanner}, {record.scan.database})"


def _total(images: Sequence[Needed]) -> str:
    agents = {agent for one in images for agent in one.agents}
    lacking = sum(not one.passed for one in images)
    rest = f", {lacking} without a record: `roster images build`" if lacking else ""
    return f"{len(images)} image{'s' * (len(images) != 1)} for {len(agents):,} agents{rest}"


def _agents(one: Needed) -> str:
    shown = ", ".join(one.agents[:3])
    return shown if len(one.agents) <= 3 else f"{shown} and {len(one.agents) - 3:,} more"


def _plain(one: Needed) -> dict[str, Any]:
    record = one.record.model_dump(exclude_none=True) if one.record else None
    return {
        "name": one.name,
        "kind": one.kind,
        "image": one.reference,
        "repository": one.repository,
        "context_hash": one.context_hash,
        "agents": list(one.agents),
        "runtimes": list(one.runtimes),
        "record": record,
    }
