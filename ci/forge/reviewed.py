"""The records of reviewed plans that explain a range of commits, fetched from the runs that made them.

A record is worth what the code is that wrote it. The merge queue's was written by the very commit that is applied. A
pull request's own was written by the merge of its branch into its base, so it is taken only where the queue has none,
only of a pull request that was merged, at the commit that reviewers approved, and that was never aimed at another
branch: what lies on that one nobody reviewed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ci.forge.artifacts import ArtifactError, Event, artifact_of, file_of, good_runs
from ci.forge.github import GitHub
from ci.forge.pulls import Pull, always_into_main, merged_pulls
from components.reviewed import Reviewed, merged, parse_reviewed

RECORD = "reviewed.json"


@dataclass(frozen=True, slots=True)
class Gathered:
    """The records, united; `notes` say what was not found or not used, and what its absence means."""

    record: Reviewed
    notes: tuple[str, ...]


def gather(github: GitHub, commits: Iterable[str]) -> Gathered:
    """What was reviewed of the commits of the main branch. Raises ForgeError when GitHub cannot be asked."""
    gathering = _Gathering(github)
    commits = list(commits)
    queued = {commit for commit in commits if gathering.of_queue(commit)}
    for pull in merged_pulls(github, commits):
        if not queued.issuperset(pull.commits) and not gathering.of_pull(pull):
            gathering.notes.append(
                f"pull request {pull.number} ({pull.commits[0][:10]}) has no record of its plan: where only reviewed "
                "objects are taken, what it changes is refused; run its preview again, or revert it"
            )
    return Gathered(merged(gathering.records), tuple(gathering.notes))


class _Gathering:
    def __init__(self, github: GitHub) -> None:
        self.github = github
        self.records: list[Reviewed] = []
        self.notes: list[str] = []

    def of_queue(self, commit: str) -> bool:
        """Takes in what the merge queue planned of just this commit."""
        found = self._first(commit, "merge_group", self.github.settings.repository)
        if found and [one.commit for one in found.plans] != [commit]:
            self.notes.append(f"the merge queue's record for {commit[:10]} is not of that commit: not used")
            return False
        return self._take(found)

    def of_pull(self, pull: Pull) -> bool:
        """Takes in what the pull request's own run planned, as of its last commit."""
        if not pull.repository:  # a fork that was deleted: who made a run is no longer known
            return False
        if not always_into_main(self.github, pull):
            self.notes.append(f"pull request {pull.number} was aimed at another branch: its own record is not used")
            return False
        return self._take(self._first(pull.head, "pull_request", pull.repository, pull.branch))

    def _take(self, record: Reviewed | None) -> bool:
        if record:
            self.records.append(record)
        return record is not None

    def _first(self, commit: str, event: Event, repository: str, branch: str = "") -> Reviewed | None:
        """The record of the newest run that has a sound one."""
        for run in good_runs(self.github, commit, event, repository, branch):
            artifact = artifact_of(self.github, run["id"])
            if artifact is None:
                continue
            try:
                record = parse_reviewed(file_of(self.github, artifact, RECORD), f"{RECORD} of run {run['id']}")
            except (ValueError, ArtifactError) as error:
                self.notes.append(f"{error}: not used")
                continue
            if all(one.clean for one in record.plans) and len(record.plans) == 1:
                return record
            self.notes.append(f"{RECORD} of run {run['id']} was not made of one whole commit: not used")
        return None
