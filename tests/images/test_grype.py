"""The gate from end to end: real Grype, a planted database, and images with planted packages."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from grype_ground import MENDED, REPOSITORY, TODAY, Ground, debian, npm_package, open_ground, python_package, scanned
from local_registry import LocalRegistry
from oci_layout import write_layout

from ci.images.exceptions import ScannedImage
from ci.images.gate import GatePolicy, judge
from ci.images.reports import ScanFailure
from ci.images.scan_report import as_json, as_markdown
from ci.images.scanners import Scanner, Source, scan
from components.definition.vulnerability_exceptions import VulnerabilityException


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return open_ground(tmp_path_factory.mktemp("grype"))


def exception(**changes: object) -> VulnerabilityException:
    days = {"created": TODAY - timedelta(days=30), "expires": TODAY + timedelta(days=30)}
    written = {
        "vulnerability": "CVE-2026-1000",
        "package": "planted-python",
        "images": ["runtime:fastapi"],
        "reason": "The part that is vulnerable is never called.",
        "owner": "security",
        **{key: f"{day:%Y-%m-%d}" for key, day in days.items()},
    }
    return VulnerabilityException.model_validate(written | changes)


def test_a_vulnerable_package_stops_the_image_and_the_report_says_all_of_it(ground: Ground, tmp_path: Path) -> None:
    found = scanned(ground, tmp_path, python_package())
    assert [one.vulnerability.name for one in found.blocking] == ["CVE-2026-1000"]
    for text in (as_markdown([found]), as_json([found])):
        for part in ("planted-python", "1.0.0", "1.2.0", "critical", "CVE-2026-1000", "GHSA-2222-3333-4444",
                     "planted_python-1.0.0.dist-info/METADATA", "support/triage", "github"):  # fmt: skip
            assert part in text
    assert found.blocking[0].vulnerability.layers[0].startswith("sha256:")


def test_the_mended_version_passes(ground: Ground, tmp_path: Path) -> None:
    assert scanned(ground, tmp_path, MENDED).passed


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (npm_package("planted-npm", "1.9.9"), "CVE-2026-1001"),
        (debian("12", "planted-deb"), "CVE-2026-1002"),
        (debian("12", "planted-unrated"), "CVE-2026-1003"),
    ],
)
def test_packages_of_node_and_debian_are_stopped_with_no_fix_and_with_no_rating_of_the_vendor(
    ground: Ground, tmp_path: Path, files: dict[str, str], name: str
) -> None:
    (one,) = scanned(ground, tmp_path, files).blocking
    assert (one.vulnerability.name, one.vulnerability.fixed) == (name, ())


def test_a_milder_finding_is_counted_and_passes(ground: Ground, tmp_path: Path) -> None:
    found = scanned(ground, tmp_path, python_package("planted-medium"))
    assert found.passed
    assert ("medium", 1) in found.counts


def test_a_debian_at_the_end_of_its_life_stops_the_image_though_nothing_is_vulnerable(
    ground: Ground, tmp_path: Path
) -> None:
    found = scanned(ground, tmp_path, debian("10", "planted-old"))
    assert [(one.vulnerability.id, one.vulnerability.version) for one in found.blocking] == [("end-of-life", "10")]
    assert not any(count for _, count in found.counts)


def test_with_an_exception_it_passes_and_with_the_exception_expired_it_is_stopped(
    ground: Ground, tmp_path: Path
) -> None:
    digest = write_layout(tmp_path, python_package())
    report = scan(Source("oci-dir", str(tmp_path)), Scanner("grype"), ground.environ())
    image = ScannedImage(REPOSITORY, digest, runtimes=("fastapi",))
    held, policy = {"exceptions/planted.yaml": exception()}, GatePolicy(database_days=90)
    passed = judge(report, image, policy, held, TODAY)
    assert passed.passed
    assert [one.path for one in passed.excepted] == ["exceptions/planted.yaml"]
    ended = judge(report, image, policy, held, TODAY + timedelta(days=30))
    assert not ended.passed
    assert f"exceptions/planted.yaml ended on {held['exceptions/planted.yaml'].expires}" in as_markdown([ended])


def test_an_image_in_a_registry_of_this_machine_is_scanned_by_its_digest(ground: Ground, tmp_path: Path) -> None:
    for program, package in (("docker-registry", "docker-registry"), ("skopeo", "skopeo")):
        if shutil.which(program) is None:
            pytest.skip(f"`{program}` is not on PATH: apt-get install {package}")
    digest = write_layout(tmp_path / "image", python_package())
    (tmp_path / "registry").mkdir()
    registry = LocalRegistry(tmp_path / "registry")
    try:
        place = f"{registry.host}/team/planted"
        copy = ["skopeo", "copy", "--dest-tls-verify=false", f"oci:{tmp_path}/image", f"docker://{place}:1"]
        subprocess.run(copy, check=True, capture_output=True, timeout=60)
        image = ScannedImage(place, digest)
        report = scan(Source("registry", image.reference), Scanner("grype"), ground.environ())
        gone = scan(Source("registry", f"{place}@sha256:{'0' * 64}"), Scanner("grype"), ground.environ())
    finally:
        registry.stop()
    found = judge(report, image, GatePolicy(), {}, TODAY)
    assert found.judged
    assert [one.vulnerability.name for one in found.blocking] == ["CVE-2026-1000"]
    assert isinstance(gone, ScanFailure)
    assert gone.reason == "scanner-crashed"


def test_settings_of_grype_that_lie_around_let_nothing_pass(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".config" / "grype").mkdir(parents=True)
    ignoring = "ignore:\n  - package: {name: planted-npm}\nonly-fixed: true\n"
    for file in (home / ".grype.yaml", home / ".config" / "grype" / "config.yaml"):
        file.write_text(ignoring)
    monkeypatch.chdir(home)
    environ = ground.environ(
        HOME=str(home),
        XDG_CONFIG_HOME=str(home / ".config"),
        GRYPE_ONLY_FIXED="true",
        GRYPE_CONFIG=str(home / ".grype.yaml"),
    )
    found = scanned(ground, tmp_path / "image", npm_package("planted-npm", "1.0.0"), environ=environ)
    assert [one.vulnerability.name for one in found.blocking] == ["CVE-2026-1001"]
