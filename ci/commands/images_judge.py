"""`roster images scan`, `gate`, `sign`, `record`: from a built image to its record."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import typer

from ci.atomic_files import write_file, write_files
from ci.commands.images import images_of
from ci.commands.session import CLEAN, day, fail, open_fleet, plain_errors, top
from ci.git import GitError
from ci.images.bills import made_bills, make_bills
from ci.images.building_job import build_of
from ci.images.cosign import SigningError
from ci.images.fleet_images import record_path, runtimes_of
from ci.images.gate import Verdict
from ci.images.judging import Asked, judged, scanned_step
from ci.images.pushed import pushed_size
from ci.images.records import is_of, new_record, origin, record_text
from ci.images.registry import Registry, RegistryError
from ci.images.registry_login import default_config
from ci.images.sbom import SbomError
from ci.images.scan_report import as_json, as_markdown, headline
from ci.images.sign_once import Signed, sign_once
from ci.images.signing import Identity, Signer, identity_of
from ci.images.steps import (
    LAYOUT,
    BuiltStep,
    ScannedStep,
    SignedStep,
    StepError,
    built_here,
    folder_of,
    read_step,
    write_step,
)
from components.builds.needed import Needed
from components.definition.load_catalog import Catalog
from components.fleet import Fleet
from components.resolve.image import repository_of

CLOSED, REGISTRY, TOOL, IDENTITY = 3, 6, 7, 8
_SIGNING = {"tool": TOOL, "key": TOOL, "identity": IDENTITY, "unsigned": IDENTITY}


def run_scan(names: Sequence[str], report: Path | None) -> None:
    """Asks the gate about what was built; with no names about all that was built here."""
    fleet = open_fleet()
    verdicts: list[Verdict] = []
    code = CLEAN
    with Registry(default_config(os.environ)) as registry:
        for image in _chosen(fleet, names):
            code = max(code, _ended(image.name, partial(_scanned, fleet, image, registry, verdicts)))
    for verdict in verdicts:
        typer.echo(headline(verdict))
    _write(report or top() / "out/images/report.md", as_markdown(verdicts))
    _write(top() / "out/images/report.json", as_json(verdicts))
    raise typer.Exit(code)


def run_gate(name: str, reference: str) -> None:
    """Judges what was just pushed; leaves the same files as `build --push` and `scan`, so that it can be signed."""
    fleet = open_fleet()
    image, *others = images_of(fleet, [name])
    if others:
        raise fail(f"{name} names several images: {', '.join(one.name for one in (image, *others))}")
    repository, _, digest = reference.partition("@")
    if repository != image.repository or not digest:
        raise fail(f"{reference} is not {image.name} by digest, which is {image.repository}@sha256:…")
    verdicts: list[Verdict] = []
    with Registry(default_config(os.environ)) as registry:
        code = _ended(name, partial(_pushed, fleet, image, digest, registry, verdicts))
    if verdicts:
        typer.echo(as_markdown(verdicts), err=True)
    if code == CLEAN:
        typer.echo(digest)
    raise typer.Exit(code)


def run_sign(names: Sequence[str], key: str) -> None:
    """Signs images that passed, and attests what they hold and what they were built from."""
    fleet = open_fleet()
    code = CLEAN
    for image in _chosen(fleet, names):
        code = max(code, _ended(image.name, partial(_signed, image, fleet.catalog, Signer(key))))
    raise typer.Exit(code)


def run_record(names: Sequence[str], output: Path | None, today: str) -> None:
    """Writes the records of images that went all the way; of all that are asked for, or of none."""
    fleet = open_fleet()
    now, texts = day(today), dict[Path, bytes]()
    for image in _chosen(fleet, names):
        try:
            built = read_step(top(), image.name, BuiltStep)
            scan = read_step(top(), image.name, ScannedStep)
            signed = read_step(top(), image.name, SignedStep) if fleet.catalog.settings.images.signing else None
            file = output / f"{image.name}.yaml" if output else record_path(top(), image.name)
            texts[file] = record_text(new_record(image, fleet.catalog, built, scan, signed, now)).encode()
        except StepError as error:
            raise fail(str(error), CLOSED) from error
    write_files(texts)
    for file in texts:
        typer.echo(f"recorded in {file if output else file.relative_to(top())}")


def _chosen(fleet: Fleet, names: Sequence[str]) -> list[Needed]:
    """The images of those names; with none those that were built here."""
    images = images_of(fleet, names)
    if names:
        return images
    here = built_here(top(), [one.name for one in images])
    if not here:
        raise fail("nothing was built here: `roster images build` comes first", CLOSED)
    return [one for one in images if one.name in here]


def _ended(name: str, step: Callable[[], int]) -> int:
    """The exit code of one image's step; what went wrong is said, so that the next image has its turn."""
    try:
        with plain_errors():
            return step()
    except StepError as error:
        typer.echo(f"roster: {error}", err=True)
        return CLOSED
    except (SbomError, GitError) as error:
        typer.echo(f"roster: {name}: {error}", err=True)
        return TOOL
    except SigningError as error:
        typer.echo(f"roster: {name}: {error}", err=True)
        return _SIGNING.get(error.kind, REGISTRY)
    except (RegistryError, ValueError) as error:
        typer.echo(f"roster: {name}: {error}", err=True)
        return REGISTRY


