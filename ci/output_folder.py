"""A folder whose contents are replaced whole or not at all.

The files are staged in a folder beside the output, which then takes its place in one step; until that step, whatever
happens (an error, a full disk, a kill), the output stays as it was. Files in the output which Roster did not write are
carried over. A process that is killed leaves `.NAME.roster-…` folders behind, which the next run clears away.

This guards against dying processes, not against a loss of power: nothing is flushed to the disk.
"""

import errno
import fcntl
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from types import TracebackType

from ci.folder_swap import copy_attributes, files, link, remove, swap

MARKER = ".roster-output"
_MARKER_START = "# Written by Roster"
_MARKER_LINE = f"{_MARKER_START}: it replaces or deletes the files listed below, and keeps all others in this folder."
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG)


class OutputFolderError(Exception):
    """The output cannot be written, and was left as it was; the message names the folder or file and the reason."""


@dataclass(frozen=True)
class Staging:
    """Where the files of one run are written, by any number of processes; `output` is the folder that they replace."""

    path: Path
    output: Path

    def write(self, name: str, text: str) -> None:
        """Stages the file `name` (relative, with `/`). One that the output has just so already is linked, not written.

        That spares the disk, and ext4's search for inodes: it passes over those freed in the last minutes one by one,
        so that writing thousands of files anew again and again takes time with the square. Raises OutputFolderError.
        """
        staged, current = f"{self.path}/{name}", f"{self.output}/{name}"  # a Path each would take longer than the link
        if _holds(current, text.encode(errors="surrogatepass")):
            with suppress(OSError):  # then it is written: a file system without links, another's file
                _link(current, staged)
                return
        write_text(staged, text)


def write_text(path: Path | str, text: str) -> None:
    """Writes a file as UTF-8 with the line ends that `text` has, making its folders where they are missing.

    A third less work than `Path.write_text`. Raises OutputFolderError.
    """
    try:
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        try:
            rest = text.encode()
            while rest:
                rest = rest[os.write(file, rest) :]
        finally:
            os.close(file)
    except (OSError, ValueError) as error:
        raise OutputFolderError(f"{path} cannot be written: {_reason(error)}") from error


def _link(old: str, new: str) -> None:
    try:
        os.link(old, new, follow_symlinks=False)
    except FileNotFoundError:
        Path(new).parent.mkdir(parents=True, exist_ok=True)
        os.link(old, new, follow_symlinks=False)


def _holds(path: str, content: bytes) -> bool:
    """Whether `path` is a regular file with just this content."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        status = os.fstat(file)
        return S_ISREG(status.st_mode) and status.st_size == len(content) and os.read(file, len(content) + 1) == content
    except OSError:
        return False
    finally:
        os.close(file)


class OutputFolder:
    """Replaces the contents of `folder` with what is staged in the `with` block; an exception there changes nothing.

        with OutputFolder(folder) as staging:
            staging.write("research/agent.yaml", text)

    The folder's marker file lists the files that Roster wrote. Of the old files, those that it lists are dropped
    unless `keep(path)` is true (`path` is relative, with `/`; for runs that render a part), all others are carried
    over. One of these that was staged too is never overwritten but refused.

    Raises OutputFolderError: on entering, for a folder that must not or cannot be replaced or that another run is
    writing; on leaving, for such a file and whatever the file system refuses. Other exceptions of the block pass.
    """

    def __init__(self, folder: Path, keep: Callable[[str], bool] | None = None) -> None:
        self._given = folder
        self._keep = keep

    def __enter__(self) -> Staging:
        try:
            self._folder = _usable(self._given)
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _Lock(self._beside("lock"), self._folder)
        except (OSError, ValueError, RuntimeError) as error:
            raise self._error(error) from error
        try:
            self._recover()
            self._staged = self._beside("new")
            self._staged.mkdir()
        except OSError as error:
            self._lock.release()
            raise self._error(error) from error
        return Staging(self._staged, self._folder)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._replace()
            elif isinstance(error, OSError) and self._concerns_output(error):
                raise self._error(error) from error
        except OSError as failure:
            raise self._error(failure) from failure
        finally:
            with suppress(OSError):  # what is left is cleared by the next run
                remove(self._staged)
            self._lock.release()

    def _beside(self, what: str) -> Path:
        return self._folder.with_name(f".{self._folder.name}.roster-{what}")

    def _error(self, error: Exception) -> OutputFolderError:
        return OutputFolderError(f"{self._given} cannot be written: {_reason(error)}")

    def _concerns_output(self, error: OSError) -> bool:
        return error.errno in _DISK_ERRORS or str(error.filename).startswith(str(self._staged))

    def _recover(self) -> None:
        """Ends what a killed run began; holding the lock, its folders are nobody else's."""
        aside = self._beside("old")
        if aside.is_dir() and not self._folder.exists():
            aside.rename(self._folder)
        for left in (self._beside("new"), aside):
            remove(left)

    def _replace(self) -> None:
        staged = str(self._staged)
        mine = {name for name in files(staged) if not name.endswith("/")}
        if self._folder.exists():
            mine |= _carry_over(str(self._folder), staged, mine, self._keep)
        mine.discard(MARKER)
        if unlistable := next((name for name in mine if "\n" in name), None):
            raise OutputFolderError(f"{unlistable!r} cannot be written: a file's name may not hold a line break")
        write_text(self._staged / MARKER, "\n".join([_MARKER_LINE, *sorted(mine)]) + "\n")
        if not self._folder.exists():
            self._staged.rename(self._folder)
            return
        copy_attributes(str(self._folder), staged)
        swap(self._staged, self._folder, self._beside("old"))


