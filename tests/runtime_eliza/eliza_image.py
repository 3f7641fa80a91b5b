"""What stands in an Eliza image below /app, laid out in a folder of this machine: packages by the lock, the starter."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.resolve.eliza import RUNNERS
from components.resolve.npm_lock import lock_text, package_json, subset
from components.resolve.plugin_needs import needs_text

CONTEXT = Path(__file__).parents[2] / "components/images/eliza"
LOCK: dict[str, Any] = json.loads((CONTEXT / "package-lock.json").read_text())
# What the lock was made for: package → version.
LOCKED: dict[str, str] = LOCK["packages"][""]["dependencies"]
TELEGRAM = "@elizaos/plugin-telegram"
_INSTALL = (
    "npm",
    "ci",
    "--omit=dev",
    "--omit=optional",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
)


def packages(*plugins: str) -> dict[str, str]:
    """The packages of an image with `plugins`, with the versions of the lock."""
    return {name: LOCKED[name] for name in (*RUNNERS, *plugins)}


def write_packages(folder: Path, wanted: Mapping[str, str], lock: Mapping[str, Any] | None = None) -> None:
    """package.json and package-lock.json of the packages, as in a build context."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(json.dumps(package_json("eliza", wanted)))
    (folder / "package-lock.json").write_text(lock_text(lock or subset(LOCK, wanted)))


def write_starter(folder: Path, needs: Mapping[str, tuple[str, list[str]]]) -> Path:
    """start.mjs with its needs: package → (whose, variables). Gives the script."""
    folder.mkdir(parents=True, exist_ok=True)
    plugins = {package: {"for": whose, "variables": variables} for package, (whose, variables) in needs.items()}
    (folder / "needs.json").write_text(needs_text({"plugins": plugins}))
    return Path(shutil.copy(CONTEXT / "start.mjs", folder))


def installed(*plugins: str) -> Path:
    """A folder with node_modules of an image with `plugins`: made once, half a minute, into the user's cache folder."""
    wanted = packages(*plugins)
    key = hashlib.sha256(lock_text(subset(LOCK, wanted)).encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "roster" / "node"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"eliza-{key}"
    # Test workers start at the same time; one installs, the others wait for it.
    with (cache / "eliza.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            for old in cache.glob("eliza-*"):
                shutil.rmtree(old)
            with tempfile.TemporaryDirectory(dir=cache) as temporary:
                new = Path(temporary) / "new"
                write_packages(new, wanted)
                done = subprocess.run(_INSTALL, cwd=new, capture_output=True, text=True, timeout=600, check=False)
                assert done.returncode == 0, f"npm could not install by the lock:\n{done.stderr}"
                new.rename(folder)
    return folder
