"""The bills of materials of an image in a registry: one for each platform."""

from __future__ import annotations

from pathlib import Path

from ci.images.identity import images_in
from ci.images.registry import Registry
from ci.images.sbom import make_sbom
from ci.images.scanners import Source


def make_bills(registry: Registry, repository: str, digest: str, folder: Path) -> list[Path]:
    """Writes `sbom[-PLATFORM].cdx.json` for each image behind the digest. Raises SbomError, RegistryError, ValueError.

    Each names its platform's image by digest: a bill of an index would list what one platform has, and not say which.
    """
    files = []
    for image in images_in(digest, lambda one: registry.manifest(f"{repository}@{one}")):
        source = Source("registry", f"{repository}@{image.digest}")
        bill = make_sbom(source, repository, image.digest, platform=image.platform)
        name = "-".join(("sbom", *image.platform.split("/"))) if image.platform else "sbom"
        files.append(folder / f"{name}.cdx.json")
        files[-1].write_bytes(bill.content)
    return files
