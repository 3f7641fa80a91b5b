"""The real Trivy, and a database for it in which just what is planted here stands."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

_TOP = Path(__file__).parents[2]
_MAKER = Path(__file__).parent / "trivy_database"
# Trivy's numbers of how far a distribution is with a fix, and of severities.
_AFFECTED, _MEDIUM, _CRITICAL = 2, 2, 4
# Ecosystem or distribution → who says so.
_SOURCES = {
    "pip::GitHub Security Advisory Pip": ("ghsa", "GitHub Security Advisory Pip"),
    "npm::GitHub Security Advisory Npm": ("ghsa", "GitHub Security Advisory Npm"),
    "debian 12": ("debian", "Debian Security Tracker"),
}
_PIP, _NPM, _DEBIAN = _SOURCES
_ADVISORIES: list[tuple[str, str, str, dict[str, Any]]] = [
    (_PIP, "planted-python", "CVE-2026-1000", {"VulnerableVersions": ["<1.2.0"], "PatchedVersions": ["1.2.0"]}),
    (_NPM, "planted-npm", "CVE-2026-1001", {"VulnerableVersions": [">=1.5.0"]}),
    (_DEBIAN, "planted-deb", "CVE-2026-1002", {"Status": _AFFECTED}),
    (_PIP, "planted-medium", "CVE-2026-1005", {"VulnerableVersions": ["<9"], "PatchedVersions": ["9"]}),
]
_SEVERITIES = {
    "CVE-2026-1000": {"ghsa": _CRITICAL},
    "CVE-2026-1001": {"ghsa": _CRITICAL},
    "CVE-2026-1002": {"nvd": _CRITICAL},
    "CVE-2026-1005": {"ghsa": _MEDIUM},
}
_NAMES = {_MEDIUM: "MEDIUM", _CRITICAL: "CRITICAL"}


@dataclass(frozen=True, slots=True)
class TrivyGround:
    """Where scans run: the program, and a folder for its database and images."""

    program: Path
    folder: Path

    def environ(self, **changes: str) -> dict[str, str]:
        """The variables of a scan."""
        return {
            "PATH": f"{self.program.parent}:/usr/bin:/bin",
            "HOME": str(self.folder),
            "TRIVY_CACHE_DIR": str(self.folder / "cache"),
            "TRIVY_SKIP_DB_UPDATE": "true",
            "TRIVY_SKIP_JAVA_DB_UPDATE": "true",
            **changes,
        }

    def date(self, made: datetime) -> None:
        """The database claims to be made then."""
        times = {"UpdatedAt": made, "DownloadedAt": made, "NextUpdate": made + timedelta(days=1)}
        text = json.dumps({"Version": 2} | {name: time.isoformat() for name, time in times.items()})
        (self.folder / "cache/db/metadata.json").write_text(text, "utf-8")


def open_ground(folder: Path) -> TrivyGround:
    """With Trivy and a planted database of now; the test is skipped where Trivy is not built."""
    built = _said("bash", _TOP / "ci/go_tools.sh", "--built", "trivy")
    if built.returncode:
        pytest.skip("Trivy is not built: bash ci/image_programs_test.sh")
    (folder / "cache/db").mkdir(parents=True)
    (folder / "entries.json").write_text(json.dumps(_entries()), "utf-8")
    made = _said("go", "run", "-C", _MAKER, "-mod=readonly", ".", folder / "entries.json", folder / "cache/db/trivy.db")
    assert made.returncode == 0, made.stderr
    ground = TrivyGround(Path(built.stdout.strip()), folder)
    ground.date(datetime.now(UTC))
    return ground


def _entries() -> list[dict[str, Any]]:
    found = [
        {"path": ["data-source"], "key": bucket, "value": {"ID": source, "Name": name, "URL": "https://example.com"}}
        for bucket, (source, name) in _SOURCES.items()
    ]
    found += [{"path": [bucket, package], "key": name, "value": value} for bucket, package, name, value in _ADVISORIES]
    found += [
        {
            "path": ["vulnerability"],
            "key": name,
            "value": {"Title": "planted", "Severity": _NAMES[max(said.values())], "VendorSeverity": said},
        }
        for name, said in _SEVERITIES.items()
    ]
    return found


def _said(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(one) for one in command], capture_output=True, text=True, timeout=600, check=False)
