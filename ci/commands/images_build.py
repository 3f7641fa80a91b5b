"""`roster images build` and `pin`: from the files to an image in the registry, as CI does it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import typer

from ci.atomic_files import write_file
from ci.commands.images import images_of
from ci.commands.session import CLEAN, FINDINGS, day, fail, open_fleet, plain_errors, top
from ci.formats import as_text
from ci.images.buildah import Buildah
from ci.images.builders import Builder, BuildFailure, build
from ci.images.buildx import Buildx
from ci.images.context_checks import CheckFailure, folder_findings, secret_findings
from ci.images.fleet_images import record_path
from ci.images.index_only import PACKAGE_INDEXES
from ci.images.pushed import pushed_size
from ci.images.records import record_text
from ci.images.registry import Registry, RegistryError
from ci.images.registry_login import default_config
from ci.images.skopeo import CopyFailure, copy
from ci.images.steps import FOLDER, LAYOUT, BuiltStep, folder_of, write_step
from components.builds.contexts import ContextError, context_of
from components.builds.needed import Needed
from components.definition.image_record import ImageRecord
from components.definition.tree import FileProblem
from components.fleet import Fleet
from components.resolve.image import base_image, repository_of

FAILED, REGISTRY = 4, 6
_BUILDERS: Mapping[str, Callable[[], Builder]] = {"buildx": Buildx, "buildah": Buildah}


def run_build(names: Sequence[str], push: bool, cache: bool, again: bool) -> None:
    """Builds the images of those names, or all that have no record; ends with the worst exit code."""
    fleet = open_fleet()
    chosen = images_of(fleet, names)
    # A recorded hash is never rebuilt: what was judged is what runs.
    wanted = [one for one in chosen if again or not one.passed]
    for one in [one for one in chosen if one not in wanted]:
        typer.echo(f"{one.name} is recorded; it is not built again", err=True)
    if cache and fleet.catalog.settings.images.builder == "buildah":
        typer.echo("buildah keeps no layers in the registry: --cache does nothing", err=True)
        cache = False
    worst = CLEAN
    for one in wanted:
        with plain_errors():
            worst = max(worst, _one(fleet, one, push, cache))
    if not chosen:
        typer.echo("the fleet runs no image", err=True)
    raise typer.Exit(worst)


def run_pin(names: Sequence[str], update: bool, today: str) -> None:
    """Looks the tags of base images up, and records their digests; with none those that have no digest."""
    fleet = open_fleet()
    bases = fleet.catalog.settings.base_images
    for name in names:
        if name not in bases:
            raise fail(f"settings.yaml has no base image {name!r}; there is: {', '.join(bases)}")
    moved, now = False, day(today)
    wanted = names or [one for one in bases if update or "@" not in base_image(one, fleet.catalog)]
    if not wanted:
        typer.echo("every base image has its digest; name one to see whether its tag has moved", err=True)
    with Registry(default_config(os.environ)) as registry:
        for name in wanted:
            moved |= _pin(fleet, name, registry, update, now)
    raise typer.Exit(FINDINGS if moved else CLEAN)


def _pin(fleet: Fleet, name: str, registry: Registry, update: bool, today: str) -> bool:
    """Records one base image; gives whether its tag moved away from its record."""
    reference = fleet.catalog.settings.base_images[name].image
    if "@" in reference:
        typer.echo(f"{name}: {reference} is by digest already")
        return False
    try:
        digest = registry.digest(reference)
    except RegistryError as error:
        raise fail(f"{name}: {error}", REGISTRY) from error
    known = fleet.catalog.pins.get(reference)
    if known and known.digest == digest:
        typer.echo(f"{name}: {reference} is {digest} still")
        return False
    if known and not update:
        typer.echo(f"{name}: {reference} has moved from {known.digest} to {digest}; --update records that")
        return True
    record = ImageRecord.model_validate({"image": reference, "digest": digest, "built": today})
    file = next((top() / path for path, one in fleet.catalog.record_files.items() if one is known), None)
    file = file or record_path(top(), f"base-{name}")
    write_file(file, record_text(record).encode())
    typer.echo(f"{name}: {reference} is {digest}, recorded in {file.relative_to(top())}")
    return False


def _one(fleet: Fleet, image: Needed, push: bool, cache: bool) -> int:
    started = datetime.now(UTC)
    try:
        built = _copied(image, push) if image.source is None else _built(fleet, image, push, cache)
    except (ContextError, FileProblem, CheckFailure) as error:
        typer.echo(f"roster: {error}", err=True)
        return FINDINGS
    except (BuildFailure, CopyFailure) as error:
        typer.echo(f"roster: {error}", err=True)
        return FAILED
    except RegistryError as error:
        typer.echo(f"roster: {image.name}: {error}", err=True)
        return REGISTRY
    if built is None:
        return FINDINGS
    write_step(top(), built)
    seconds = (datetime.now(UTC) - started).total_seconds()
    here = f"in {FOLDER}/{image.name}/{LAYOUT}" if image.source else "looked up"
    how = "pushed" if push else here
    typer.echo(f"{image.name}: {built.digest}, {built.size_bytes / 1e6:,.1f} MB, {seconds:.0f} s, {how}")
    return CLEAN


def _built(fleet: Fleet, image: Needed, push: bool, cache: bool) -> BuiltStep | None:
    """Checks the context and builds it; None when findings were printed."""
    assert image.source is not None  # noqa: S101 - the caller has looked
    context = context_of(image, fleet.tree, fleet.catalog)
    findings = folder_findings(top(), image.source.folder, image.source.dockerfile) if image.source.dockerfile else []
    findings = findings or secret_findings(context, image.source.folder)
    if findings:
        typer.echo(as_text(findings), nl=False)
        return None
    settings = fleet.catalog.settings
    layout = folder_of(top(), image.name) / LAYOUT
    # An image of an earlier build would lie there beside the new one.
    shutil.rmtree(layout, ignore_errors=True)
    made = build(
        context,
        _BUILDERS[settings.images.builder](),
        push,
        settings.images.platforms or (),
        f"{settings.registry}/cache" if cache else "",
        layout=layout,
        secrets=_certificates(),
        network=os.environ.get("ROSTER_BUILD_NETWORK", ""),
        hosts=_hosts(settings.images.builder, push),
        credentials=default_config(os.environ) if push and default_config(os.environ).is_file() else None,
    )
    size = made.size_bytes
    if push:
        # A registry that has the base's layers keeps them as they are packed there.
        with Registry(default_config(os.environ)) as registry:
            size = pushed_size(registry, image.repository, made.digest)
    return BuiltStep(image.name, image.repository, image.context_hash, made.digest, context.base, size, push)


def _copied(image: Needed, push: bool) -> BuiltStep:
    """A ready image, with the same digest, in the fleet's own registry."""
    with Registry(default_config(os.environ)) as registry:
        digest = registry.digest(image.reference)
        original = f"{repository_of(image.reference)}@{digest}"
        if push and image.repository != repository_of(image.reference):
            copy(original, f"{image.repository}@{digest}", default_config(os.environ))
        size = pushed_size(registry, repository_of(image.reference), digest)
    return BuiltStep(image.name, image.repository, "", digest, original, size, push)


def _hosts(builder: str, push: bool) -> Sequence[str] | None:
    """What is not pushed may be anybody's: where the builder can, its commands reach package indexes alone."""
    return PACKAGE_INDEXES if builder == "buildah" and not push and os.geteuid() == 0 else None


def _certificates() -> dict[str, Path]:
    """The certificates that package indexes are trusted by, where this machine has its own (ROSTER_BUILD_CA)."""
    file = os.environ.get("ROSTER_BUILD_CA", "")
    return {"ca": Path(file)} if file else {}
