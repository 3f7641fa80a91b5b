"""The program that makes code review the approval step: what GitHub is told, seen through the SDK's mocks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_fleet import MINIMAL, write

TOP = Path(__file__).parents[2]
Registered = list[dict[str, Any]]


def run(top: Path, approvers: dict[str, list[str]]) -> subprocess.CompletedProcess[str]:
    """Runs the program in a repository of its own, so that it holds with any fleet in `agents/`."""
    write(top, {"business/one.yaml": MINIMAL})
    folder = top / "ci/branch_rules"
    shutil.copytree(TOP / "ci/branch_rules", folder, ignore=shutil.ignore_patterns("__pycache__"))
    settings = {"roster-branch-rules:repository": "fleet", "roster-branch-rules:approvers": json.dumps(approvers)}
    environment = {**os.environ, "PYTHONPATH": str(TOP), "PULUMI_CONFIG": json.dumps(settings)}
    command = [sys.executable, str(Path(__file__).with_name("branch_rules_recorder.py")), str(folder)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Registered:
    done = run(tmp_path_factory.mktemp("rules"), {"staging": ["release"], "prod": ["release", "security"]})
    assert done.returncode == 0, done.stderr
    found: Registered = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def ruleset(registered: Registered) -> dict[str, Any]:
    (found,) = [one["inputs"] for one in registered if one["type"] == "RepositoryRuleset"]
    return dict(found)


def environments(registered: Registered) -> dict[str, dict[str, Any]]:
    """The inputs of each environment."""
    return {one["name"]: one["inputs"] for one in registered if one["type"] == "RepositoryEnvironment"}


def test_the_rules_hold_on_main_now_and_for_everyone(ruleset: dict[str, Any]) -> None:
    assert (ruleset["target"], ruleset["enforcement"]) == ("branch", "active")
    assert ruleset["conditions"]["refName"] == {"includes": ["refs/heads/main"], "excludes": []}
    assert ruleset.get("bypassActors", []) == []


def test_nothing_gets_in_but_what_a_code_owner_and_someone_else_than_the_last_to_push_approved(
    ruleset: dict[str, Any],
) -> None:
    review = ruleset["rules"]["pullRequest"]
    assert review["requireCodeOwnerReview"] is True
    assert review["requireLastPushApproval"] is True
    assert review["dismissStaleReviewsOnPush"] is True
    assert review["requiredApprovingReviewCount"] >= 1


def test_history_is_neither_rewritten_nor_deleted(ruleset: dict[str, Any]) -> None:
    assert ruleset["rules"]["nonFastForward"] is True
    assert ruleset["rules"]["deletion"] is True


def test_each_pull_request_is_planned_on_the_tree_that_the_queue_makes(ruleset: dict[str, Any]) -> None:
    assert ruleset["rules"]["mergeQueue"]["groupingStrategy"] == "ALLGREEN"


def test_the_required_checks_are_jobs_that_run_for_pull_requests_and_in_the_queue(ruleset: dict[str, Any]) -> None:
    jobs = set()
    for file in (TOP / ".github/workflows").glob("*.yaml"):
        workflow = yaml.safe_load(file.read_text("utf-8"))
        if {"pull_request", "merge_group"} <= set(workflow[True]):  # YAML 1.1 reads the key `on` as true
            jobs |= {name for name, job in workflow["jobs"].items() if "if" not in job}
    checks = ruleset["rules"]["requiredStatusChecks"]["requiredChecks"]
    assert {one["context"] for one in checks} == jobs == {"test", "preview", "images", "scan"}
    assert {one["integrationId"] for one in checks} == {15368}


def test_each_environment_of_the_catalog_is_reached_from_main_alone(registered: Registered) -> None:
    found = environments(registered)
    switches = {"switches-dev", "switches-staging", "switches-prod"}
    from_main = {"dev", "staging", "prod", "drift", "images", "rescan"} | switches
    assert set(found) == from_main | {"preview"}
    for name in from_main:
        assert found[name]["deploymentBranchPolicy"] == {"protectedBranches": False, "customBranchPolicies": True}
        assert found[name]["canAdminsBypass"] is False
    policies = [one["inputs"] for one in registered if one["type"] == "RepositoryEnvironmentDeploymentPolicy"]
    assert {one["environment"]: one["branchPattern"] for one in policies} == dict.fromkeys(from_main, "main")


def test_who_starts_a_run_does_not_approve_it(registered: Registered) -> None:
    found = environments(registered)
    assert found["prod"]["reviewers"] == [{"teams": [11, 12]}]
    assert found["staging"]["reviewers"] == [{"teams": [11]}]
    assert found["dev"].get("reviewers", []) == []
    assert [found[name]["preventSelfReview"] for name in ("staging", "prod")] == [True, True]


def test_approvers_of_an_environment_that_there_is_not_are_refused(tmp_path: Path) -> None:
    done = run(tmp_path, {"production": ["release"]})
    assert done.returncode != 0
    assert "approvers: the catalog has no environment production; it has dev, staging, prod" in done.stderr
