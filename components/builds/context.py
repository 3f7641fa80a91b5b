"""A build context: everything that an image is built from, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Of every file in every image, 2025-01-01 in UTC: a build must not know when it ran.
SOURCE_DATE_EPOCH = 1_735_689_600


@dataclass(frozen=True, slots=True)
class Context:
    """What an image is built from.

    `files`: path in the context → bytes, the rendered Dockerfile among them. `dockerfile`: its path. `build_args`:
    name → value. `repository`: where the image is pushed, without tag. `hash`: 64 hexadecimal digits over all inputs,
    which name the image. `base`: the base image, by digest where one is known. `labels`: OCI annotations' keys → value.
    `source_date_epoch`: seconds since 1970 that stand for the time of everything in the image.
    """

    name: str
    files: Mapping[str, bytes]
    dockerfile: str
    build_args: Mapping[str, str]
    repository: str
    hash: str
    base: str
    labels: Mapping[str, str]
    source_date_epoch: int = SOURCE_DATE_EPOCH

    @property
    def tag(self) -> str:
        """The reference that the image is pushed as, before its digest is known."""
        return f"{self.repository}:{self.hash[:16]}"
