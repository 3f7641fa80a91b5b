"""Records: what passed the gate, one small file an image, committed by the trusted job."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from ci.images.steps import BuiltStep, ScannedStep, SignedStep, StepError, same_digest
from components.builds.needed import Needed
from components.definition.catalog import ImageRecord
from components.definition.load_catalog import Catalog
from components.definition.mirrored import mirrored


@dataclass(frozen=True, slots=True)
class Recorded:
    """A record of an image that passed, by the path of its file; `repository` and digest are where it lies."""

    path: str
    name: str
    record: ImageRecord
    repository: str


def recorded_images(catalog: Catalog) -> list[Recorded]:
    """All records of images that passed the gate; those of base images only say what a tag stands for."""
    found = []
    for path, record in sorted(catalog.record_files.items()):
        if record.scan is not None:
            registry = catalog.settings.registry
            repository = record.image if record.context_hash else mirrored(record.image, registry)
            found.append(Recorded(path, path.rpartition("/")[2].removesuffix(".yaml"), record, repository))
    return found


def new_record(image: Needed, built: BuiltStep, scan: ScannedStep, signed: SignedStep | None, day: str) -> ImageRecord:
    """The record of an image that went all the way. Raises StepError when it did not, or not with one digest."""
    same_digest(built, scan)
    if not scan.passed:
        raise StepError(f"{image.name}: the gate is closed; there is nothing to record")
    if built.context_hash != image.context_hash or not built.pushed:
        why = "was not pushed" if not built.pushed else "is of files that are not these any more"
        raise StepError(f"{image.name}: what was built {why}; `roster images build {image.name} --push` first")
    if signed:
        same_digest(built, signed)
    content: dict[str, Any] = {
        "image": image.reference,
        "digest": built.digest,
        "size_bytes": built.size_bytes,
        "built": day,
        "scan": {
            "scanner": scan.scanner,
            "database": scan.database,
            **{level: getattr(scan, level) for level in ("critical", "high", "medium", "low")},
        },
    }
    if image.context_hash:
        content["context_hash"] = image.context_hash
    if signed:
        content |= {"sbom": signed.sbom, "signature": signed.signature}
    try:
        return ImageRecord.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc']))} is {first['input']!r}"
        raise StepError(f"{image.name}: no record can be made of this: {what}; scan it again") from None


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
