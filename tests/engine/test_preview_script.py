"""`ci/engine_preview.sh` with a real engine: what it previews, what it skips, and that it leaves nothing behind."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from engine import SHARD, Project


@pytest.fixture
def planned(project: Project) -> Project:
    """A plan that touches an applied stack, one that is not made yet and one whose cluster nobody can reach."""
    plan = project.top / "out/plan/plan.json"
    plan.parent.mkdir(parents=True, exist_ok=True)
    plan.write_text(json.dumps({"stacks": ["images", "dev.business", SHARD, "prod.eu.business"]}), "utf-8")
    return project


def _preview(project: Project, **environment: str) -> str:
    done = subprocess.run(
        ["bash", "ci/engine_preview.sh"],
        cwd=project.top,
        env=project.environment | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _settings(project: Project) -> list[Path]:
    return sorted((project.top / "stacks").glob("Pulumi.*"))


def test_it_previews_what_it_can_reach_and_leaves_nothing_behind(planned: Project) -> None:
    before = planned.pulumi("stack", "ls", "--json").stdout, _settings(planned)
    said = _preview(planned)
    applied, new = said.partition(f"-- {SHARD} (not made yet)")[::2]
    assert applied.startswith("-- dev.business\n")
    assert "unchanged" in applied
    assert "to create" in new
    assert new.endswith("-- prod.eu.business: skipped, the kubeconfig has no context prod-eu\n")
    assert (planned.pulumi("stack", "ls", "--json").stdout, _settings(planned)) == before


def test_with_nobody_logged_in_it_says_that_everything_shows_as_new(planned: Project) -> None:
    said = _preview(planned, PULUMI_BACKEND_URL="", PULUMI_HOME=str(planned.top / "home"))
    assert said.startswith("Pulumi is logged in to no backend")
    assert "unchanged" not in said
    assert said.count("to create") == 2
