"""Exporters as processes of their own, on ports of their own; what they expose, as text."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from debian_programs import program

EXPORTERS = Path(__file__).parent / "exporters"
PATIENCE_SECONDS = 60
BUILD_SECONDS = 1800


@contextmanager
def served(
    name: str,
    options: Callable[[str], list[str]],
    folder: Path,
    environ: Mapping[str, str] | None = None,
    answers: int = 200,
) -> Iterator[str]:
    """The address of a program of Debian that `answers` so at /metrics; `options` are given its host and port."""
    if not program(name):
        pytest.skip(f"{name} is neither on PATH nor to be had from Debian")
    with socket.create_server(("127.0.0.1", 0)) as free:
        place = f"127.0.0.1:{free.getsockname()[1]}"
    log = folder / f"{name}.log"
    with log.open("wb") as said:
        command = [program(name), *options(place)]
        process = subprocess.Popen(command, stdout=said, stderr=said, env={**os.environ, **(environ or {})})
    try:
        wait_until(lambda: _status(f"http://{place}") == answers, lambda: f"{name} answers: {log.read_text()}")
        yield f"http://{place}"
    finally:
        process.kill()
        process.wait()


def metrics(address: str) -> str:
    """What is exposed there."""
    return httpx.get(f"{address}/metrics", timeout=PATIENCE_SECONDS, trust_env=False).raise_for_status().text


def _status(address: str) -> int:
    try:
        return httpx.get(f"{address}/metrics", timeout=PATIENCE_SECONDS, trust_env=False).status_code
    except httpx.TransportError:
        return 0


def wait_until(true: Callable[[], bool], what: Callable[[], str]) -> None:
    """Raises TimeoutError when it does not come."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {PATIENCE_SECONDS} s: {what()}")
        time.sleep(0.1)


def said_by(name: str) -> str:
    """What the Go program `exporters/<name>` writes; it is built once for each version of its source."""
    if shutil.which("go") is None:
        pytest.skip(f"`go`, which builds tests/monitoring/exporters/{name}, is not on PATH")
    source = EXPORTERS / name
    files = sorted(path for path in source.rglob("*") if path.suffix in (".go", ".mod", ".sum"))
    version = hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "roster/go/bin"
    built = cache / f"{name}_metrics@{version}" / name
    built.parent.mkdir(parents=True, exist_ok=True)
    # Test workers start at the same time; one builds, the others wait for it.
    with (cache / f"{name}_metrics.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.is_file():
            staged = built.with_name("staged")
            command = ["go", "build", "-C", source, "-mod=readonly", "-o", staged, "."]
            done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
            assert done.returncode == 0, done.stderr
            staged.rename(built)
    return subprocess.run([built], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True).stdout
