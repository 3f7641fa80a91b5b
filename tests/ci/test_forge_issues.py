"""Several issues at once: one for each thing that is so, opened once and closed when it is gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from forge_server import BOT, REPOSITORY, TOKEN, Forge, serving

from ci.forge.github import GitHub, settings_from
from ci.forge.issue import keep_issues
from ci.forge.markdown import marker


@pytest.fixture
def forge() -> Iterator[Forge]:
    with serving() as one:
        yield one


@pytest.fixture
def github(forge: Forge) -> Iterator[GitHub]:
    settings = {"GITHUB_API_URL": forge.api, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": TOKEN}
    with GitHub(settings_from(settings), sleep=lambda _: None) as one:
        yield one


def states(forge: Forge) -> dict[str, str]:
    return {one["title"]: one["state"] for one in forge.issues.values()}


def test_each_finding_has_one_issue_that_is_closed_when_it_is_gone(forge: Forge, github: GitHub) -> None:
    one, other = ("CVE-1 in a", "Mend it."), ("CVE-2 in b", "Mend that.")
    written, closed = keep_issues(github, "finding-", {"finding-1": one, "finding-2": other})
    assert (len(written), closed) == (2, [])
    assert keep_issues(github, "finding-", {"finding-1": one}) == ([], ["finding-2"])
    assert states(forge) == {"CVE-1 in a": "open", "CVE-2 in b": "closed"}


def test_an_issue_that_says_the_same_is_not_written_again(forge: Forge, github: GitHub) -> None:
    wanted = {"finding-1": ("CVE-1 in a", "In @acme/one <!-- x -->.")}
    keep_issues(github, "finding-", wanted)
    assert keep_issues(github, "finding-", wanted) == ([], [])
    written, _ = keep_issues(github, "finding-", {"finding-1": ("CVE-1 in a", "In two images.")})
    assert len(written) == 1
    assert len(forge.issues) == 1
    assert "In two images." in forge.issues[min(forge.issues)]["body"]


def test_nothing_is_closed_when_it_is_not_known_what_is_gone(forge: Forge, github: GitHub) -> None:
    keep_issues(github, "finding-", {"finding-1": ("CVE-1 in a", "Mend it.")})
    assert keep_issues(github, "finding-", {}, close=False) == ([], [])
    assert states(forge) == {"CVE-1 in a": "open"}


def test_issues_of_other_names_and_other_people_are_left_alone(forge: Forge, github: GitHub) -> None:
    forge.issue("drift", f"{marker('drift')}\nx")
    forge.issue("theirs", f"{marker('finding-1')}\nx", "mallory")
    forge.issue("pull request", f"{marker('finding-1')}\nx", BOT, pull_request={})
    forge.issue("no marker", "x")
    assert keep_issues(github, "finding-", {}) == ([], [])
    assert set(states(forge).values()) == {"open"}
