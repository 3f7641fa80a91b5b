"""Whether the pipelines apply the environments that the catalog has, in its order of promotion.

Neither GitHub nor GitLab can make jobs from a file of the repository before a run begins, so the names stand in both.

usage: python -m ci.workflow_environments      exit 0 they agree, 1 they differ
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from ci.formats import as_github, as_text
from components.definition.findings import Finding, InvalidInput
from components.definition.tree import WorkTree
from components.fleet import Fleet

GITHUB = ".github/workflows/apply.yaml"
SWITCHES = ".github/workflows/switches.yaml"
GITLAB = "ci/gitlab-ci.yaml"
RULE = "workflow-environments"


def github_jobs(workflow: Mapping[str, Any]) -> dict[str, list[str]]:
    """Environment → the environments whose jobs must have succeeded before, in apply.yaml's order."""
    applying = {name: job for name, job in workflow["jobs"].items() if "environment" in (job.get("with") or {})}
    environment = {name: str(job["with"]["environment"]) for name, job in applying.items()}
    return {
        environment[name]: [environment[one] for one in _listed(job.get("needs"))] for name, job in applying.items()
    }


def switch_jobs(workflow: Mapping[str, Any]) -> dict[str, list[str]]:
    """The same for switches.yaml, whose job runs for all of them at once: each is said to need those before it."""
    listed = [str(one) for one in workflow["jobs"]["switch"]["strategy"]["matrix"]["environment"]]
    return {name: listed[:index] for index, name in enumerate(listed)}


def gitlab_jobs(pipeline: Mapping[str, Any]) -> dict[str, list[str]]:
    """The same for GitLab, whose jobs name their environment by `environment: {name: …}`."""
    applying = {name: job for name, job in pipeline.items() if isinstance(job, dict) and "resource_group" in job}
    environment = {name: str(job["environment"]["name"]) for name, job in applying.items()}
    return {
        environment[name]: [environment[one] for one in _listed(job.get("needs"))] for name, job in applying.items()
    }


def differences(file: str, jobs: Mapping[str, Sequence[str]], environments: Sequence[str]) -> list[Finding]:
    """What keeps a pipeline from applying each environment once, and after the gate of the one before."""
    found = [f"no job applies {name!r}, an environment of the catalog" for name in environments if name not in jobs]
    found += [
        f"a job applies {name!r}, which is no environment of the catalog" for name in jobs if name not in environments
    ]
    for before, name in pairwise(environments):
        if before in jobs and name in jobs and before not in jobs[name]:
            found.append(f"the job of {name!r} does not need the one of {before!r}, so it may come first")
    return [Finding(file, 1, 1, RULE, message) for message in found]


def check(top: Path) -> list[Finding]:
    """The findings for the pipelines that are there. Raises InvalidInput."""
    environments = list(Fleet.open(WorkTree(top)).catalog.environments)
    found = []
    for file, jobs in ((GITHUB, github_jobs), (SWITCHES, switch_jobs), (GITLAB, gitlab_jobs)):
        if (top / file).is_file():
            found += differences(file, jobs(yaml.safe_load((top / file).read_bytes())), environments)
    return found


def _listed(needs: Any) -> list[str]:
    return [needs] if isinstance(needs, str) else list(needs or ())


def main() -> int:
    """Prints the findings, on GitHub as annotations."""
    try:
        found = check(Path.cwd())
    except InvalidInput as error:
        found = list(error.findings)
    sys.stdout.write((as_github if os.environ.get("GITHUB_ACTIONS") else as_text)(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
