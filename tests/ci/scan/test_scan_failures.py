"""A scanner that is missing, breaks, says nothing or leaves something out is a failure, and never clean."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from scanned_pieces import pieces_of, program, small
from typer.testing import CliRunner

from ci.cli import app
from ci.scan.kubeconform import kubeconform
from ci.scan.piece import Piece, ScannerFailure
from ci.scan.programs import known_form
from ci.scan.scan import PROGRAMS, scan
from ci.scan.staging import stage

WRITER = "agents/business/writer.yaml"


def stand_in(folder: Path, script: str) -> str:
    """A program in a scanner's place."""
    file = folder / "stand-in"
    file.write_text(f"#!/usr/bin/env bash\n{script}\n", "utf-8")
    file.chmod(0o755)
    return str(file)


def says(folder: Path, output: str, code: int = 0) -> str:
    """A Python of Checkov's whose every run ends with this output and code."""
    answer = folder / "answer"
    answer.write_text(output, "utf-8")
    read = "import json, sys; print(*(run['output'] for run in json.load(sys.stdin)['runs']), sep='\\n')"
    loop = f'do cp {answer} "$file"; touch "$file.errors"; printf {code} >"$file.exit"; done'
    return stand_in(folder, f'python3 -c "{read}" | while read -r file; {loop}')


@pytest.fixture
def pieces() -> list[Piece]:
    return pieces_of(small(), WRITER)


def refused(pieces: list[Piece], python: str) -> str:
    """Why a scan failed."""
    with pytest.raises(ScannerFailure) as failure:
        scan(pieces, python, {})
    return str(failure.value)


def test_checkov_that_is_not_there(pieces: list[Piece], tmp_path: Path) -> None:
    assert "does not start" in refused(pieces, str(tmp_path / "none"))


def test_checkov_that_cannot_be_imported(pieces: list[Piece], tmp_path: Path) -> None:
    python = stand_in(tmp_path, "echo \"ModuleNotFoundError: No module named 'checkov'\" >&2; exit 1")
    assert refused(pieces, python) == "Checkov failed (exit 1): ModuleNotFoundError: No module named 'checkov'"


def test_checkov_that_runs_nothing(pieces: list[Piece], tmp_path: Path) -> None:
    assert "failed on prod/business (exit unknown)" in refused(pieces, stand_in(tmp_path, "cat >/dev/null"))


@pytest.mark.parametrize("output", ["", "nothing to see"])
def test_checkov_that_gives_no_report_and_says_success(pieces: list[Piece], tmp_path: Path, output: str) -> None:
    assert "prod/business" in refused(pieces, says(tmp_path, output))


@pytest.mark.parametrize("output", ["[1, 2]", "7", "null", '[{"check_type": "kubernetes"}]', "{}"])
def test_checkov_whose_report_is_of_another_form(pieces: list[Piece], tmp_path: Path, output: str) -> None:
    assert re.search(r"of a form that is not known|read 0 of", refused(pieces, says(tmp_path, output)))


def test_checkov_that_crashes_with_a_report(pieces: list[Piece], tmp_path: Path) -> None:
    assert "failed on prod/business (exit 2)" in refused(pieces, says(tmp_path, "[]", 2))


def test_checkov_that_found_nothing_to_read_and_says_success(pieces: list[Piece], tmp_path: Path) -> None:
    empty = {"passed": 0, "failed": 0, "skipped": 0, "parsing_errors": 0, "resource_count": 0, "checkov_version": "3"}
    assert f"Checkov read 0 of {len(pieces) + 1} (kubernetes, prod/business)" in refused(
        pieces, says(tmp_path, json.dumps(empty))
    )


def test_checkov_that_read_one_object_less_than_was_given(pieces: list[Piece], tmp_path: Path) -> None:
    results = {"passed_checks": [], "failed_checks": [], "skipped_checks": [], "parsing_errors": []}
    summary = {"resource_count": len(pieces), "parsing_errors": 0, "checkov_version": "3"}
    report = {"check_type": "kubernetes", "results": results, "summary": summary}
    # The Deployment's pod counts by itself.
    assert f"read {len(pieces)} of {len(pieces) + 1}" in refused(pieces, says(tmp_path, json.dumps(report)))


@pytest.mark.parametrize("name", ["kube-score", "kubeconform"])
@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("exit 0", "gave no report"),
        ("echo oh no >&2; exit 3", r"failed \(exit 3\): oh no"),
        ("echo '[]'", "0 of|not known"),
    ],
)
def test_another_scanner_that_says_nothing_breaks_or_reads_nothing(
    pieces: list[Piece], tmp_path: Path, name: str, script: str, why: str
) -> None:
    with pytest.raises(ScannerFailure, match=why), known_form(name):
        PROGRAMS[name](stage(tmp_path / "staged", pieces), stand_in(tmp_path, script))


def test_kubeconform_passes_over_no_kind_for_want_of_a_schema(pieces: list[Piece], tmp_path: Path) -> None:
    strange = {"apiVersion": "example.com/v1", "kind": "Strange", "metadata": {"name": "x"}}
    text = "apiVersion: example.com/v1\nkind: Strange\nmetadata: {name: x}\n"
    given = [*pieces, Piece("object", text, WRITER, "prod", "business", pieces[0].agent, strange)]
    with pytest.raises(ScannerFailure, match="could not find schema for Strange"):
        kubeconform(stage(tmp_path / "staged", given), program("kubeconform"))


def test_the_command_says_in_one_line_that_checkov_cannot_be_had_and_ends_with_6(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/none")
    done = CliRunner().invoke(app, ["scan", "--all"])
    assert done.exit_code == 6
    assert done.stdout == ""
    assert done.stderr.startswith("roster: Checkov cannot be installed (ci/checkov_venv.sh): ")
    assert done.stderr.count("\n") == 1


def test_nothing_that_differs_is_said_and_needs_no_scanner(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/none")
    done = CliRunner().invoke(app, ["scan", "--base", "main"])
    assert (done.exit_code, done.stdout) == (0, "nothing that is scanned differs\n")


@pytest.mark.parametrize("options", [[], ["--base", "main", "--all"]])
def test_what_is_to_be_scanned_must_be_said(repository: Path, options: list[str]) -> None:
    done = CliRunner().invoke(app, ["scan", *options])
    assert done.exit_code == 2
    assert "--base REF for what differs from it, or --all" in done.stderr


def test_a_commit_that_there_is_not_is_said(repository: Path) -> None:
    done = CliRunner().invoke(app, ["scan", "--base", "nowhere"])
    assert done.exit_code == 2
    assert "there is no commit 'nowhere'" in done.stderr


def test_a_fleet_with_errors_is_not_scanned(repository: Path) -> None:
    (repository / WRITER).write_text("version: 1\n", "utf-8")
    done = CliRunner().invoke(app, ["scan", "--base", "main"])
    assert done.exit_code == 1
    assert WRITER in done.stdout
    assert "nothing was scanned" in done.stderr
