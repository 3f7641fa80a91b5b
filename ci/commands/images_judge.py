"""`roster images scan`, `sign`, `record`, `rescan`: from a built image to its record, and what is known later."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import typer

from ci.commands.images import images_of
from ci.commands.session import CLEAN, day, fail, open_fleet, plain_errors, top
from ci.git import GitError
from ci.images.building_job import build_of
from ci.images.cosign import SigningError
from ci.images.fleet_images import fleet_images, record_path
from ci.images.gate import Verdict, joined
from ci.images.judging import Asked, judged, scanned_step
from ci.images.pushed import pushed_size
from ci.images.records import Recorded, new_record, record_text, recorded_images
from ci.images.registry import Registry, RegistryError
from ci.images.registry_login import default_config
from ci.images.rescan import rescan, unneeded
from ci.images.sbom import SbomError, make_sbom
from ci.images.scan_report import as_json, as_markdown, headline
from ci.images.scanners import Source
from ci.images.signing import (
    CYCLONEDX,
    SIGNATURE,
    Signer,
    attached,
    attest_provenance,
    attest_sbom,
    identity_of,
    sign,
    verify,
)
from ci.images.steps import (
    BILL,
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
    now, texts = day(today), {}
    for image in _chosen(fleet, names):
        try:
            built = read_step(top(), image.name, BuiltStep)
            scan = read_step(top(), image.name, ScannedStep)
            signed = read_step(top(), image.name, SignedStep) if fleet.catalog.settings.images.signing else None
            file = output / f"{image.name}.yaml" if output else record_path(top(), image.name)
            texts[file] = record_text(new_record(image, built, scan, signed, now))
        except StepError as error:
            raise fail(str(error), CLOSED) from error
    for file, text in texts.items():
        _write(file, text)
        typer.echo(f"recorded in {file if output else file.relative_to(top())}")


def run_rescan(output: Path | None) -> None:
    """Judges every recorded image again; blocks and unblocks records in the work tree, and says what to open."""
    fleet = open_fleet()
    users = {one.name: one for one in fleet_images(fleet).images}
    records = recorded_images(fleet.catalog)
    verdicts: dict[str, Verdict] = {}
    with Registry(default_config(os.environ)) as registry:
        for one in records:
            try:
                found = judged(_recorded(one, users), fleet.catalog, registry, os.environ, datetime.now(UTC))
            except (RegistryError, ValueError) as error:
                raise fail(f"{one.name}: {error}; no record was changed", REGISTRY) from error
            verdicts[one.name] = joined(found)
            typer.echo(headline(verdicts[one.name]))
    if not records:
        typer.echo("no image is recorded, so none was looked at", err=True)
    folder = output or top() / "out/rescan"
    changes = rescan({one.name: one.record.blocked or () for one in records}, verdicts)
    idle = [f"{path} is needed by no image any more: remove it" for path in _idle(fleet.catalog, verdicts)]
    typer.echo("".join(f"{one}\n" for one in idle), nl=False)
    _write(folder / "report.md", as_markdown(list(verdicts.values())) + "".join(f"\n- {one}\n" for one in idle))
    content = {"issues": [asdict(one) for one in changes.issues], "closable": changes.closable}
    _write(folder / "findings.json", json.dumps(content, indent=1) + "\n")
    failed = [one for one in verdicts.values() if not one.judged]
    if failed:
        # That a scanner failed is no news of an image, and a record is changed by news only.
        raise typer.Exit(TOOL)
    for one in records:
        if one.name in changes.blocked:
            record = one.record.model_copy(update={"blocked": list(changes.blocked[one.name]) or None})
            _write(top() / one.path, record_text(record))
    raise typer.Exit(CLOSED if changes.issues else CLEAN)


def _idle(catalog: Catalog, verdicts: Mapping[str, Verdict]) -> list[str]:
    """Exceptions that can go, where anything is recorded that could need them."""
    return unneeded(catalog.exceptions, verdicts.values()) if verdicts else []


def _chosen(fleet: Fleet, names: Sequence[str]) -> list[Needed]:
    """The images of those names; with none those that were built here."""
    images = images_of(fleet, names)
    if names:
        return images
    here = built_here(top(), [one.name for one in images])
    if not here:
        typer.echo("nothing was built here: `roster images build` comes first", err=True)
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
    """Judges what was built, and writes down what came of it."""
    asked = _asked(image, read_step(top(), image.name, BuiltStep))
    found = judged(asked, fleet.catalog, registry, os.environ, datetime.now(UTC))
    write_step(top(), scanned_step(asked, found))
    verdicts += found
    return _code(found)


def _pushed(fleet: Fleet, image: Needed, digest: str, registry: Registry, verdicts: list[Verdict]) -> int:
    """Judges an image that something else than `roster images build` pushed."""
    size = pushed_size(registry, image.repository, digest)
    base = image.source.base if image.source else ""
    write_step(top(), BuiltStep(image.name, image.repository, image.context_hash, digest, base, size, True))
    return _scanned(fleet, image, registry, verdicts)


def _asked(image: Needed, built: BuiltStep) -> Asked:
    if built.context_hash != image.context_hash:
        raise StepError(f"{image.name}: what was built is of other files; `roster images build {image.name}` again")
    layout = None if built.pushed or not image.source else folder_of(top(), image.name) / LAYOUT
    if layout and not (layout / "index.json").is_file():
        raise StepError(f"{image.name}: {layout.relative_to(top())} is gone; `roster images build {image.name}` again")
    # A ready image that was only looked up is where it always was.
    repository = image.repository if built.pushed or image.source else repository_of(image.reference)
    base = image.source.base_name if image.source else ""
    return Asked(image.name, repository, built.digest, image.runtimes, image.agents, base, layout)


def _recorded(one: Recorded, users: dict[str, Needed]) -> Asked:
    user = users.get(one.name)
    base = user.source.base_name if user and user.source else ""
    runtimes, agents = (user.runtimes, user.agents) if user else ((), ())
    return Asked(one.name, one.repository, one.record.digest, runtimes, agents, base)


def _signed(image: Needed, catalog: Catalog, signer: Signer) -> int:
    built = read_step(top(), image.name, BuiltStep)
    scan = read_step(top(), image.name, ScannedStep)
    # Nothing is signed but what may be recorded.
    new_record(image, built, scan, None, day(""))
    identity = identity_of(catalog.settings.images)
    bill = folder_of(top(), image.name) / BILL
    bill.write_bytes(make_sbom(Source("registry", built.reference), built.repository, built.digest).content)
    sign(built.reference, signer)
    attest_sbom(built.reference, bill, signer)
    attest_provenance(built.reference, build_of(image, built, identity, top()), signer)
    # What the cluster will ask: a wrong identity is found here.
    verify(built.reference, identity)
    beside = attached(built.reference)
    if not {SIGNATURE, CYCLONEDX} <= beside.keys():
        raise SigningError("attestation", f"the registry shows only {', '.join(beside) or 'nothing'} beside the image")
    write_step(top(), SignedStep(image.name, built.digest, beside[SIGNATURE][-1], beside[CYCLONEDX][-1]))
    typer.echo(f"{image.name}: signed")
    return CLEAN


def _code(verdicts: Sequence[Verdict]) -> int:
    if any(not one.judged for one in verdicts):
        return TOOL
    return CLEAN if all(one.passed for one in verdicts) else CLOSED


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
