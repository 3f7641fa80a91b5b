"""What GitHub is told, as values: the branch's ruleset, and each environment's protection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_github as github

# Names of the jobs in ci.yaml and preview.yaml that must be green; a test holds them against the workflows.
REQUIRED_CHECKS = ("test", "preview", "images", "scan")
GITHUB_ACTIONS = 15368  # the app that may report them: nobody else's status of the same name counts
# Environments that change no cluster: they take no approval, but only this repository's branches reach them.
READING = ("preview", "drift", "images", "rescan")


@dataclass(frozen=True, slots=True)
class Protection:
    """An environment: the ids of the teams that approve (none: no approval), and the branch that reaches it."""

    name: str
    teams: tuple[int, ...]
    branch: str  # empty: any branch of the repository


def ruleset(repository: str, branch: str) -> github.RepositoryRulesetArgs:
    """Nothing reaches the branch but a reviewed pull request that went through the merge queue. Nobody passes by."""
    return github.RepositoryRulesetArgs(
        repository=repository,
        name=f"{branch}: review is the approval",
        target="branch",
        enforcement="active",
        bypass_actors=[],
        conditions=github.RepositoryRulesetConditionsArgs(
            ref_name=github.RepositoryRulesetConditionsRefNameArgs(includes=[f"refs/heads/{branch}"], excludes=[])
        ),
        rules=github.RepositoryRulesetRulesArgs(
            deletion=True,
            non_fast_forward=True,
            pull_request=_pull_request(),
            merge_queue=_merge_queue(),
            required_status_checks=_checks(),
        ),
    )


def protections(environments: Sequence[str], approvers: Mapping[str, Sequence[int]], branch: str) -> list[Protection]:
    """Each environment of the catalog, reached from the branch alone, and those that read.

    Raises ValueError for approvers of an environment that there is not.
    """
    unknown = sorted(set(approvers) - set(environments))
    if unknown:
        raise ValueError(
            f"approvers: the catalog has no environment {', '.join(unknown)}; it has {', '.join(environments)}"
        )
    applied = [Protection(name, tuple(approvers.get(name, ())), branch) for name in environments]
    # Kill switches and rollbacks go past approvals; the workflow of them is off until a variable says otherwise.
    applied += [Protection(f"switches-{name}", (), branch) for name in environments]
    return applied + [Protection(name, (), "" if name == "preview" else branch) for name in READING]


def environment(repository: str, protection: Protection) -> github.RepositoryEnvironmentArgs:
    """One environment. Who started a run does not approve it, and administrators do not pass by."""
    policy = github.RepositoryEnvironmentDeploymentBranchPolicyArgs(
        protected_branches=False, custom_branch_policies=True
    )
    return github.RepositoryEnvironmentArgs(
        repository=repository,
        environment=protection.name,
        can_admins_bypass=False,
        prevent_self_review=bool(protection.teams),
        reviewers=[github.RepositoryEnvironmentReviewerArgs(teams=list(protection.teams))] if protection.teams else [],
        deployment_branch_policy=policy if protection.branch else None,
    )


def _pull_request() -> github.RepositoryRulesetRulesPullRequestArgs:
    return github.RepositoryRulesetRulesPullRequestArgs(
        required_approving_review_count=1,
        require_code_owner_review=True,
        require_last_push_approval=True,
        dismiss_stale_reviews_on_push=True,
        required_review_thread_resolution=True,
        allowed_merge_methods=["squash", "merge"],
    )


def _merge_queue() -> github.RepositoryRulesetRulesMergeQueueArgs:
    # ALLGREEN: each pull request's own commit is checked on the tree that it makes, so that each has its plan.
    return github.RepositoryRulesetRulesMergeQueueArgs(
        merge_method="SQUASH",
        grouping_strategy="ALLGREEN",
        max_entries_to_build=5,
        max_entries_to_merge=5,
        min_entries_to_merge=1,
        min_entries_to_merge_wait_minutes=0,
        check_response_timeout_minutes=60,
    )


def _checks() -> github.RepositoryRulesetRulesRequiredStatusChecksArgs:
    required = [
        github.RepositoryRulesetRulesRequiredStatusChecksRequiredCheckArgs(context=name, integration_id=GITHUB_ACTIONS)
        for name in REQUIRED_CHECKS
    ]
    # Not strict: the queue itself checks against the newest branch, so nobody needs to bring a branch up to date.
    return github.RepositoryRulesetRulesRequiredStatusChecksArgs(
        required_checks=required, strict_required_status_checks_policy=False
    )
