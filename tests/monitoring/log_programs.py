"""Our own small programs on Alloy's and on Loki's code. Building both takes minutes, so ci/test.sh leaves it out."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_HERE = Path(__file__).parent
# Program → the module whose code it is built on; that brings the checksums of all others.
_MODULES = {"alloy": "github.com/grafana/alloy@v1.10.0", "logql": "github.com/grafana/loki/v3@v3.7.8"}


def asked(name: str, given: Any, *arguments: str, environ: Mapping[str, str] | None = None) -> Any:
    """What the program makes of `given`; fails with what it says."""
    done = subprocess.run(
        [program(name), *arguments],
        input=json.dumps(given),
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@cache
def program(name: str) -> str:
    """The path of the program, built once for each version of its source."""
    sources = sorted((_HERE / name).iterdir())
    version = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "roster" / "go" / "bin"
    built = base / f"logs-{name}@{version}" / name
    if built.is_file():
        return str(built)
    if shutil.which("go") is None:
        pytest.skip(f"`go`, which builds tests/monitoring/{name}, is not on PATH")
    base.mkdir(parents=True, exist_ok=True)
    # Test workers start at the same time; one builds, the others wait for it.
    with (base / f"logs-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.is_file():
            _build(name, sources, built)
    return str(built)


def _build(name: str, sources: list[Path], built: Path) -> None:
    staged = built.with_name("staged")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    for source in sources:
        shutil.copy(source, staged)
    found = json.loads(_go("mod", "download", "-json", _MODULES[name], folder=staged))
    shutil.copyfile(Path(found["Dir"]) / "go.sum", staged / "go.sum")
    _go("build", "-mod=mod", "-buildvcs=false", "-ldflags=-s -w", "-o", name, ".", folder=staged)
    (staged / name).rename(built)
    shutil.rmtree(staged)


def _go(*words: str, folder: Path) -> str:
    done = subprocess.run(
        ["go", *words],
        cwd=folder,
        env={**os.environ, "GOWORK": "off"},
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
