"""Files are replaced whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path


def write_file(path: Path, data: bytes) -> None:
    """Writes `data` to `path`; see `write_files`."""
    write_files({path: data})


def write_files(changes: Mapping[Path, bytes | None], executable: Collection[Path] = ()) -> None:
    """Writes each file through a temporary one beside it, and removes those whose data is None.

    All temporary files are whole on the disk before the first file is replaced, so that a full disk changes nothing.
    The mode of a file that is there stays; new ones are `executable` where named. Raises OSError.
    """
    staged: dict[Path, Path] = {}
    try:
        for path, data in changes.items():
            if data is not None:
                staged[path] = _stage(path, data, 0o777 if path in executable else 0o666)
        for path, temporary in staged.items():
            temporary.replace(path)
        for path, data in changes.items():
            if data is None:
                path.unlink()
    finally:
        for temporary in staged.values():
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()


def _stage(path: Path, data: bytes, mode: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else mode & ~_umask()
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
    except BaseException:
        temporary.unlink()
        raise
    return temporary


def _umask() -> int:
    # There is no way to read it but to set it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
