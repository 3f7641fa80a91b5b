"""Records: what passed the gate, one small file an image, committed by the trusted job."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from ci.images.fleet_images import runtimes_of
from ci.images.gate import Verdict
from ci.images.judging import scan_step
from ci.images.steps import BuiltStep, ScannedStep, SignedStep, StepError, same_digest
from components.builds.needed import Needed
from components.definition.image_record import ImageRecord, Scan
from components.definition.load_catalog import Catalog
from components.definition.mirrored import mirrored
from components.resolve.image import repository_of


@dataclass(frozen=True, slots=True)
class Recorded:
    """A record of an image that passed, by the path of its file; `repository` and digest are where it lies."""

    path: str
    record: ImageRecord
    repository: str


def recorded_images(catalog: Catalog) -> list[Recorded]:
    """All records of images that passed the gate; those of base images only say what a tag stands for."""
    found = []
    for path, record in sorted(catalog.record_files.items()):
        if record.scan is not None:
            copy = record.repository or mirrored(record.image, catalog.settings.registry)
            found.append(Recorded(path, record, record.image if record.context_hash else copy))
    return found


def origin(image: Needed, digest: str) -> str:
    """What it was built upon, or what a ready image was copied from; empty or by digest."""
    return image.source.base if image.source else f"{repository_of(image.reference)}@{digest}"


def is_of(image: Needed, built: BuiltStep) -> None:
    """Raises StepError when something else was built: of other files, upon another base, or for another repository."""
    wanted = image.reference.partition("@")[2]
    differs = {
        "is of other files": built.context_hash != image.context_hash,
        f"is {built.digest}, and {wanted} is asked for": not image.source and wanted not in ("", built.digest),
        f"is upon {built.base or 'nothing'}": built.base != origin(image, built.digest),
        f"is {built.repository}": built.repository != image.repository,
    }
    for what, so in differs.items():
        if so:
            raise StepError(f"{image.name}: what was built {what}; `roster images build {image.name}` again")


def new_record(
    image: Needed, catalog: Catalog, built: BuiltStep, scan: ScannedStep, signed: SignedStep | None, day: str
) -> ImageRecord:
    """The record of an image that went all the way. Raises StepError when it did not, or not with one digest."""
    same_digest(built, scan)
    if image.record and image.record.blocked:
        # A scan that lies around may be older than what is known by now.
        raise StepError(
            f"{image.name}: its record is blocked by {', '.join(image.record.blocked)}; `roster images rescan` takes "
            "that off when nothing is found any more"
        )
    if not scan.passed:
        raise StepError(f"{image.name}: the gate is closed; there is nothing to record")
    is_of(image, built)
    if not built.pushed:
        raise StepError(f"{image.name}: what was built was not pushed; `roster images build {image.name} --push` first")
    if signed:
        same_digest(built, signed)
    content: dict[str, Any] = {
        "image": image.reference,
        "digest": built.digest,
        "size_bytes": built.size_bytes,
        "built": day,
        "scan": _scan(scan),
    }
    if image.source:
        content |= {"context_hash": image.context_hash, "base": image.source.base_name or None}
    else:
        content["repository"] = image.repository
    # Who judges it when no definition needs it any more still knows what it is.
    content["runtimes"] = list(runtimes_of(image, catalog)) or None
    if signed:
        content |= {"sbom": signed.sbom, "signature": signed.signature}
    try:
        return ImageRecord.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc']))} is {first['input']!r}"
        raise StepError(f"{image.name}: no record can be made of this: {what}; scan it again") from None


def known_now(record: ImageRecord, verdict: Verdict, blocked: Sequence[str] | None) -> ImageRecord:
    """The record after a scan: blocked by what was found (None: as it was), and what passes by an exception now.

    A scan that changes neither leaves the record as it is, so that a night without news proposes nothing.
    """
    if blocked is not None:
        record = record.model_copy(update={"blocked": list(blocked) or None})
    if not verdict.judged or record.scan is None:
        return record
    step = scan_step("", verdict)
    if (step.excepted or None) == record.scan.model_dump(exclude_none=True).get("excepted"):
        return record
    return record.model_copy(update={"scan": Scan.model_validate(_scan(step))})


def _scan(step: ScannedStep) -> dict[str, Any]:
    counts = {level: getattr(step, level) for level in ("critical", "high", "medium", "low")}
    return {"scanner": step.scanner, "database": step.database, **counts, "excepted": step.excepted or None}


def record_text(record: ImageRecord) -> str:
    """The record as a file: the same record, the same bytes."""
    writer = YAML()
    writer.default_flow_style = False
    writer.width = 4096
    stream = io.StringIO()
    writer.dump(_quoted(record.model_dump(exclude_none=True)), stream)
    return "# Written by the images job; reviewed like any other change.\n" + stream.getvalue()


def _quoted(value: Any) -> Any:
    """Texts in quotes: a hash may be all digits, and a day is none of YAML's."""
    if isinstance(value, Mapping):
        return {key: _quoted(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_quoted(one) for one in value]
    return DoubleQuotedScalarString(value) if isinstance(value, str) else value
