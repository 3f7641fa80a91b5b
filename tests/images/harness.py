"""A registry, a base image and a container engine on this machine, for tests that build and run images."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "roster"
# Debian's own client: another one before it on PATH may be too new for this engine.
DOCKER = "/usr/bin/docker"
_CA = Path("/etc/ssl/certs/ca-certificates.crt")


def missing(*programs: str) -> str:
    """What this machine lacks, ready for `skipif(reason=…)`; empty when nothing."""
    lacking = [program for program in programs if shutil.which(program) is None]
    if os.geteuid() != 0:
        lacking.insert(0, "root")
    return f"needs {', '.join(lacking)}; see ci/test_tools.sh" if lacking else ""


def certificates() -> dict[str, Path]:
    """The build secret by which this machine trusts the package index."""
    return {"ca": _CA} if _CA.is_file() else {}


def base_image(kind: str) -> Path:
    """The OCI folder of a base image, "python" or "node"; made once (one or two minutes) into the cache folder."""
    script = Path(__file__).with_name("base_image.sh")
    inputs = script.read_bytes() + kind.encode()
    if kind == "node":
        inputs += subprocess.run(["node", "--version"], capture_output=True, check=True).stdout
    folder = CACHE / "base" / hashlib.sha256(inputs).hexdigest()[:16]
    with locked(CACHE / "base" / f"{kind}.lock"):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
                new = Path(temporary) / "new"
                done = subprocess.run(
                    ["bash", script, kind, new], capture_output=True, text=True, check=False, timeout=900
                )
                assert done.returncode == 0, f"no base image could be made:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
                new.rename(folder)
    return folder


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Held by one process at a time; test workers start together."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def put(layout: Path, target: str) -> str:
    """Copies an OCI folder's only image to a registry; gives `repository@digest`."""
    command = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", "--digestfile"]
    with tempfile.NamedTemporaryFile("r") as digest:
        source = f"oci:{layout}:{_name(layout)}"
        subprocess.run(
            [*command, digest.name, source, f"docker://{target}"], check=True, capture_output=True, timeout=120
        )
        return f"{target.rpartition(':')[0]}@{digest.read().strip()}"


@contextmanager
def engine() -> Iterator[list[str]]:
    """A dockerd of its own without networks of its own; gives the start of a docker command."""
    # Not below pytest's folder: a socket's path has at most 107 characters, and gigabytes are not to be kept.
    with tempfile.TemporaryDirectory(prefix="roster-dockerd-", ignore_cleanup_errors=True) as temporary:
        try:
            yield from _dockerd(Path(temporary))
        finally:
            # The host's network, which dockerd leaves mounted.
            subprocess.run(["umount", f"{temporary}/exec/netns/default"], check=False, capture_output=True)


def _dockerd(folder: Path) -> Iterator[list[str]]:
    socket = f"unix://{folder}/docker.sock"
    command = ["dockerd", "--iptables=false", "--bridge=none", "--data-root", folder / "data"]
    command += ["--exec-root", folder / "exec", "--pidfile", folder / "pid", "--host", socket]
    with (folder / "dockerd.log").open("w") as log:
        # Ended politely, for it has containers and mounts to clear away; also when this process is killed.
        guard = '"$@" & child=$!; cat >/dev/null; kill $child; wait $child'
        start = ["sh", "-c", guard, "sh", *command]
        process = subprocess.Popen(start, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)
    try:
        _said(folder / "dockerd.log", r"API listen on \S+", process)
        yield [DOCKER, "--host", socket]
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)


def _said(log: Path, pattern: str, process: subprocess.Popen[bytes]) -> str:
    """What a program has logged, as soon as it has."""
    for _ in range(600):
        if found := re.search(pattern, log.read_text(errors="replace")):
            return found.group(found.lastindex or 0)
        assert process.poll() is None, f"it ended at once:\n{log.read_text()[-2000:]}"
        time.sleep(0.05)
    raise AssertionError(f"it did not start:\n{log.read_text()[-2000:]}")


def _name(layout: Path) -> str:
    (manifest,) = json.loads((layout / "index.json").read_bytes())["manifests"]
    return str(manifest["annotations"]["org.opencontainers.image.ref.name"])
