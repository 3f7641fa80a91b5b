"""Secrets as files of a mounted folder, else as environment variables; and what tells that a folder has changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Fingerprint = tuple[tuple[str, int, int, int], ...]
LARGEST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Secrets:
    """The folder in which each file holds the secret of its name."""

    folder: Path

    def get(self, name: str) -> str | None:
        """The secret without white space around it; None when there is none or it is empty."""
        # A name with a slash in it would leave the folder.
        if name and "/" not in name and name not in (".", ".."):
            try:
                with (self.folder / name).open("rb") as file:
                    text = file.read(LARGEST_BYTES).decode(errors="replace").strip()
            except OSError:
                text = ""
            if text:
                return text
        return os.environ.get(name, "").strip() or None


def fingerprint(folder: Path) -> Fingerprint:
    """Changes whenever a file in the folder does, also when Kubernetes swaps the link that all of them go through."""
    return tuple(sorted(_files(folder, "")))


def _files(folder: Path, prefix: str) -> Iterator[tuple[str, int, int, int]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        # "..data" and the dated folder behind it hold the same files once more.
        if entry.name.startswith(".."):
            continue
        try:
            if entry.is_dir():
                yield from _files(Path(entry.path), f"{prefix}{entry.name}/")
                continue
            found = entry.stat()
        except OSError:
            continue
        yield (prefix + entry.name, found.st_mtime_ns, found.st_size, found.st_ino)
