"""The real Grype, and databases for it in which just what a test plants stands. Both are built by Go, once."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

_TOP = Path(__file__).parents[2]
_MAKER = Path(__file__).parent / "grype_database"
_PLANTED = _MAKER / "planted.json"
_BUILD_SECONDS = 1800


def grype() -> Path:
    """The program that ci/go-tools.txt pins; the test is skipped where there is neither it nor Go."""
    built = _said(["bash", str(_TOP / "ci/go_tools.sh"), "--built", "grype"])
    if built.returncode != 0:
        if shutil.which("go") is None:
            pytest.skip("neither Grype is built nor is `go`, to build it, on PATH")
        built = _said(["bash", str(_TOP / "ci/go_tools.sh"), "grype"])
    assert built.returncode == 0, built.stderr
    return Path(built.stdout.strip())


def planted_database(folder: Path, built: str = "", without: str = "") -> Path:
    """A folder for GRYPE_DB_CACHE_DIR with the planted database, which claims to be of that moment (RFC 3339).

    `without`: a package of which nothing is known yet.
    """
    wanted: dict[str, Any] = json.loads(_PLANTED.read_text())
    wanted["advisories"] = [one for one in wanted["advisories"] if not without or one.get("package") != without]
    folder.mkdir(exist_ok=True)
    (folder / "planted.json").write_text(json.dumps(wanted | {"built": built}))
    made = _said([str(_maker()), str(folder / "planted.json"), str(folder / "made")])
    assert made.returncode == 0, made.stderr
    environ = {**os.environ, "GRYPE_DB_CACHE_DIR": str(folder / "cache"), "GRYPE_DB_VALIDATE_AGE": "false"}
    imported = _said([str(grype()), "db", "import", str(folder / "made" / "vulnerability.db")], environ)
    assert imported.returncode == 0, imported.stderr
    return folder / "cache"


def _maker() -> Path:
    """The program that makes databases, built once for each version of its source."""
    if shutil.which("go") is None:
        pytest.skip("`go`, which builds the maker of the planted database, is not on PATH")
    sources = [_MAKER / name for name in ("main.go", "go.mod", "go.sum")]
    version = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "roster" / "go" / "bin"
    program = cache / f"grype_database@{version}" / "grype_database"
    cache.mkdir(parents=True, exist_ok=True)
    # Test workers start at the same time; one builds, the others wait for it.
    with (cache / "grype_database.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.is_file():
            staged = program.with_name("staged")
            done = _said(["go", "build", "-C", str(_MAKER), "-mod=readonly", "-o", str(staged), "."])
            assert done.returncode == 0, done.stderr
            staged.rename(program)
    return program


def _said(command: list[str], environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=_BUILD_SECONDS, check=False)
