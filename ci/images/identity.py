"""What a digest stands for: one image, or an index of several, each of which is scanned by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PlatformImage:
    """One image: the digests of its manifest and of its configuration, and its platform where an index tells it."""

    digest: str
    image_id: str
    platform: str = ""


def images_in(digest: str, fetch: Callable[[str], dict[str, Any]]) -> tuple[PlatformImage, ...]:
    """The images behind a digest; `fetch` gives the manifest of a digest. ValueError: it has none, or a strange one.

    A scanner reads one image of an index, that of its own platform, and says nothing of the others.
    """
    manifest = fetch(digest)
    if "manifests" not in manifest:
        return (PlatformImage(digest, _image_id(digest, manifest)),)
    # What builders attest stands in the index as an image for no platform.
    listed = [one for one in manifest["manifests"] if (one.get("platform") or {}).get("os") != "unknown"]
    digests = [(str(one["digest"]), _platform(one)) for one in listed]
    found = tuple(PlatformImage(one, _image_id(one, fetch(one)), platform) for one, platform in digests)
    if not found:
        raise ValueError(f"{digest} is an index without an image")
    return found


def _image_id(digest: str, manifest: dict[str, Any]) -> str:
    try:
        return str(manifest["config"]["digest"])
    except (KeyError, TypeError):
        raise ValueError(f"{digest} is no image: its manifest names no configuration") from None


def _platform(listed: dict[str, Any]) -> str:
    platform = listed.get("platform") or {}
    return "/".join(str(platform[part]) for part in ("os", "architecture", "variant") if platform.get(part))
