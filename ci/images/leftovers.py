"""What the catalog keeps of images and nobody needs: records without an agent, exceptions without a finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ci.images.exceptions import ScannedImage, covering
from ci.images.fleet_images import runtimes_of
from components.builds.needed import Needed
from components.definition.findings import nearest
from components.definition.image_record import ImageRecord
from components.definition.load_catalog import Catalog
from components.definition.vulnerability_exceptions import VulnerabilityException
from components.resolve.image import repository_of


def leftovers(images: Sequence[Needed], catalog: Catalog) -> list[str]:
    """A line for each record and exception that is of no use; `images` are all that the fleet needs."""
    return [*_records(images, catalog), *_exceptions(images, catalog)]


def _records(images: Sequence[Needed], catalog: Catalog) -> Iterator[str]:
    bases = {one.image for one in catalog.settings.base_images.values()}
    needed = {(one.reference, one.context_hash) for one in images}
    for path, record in sorted(catalog.record_files.items()):
        if record.scan is None and not record.context_hash:
            # Ready images are looked up by their tag, too.
            if record.image not in bases and (record.image, "") not in needed:
                yield f"{path}: nothing is built upon {record.image}, and no agent runs it; remove the record"
        elif (record.image, record.context_hash or "") not in needed:
            yield f"{path}: no definition needs this image; remove the record when nothing runs it any more"


def _exceptions(images: Sequence[Needed], catalog: Catalog) -> Iterator[str]:
    for path, one in sorted(catalog.exceptions.items()):
        covered = [image for image in images if covering({path: one}, _scanned(image, catalog))]
        if not covered:
            yield f"{path}: it covers no image that agents run; name all agents that share one, or remove it"
        elif not any(_may_need(image.record, path, one, catalog) for image in covered):
            what = f"{one.vulnerability} in {one.package}"
            names = ", ".join(image.name for image in covered[:3]) + (" and others" if len(covered) > 3 else "")
            blocking = {name for image in covered for name in (image.record and image.record.blocked) or ()}
            hint = nearest(one.vulnerability, blocking)
            yield f"{path}: the last scan of {names} found no {what}: is it misspelt, or mended by now?{hint}"


def _may_need(record: ImageRecord | None, path: str, one: VulnerabilityException, catalog: Catalog) -> bool:
    """Whether a scan found something for that exception, or nobody knows whether one did."""
    if record is None or record.scan is None:
        return True
    if record.blocked:
        # A record names what blocks it by its CVE id, where there is one.
        return one.vulnerability in record.blocked or one.vulnerability.startswith("GHSA-")
    if record.scan.excepted is None:
        return _unexplained(record, catalog)
    return any(entry.exception == path for entry in record.scan.excepted)


def _unexplained(record: ImageRecord, catalog: Catalog) -> bool:
    """Whether it passed with findings and does not say how, as records of an older form."""
    levels = ("critical", "high", "medium")
    counted = levels[: levels.index(catalog.settings.images.gate.block_at) + 1]
    return any(getattr(record.scan, level) for level in counted)


def _scanned(image: Needed, catalog: Catalog) -> ScannedImage:
    named = "" if image.source else repository_of(image.reference)
    return ScannedImage(image.repository, "", "", runtimes_of(image, catalog), image.agents, named=named)
