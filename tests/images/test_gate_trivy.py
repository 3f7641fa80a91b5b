"""How Trivy is run. No package registry has Trivy itself: a script that notes its arguments stands in for it."""

from __future__ import annotations

import json
from pathlib import Path

from oci_layout import write_layout
from scan_documents import DIGEST, IMAGE_ID, NOW, REPOSITORY, trivy_about, trivy_finding, trivy_report

from ci.images.exceptions import ScannedImage
from ci.images.gate import GatePolicy, judge
from ci.images.reports import Report, ScanFailure
from ci.images.scanners import Scanner, Source, scan

IMAGE = ScannedImage(REPOSITORY, DIGEST, IMAGE_ID, agents=("support/triage",))
STAND_IN = """#!/bin/bash
echo "$PWD $*" >> {folder}/asked
env >> {folder}/environ
ls -A >> {folder}/around
if [ "$1" = version ]; then cat {folder}/about.json; exit; fi
cp {folder}/written.json report.json
"""


def scanned(
    folder: Path, report: bytes, about: bytes = trivy_about(), source: Source | None = None, **environ: str
) -> Report | ScanFailure:
    (folder / "bin").mkdir()
    (folder / "written.json").write_bytes(report)
    (folder / "about.json").write_bytes(about)
    program = folder / "bin" / "trivy"
    program.write_text(STAND_IN.format(folder=folder))
    program.chmod(0o755)
    variables = {"PATH": f"{program.parent}:/usr/bin:/bin", "HOME": str(folder), **environ}
    return scan(source or Source("registry", IMAGE.reference), Scanner("trivy"), variables)


def test_a_vulnerable_image_is_stopped_by_trivys_report(tmp_path: Path) -> None:
    found = judge(scanned(tmp_path, trivy_report(trivy_finding())), IMAGE, GatePolicy(), {}, NOW)
    assert [one.vulnerability.name for one in found.blocking] == ["CVE-2026-1000"]
    assert (found.scanner, found.scanner_version, found.database) == ("trivy", "0.66.0", "2026-11-20")


def test_trivy_is_asked_for_every_package_and_finding_and_for_its_database(tmp_path: Path) -> None:
    assert isinstance(scanned(tmp_path, trivy_report()), Report)
    first, second = (tmp_path / "asked").read_text().splitlines()
    for part in ("--list-all-pkgs", "--show-suppressed", "--severity UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL", "--exit-code 0",
                 "--pkg-types os,library", f"--image-src remote {IMAGE.reference}"):  # fmt: skip
        assert part in first
    assert second.endswith("version --format json")


def test_settings_of_trivy_that_lie_around_are_not_seen(tmp_path: Path) -> None:
    hiding = {"TRIVY_IGNORE_UNFIXED": "true", "TRIVY_SEVERITY": "LOW", "TRIVY_IGNOREFILE": "x", "GITHUB_TOKEN": "t"}
    scanned(tmp_path, trivy_report(), TRIVY_CACHE_DIR="/cache", **hiding)
    seen = (tmp_path / "environ").read_text()
    assert not [name for name in hiding if f"{name}=" in seen]
    assert "TRIVY_CACHE_DIR=/cache" in seen
    # It runs in a folder of its own, in which there is nothing but an empty file of settings.
    assert (tmp_path / "around").read_text().split()[0] == "none.yaml"
    assert str(tmp_path) not in (tmp_path / "asked").read_text().split()[0]


def test_an_image_on_disk_is_given_as_a_file(tmp_path: Path) -> None:
    write_layout(tmp_path / "image", {"/x": "y"})
    assert isinstance(scanned(tmp_path, trivy_report(), source=Source("oci-dir", str(tmp_path / "image"))), Report)
    assert f"--input {tmp_path}/image" in (tmp_path / "asked").read_text()


def test_trivy_without_a_database_closes_the_gate(tmp_path: Path) -> None:
    about = json.dumps({"Version": "0.66.0"}).encode()
    found = judge(scanned(tmp_path, trivy_report(), about), IMAGE, GatePolicy(), {}, NOW)
    assert [one.reason for one in found.failures] == ["database-missing"]


def test_trivy_that_writes_nothing_closes_the_gate(tmp_path: Path) -> None:
    found = scanned(tmp_path, b"")
    assert isinstance(found, ScanFailure)
    assert found.reason == "report-empty"
