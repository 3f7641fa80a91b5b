"""Whole folders on one Linux file system: listed, linked, swapped, removed."""

import ctypes
import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_CANNOT_EXCHANGE = (
    errno.ENOSYS,
    errno.EINVAL,
    errno.EOPNOTSUPP,
    errno.EPERM,
)  # EPERM: a container's system call filter
_CANNOT_LINK = (errno.EPERM, errno.EXDEV, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS)


def swap(new: Path, folder: Path, aside: Path) -> None:
    """Puts `new` in the place of `folder`, and the old folder in the place of `new`, in one step.

    Where the system cannot do that, in two steps: the old folder goes to `aside` first; a kill right then leaves it
    there, and no `folder`. Raises OSError, with `folder` as it was.
    """
    if _exchange(new, folder):
        return
    folder.rename(aside)
    try:
        new.rename(folder)
    except OSError:
        aside.rename(folder)
        raise
    aside.rename(new)


def files(root: str, below: str = "") -> Iterator[str]:
    """Relative paths of all files in a folder, links among them, and of its empty folders with a `/` at the end."""
    empty = True
    with os.scandir(f"{root}/{below}") as entries:
        for entry in entries:
            empty = False
            if entry.is_dir(follow_symlinks=False):
                yield from files(root, f"{below}{entry.name}/")
            else:
                yield below + entry.name
    if empty and below:
        yield below


def link(old: str, new: str) -> None:
    """A second name for a file or a link, or a copy where the file system or its rules allow no second name."""
    try:
        os.link(old, new, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        shutil.copy2(old, new, follow_symlinks=False)


def copy_attributes(old: str, new: str) -> None:
    """Mode, times, and the owner as far as this user may give files away."""
    shutil.copystat(old, new)
    status = Path(old).stat()
    with suppress(PermissionError):
        os.chown(new, status.st_uid, status.st_gid)


def remove(path: Path) -> None:
    """Deletes a folder with all that it holds, also folders in it that may not be written; nothing if it is missing."""
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except PermissionError:
        for folder, _, _ in os.walk(path):
            Path(folder).chmod(0o700)
        shutil.rmtree(path)


def _exchange(new: Path, folder: Path) -> bool:
    """Swaps two folders in one step; False where the system or the file system cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    if libc.renameat2(_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(folder), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT_EXCHANGE:
        return False
    raise OSError(code, os.strerror(code), str(folder))
