"""Scans an image, every platform of it, and asks the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ci.images.exceptions import BaseImage, ScannedImage
from ci.images.gate import GatePolicy, Verdict, joined, judge
from ci.images.identity import images_in
from ci.images.layout import fetched
from ci.images.registry import GoneError, Registry, RegistryError
from ci.images.reports import ScanFailure
from ci.images.scanners import Scanner, Source, scan
from ci.images.steps import ScannedStep
from components.definition.load_catalog import Catalog


@dataclass(frozen=True, slots=True)
class Asked:
    """An image that is to be judged: what it is, who runs it, and the name of its base in the catalog.

    `named`: the repository by which a ready image is known, where it may lie elsewhere.
    """

    repository: str
    digest: str
    runtimes: tuple[str, ...]
    agents: tuple[str, ...]
    base_name: str = ""
    layout: Path | None = None
    named: str = ""


def judged(
    asked: Asked, catalog: Catalog, registry: Registry, environ: Mapping[str, str], now: datetime
) -> list[Verdict]:
    """A verdict for each platform. From the OCI folder `layout`, or from the registry. Raises RegistryError."""
    settings = catalog.settings.images
    policy = GatePolicy(settings.gate.block_at, settings.gate.end_of_life, settings.gate.database_days)
    fetch = partial(fetched, asked.layout) if asked.layout else partial(_manifest, registry, asked.repository)
    found = []
    for image in images_in(asked.digest, fetch):
        if asked.layout:
            source = Source("oci-dir", str(asked.layout))
        else:
            source = Source("registry", f"{asked.repository}@{image.digest}")
        scanned = _scanned_image(asked, catalog, image.digest, image.image_id)
        report = scan(source, Scanner(settings.scanner, image.platform), environ)
        found.append(judge(report, scanned, policy, catalog.exceptions, now))
    return found


def judged_again(
    asked: Asked, catalog: Catalog, registry: Registry, environ: Mapping[str, str], now: datetime
) -> Verdict:
    """One verdict on a recorded image; that it could not be had from its registry is a failure of its scan."""
    try:
        return joined(judged(asked, catalog, registry, environ, now))
    except RegistryError as error:
        failure = ScanFailure("image-gone" if isinstance(error, GoneError) else "registry-away", str(error))
    except ValueError as error:
        failure = ScanFailure("nothing-read", f"{asked.repository}: {error}")
    return Verdict(_scanned_image(asked, catalog, asked.digest), (failure,))


def scanned_step(name: str, verdicts: Sequence[Verdict], digest: str) -> ScannedStep:
    """What is written down of the verdicts on an image; all platforms together."""
    return replace(scan_step(name, joined(verdicts)), digest=digest)


def scan_step(name: str, whole: Verdict) -> ScannedStep:
    """What is written down of one verdict."""
    counts = dict(whole.counts)
    return ScannedStep(
        name,
        whole.image.digest,
        whole.passed,
        f"{whole.scanner} {whole.scanner_version}".strip(),
        whole.database,
        counts.get("critical", 0),
        counts.get("high", 0),
        counts.get("medium", 0),
        sum(counts.get(level, 0) for level in ("low", "negligible", "unknown")),
        [asdict(one) | {"findings": count} for one, count in whole.let_pass],
    )


def _scanned_image(asked: Asked, catalog: Catalog, digest: str, image_id: str = "") -> ScannedImage:
    base = _base(asked.base_name, catalog)
    return ScannedImage(asked.repository, digest, image_id, asked.runtimes, asked.agents, base, asked.named)


def _base(name: str, catalog: Catalog) -> BaseImage | None:
    entry = catalog.settings.base_images.get(name)
    return BaseImage(name, entry.end_of_life or "") if entry else None


def _manifest(registry: Registry, repository: str, digest: str) -> dict[str, Any]:
    return registry.manifest(f"{repository}@{digest}")
