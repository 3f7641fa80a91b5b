"""Reads the OCI folder (image layout) that a builder wrote: digest and size."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Fetch = Callable[[str], dict[str, Any]]


def measured(folder: Path) -> tuple[str, int]:
    """Digest of the one image or index in the OCI folder, and its compressed size in bytes (see `compressed_size`)."""

    def fetch(digest: str) -> dict[str, Any]:
        return fetched(folder, digest)

    manifests = _mapping((folder / "index.json").read_bytes())["manifests"]
    if len(manifests) != 1:
        raise ValueError(f"{folder} holds {len(manifests)} images; one is expected")
    digest = str(manifests[0]["digest"])
    return digest, compressed_size(fetch(digest), fetch)


def fetched(folder: Path, digest: str) -> dict[str, Any]:
    """The manifest of that digest in an OCI folder."""
    return _mapping((folder / "blobs" / digest.replace(":", "/")).read_bytes())


def compressed_size(manifest: dict[str, Any], fetch: Fetch) -> int:
    """Bytes of configuration and layers; of an index those of its largest platform, whose manifest `fetch` gives."""
    if "manifests" in manifest:
        # What BuildKit attests stands in the index as an image for no platform.
        images = [one for one in manifest["manifests"] if one.get("platform", {}).get("os") != "unknown"]
        return max((compressed_size(fetch(one["digest"]), fetch) for one in images), default=0)
    return sum(int(part["size"]) for part in (manifest["config"], *manifest["layers"]))


def _mapping(content: bytes) -> dict[str, Any]:
    found = json.loads(content)
    if not isinstance(found, dict):
        raise ValueError("not a mapping")
    return found
