"""The pull request that a job keeps: one commit on top of main, never two of it, and nobody else's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_fleet import Done, git, roster
from forge_server import REPOSITORY, TOKEN, Forge, Refusal, serving

from ci.forge.github import ForgeError, GitHub, settings_from
from ci.forge.proposal import propose

BRANCH = "roster/images"
MAIN = {"README.md": "Read me.\n", "images/old.yaml": "old\n"}


@pytest.fixture
def forge() -> Iterator[Forge]:
    with serving() as one:
        one.git.push("main", MAIN)
        yield one


@pytest.fixture
def github(forge: Forge) -> Iterator[GitHub]:
    settings = {"GITHUB_API_URL": forge.api, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": TOKEN}
    with GitHub(settings_from(settings), sleep=lambda _: None) as one:
        yield one


def proposed(github: GitHub, files: dict[str, str | None], title: str = "Record images") -> str:
    return propose(github, BRANCH, "main", title, "Look at it.", files)


def written(forge: Forge) -> list[str]:
    """What was told to the forge, not asked of it."""
    return [f"{one.method} {one.path.partition(REPOSITORY)[2]}" for one in forge.asked if one.method != "GET"]


def test_the_first_proposal_opens_a_pull_request_of_one_commit(forge: Forge, github: GitHub) -> None:
    address = proposed(github, {"images/new.yaml": "new\n", "images/old.yaml": None})
    (pull,) = forge.pulls.values()
    assert address == pull["html_url"]
    assert (pull["title"], pull["body"], pull["base"]["ref"], pull["head"]["ref"]) == (
        "Record images", "Look at it.", "main", BRANCH,
    )  # fmt: skip
    assert forge.git.files(BRANCH) == {"README.md": "Read me.\n", "images/new.yaml": "new\n"}
    assert forge.git.history(BRANCH) == ["Record images", "somebody's"]
    assert forge.git.files("main") == MAIN, "nothing is pushed to main"


def test_the_next_one_is_the_same_pull_request_with_other_files_and_still_one_commit(
    forge: Forge, github: GitHub
) -> None:
    first = proposed(github, {"images/new.yaml": "new\n"})
    second = proposed(github, {"images/other.yaml": "other\n"}, "Record other images")
    assert first == second
    (pull,) = forge.pulls.values()
    assert (pull["title"], pull["head"]["sha"]) == ("Record other images", forge.git.branches[BRANCH])
    assert forge.git.files(BRANCH) == {**MAIN, "images/other.yaml": "other\n"}
    assert forge.git.history(BRANCH) == ["Record other images", "somebody's"]


def test_the_same_files_leave_the_commit_that_was_approved_alone(forge: Forge, github: GitHub) -> None:
    proposed(github, {"images/new.yaml": "new\n"})
    before = forge.git.branches[BRANCH]
    proposed(github, {"images/new.yaml": "new\n"})
    assert forge.git.branches[BRANCH] == before


def test_when_main_has_moved_on_the_commit_is_on_top_of_it(forge: Forge, github: GitHub) -> None:
    proposed(github, {"images/new.yaml": "new\n"})
    forge.git.push("main", {**MAIN, "agents/one.yaml": "one\n"})
    proposed(github, {"images/new.yaml": "new\n"})
    assert forge.git.files(BRANCH) == {**MAIN, "agents/one.yaml": "one\n", "images/new.yaml": "new\n"}
    assert forge.git.history(BRANCH) == ["Record images", "somebody's", "somebody's"]
    assert len(forge.pulls) == 1


def test_what_main_has_taken_over_meanwhile_is_no_part_of_the_commit(forge: Forge, github: GitHub) -> None:
    both: dict[str, str | None] = {"images/new.yaml": "new\n", "images/other.yaml": "other\n"}
    proposed(github, both)
    main = forge.git.push("main", {**MAIN, "images/new.yaml": "new\n"})
    proposed(github, both)
    assert forge.git.commits[forge.git.branches[BRANCH]]["parents"] == [main]


@pytest.mark.parametrize("files", [{}, {"images/old.yaml": "old\n"}, {"images/gone.yaml": None}])
def test_when_nothing_differs_any_more_the_pull_request_is_closed(
    forge: Forge, github: GitHub, files: dict[str, str | None]
) -> None:
    proposed(github, {"images/new.yaml": "new\n"})
    assert proposed(github, files) == ""
    assert [one["state"] for one in forge.pulls.values()] == ["closed"]
    again = proposed(github, {"images/new.yaml": "newer\n"})
    assert [one["html_url"] for one in forge.pulls.values() if one["state"] == "open"] == [again]


def test_where_nothing_differs_and_nothing_is_open_nothing_is_told(forge: Forge, github: GitHub) -> None:
    assert proposed(github, {}) == ""
    assert (written(forge), [*forge.git.branches]) == ([], ["main"])


@pytest.mark.parametrize("repository", ["mallory/agents", "example/agents-of-mallory"])
def test_a_forks_branch_of_the_same_name_is_not_ours(forge: Forge, github: GitHub, repository: str) -> None:
    forge.pull(7, "0" * 40, "mallory", repository, state="open", title="Mine", html_url="x")
    forge.pulls[7]["head"]["ref"] = BRANCH
    address = proposed(github, {"images/new.yaml": "new\n"})
    assert address != "x"
    assert proposed(github, {}) == ""
    assert (forge.pulls[7]["title"], forge.pulls[7]["state"]) == ("Mine", "open")


def test_a_pull_request_of_the_branch_into_another_one_is_not_ours(forge: Forge, github: GitHub) -> None:
    forge.pull(7, "0" * 40, base="release", state="open", title="Mine", html_url="x")
    forge.pulls[7]["head"]["ref"] = BRANCH
    # GitHub has one open pull request for a branch and a base.
    assert propose(github, BRANCH, "main", "T", "B", {}) == ""
    assert forge.pulls[7]["state"] == "open"


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("path", ["git/trees", "git/commits", "git/refs", "pulls"])
def test_a_forge_that_fails_in_between_gets_one_pull_request_all_the_same(
    forge: Forge, github: GitHub, path: str, after: bool
) -> None:
    """`after`: it does what it is told, and its answer is lost."""
    forge.refusals.append(Refusal(502, method="POST", path=path, after=after))
    address = proposed(github, {"images/new.yaml": "new\n"})
    assert forge.refusals == []
    assert [one["html_url"] for one in forge.pulls.values()] == [address]
    assert forge.git.history(BRANCH) == ["Record images", "somebody's"]


def test_a_forge_that_goes_on_failing_is_not_asked_for_ever(forge: Forge, github: GitHub) -> None:
    forge.refusals += [Refusal(502, method="POST", path="pulls") for _ in range(50)]
    with pytest.raises(ForgeError, match="GitHub answers 502 to POST"):
        proposed(github, {"images/new.yaml": "new\n"})
    assert forge.pulls == {}


def test_a_refusal_of_the_forge_is_said_as_it_says_it(forge: Forge, github: GitHub) -> None:
    said = {"message": "GitHub Actions is not permitted to create or approve pull requests."}
    forge.refusals.append(Refusal(403, body=said, method="POST", path="pulls"))
    with pytest.raises(ForgeError, match="GitHub Actions is not permitted to create or approve pull requests"):
        proposed(github, {"images/new.yaml": "new\n"})


# The command: from a work tree.

CATALOG = "agents/catalog/images"
RECORDS = {f"{CATALOG}/one.yaml": "one\n", f"{CATALOG}/two.yaml": "two\n", "agents/team/a.yaml": "a\n"}


@pytest.fixture
def tree(tmp_path: Path, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of main, as a job has it."""
    write(tmp_path, RECORDS)
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    forge.git.push("main", dict(RECORDS))
    monkeypatch.setenv("GITHUB_API_URL", forge.api)
    monkeypatch.setenv("GITHUB_REPOSITORY", REPOSITORY)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.delenv("ROSTER_PROPOSAL_TOKEN", raising=False)
    monkeypatch.delenv("ROSTER_FORGE_LOGIN", raising=False)
    return tmp_path


