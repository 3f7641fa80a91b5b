"""A repository of git with a small fleet, and where its commands are tested from."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))

from command_fleet import git
from scanned_pieces import FILES
from small_fleet import write


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The fleet, committed on main, with the working folder in it."""
    top = write(tmp_path / "fleet", FILES)
    (top / ".github/workflows").mkdir(parents=True)
    (top / ".github/workflows/ci.yaml").write_text("on: [push]\njobs: {}\n", "utf-8")
    (top / "ci").mkdir()
    (top / "ci/checkov.lock").write_text("checkov==1\n", "utf-8")
    git(top, "init", "--quiet", "--initial-branch", "main")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "-m", "first")
    monkeypatch.chdir(top)
    return top
