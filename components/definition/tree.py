"""Files of one state of the repository: the work tree here, a commit in `ci.git`. The library's only file access."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

AGENTS = "agents"


class FileProblem(Exception):  # noqa: N818
    """A file that cannot be read; `rule` and `message` say why."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message


@dataclass(frozen=True, slots=True)
class Listing:
    """Paths of files relative to the repository's top, sorted, and the paths of symbolic links among them."""

    files: tuple[str, ...]
    links: tuple[str, ...]


def left_out(name: str) -> bool:
    """Whether a file or folder of that name is none of anybody's: dot files, and what Python compiles."""
    return name.startswith(".") or name == "__pycache__"


class Tree(Protocol):
    """A state of the repository."""

    def files(self, folder: str) -> Listing:
        """All files below `folder` (itself relative to the top); empty when there is no such folder."""

    def read(self, path: str) -> bytes:
        """A file's bytes; raises FileProblem."""


class WorkTree:
    """The files on disk below `top`."""

    def __init__(self, top: Path) -> None:
        self.top = top

    def files(self, folder: str) -> Listing:
        """All files below `folder`; symbolic links are named, never followed; what `left_out` says is left out."""
        files: list[str] = []
        links: list[str] = []
        path = self.top
        for part in folder.split("/"):
            path /= part
            if path.is_symlink():
                return Listing((), (str(path.relative_to(self.top)),))
        self._walk(folder, files, links)
        return Listing(tuple(sorted(files)), tuple(sorted(links)))

    def _walk(self, folder: str, files: list[str], links: list[str]) -> None:
        try:
            entries = list(os.scandir(self.top / folder))
        except FileNotFoundError:
            return
        except OSError as error:
            raise FileProblem("unreadable", f"the folder {folder} cannot be read: {error.strerror}") from error
        for entry in entries:
            if left_out(entry.name):
                continue
            path = f"{folder}/{entry.name}"
            if not path.isprintable():
                raise FileProblem("wrong-name", f"a file's name is not printable text: {path!a}; rename it")
            if entry.is_symlink():
                links.append(path)
            elif entry.is_dir():
                self._walk(path, files, links)
            else:
                files.append(path)

    def read(self, path: str, most: int = 4 << 20) -> bytes:
        """A regular file's bytes. FileProblem: missing, a link, not a file, unreadable, more than `most` bytes."""
        try:
            descriptor = os.open(self.top / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            raise FileProblem("missing-file", f"there is no file {path}") from None
        except OSError as error:
            if (self.top / path).is_symlink():
                raise FileProblem("symbolic-link", f"{path} is a symbolic link; put the file itself there") from None
            raise FileProblem("unreadable", f"{path} cannot be read: {error.strerror}") from error
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise FileProblem("not-a-file", f"{path} is not a regular file")
        with open(descriptor, "rb", closefd=True) as file:  # noqa: PTH123 - the descriptor is what matters
            if status.st_size > most:
                raise FileProblem("too-large", f"{path} has {status.st_size:,} bytes; at most {most:,} are read")
            return file.read()


class MemoryTree:
    """Files given as a mapping from path to bytes; for what is generated, and for tests."""

    def __init__(self, contents: dict[str, bytes], links: Iterable[str] = ()) -> None:
        self.contents = contents
        self.links = tuple(links)

    def files(self, folder: str) -> Listing:
        """All files below `folder`."""
        inside = tuple(sorted(path for path in self.contents if path.startswith(f"{folder}/")))
        return Listing(inside, tuple(sorted(link for link in self.links if link.startswith(f"{folder}/"))))

    def read(self, path: str) -> bytes:
        """A file's bytes; FileProblem when there is none."""
        try:
            return self.contents[path]
        except KeyError:
            raise FileProblem("missing-file", f"there is no file {path}") from None
