"""Which namespaces a subject's manifests make."""

from __future__ import annotations

from collections.abc import Sequence

from policies.manifest_reading import kind_of
from policies.rule import Manifest


def namespaces(manifests: Sequence[Manifest]) -> list[Manifest]:
    """The Namespace objects among them."""
    return [one for one in manifests if kind_of(one) == "Namespace"]
