"""Whose turn it is, asked of a real state: an old run that is repeated finds what a newer one applied."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest
from engine import IDLE, SHARD, Project


def _git(project: Project, *arguments: str) -> str:
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    done = subprocess.run(["git", *settings, *arguments], cwd=project.top, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _commit(project: Project) -> str:
    _git(project, "add", "--all", "agents")
    _git(project, "commit", "--quiet", "-m", "change")
    return _git(project, "rev-parse", "HEAD")


def _turn(project: Project, commit: str) -> tuple[int, str, str]:
    _git(project, "checkout", "--quiet", commit)
    since = project.top / "out/since"
    command = [".venv/bin/python", "-m", "ci.turn", "dev", "--main", "main", "--since", str(since)]
    environment = project.environment | {"PYTHONPATH": str(project.top)}
    done = subprocess.run(command, cwd=project.top, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr, since.read_text("utf-8") if done.returncode == 0 else ""


@pytest.fixture
def commits(project: Project) -> tuple[str, str, str]:
    """Three commits, of which the second was applied."""
    _git(project, "init", "--quiet", "--initial-branch", "main")
    first = _commit(project)
    project.write("one", IDLE.replace("Answers questions", "Answers"))
    second = _commit(project)
    replace(project, environment=project.environment | {"ROSTER_COMMIT": second}).up(SHARD)
    project.write("two", IDLE.replace("Answers questions", "Answers"))
    return first, second, _commit(project)


def test_what_the_state_remembers_decides_about_runs_that_come_late(
    project: Project, commits: tuple[str, str, str]
) -> None:
    first, second, third = commits
    code, said, _ = _turn(project, first)
    assert (code, f"{second[:12]}, which is newer than {first[:12]}, was applied already" in said) == (10, True)
    assert _turn(project, second)[::2] == (0, second), "it may not have come to its end"
    assert _turn(project, third)[::2] == (0, second)