def _usable(folder: Path) -> Path:
    """The folder as an absolute path, or the reason why its contents must not be replaced."""
    path = folder.resolve()
    home = Path("~").expanduser().resolve() if "HOME" in os.environ else Path("/")
    reason = None
    if folder.is_symlink():
        reason = "it is a symbolic link"
    elif path.exists() and not path.is_dir():
        reason = "it is a file"
    elif above := next((parent for parent in path.parents if parent.is_file()), None):
        reason = f"{above} is a file"
    elif os.path.ismount(path):
        reason = "it is the top of a file system; choose a folder in it"
    elif path == home or path in home.parents:
        reason = "it is or holds the home folder"
    elif path == Path.cwd() or path in Path.cwd().parents:
        reason = "it is or holds the current folder; choose a folder in it"
    elif ".git" in path.parts or os.path.lexists(path / ".git"):
        reason = "it is the top of a Git repository or belongs to Git; choose a folder in it"
    elif path.exists() and not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        reason = "it may not be written by this user"
    if reason:
        raise OutputFolderError(f"{folder} cannot be written: {reason}")
    return path


# A run that was killed is gone at once, its workers a moment later.
_PATIENCE_SECONDS = 1.0


class _Lock:
    """A lock file beside the output, held by one process and freed by the kernel when that dies."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._path = path
        self._until = time.monotonic() + _PATIENCE_SECONDS
        while not self._take(folder):
            os.close(self._file)
        with suppress(OSError):  # it only informs others
            os.ftruncate(self._file, 0)
            os.write(self._file, f"{os.getpid()}\n".encode())

    def _take(self, folder: Path) -> bool:
        """False if the run before deleted the file while it was being opened."""
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return os.path.samestat(os.fstat(self._file), self._path.stat())
        except FileNotFoundError:
            return False
        except OSError as error:
            if isinstance(error, BlockingIOError) and time.monotonic() < self._until:
                time.sleep(0.05)
                return False
            holder = os.read(self._file, 20).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            if not isinstance(error, BlockingIOError):
                raise
            raise OutputFolderError(
                f"{folder} cannot be written: another run (process {holder}) is writing it"
            ) from None

    def release(self) -> None:
        with suppress(OSError):
            self._path.unlink()
        os.close(self._file)


def _listed(folder: str) -> set[str]:
    """What the marker says that Roster wrote; empty without one, or where that file is somebody else's."""
    try:
        lines = Path(folder, MARKER).read_text(encoding="utf-8").split("\n")
    except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError):
        return set()
    return {MARKER, *filter(None, lines[1:])} if lines[0].startswith(_MARKER_START) else set()


def _carry_over(old: str, new: str, staged: set[str], keep: Callable[[str], bool] | None) -> set[str]:
    """Links into `new` what stays of `old`, and returns those of the linked files that are Roster's own."""
    listed, own, made = _listed(old), set(), list[str]()
    for name in files(old):
        if name in listed:
            if name == MARKER or name in staged or keep is None or not keep(name):
                continue
            own.add(name)
        if name in staged or name == MARKER:
            raise _taken(old, name)
        try:
            _make_folders(new, name, made)
            if not name.endswith("/"):
                link(f"{old}/{name}", f"{new}/{name}")
        except (FileExistsError, NotADirectoryError) as error:
            raise _taken(old, name) from error
    for below in reversed(made):
        copy_attributes(f"{old}/{below}", f"{new}/{below}")
    return own


def _taken(folder: str, name: str) -> OutputFolderError:
    return OutputFolderError(
        f"{folder}/{name} was not written by Roster and is in the way: move it, or choose another output folder"
    )


def _make_folders(root: str, name: str, made: list[str]) -> None:
    """The folders of the path `name`; those that were missing are added to `made`, outer ones first."""
    below = name.rpartition("/")[0]
    if not below or Path(root, below).is_dir():
        return
    _make_folders(root, below, made)
    Path(root, below).mkdir()
    made.append(below)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error)