def write(top: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)


def told(folder: Path, *paths: str) -> Done:
    """`roster forge propose`, in a folder."""
    return roster(folder, "forge", "propose", "--branch", BRANCH, "--title", "Record images", *(paths or [CATALOG]))


def test_only_what_lies_at_the_paths_is_proposed_new_changed_and_deleted(tree: Path, forge: Forge) -> None:
    write(tree, {f"{CATALOG}/one.yaml": "changed\n", f"{CATALOG}/new.yaml": "new\n", "agents/team/a.yaml": "changed\n"})
    write(tree, {"agents/team/b.yaml": "new\n", f"{CATALOG}-other/x.yaml": "x\n"})
    (tree / f"{CATALOG}/two.yaml").unlink()
    done = told(tree)
    (pull,) = forge.pulls.values()
    assert (done.returncode, done.stdout) == (0, f"{pull['html_url']}\n")
    assert forge.git.files(BRANCH) == {
        f"{CATALOG}/one.yaml": "changed\n", f"{CATALOG}/new.yaml": "new\n", "agents/team/a.yaml": "a\n",
    }  # fmt: skip
    assert "Made by a job" in pull["body"]


def test_paths_are_those_of_the_folder_that_one_stands_in(tree: Path, forge: Forge) -> None:
    write(tree, {f"{CATALOG}/one.yaml": "changed\n", "agents/team/a.yaml": "changed\n"})
    assert told(tree / "agents/catalog", "images").returncode == 0
    assert forge.git.files(BRANCH) == RECORDS | {f"{CATALOG}/one.yaml": "changed\n"}


