"""Registers the rules; run by `pulumi up` in this folder (docs/ci.md)."""

from __future__ import annotations

import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
if str(TOP) not in sys.path:  # Pulumi puts this folder there, not the repository
    sys.path.insert(0, str(TOP))

import pulumi  # noqa: E402
import pulumi_github as github  # noqa: E402

from ci.branch_rules.rules import Protection, environment, protections, ruleset  # noqa: E402
from components.definition.findings import InvalidInput  # noqa: E402
from components.definition.tree import WorkTree  # noqa: E402
from components.fleet import Fleet  # noqa: E402


def register(protection: Protection, repository: str) -> None:
    """One environment, and the branch that reaches it."""
    made = github.RepositoryEnvironment(protection.name, environment(repository, protection))
    if protection.branch:
        github.RepositoryEnvironmentDeploymentPolicy(
            protection.name,
            repository=repository,
            environment=protection.name,
            branch_pattern=protection.branch,
            opts=pulumi.ResourceOptions(parent=made, depends_on=[made]),
        )


def main() -> None:
    """The whole program."""
    config = pulumi.Config()
    repository, branch = config.require("repository"), config.get("branch") or "main"
    approvers = {
        name: [int(github.get_team(slug=slug).id) for slug in slugs]
        for name, slugs in (config.get_object("approvers") or {}).items()
    }
    github.RepositoryRuleset("branch", ruleset(repository, branch), pulumi.ResourceOptions(protect=True))
    try:
        protected = protections(list(Fleet.open(WorkTree(TOP)).catalog.environments), approvers, branch)
    except (ValueError, InvalidInput) as error:
        raise pulumi.RunError(str(error)) from error
    for protection in protected:
        register(protection, repository)


main()
