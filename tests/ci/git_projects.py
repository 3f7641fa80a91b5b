"""A bare remote with the fixture's fleet, and clones of it in which the scripts of `ci/` run, as in a pipeline."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from command_fleet import git
from small_fleet import MINIMAL, write

TOP = Path(__file__).parents[2]
# Stands in for the engine: what `up` applied is a line in a file, and that is what the state is asked for.
PYTHON = f"""#!/usr/bin/env bash
if [ "$1 $2" = "-m ci.turn" ]; then exec {sys.executable} "$@" --applied $(cat "$APPLIED"); fi
exec {sys.executable} "$@"
"""
ROSTER = f"""#!/usr/bin/env bash
if [ "$1" != up ]; then exec {sys.executable} -c 'from ci.cli import main; main()' "$@"; fi
echo "up $*" >>"$APPLIED.calls"
while [ -e "$APPLIED.busy" ]; do sleep 0.02; done
git rev-parse HEAD >>"$APPLIED"
"""
AGENTS = {f"business/{name}.yaml": MINIMAL for name in ("one", "two")}


@dataclass(frozen=True)
class Remote:
    """A bare repository; `applied` is the file that remembers what was applied."""

    folder: Path

    @property
    def bare(self) -> Path:
        return self.folder / "remote.git"

    @property
    def applied(self) -> Path:
        return self.folder / "applied"

    def copy(self, folder: Path) -> Remote:
        """Another one like it, as it was made."""
        made = Remote(folder)
        shutil.copytree(self.bare, made.bare)
        made.applied.touch()
        return made

    def clone(self, name: str, *options: str) -> Clone:
        """A clone by URL, as the file system's own protocol knows no depth."""
        git(self.folder, "clone", "--quiet", *options, f"file://{self.bare}", name)
        return equipped(Clone(self.folder / name, self))


@dataclass(frozen=True)
class Clone:
    """A work tree of the remote."""

    top: Path
    remote: Remote

    def git(self, *arguments: str) -> str:
        """Runs git here."""
        return git(self.top, *arguments)

    def commit(self, changes: dict[str, str | None], message: str = "change") -> str:
        """Writes files (None: takes them away), commits, and gives the commit's name."""
        for path, text in changes.items():
            target = self.top / path
            if text is None:
                target.unlink()
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, "utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)
        return self.git("rev-parse", "HEAD")

    def merge(self, changes: dict[str, str | None]) -> str:
        """A commit on main that everybody sees."""
        commit = self.commit(changes)
        self.git("push", "--quiet", "origin", "HEAD:main")
        return commit

    def start(self, script: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Starts a script of `ci/`."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        environment = kept | {
            "HOME": str(self.remote.folder),
            "PYTHONPATH": str(TOP),
            "ROSTER_KEEP_VENV": "1",
            "APPLIED": str(self.remote.applied),
            **variables,
        }
        command = ["bash", f"ci/{script}", *arguments]
        return subprocess.Popen(
            command, cwd=self.top, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, script: str, *arguments: str, **variables: str) -> tuple[int, str]:
        """Runs a script to its end: exit code, and what it said."""
        with self.start(script, *arguments, **variables) as process:
            said, _ = process.communicate(timeout=60)
        return process.returncode, said


def remote_with_fleet(folder: Path) -> Remote:
    """The remote, whose main has one commit."""
    remote = Remote(folder)
    git(folder, "init", "--quiet", "--bare", "--initial-branch", "main", str(remote.bare))
    remote.applied.touch()
    seed = write(folder / "seed", AGENTS)
    (seed / "ci").mkdir()
    for script in (TOP / "ci").glob("*.sh"):
        shutil.copy(script, seed / "ci")
    (seed / ".gitignore").write_text(".venv/\nout/\n", "utf-8")
    (seed / "requirements.lock").touch()
    (seed / "pyproject.toml").touch()
    git(seed, "init", "--quiet", "--initial-branch", "main")
    git(seed, "add", "--all")
    git(seed, "commit", "--quiet", "-m", "first")
    git(seed, "push", "--quiet", str(remote.bare), "main")
    return remote


def equipped(clone: Clone) -> Clone:
    """Puts the stand-ins where the scripts look for Python and Roster."""
    tools = clone.top / ".venv/bin"
    tools.mkdir(parents=True)
    for name, text in (("python", PYTHON), ("roster", ROSTER)):
        (tools / name).write_text(text, "utf-8")
        (tools / name).chmod(0o755)
    return clone
