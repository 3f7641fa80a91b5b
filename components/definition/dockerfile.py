"""Whether a Dockerfile says which images exactly it is built upon."""

from __future__ import annotations

import re

# By the builder, from the catalog's base image of the runtime.
GIVEN = "BASE_IMAGE"

_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$", re.IGNORECASE)
_COPIED = re.compile(r"^\s*COPY\s+(?:--\S+\s+)*?--from=(\S+)", re.IGNORECASE)


def unpinned(text: str) -> list[tuple[int, str]]:
    """Line and reference of each image that is named otherwise than by digest, as `${BASE_IMAGE}`, or as a stage."""
    stages: set[str] = set()
    count = 0
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        base, copied = _FROM.match(line), _COPIED.match(line)
        reference = (base or copied)[1] if base or copied else ""  # type: ignore[index]
        if reference and not _known(reference, stages, count):
            found.append((number, reference))
        if base:
            stages.add((base[2] or "").lower())
            count += 1
    return found


def _known(reference: str, stages: set[str], count: int) -> bool:
    named = reference.lower() in stages or reference == "scratch" or (reference.isdigit() and int(reference) < count)
    return named or reference in (f"${GIVEN}", f"${{{GIVEN}}}") or "@sha256:" in reference