def test_a_folder_that_is_gone_is_proposed_to_go(tree: Path, forge: Forge) -> None:
    (tree / f"{CATALOG}/one.yaml").unlink()
    (tree / f"{CATALOG}/two.yaml").unlink()
    (tree / CATALOG).rmdir()
    assert told(tree).returncode == 0
    assert forge.git.files(BRANCH) == {"agents/team/a.yaml": "a\n"}


def test_when_nothing_differs_the_command_says_so_and_closes_what_was_open(tree: Path, forge: Forge) -> None:
    write(tree, {f"{CATALOG}/one.yaml": "changed\n"})
    told(tree)
    git(tree, "checkout", "--quiet", "--", ".")
    done = told(tree)
    assert (done.returncode, done.stdout) == (0, "nothing differs from main\n")
    assert [one["state"] for one in forge.pulls.values()] == ["closed"]


@pytest.mark.parametrize("path", ["agents/catalog/imagse", "../elsewhere", "/etc/hostname"])
def test_a_path_that_is_not_there_closes_nothing(tree: Path, forge: Forge, path: str) -> None:
    write(tree, {f"{CATALOG}/one.yaml": "changed\n"})
    told(tree)
    done = told(tree, path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"there is no {path} in this repository" in done.stderr
    assert [one["state"] for one in forge.pulls.values()] == ["open"]


@pytest.mark.parametrize("kind", ["bytes", "link", "program"])
def test_what_is_no_plain_text_is_not_proposed(tree: Path, forge: Forge, kind: str) -> None:
    file = tree / CATALOG / "strange"
    if kind == "link":
        file.symlink_to("/etc/hostname")
    else:
        file.write_bytes(b"\xff\x00" if kind == "bytes" else b"#!/bin/sh\n")
        file.chmod(0o755 if kind == "program" else 0o644)
    done = told(tree)
    assert (done.returncode, "only plain text can" in done.stderr) == (2, True)
    assert written(forge) == []


def test_the_text_of_a_file_mentions_nobody(tree: Path, forge: Forge) -> None:
    write(tree, {f"{CATALOG}/one.yaml": "changed\n", "body.md": "Ask @everyone.\n"})
    assert told(tree, CATALOG, "--body", "body.md").returncode == 0
    (pull,) = forge.pulls.values()
    assert "@everyone" not in pull["body"]
    assert "everyone." in pull["body"]


def test_a_token_of_its_own_is_used_for_the_pull_request(
    tree: Path, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub lets the checks of what a job's own token opens wait for somebody."""
    forge.token = "ghs_of_an_app"
    write(tree, {f"{CATALOG}/one.yaml": "changed\n"})
    assert told(tree).returncode == 1
    monkeypatch.setenv("ROSTER_PROPOSAL_TOKEN", "ghs_of_an_app\n")
    assert told(tree).returncode == 0
    assert len(forge.pulls) == 1


# The issues of a rescan.


def issues(tree: Path, *names: str, closable: bool = True) -> Done:
    """`roster forge issues` with what a rescan found."""
    found = [{"name": one, "title": f"{one}!", "text": f"About {one}."} for one in names]
    write(tree, {"findings.json": json.dumps({"issues": found, "closable": closable})})
    return roster(tree, "forge", "issues", "--findings", "findings.json")


def states(forge: Forge) -> dict[str, str]:
    return {one["title"].rstrip("!"): one["state"] for one in forge.issues.values()}


def test_each_finding_of_a_rescan_has_an_issue_as_long_as_it_is_there(tree: Path, forge: Forge) -> None:
    done = issues(tree, "finding-a", "finding-b")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2)
    done = issues(tree, "finding-b")
    assert done.stdout == "closed: finding-a\n", "the other says the same still"
    assert states(forge) == {"finding-a": "closed", "finding-b": "open"}


def test_a_scan_that_failed_has_an_issue_and_closes_none_of_the_findings(tree: Path, forge: Forge) -> None:
    issues(tree, "finding-a")
    assert issues(tree, "rescan", closable=False).returncode == 0
    assert states(forge) == {"finding-a": "open", "rescan": "open"}
    assert issues(tree, "finding-a").stdout == "closed: rescan\n"
    assert states(forge) == {"finding-a": "open", "rescan": "closed"}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"issues": [1], "closable": true}', '{"issues": ["a"], "closable": 1}']
)
def test_findings_that_cannot_be_read_close_nothing(tree: Path, forge: Forge, text: str) -> None:
    issues(tree, "finding-a")
    write(tree, {"findings.json": text})
    done = roster(tree, "forge", "issues", "--findings", "findings.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "findings.json is nothing that `roster images rescan` wrote" in done.stderr
    assert states(forge) == {"finding-a": "open"}


def test_without_the_findings_there_is_nothing_to_tell(tree: Path, forge: Forge) -> None:
    done = roster(tree, "forge", "issues", "--findings", "findings.json")
    assert (done.returncode, "findings.json cannot be read" in done.stderr) == (2, True)
    assert forge.asked == []
