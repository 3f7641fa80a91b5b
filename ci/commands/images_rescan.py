"""`roster images rescan`: what is known by now of the images that are recorded."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import typer

from ci.atomic_files import write_files
from ci.commands.session import CLEAN, fail, open_fleet, top
from ci.images.fleet_images import fleet_images, runtimes_of
from ci.images.gate import Verdict
from ci.images.judging import Asked, judged_again
from ci.images.records import Recorded, known_now, record_text, recorded_images
from ci.images.registry import Registry
from ci.images.registry_login import default_config
from ci.images.reports import ScanFailure, Vulnerability
from ci.images.rescan import Changes, rescan, unneeded
from ci.images.scan_report import as_markdown, headline
from ci.images.signature_checks import signature_problem
from ci.images.signing import identity_of
from ci.reporting.images import findings
from ci.reporting.pushgateway import open_pushgateway
from components.builds.needed import Needed
from components.definition.load_catalog import Catalog
from components.fleet import Fleet
from components.resolve.image import repository_of

FOUND, REGISTRY, UNSEEN = 3, 6, 7
_NOT_THERE = ("registry-away", "image-gone")
_Users = Mapping[tuple[str, str], Needed]


def run_rescan(output: Path | None) -> None:
    """Judges every recorded image again; blocks and unblocks records in the work tree, and says what to open."""
    fleet = open_fleet()
    records = recorded_images(fleet.catalog)
    verdicts = _verdicts(fleet, records)
    signatures = _signatures(fleet.catalog, records, verdicts)
    if not records:
        typer.echo("no image is recorded, so none was looked at", err=True)
    changes = rescan({one.path: one.record.blocked or () for one in records}, verdicts, signatures)
    _tell(output or top() / "out/rescan", fleet.catalog, verdicts, changes)
    # What could not be seen is as it was; what was seen is written down, whatever happened to the others.
    texts = {}
    for one in records:
        record = known_now(one.record, verdicts[one.path], changes.blocked.get(one.path))
        if record != one.record:
            texts[top() / one.path] = record_text(record).encode()
    write_files(texts)
    _report(fleet.catalog, verdicts)
    failures = [failure for verdict in verdicts.values() for failure in verdict.failures]
    unseen = [verdict for verdict in verdicts.values() if not verdict.judged]
    if unseen and len(unseen) == len(verdicts) and {one.reason for one in failures} == {"registry-away"}:
        raise fail(f"{failures[0].message}; no image could be asked for, and no record was changed", REGISTRY)
    if unseen or any(isinstance(one, ScanFailure) for one in signatures.values()):
        raise typer.Exit(UNSEEN)
    raise typer.Exit(FOUND if changes.issues else CLEAN)


def _report(catalog: Catalog, verdicts: Mapping[str, Verdict]) -> None:
    """What was found, to whoever watches what runs."""
    gateway = open_pushgateway(os.environ, catalog.settings.monitoring, lambda line: typer.echo(line, err=True))
    if gateway:
        # Read first: what could not be seen tonight stays as it was.
        known = gateway.known()
        gateway.put(findings(verdicts.values(), known))


def _verdicts(fleet: Fleet, records: Sequence[Recorded]) -> dict[str, Verdict]:
    """By the path of the record."""
    users = {(one.reference, one.context_hash): one for one in fleet_images(fleet).images}
    verdicts = {}
    with Registry(default_config(os.environ)) as registry:
        for one in records:
            asked = _asked(one, users, fleet.catalog)
            verdicts[one.path] = judged_again(asked, fleet.catalog, registry, os.environ, datetime.now(UTC))
            typer.echo(headline(verdicts[one.path]))
    return verdicts


def _signatures(
    catalog: Catalog, records: Sequence[Recorded], verdicts: Mapping[str, Verdict]
) -> dict[str, Vulnerability | ScanFailure]:
    """What is wrong with signatures, by the path of the record. A record that names none is nobody's image anyway."""
    if catalog.settings.images.signing is None:
        return {}
    identity, found = identity_of(catalog.settings.images), {}
    for one in records:
        if one.record.signature is None:
            continue
        away = [failure for failure in verdicts[one.path].failures if failure.reason in _NOT_THERE]
        reference = f"{one.repository}@{one.record.digest}"
        problem = away[0] if away else signature_problem(reference, one.record.context_hash or "", identity)
        if problem:
            found[one.path] = problem
            if not away:
                said = problem.message if isinstance(problem, ScanFailure) else problem.rating.why
                typer.echo(f"{one.path}: {said}")
    return found


def _asked(one: Recorded, users: _Users, catalog: Catalog) -> Asked:
    """What no definition needs at the moment is judged by what its record says of it."""
    record = one.record
    user = users.get((record.image, record.context_hash or ""))
    base = (user.source.base_name if user and user.source else "") or record.base or ""
    runtimes = runtimes_of(user, catalog) if user else tuple(record.runtimes or ())
    named = "" if record.context_hash else repository_of(record.image)
    return Asked(one.repository, record.digest, runtimes, user.agents if user else (), base, named=named)


def _tell(folder: Path, catalog: Catalog, verdicts: Mapping[str, Verdict], changes: Changes) -> None:
    """Writes what people read, and what `roster forge issues` takes."""
    # Where nothing is recorded, nothing could need an exception.
    idle = unneeded(catalog.exceptions, verdicts.values()) if verdicts else []
    lines = [f"{path} is needed by no image any more: remove it" for path in idle]
    typer.echo("".join(f"{one}\n" for one in lines), nl=False)
    content = {"issues": [asdict(one) for one in changes.issues], "closable": changes.closable}
    folder.mkdir(parents=True, exist_ok=True)
    report = as_markdown(list(verdicts.values())) + "".join(f"\n- {one}\n" for one in lines)
    found = json.dumps(content, indent=1) + "\n"
    write_files({folder / "report.md": report.encode(), folder / "findings.json": found.encode()})
