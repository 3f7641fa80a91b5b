"""Programs of Debian packages: on PATH, or unpacked into the cache folder. Nothing is installed, no service starts."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

# Program → its package.
PACKAGES = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
    "prometheus-pushgateway": "prometheus-pushgateway",
    "prometheus-postgres-exporter": "prometheus-postgres-exporter",
    "prometheus-redis-exporter": "prometheus-redis-exporter",
    "squid": "squid",
}
# Libraries and files of a package that few machines have, by the packages that bring them.
WITH = {"squid": ("squid-common", "libecap3", "libltdl7", "libnetfilter-conntrack3", "libnfnetlink0", "libtdb1")}


@cache
def program(name: str) -> str:
    """The path of the program; empty where it is neither on PATH nor to be had from Debian."""
    found = shutil.which(name)
    if found or not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return found or ""
    package = PACKAGES[name]
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "roster" / package
    base.mkdir(parents=True, exist_ok=True)
    # Test workers start at the same time; one unpacks, the others wait for it.
    with (base / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (base / "deb").is_dir():
            with tempfile.TemporaryDirectory(dir=base) as folder:
                if not _unpacked(package, Path(folder)):
                    return ""
                (Path(folder) / "deb").rename(base / "deb")
    return next((str(path) for path in base.glob(f"deb/usr/*bin/{name}")), "")


def libraries(unpacked: str) -> str:
    """The folder of the libraries that came with an unpacked program, for LD_LIBRARY_PATH; empty for one on PATH."""
    top = next((parent for parent in Path(unpacked).parents if parent.name == "deb"), None)
    return "" if top is None else ":".join(str(path) for path in sorted((top / "usr/lib").glob("*-linux-gnu")))


def _unpacked(package: str, folder: Path) -> bool:
    wanted = (package, *WITH.get(package, ()))
    for again in (False, True):
        if again and subprocess.run(["apt-get", "update", "-qq"], check=False, capture_output=True).returncode:
            return False
        subprocess.run(["apt-get", "download", "-qq", *wanted], cwd=folder, check=False, capture_output=True)
        packages = [*folder.glob("*.deb")]
        if len(packages) == len(wanted):
            done = [subprocess.run(["dpkg-deb", "-x", one, folder / "deb"], check=False) for one in packages]
            return not any(one.returncode for one in done)
    return False
