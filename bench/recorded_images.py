"""Records of images for fleets under trial, as the images job would leave them: what they say was built was not."""

from __future__ import annotations

import hashlib
from pathlib import Path

from components.builds.needed import needed, use_of
from components.definition.tree import WorkTree
from components.fleet import Fleet

SCAN = '{scanner: trivy 0.70.0, database: "2026-11-20", critical: 0, high: 0, medium: 3, low: 12}'


def record_images(top: Path) -> list[str]:
    """Writes a record for every image that the fleet needs and that has none; gives their names."""
    fleet = Fleet.open(WorkTree(top))
    uses = [use_of(agent) for path in fleet.definitions for agent in fleet.examine(path).resolved.values()]
    written = []
    for one in needed(uses, fleet.catalog):
        if one.passed:
            continue
        digest = one.reference.partition("@")[2] or f"sha256:{hashlib.sha256(one.name.encode()).hexdigest()}"
        lines = [f"image: {one.reference}", f"digest: {digest}", f"scan: {SCAN}"]
        lines.append(f"signature: sha256:{'5' * 64}")
        if one.context_hash:
            lines.insert(1, f'context_hash: "{one.context_hash}"')
        else:
            lines.append(f"repository: {one.repository}")
        file = top / f"agents/catalog/images/{one.name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines) + "\n", "utf-8")
        written.append(one.name)
    return written
