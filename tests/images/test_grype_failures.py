"""All that can go wrong with a scan closes the gate, each with its reason; with the real Grype wherever it can be."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from grype_ground import MENDED, REPOSITORY, TODAY, Ground, open_ground, python_package, scanned
from grype_tool import planted_database
from oci_layout import write_layout

from ci.images.exceptions import ScannedImage
from ci.images.gate import GatePolicy, Verdict, judge
from ci.images.scanners import Scanner, Source, scan


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return open_ground(tmp_path_factory.mktemp("grype"))


def wrapper(folder: Path, script: str) -> Path:
    """A folder for PATH in which `grype` is that script."""
    program = folder / "bin" / "grype"
    program.parent.mkdir()
    program.write_text(f"#!/bin/bash\n{script}\n")
    program.chmod(0o755)
    return program.parent


@pytest.fixture(scope="module")
def whole(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the real Grype writes about an image that passes."""
    folder = tmp_path_factory.mktemp("whole")
    copying = wrapper(folder, f'{ground.program} "$@" && cp *.json {folder}')
    assert scanned(ground, folder / "image", MENDED, environ=ground.environ(copying)).passed
    return folder


def failure(found: Verdict) -> tuple[str, str]:
    (one,) = found.failures
    assert not found.passed
    return one.reason, one.message


def test_without_a_scanner_nothing_passes(ground: Ground, tmp_path: Path) -> None:
    environ = ground.environ() | {"PATH": str(tmp_path)}
    assert failure(scanned(ground, tmp_path, MENDED, environ=environ)) == (
        "scanner-missing",
        "grype is not on PATH; without a scanner no image passes",
    )


def test_a_scanner_that_is_killed_closes_the_gate(ground: Ground, tmp_path: Path) -> None:
    environ = ground.environ(wrapper(tmp_path, "kill -KILL $$"))
    reason, message = failure(scanned(ground, tmp_path / "image", python_package(), environ=environ))
    assert reason == "scanner-crashed"
    assert "was ended by SIGKILL" in message


def test_a_scanner_that_fails_closes_the_gate_and_its_last_words_are_told_without_secrets(
    ground: Ground, tmp_path: Path
) -> None:
    said = "for n in 1 2 3 4 5 6 7; do echo line $n >&2; done; echo token ghp_" + "a1" * 20 + " >&2; exit 3"
    environ = ground.environ(wrapper(tmp_path, said))
    reason, message = failure(scanned(ground, tmp_path / "image", python_package(), environ=environ))
    assert reason == "scanner-crashed"
    assert "ended with exit code 3" in message
    assert "line 7" in message
    assert "line 2" not in message
    assert "ghp_" not in message


def test_the_real_grype_without_an_image_closes_the_gate_with_its_own_words(ground: Ground, tmp_path: Path) -> None:
    found = scan(Source("oci-dir", str(tmp_path / "none")), Scanner("grype"), ground.environ())
    image = ScannedImage(REPOSITORY, "sha256:" + "0" * 64)
    reason, message = failure(judge(found, image, GatePolicy(), {}, TODAY))
    assert reason == "scanner-crashed"
    assert "no source providers were able to resolve the input" in message


def test_a_scanner_that_hangs_is_stopped_with_all_that_it_started(ground: Ground, tmp_path: Path) -> None:
    environ = ground.environ(
        wrapper(tmp_path, f"mktemp > {tmp_path}/unpacked; sleep 300 & echo $! > {tmp_path}/child; wait")
    )
    started = time.monotonic()
    found = scanned(ground, tmp_path / "image", python_package(), environ=environ, seconds=1)
    assert failure(found) == ("scanner-timeout", "grype did not end within 1 s and was stopped")
    assert time.monotonic() - started < 100
    assert not Path((tmp_path / "unpacked").read_text().strip()).exists()
    child = (tmp_path / "child").read_text().strip()
    for _ in range(100):
        if not Path(f"/proc/{child}").exists() or "(sleep) Z" in Path(f"/proc/{child}/stat").read_text():
            break
        time.sleep(0.05)
    else:
        os.kill(int(child), 9)
        pytest.fail("what the scanner had started still runs")


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ("true", ""),
        ("rm report.json", "report-empty"),
        (": > report.json", "report-empty"),
        (": > inventory.json", "report-empty"),
        ("truncate -s 400 report.json", "report-cut-off"),
        ("truncate -s -5 inventory.json", "report-cut-off"),
        ("echo 'upgrade now' > report.json", "report-unreadable"),
    ],
)
def test_a_report_that_is_not_whole_closes_the_gate(
    ground: Ground, whole: Path, tmp_path: Path, after: str, reason: str
) -> None:
    environ = ground.environ(wrapper(tmp_path, f"cp {whole}/*.json . && {after}"))
    found = scanned(ground, tmp_path / "image", MENDED, environ=environ)
    assert (found.passed, [one.reason for one in found.failures]) == (not reason, [reason] if reason else [])


def test_a_report_about_another_image_closes_the_gate(ground: Ground, tmp_path: Path) -> None:
    other = write_layout(tmp_path / "other", python_package("harmless"))
    environ = ground.environ(wrapper(tmp_path, f'shift; {ground.program} oci-dir:{tmp_path}/other "$@"'))
    reason, message = failure(scanned(ground, tmp_path / "image", python_package(), environ=environ))
    assert reason == "another-image"
    assert f"the report is about {other}" in message


def test_an_image_in_which_no_package_is_found_does_not_pass(ground: Ground, tmp_path: Path) -> None:
    assert failure(scanned(ground, tmp_path, {"/app/main": "no package here"}))[0] == "nothing-read"


def test_without_a_database_nothing_passes(ground: Ground, tmp_path: Path) -> None:
    environ = ground.environ(GRYPE_DB_CACHE_DIR=str(tmp_path / "none"))
    reason, message = failure(scanned(ground, tmp_path / "image", python_package(), environ=environ))
    assert reason == "database-missing"
    assert "database does not exist" in message


def test_a_database_that_was_changed_on_disk_closes_the_gate(ground: Ground, tmp_path: Path) -> None:
    database = planted_database(tmp_path)
    file = next(database.rglob("vulnerability.db"))
    file.write_bytes(file.read_bytes()[:-4096] + b"\0" * 4096)
    environ = ground.environ(GRYPE_DB_CACHE_DIR=str(database))
    assert failure(scanned(ground, tmp_path / "image", python_package(), environ=environ))[0] == "database-missing"


def test_a_database_that_is_too_old_closes_the_gate_and_says_its_day(ground: Ground, tmp_path: Path) -> None:
    old = planted_database(tmp_path, f"{TODAY - timedelta(days=6):%Y-%m-%dT%H:%M:%SZ}")
    environ = ground.environ(GRYPE_DB_CACHE_DIR=str(old))
    reason, message = failure(scanned(ground, tmp_path / "image", MENDED, environ=environ))
    assert reason == "database-too-old"
    assert f"is of {TODAY - timedelta(days=6):%Y-%m-%d}, 6 days old; 5 are allowed" in message
