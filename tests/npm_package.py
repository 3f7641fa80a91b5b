"""Programs of npm that tests hold Roster against, installed once into the user's cache folder."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path


def missing() -> str:
    """What this machine lacks to install and run them, or an empty string."""
    return ", ".join(program for program in ("node", "npm") if shutil.which(program) is None)


def installed(package: Path) -> Path:
    """The folder in which what a package.json pins, exactly one package, is installed."""
    ((name, version),) = json.loads(package.read_text())["dependencies"].items()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "roster" / "node"
    plain = name.lstrip("@").replace("/", "-")
    folder = cache / f"{plain}-{version}"
    cache.mkdir(parents=True, exist_ok=True)
    # Test workers start at the same time; one installs, the others wait for it.
    with (cache / f"{plain}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=cache) as temporary:
                _install(package, Path(temporary) / "new")
                (Path(temporary) / "new").rename(folder)
    return folder


def _install(package: Path, folder: Path) -> None:
    folder.mkdir()
    shutil.copy(package, folder)
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"npm could not install what {package} pins:\n{done.stderr}"
