"""The gate from end to end with the real Trivy: a planted database, and images with planted packages."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import image_project
import pytest
from grype_ground import MENDED, REPOSITORY, TODAY, npm_package, python_package
from grype_ground import debian as dpkg_only
from image_project import MENDED as FIXED
from image_project import OWN, VULNERABLE
from local_registry import LocalRegistry
from oci_layout import write_layout
from trivy_ground import TrivyGround, open_ground

from ci.images.exceptions import ScannedImage
from ci.images.gate import GatePolicy, Verdict, judge
from ci.images.reports import ScanFailure
from ci.images.scan_report import as_markdown
from ci.images.scanners import Scanner, Source, scan

TRIVY = Scanner("trivy", seconds=120)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> TrivyGround:
    return open_ground(tmp_path_factory.mktemp("trivy"))


@pytest.fixture(autouse=True)
def _fresh(ground: TrivyGround) -> Iterator[None]:
    yield
    ground.date(datetime.now(UTC))


def debian(release: str, *packages: str) -> dict[str, str]:
    """The files of a Debian with these packages; Trivy knows a Debian by a file of base-files' own."""
    return dpkg_only(release, *packages) | {"/etc/debian_version": f"{release}.5\n"}


def scanned(ground: TrivyGround, layout: Path, files: Mapping[str, str], **environ: str) -> Verdict:
    """The gate's verdict on an image with these files."""
    digest = write_layout(layout, files)
    manifest = json.loads((layout / "blobs" / digest.replace(":", "/")).read_bytes())
    image = ScannedImage(REPOSITORY, digest, manifest["config"]["digest"], agents=("support/triage",))
    found = scan(Source("oci-dir", str(layout)), TRIVY, ground.environ(**environ))
    return judge(found, image, GatePolicy(), {}, TODAY)


def test_the_version_is_the_one_that_jobs_install() -> None:
    top = Path(__file__).parents[2] / "ci"
    (pinned,) = re.findall(r"^trivy .*@v(\S+)", (top / "go-tools.txt").read_text("utf-8"), re.MULTILINE)
    assert f"\ntrivy={pinned}\n" in (top / "image_tools.sh").read_text("utf-8")


def test_a_vulnerable_package_stops_the_image_and_the_report_says_all_of_it(
    ground: TrivyGround, tmp_path: Path
) -> None:
    found = scanned(ground, tmp_path, python_package() | debian("12", "planted-base"))
    assert [one.vulnerability.name for one in found.blocking] == ["CVE-2026-1000"]
    text = as_markdown([found])
    for part in ("planted-python", "1.0.0", "1.2.0", "critical", "support/triage", "trivy"):
        assert part in text


def test_the_mended_version_and_a_milder_finding_pass(ground: TrivyGround, tmp_path: Path) -> None:
    assert scanned(ground, tmp_path / "mended", MENDED | debian("12", "planted-base")).passed
    mild = scanned(ground, tmp_path / "mild", python_package("planted-medium") | debian("12", "planted-base"))
    assert mild.passed
    assert ("medium", 1) in mild.counts


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (npm_package("planted-npm", "1.9.9") | debian("12", "planted-base"), "CVE-2026-1001"),
        (debian("12", "planted-deb"), "CVE-2026-1002"),
    ],
)
def test_what_has_no_fix_is_stopped_too(ground: TrivyGround, tmp_path: Path, files: dict[str, str], name: str) -> None:
    (one,) = scanned(ground, tmp_path, files).blocking
    assert (one.vulnerability.name, one.vulnerability.fixed) == (name, ())


def test_a_debian_at_the_end_of_its_life_stops_the_image(ground: TrivyGround, tmp_path: Path) -> None:
    found = scanned(ground, tmp_path, debian("9", "planted-old"))
    assert [one.vulnerability.id for one in found.blocking] == ["end-of-life"]


def test_an_image_in_a_registry_is_scanned_by_its_digest(ground: TrivyGround, tmp_path: Path) -> None:
    digest = write_layout(tmp_path / "image", python_package() | debian("12", "planted-base"))
    (tmp_path / "registry").mkdir()
    registry = LocalRegistry(tmp_path / "registry")
    try:
        place = f"{registry.host}/team/planted"
        copy = ["skopeo", "copy", "--dest-tls-verify=false", f"oci:{tmp_path}/image", f"docker://{place}:1"]
        subprocess.run(copy, check=True, capture_output=True, timeout=60)
        image = ScannedImage(place, digest)
        found = judge(
            scan(Source("registry", image.reference), TRIVY, ground.environ()), image, GatePolicy(), {}, TODAY
        )
        gone = scan(Source("registry", f"{place}@sha256:{'0' * 64}"), TRIVY, ground.environ())
    finally:
        registry.stop()
    assert found.judged
    assert [one.vulnerability.name for one in found.blocking] == ["CVE-2026-1000"]
    assert isinstance(gone, ScanFailure)
    assert gone.reason == "scanner-crashed"


@pytest.mark.parametrize(("version", "code"), [(FIXED, 0), (VULNERABLE, 3)])
def test_the_commands_judge_and_record_by_it(
    ground: TrivyGround, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, code: int
) -> None:
    with image_project.opened(tmp_path) as place:
        place.set(monkeypatch)
        (place.programs / "trivy").symlink_to(ground.program)
        for name in ("TRIVY_CACHE_DIR", "TRIVY_SKIP_DB_UPDATE", "TRIVY_SKIP_JAVA_DB_UPDATE"):
            monkeypatch.setenv(name, ground.environ()[name])
        made = image_project.project(place, tmp_path / "project")
        settings = made.top / "agents/catalog/settings.yaml"
        settings.write_text(settings.read_text().replace("scanner: grype", "scanner: trivy"))
        made.package(version)
        made.done("images", "pin", "python")
        made.done("images", "build", OWN, "--push")
        judged = made.roster("images", "scan", OWN)
        assert judged.returncode == code, judged.stdout + judged.stderr
        if code == 0:
            made.done("images", "sign", OWN, "--key", place.place.signer().key)
            made.done("images", "record", OWN)
            assert made.listed()["record"]["scan"]["scanner"].startswith("trivy ")


def test_a_database_that_is_too_old_or_missing_closes_the_gate(ground: TrivyGround, tmp_path: Path) -> None:
    ground.date(datetime.now(UTC) - timedelta(days=30))
    old = scanned(ground, tmp_path / "old", MENDED | debian("12", "planted-base"))
    assert [one.reason for one in old.failures] == ["database-too-old"]
    missing = scanned(ground, tmp_path / "none", MENDED, TRIVY_CACHE_DIR=str(tmp_path / "empty"))
    assert [one.reason for one in missing.failures] == ["scanner-crashed"]


def test_settings_of_trivy_that_lie_around_let_nothing_pass(
    ground: TrivyGround, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "trivy.yaml").write_text("severity: [LOW]\nignore-unfixed: true\n", "utf-8")
    (home / ".trivyignore").write_text("CVE-2026-1001\n", "utf-8")
    monkeypatch.chdir(home)
    files = npm_package("planted-npm", "1.9.9") | debian("12", "planted-base")
    found = scanned(
        ground, tmp_path / "image", files, HOME=str(home), TRIVY_IGNORE_UNFIXED="true", TRIVY_SEVERITY="LOW"
    )
    assert [one.vulnerability.name for one in found.blocking] == ["CVE-2026-1001"]