def _scanned(fleet: Fleet, image: Needed, registry: Registry, verdicts: list[Verdict]) -> int:
    """Judges what was built, lists what is in it, and writes down what came of it.

    Whoever signs looks into no image, so the bills of materials that are attested are made here.
    """
    built = read_step(top(), image.name, BuiltStep)
    asked = _asked(image, fleet.catalog, built)
    found = judged(asked, fleet.catalog, registry, os.environ, datetime.now(UTC))
    write_step(top(), scanned_step(image.name, found, built.digest))
    verdicts += found
    code = _code(found)
    if code == CLEAN and built.pushed and fleet.catalog.settings.images.signing:
        make_bills(registry, built.repository, built.digest, folder_of(top(), image.name))
    return code


def _pushed(fleet: Fleet, image: Needed, digest: str, registry: Registry, verdicts: list[Verdict]) -> int:
    """Judges an image that something else than `roster images build` pushed."""
    size = pushed_size(registry, image.repository, digest)
    base = origin(image, digest)
    write_step(top(), BuiltStep(image.name, image.repository, image.context_hash, digest, base, size, True))
    return _scanned(fleet, image, registry, verdicts)


def _asked(image: Needed, catalog: Catalog, built: BuiltStep) -> Asked:
    is_of(image, built)
    layout = None if built.pushed or not image.source else folder_of(top(), image.name) / LAYOUT
    if layout and not (layout / "index.json").is_file():
        raise StepError(f"{image.name}: {layout.relative_to(top())} is gone; `roster images build {image.name}` again")
    # A ready image that was only looked up is where it always was.
    repository = image.repository if built.pushed or image.source else repository_of(image.reference)
    base = image.source.base_name if image.source else ""
    named = "" if image.source else repository_of(image.reference)
    return Asked(repository, built.digest, runtimes_of(image, catalog), image.agents, base, layout, named)


def _signed(image: Needed, catalog: Catalog, signer: Signer) -> int:
    built = read_step(top(), image.name, BuiltStep)
    scan = read_step(top(), image.name, ScannedStep)
    # Nothing is signed but what may be recorded.
    new_record(image, catalog, built, scan, None, day(""))
    identity = identity_of(catalog.settings.images)
    with Registry(default_config(os.environ)) as registry:
        bills = made_bills(registry, built.repository, built.digest, folder_of(top(), image.name))
        build = build_of(image, built, identity, top())
        signed = sign_once(built.reference, bills, build, signer, identity, registry)
    write_step(top(), SignedStep(image.name, built.digest, signed.signature, signed.bill))
    typer.echo(f"{image.name}: {_told(signed, identity)}")
    return CLEAN


def _told(signed: Signed, identity: Identity) -> str:
    beside = f" (somebody else signed it too: {', '.join(signed.others)})" if signed.others else ""
    if not signed.added:
        return f"{identity} has signed and attested it already; nothing was added{beside}"
    return f"signed by {identity}{beside}"


def _code(verdicts: Sequence[Verdict]) -> int:
    if any(not one.judged for one in verdicts):
        return TOOL
    return CLEAN if all(one.passed for one in verdicts) else CLOSED


def _write(file: Path, text: str) -> None:
    write_file(file, text.encode())
