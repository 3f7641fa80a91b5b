"""One number for a set of manifests: the same for the same objects, whatever order they are written in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any


def objects_digest(manifests: Iterable[dict[str, Any]]) -> str:
    """`sha256:` and the hexadecimal SHA-256 of the manifests' canonical JSON (sorted keys, no blanks, UTF-8)."""
    # Sorted: the order in which objects are created is not a part of what they are.
    texts = sorted(canonical(manifest) for manifest in manifests)
    return "sha256:" + sha256(f"[{','.join(texts)}]".encode()).hexdigest()


def canonical(manifest: dict[str, Any]) -> str:
    """The manifest as JSON that is the same for equal manifests."""
    return json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
