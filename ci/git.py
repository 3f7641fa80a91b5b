"""What Roster asks of git: the files of a commit, and which files differ from it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from components.definition.tree import AGENTS, FileProblem, Listing, left_out


class GitError(Exception):
    """Git said no; the message is its own, with what was asked for."""


def git(top: Path, *arguments: str) -> str:
    """The output of a git command in `top`. Raises GitError."""
    try:
        done = subprocess.run(["git", "-C", str(top), *arguments], capture_output=True, check=False)
    except FileNotFoundError as error:
        raise GitError("git is not installed") from error
    if done.returncode:
        raise GitError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip() or 'failed'}")
    return done.stdout.decode("utf-8", "surrogateescape")


def commit_of(top: Path, ref: str) -> str:
    """The full name of the commit that `ref` stands for. Raises GitError."""
    try:
        return git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip()
    except GitError as error:
        raise GitError(f"there is no commit {ref!r} in this repository (a shallow clone has few: fetch it)") from error


def branch_point(top: Path, ref: str) -> str:
    """Where the checked-out branch left `ref`: what others merged since then is not this branch's change."""
    base = commit_of(top, ref)
    with suppress(GitError):
        return git(top, "merge-base", base, "HEAD").strip() or base
    return base


def changed_paths(top: Path, commit: str) -> list[str]:
    """Paths that differ between a commit and the files on disk, untracked files among them. Renames count as two."""
    names = git(top, "diff", "--name-only", "--no-renames", "-z", commit, "--").split("\0")
    names += git(top, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    return sorted({name for name in names if name})


class CommitTree:
    """The files of a commit, read through one `git cat-file` a process."""

    def __init__(self, top: Path, commit: str) -> None:
        self.top = top
        self.commit = commit
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._entries: dict[str, tuple[str, str]] | None = None

    def files(self, folder: str) -> Listing:
        """All files below `folder`; what is left out on disk is left out here."""
        inside = [
            (path, mode)
            for path, (mode, _) in self._all().items()
            if path.startswith(f"{folder}/") and not any(map(left_out, path.split("/")))
        ]
        links = tuple(sorted(path for path, mode in inside if mode == "120000"))
        return Listing(tuple(sorted(path for path, mode in inside if mode.startswith("100"))), links)

    def read(self, path: str) -> bytes:
        """A file's bytes; raises FileProblem."""
        mode, name = self._all().get(path, ("", ""))
        if not mode.startswith("100"):
            raise FileProblem("missing-file", f"there is no file {path} in {self.commit[:10]}")
        return self._blob(name)

    def close(self) -> None:
        """Ends the `git cat-file` of this process."""
        if self._process is not None and self._owner == os.getpid():
            self._process.communicate()
            self._process = None

    def _all(self) -> dict[str, tuple[str, str]]:
        if self._entries is None:
            self._entries = {}
            for line in git(self.top, "ls-tree", "-r", "-z", self.commit, AGENTS, "components/images").split("\0"):
                if line:
                    head, path = line.split("\t", 1)
                    mode, _, name = head.split()
                    self._entries[path] = (mode, name)
        return self._entries

    def _blob(self, name: str) -> bytes:
        if self._process is None or self._owner != os.getpid():
            self._owner = os.getpid()
            self._process = subprocess.Popen(
                ["git", "-C", str(self.top), "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise GitError("git cat-file has no pipes")
        stdin.write(f"{name}\n".encode())
        stdin.flush()
        header = stdout.readline().split()
        if len(header) != 3:
            raise GitError(f"git cat-file: the object {name} is missing")
        data = stdout.read(int(header[2]))
        stdout.read(1)
        return data


@contextmanager
def worktree(top: Path, commit: str) -> Iterator[Path]:
    """A checkout of a commit in a temporary folder, gone afterwards."""
    with TemporaryDirectory(prefix="roster-base-") as folder:
        path = Path(folder) / "tree"
        git(top, "worktree", "add", "--detach", "--quiet", str(path), commit)
        try:
            yield path
        finally:
            with suppress(GitError):
                git(top, "worktree", "remove", "--force", str(path))
