"""Where real Grype scans small images with planted packages, against a planted database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from grype_tool import grype, planted_database
from oci_layout import write_layout

from ci.images.exceptions import ScannedImage
from ci.images.gate import GatePolicy, Verdict, judge
from ci.images.scanners import Scanner, Source, scan

REPOSITORY = "registry.example.com/roster/planted"
PYTHON = "/usr/lib/python3/dist-packages/{name}-{version}.dist-info/METADATA"
NPM = "/app/node_modules/{name}/package.json"
DPKG = "/var/lib/dpkg/status"
TODAY = datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Ground:
    """Where scans run: Grype's folder, its database, and a folder for images."""

    program: Path
    database: Path
    folder: Path

    def environ(self, path: Path | None = None, **changes: str) -> dict[str, str]:
        """The variables of a scan; `path` is the folder with another `grype`."""
        return {
            "PATH": f"{path or self.program.parent}:/usr/bin:/bin",
            "HOME": str(self.folder),
            "GRYPE_DB_CACHE_DIR": str(self.database),
            "GRYPE_DB_AUTO_UPDATE": "false",
            **changes,
        }


def open_ground(folder: Path) -> Ground:
    """With Grype and a planted database of now in it; the test is skipped where they cannot be built."""
    return Ground(grype(), planted_database(folder), folder)


def python_package(name: str = "planted-python", version: str = "1.0.0") -> dict[str, str]:
    """Its files."""
    content = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    return {PYTHON.format(name=name.replace("-", "_"), version=version): content}


MENDED = python_package(version="1.2.0")


def npm_package(name: str, version: str) -> dict[str, str]:
    """Its files."""
    return {NPM.format(name=name): json.dumps({"name": name, "version": version})}


def debian(release: str, *packages: str) -> dict[str, str]:
    """The files of a Debian with these packages, all of version 1.0-1."""
    status = "".join(
        f"Package: {name}\nStatus: install ok installed\nVersion: 1.0-1\nArchitecture: amd64\n"
        "Maintainer: Nobody <nobody@example.com>\nDescription: planted\n\n"
        for name in packages
    )
    return {"/etc/os-release": f'ID=debian\nVERSION_ID="{release}"\nNAME="Debian"\n', DPKG: status}


def scanned(
    ground: Ground,
    layout: Path,
    files: Mapping[str, str],
    *,
    environ: Mapping[str, str] | None = None,
    seconds: float = 60,
) -> Verdict:
    """The gate's verdict on an image with these files, which is written to the folder `layout`."""
    digest = write_layout(layout, files)
    image = ScannedImage(REPOSITORY, digest, runtimes=("fastapi",), agents=("support/triage",))
    found = scan(Source("oci-dir", str(layout)), Scanner("grype", seconds=seconds), environ or ground.environ())
    return judge(found, image, GatePolicy(), {}, TODAY)
