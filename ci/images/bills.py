"""The bills of materials of an image in a registry: one for each platform."""

from __future__ import annotations

import json
from pathlib import Path

from ci.images.identity import PlatformImage, images_in
from ci.images.registry import Registry
from ci.images.sbom import SbomError, make_sbom
from ci.images.scanners import Source
from ci.images.steps import StepError


def make_bills(registry: Registry, repository: str, digest: str, folder: Path) -> list[Path]:
    """Writes `sbom[-PLATFORM].cdx.json` for each image behind the digest. Raises SbomError, RegistryError, ValueError.

    Each names its platform's image by digest: a bill of an index would list what one platform has, and not say which.
    """
    files = []
    for image in _images(registry, repository, digest):
        source = Source("registry", f"{repository}@{image.digest}")
        try:
            bill = make_sbom(source, repository, image.digest, platform=image.platform)
        except SbomError:
            # syft says the same of an image that it cannot read and of a registry that is away; this one says which.
            registry.digest(f"{repository}@{image.digest}")
            raise
        files.append(folder / _file(image))
        files[-1].write_bytes(bill.content)
    return files


def made_bills(registry: Registry, repository: str, digest: str, folder: Path) -> dict[str, Path]:
    """The bills that `make_bills` left there: digest of the platform's image → file, in the index's order.

    Whoever signs reads what whoever looked into the image wrote down. Raises StepError for one that is missing or is
    about something else, RegistryError, ValueError.
    """
    found = {}
    for image in _images(registry, repository, digest):
        file = folder / _file(image)
        told = bill_of(file)
        if told != image.digest:
            raise StepError(
                f"{file.name} is about {told}, and {image.digest} was asked for; `roster images scan` again"
            )
        found[image.digest] = file
    return found


def bill_of(file: Path) -> str:
    """The digest of the image that a bill is about. Raises StepError."""
    try:
        return str(json.loads(file.read_bytes())["metadata"]["component"]["version"])
    except FileNotFoundError:
        raise StepError(f"there is no bill of materials {file.name}; `roster images scan` writes it") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise StepError(f"{file.name} is no bill of materials; `roster images scan` writes it anew") from None


def _images(registry: Registry, repository: str, digest: str) -> tuple[PlatformImage, ...]:
    return images_in(digest, lambda one: registry.manifest(f"{repository}@{one}"))


def _file(image: PlatformImage) -> str:
    return f"{'-'.join(('sbom', *image.platform.split('/'))) if image.platform else 'sbom'}.cdx.json"
