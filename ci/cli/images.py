"""`roster images …`: the images that agents run, from their build contexts to their records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ci.cli.options import Json, Today

images = typer.Typer(
    help="The images that agents run: what is needed, built, scanned, signed and recorded.", rich_markup_mode=None
)
Names = Annotated[list[str] | None, typer.Argument(metavar="IMAGE", help="As `roster images` names them.")]
Changed = Annotated[str, typer.Option("--changed-since", metavar="REF", help="Just those that this branch brings.")]


@images.callback(invoke_without_command=True)
def list_images(context: typer.Context, changed_since: Changed = "", as_json: Json = False, today: Today = "") -> None:
    """Show each image: who runs it, its hash, size, age and digest, and what the last scan said."""
    if context.invoked_subcommand is None:
        from ci.commands.images import run_list

        run_list(changed_since, as_json, today)


@images.command()
def missing(
    changed_since: Changed = "",
    as_json: Json = False,
    jobs: Annotated[
        bool, typer.Option("--jobs", help="As a matrix of CI jobs; of many images several in one.")
    ] = False,
) -> None:
    """Show the images that have no record of having passed the gate."""
    from ci.commands.images import run_missing

    run_missing(changed_since, as_json, jobs)


@images.command()
def tools(
    step: Annotated[str, typer.Argument(metavar="[scan|sign]", help="Those of one step alone.")] = "",
) -> None:
    """Print the programs that scan, list and sign images, by the catalog's settings."""
    from ci.commands.images import run_tools

    run_tools(step)


@images.command()
def pin(
    bases: Annotated[list[str] | None, typer.Argument(metavar="BASE", help="Base images of settings.yaml.")] = None,
    update: Annotated[bool, typer.Option("--update", help="Record the new digest of a tag that moved.")] = False,
    today: Today = "",
) -> None:
    """Record which digests the base images' tags stand for. Exit 1 when a tag has moved."""
    from ci.commands.images_build import run_pin

    run_pin(bases or [], update, today)


@images.command()
def build(
    names: Names = None,
    push: Annotated[bool, typer.Option("--push", help="To the catalog's registry; else to out/images/IMAGE/.")] = False,
    cache: Annotated[bool, typer.Option("--cache", help="Keep layers in the registry, and use those there.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also what is recorded, to see that it is the same.")] = False,
) -> None:
    """Build what has no record; copy ready images. Exit 1 findings, 4 the build failed, 6 the registry is away."""
    from ci.commands.images_build import run_build

    run_build(names or [], push, cache, again)


@images.command()
def scan(
    names: Names = None,
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Markdown.")] = None,
) -> None:
    """Ask the gate about what was built. Exit 3 it is closed, 6 the registry is away, 7 nobody could look."""
    from ci.commands.images_judge import run_scan

    run_scan(names or [], report)


@images.command()
def gate(
    name: Annotated[str, typer.Argument(metavar="IMAGE", help="As `roster images` names it.")],
    reference: Annotated[str, typer.Argument(help="What was pushed, by digest.")],
) -> None:
    """Print the digest of an image that the gate lets pass, for the Pulumi program. Exit codes as of scan."""
    from ci.commands.images_judge import run_gate

    run_gate(name, reference)


@images.command()
def sign(
    names: Names = None,
    key: Annotated[
        str, typer.Option("--key", help="A private key's file or address; the CI job's identity else.")
    ] = "",
) -> None:
    """Sign what passed, and attest its contents and origin. Exit 3 not passed, 6 away, 7 no tool, 8 wrong identity."""
    from ci.commands.images_judge import run_sign

    run_sign(names or [], key)


@images.command()
def record(
    names: Names = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="Not the catalog.")] = None,
    today: Today = "",
) -> None:
    """Write the records of what was built, passed and signed: agents get images that are recorded. Exit 3 if not."""
    from ci.commands.images_judge import run_record

    run_record(names or [], output, today)


@images.command()
def rescan(
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="For the findings.")] = None,
) -> None:
    """Judge all recorded images again, and block those with findings for new users. Exit 3 findings, 7 not seen."""
    from ci.commands.images_rescan import run_rescan

    run_rescan(output)
