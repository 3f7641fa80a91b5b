"""Kubernetes quantities as numbers."""

from __future__ import annotations

from functools import lru_cache

_BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
GIB = 2**30


@lru_cache(maxsize=4096)
def cores(quantity: str) -> float:
    """CPU in cores: `250m` is 0.25."""
    return int(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


@lru_cache(maxsize=4096)
def byte_count(quantity: str) -> int:
    """Bytes: `256Mi` is 268,435,456."""
    digits = quantity.rstrip("kMGTi")
    return int(digits) * _BYTES[quantity[len(digits) :]]
