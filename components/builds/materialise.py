"""Writes a build context to a folder so that the same context is the same folder: names, bytes, modes and times."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from components.builds.context import Context

_FOLDER, _FILE, _PROGRAM = 0o755, 0o644, 0o755
# Git's modes are not part of a context's hash, so what runs is told by its first bytes: a script's or a program's.
_PROGRAMS = (b"#!", b"\x7fELF")


def build_folder(context: Context, into: Path) -> Path:
    """The folder below `into` that a context is built from, which has the context's name.

    BuildKit keeps what it was sent under the last part of the folder's path, and of a file it compares size and time.
    All times are the same here: two contexts in folders of one name would get each other's files.
    """
    return into / context.name


def materialise(context: Context, folder: Path) -> None:
    """Writes the context's files to `folder`, which must not exist yet. ValueError: a path that leaves it."""
    folder.mkdir(mode=_FOLDER)
    for name, content in sorted(context.files.items()):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError(f"the path {name!r} of the build context {context.name} leads out of it")
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(_PROGRAM if content.startswith(_PROGRAMS) else _FILE)
    # Bottom up, for writing into a folder changes its time; the modes are not the umask's.
    for place, _, files in os.walk(folder, topdown=False):
        for name in files:
            os.utime(Path(place, name), (context.source_date_epoch, context.source_date_epoch))
        Path(place).chmod(_FOLDER)
        os.utime(place, (context.source_date_epoch, context.source_date_epoch))
