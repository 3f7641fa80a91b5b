"""The real validator of @elizaos/core, installed once into the user's cache folder."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent / "elizaos"
PACKAGE = HERE / "package.json"
VERSION = json.loads(PACKAGE.read_text())["dependencies"]["@elizaos/core"]


def missing() -> str:
    """What this machine lacks to run it, or an empty string."""
    return ", ".join(program for program in ("node", "npm") if shutil.which(program) is None)


def verdicts(texts: list[str]) -> list[str | None]:
    """For each JSON text None when elizaOS accepts it as a character, else its message."""
    command = ["node", str(HERE / "validate.mjs"), str(_installed())]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    answers: list[str | None] = json.loads(done.stdout)
    assert len(answers) == len(texts)
    return answers


def _installed() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "roster" / "node"
    folder = cache / f"elizaos-core-{VERSION}"
    cache.mkdir(parents=True, exist_ok=True)
    # Test workers start at the same time; one installs, the others wait for it.
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=cache) as temporary:
                _install(Path(temporary) / "new")
                (Path(temporary) / "new").rename(folder)
    return folder


def _install(folder: Path) -> None:
    folder.mkdir()
    shutil.copy(PACKAGE, folder)
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"npm could not install @elizaos/core {VERSION}:\n{done.stderr}"
