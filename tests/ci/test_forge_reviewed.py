"""Records of reviewed plans: which runs they are taken from, and what of a stranger's zip file is used."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_fleet import git
from forge_server import REPOSITORY, TOKEN, Forge, Refusal, serving, zipped

from ci.forge.artifacts import only
from ci.forge.github import ForgeError, GitHub, settings_from
from ci.forge.pulls import RECENT_COMMITS, commits_since, merged_pulls, queued_pull
from ci.forge.reviewed import Gathered, gather
from components.reviewed import PlanOf, Reviewed

MERGED, HEAD, OTHER = "c" * 40, "a" * 40, "d" * 40
FORK = "stranger/agents"


@pytest.fixture
def forge() -> Iterator[Forge]:
    """Commit `MERGED` of main, which pull request 7 brought."""
    with serving() as one:
        one.pull(7, HEAD)
        one.commit_pulls[MERGED] = [7]
        yield one


@pytest.fixture
def github(forge: Forge) -> Iterator[GitHub]:
    settings = {"GITHUB_API_URL": forge.api, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": TOKEN}
    with GitHub(settings_from(settings), sleep=lambda _: None) as one:
        yield one


def record(name: str, commit: str = MERGED, *, clean: bool = True) -> str:
    """A record that explains one object of that name."""
    objects = {f"prod/main/apps/Deployment/sales/{name}": frozenset({"sha256:" + "0" * 64})}
    return Reviewed((PlanOf(commit, "t" * 40, clean, "b" * 40, ("prod",)),), objects).as_json()


def plan(name: str, commit: str = MERGED, *, clean: bool = True) -> dict[str, str]:
    """The files of an artifact."""
    return {"plan.md": "# Plan", "reviewed.json": record(name, commit, clean=clean)}


def pull_run(forge: Forge, name: str, **more: object) -> int:
    return forge.run(HEAD, "pull_request", plan(name, "e" * 40), **{"head_branch": "change-7", **more})


def names(gathered: Gathered) -> list[str]:
    """The objects that are explained."""
    return sorted(key.rpartition("/")[2] for key in gathered.record.objects)


def test_the_merge_queues_record_is_taken_in_place_of_the_pull_requests(forge: Forge, github: GitHub) -> None:
    forge.run(MERGED, "merge_group", plan("queue"))
    pull_run(forge, "pull")
    gathered = gather(github, [MERGED])
    assert names(gathered) == ["queue"]
    assert gathered.notes == ()


def test_of_two_in_one_group_the_earlier_ones_own_record_counts(forge: Forge, github: GitHub) -> None:
    forge.run(OTHER, "merge_group", plan("group", OTHER))
    pull_run(forge, "pull")
    assert names(gather(github, [OTHER, MERGED])) == ["group", "pull"]


def test_the_records_of_all_commits_are_united(forge: Forge, github: GitHub) -> None:
    forge.run(MERGED, "merge_group", plan("one"))
    forge.run(OTHER, "merge_group", plan("two", OTHER))
    assert names(gather(github, [MERGED, OTHER])) == ["one", "two"]


def test_without_a_merge_queue_the_pull_requests_own_record_counts(forge: Forge, github: GitHub) -> None:
    pull_run(forge, "pull")
    assert names(gather(github, [MERGED])) == ["pull"]


def test_a_forks_pull_request_that_was_merged_counts(forge: Forge, github: GitHub) -> None:
    forge.pull(7, HEAD, "stranger", repository=FORK)
    pull_run(forge, "fork", head_repository={"full_name": FORK})
    assert names(gather(github, [MERGED])) == ["fork"]


def test_a_run_of_the_merge_queue_in_a_fork_does_not_count(forge: Forge, github: GitHub) -> None:
    forge.run(MERGED, "merge_group", plan("forged"), head_repository={"full_name": FORK})
    assert names(gather(github, [MERGED])) == []


def test_a_run_from_another_place_than_the_pull_requests_branch_does_not_count(forge: Forge, github: GitHub) -> None:
    """Anybody can open a pull request of their own from a commit that they can read."""
    pull_run(forge, "fork", head_repository={"full_name": FORK})
    pull_run(forge, "branch", head_branch="elsewhere")
    assert names(gather(github, [MERGED])) == []


@pytest.mark.parametrize(
    "change",
    [
        {"conclusion": "failure"},
        {"conclusion": "cancelled"},
        {"event": "push"},
        {"event": "workflow_dispatch"},
        {"workflow": "other.yaml"},
    ],
    ids=str,
)
def test_only_good_runs_of_the_preview_count(forge: Forge, github: GitHub, change: dict[str, str]) -> None:
    pull_run(forge, "bad", **change)
    forge.run(MERGED, "merge_group", plan("bad"), **change)
    gathered = gather(github, [MERGED])
    assert names(gathered) == []
    assert "pull request 7 (cccccccccc) has no record of its plan" in gathered.notes[0]


@pytest.mark.parametrize(
    "change",
    [
        {"merged_at": None},
        {"base": {"ref": "side", "repo": {"full_name": REPOSITORY, "default_branch": "main"}}},
        {"base": {"ref": "main", "repo": {"full_name": FORK, "default_branch": "main"}}},
    ],
    ids=["open", "into-a-side-branch", "into-a-fork"],
)
def test_a_pull_request_that_did_not_bring_the_commit_does_not_count(
    forge: Forge, github: GitHub, change: dict[str, object]
) -> None:
    forge.pulls[7] |= change
    pull_run(forge, "bad")
    assert merged_pulls(github, [MERGED]) == []
    assert names(gather(github, [MERGED])) == []


SIDE = {"ref": "side", "repo": {"full_name": REPOSITORY, "default_branch": "main"}}


def test_a_pull_request_that_was_aimed_elsewhere_first_does_not_count(forge: Forge, github: GitHub) -> None:
    """Its run was one of the merge into that other branch, which nobody reviewed."""
    pull_run(forge, "bad")
    forge.events[7] = [{"event": "labeled"}, {"event": "merged"}, {"event": "base_ref_changed"}]
    gathered = gather(github, [MERGED])
    assert names(gathered) == []
    assert gathered.notes[0] == "pull request 7 was aimed at another branch: its own record is not used"


def test_a_branch_that_another_pull_request_aimed_elsewhere_does_not_count(forge: Forge, github: GitHub) -> None:
    pull_run(forge, "bad")
    forge.pull(8, HEAD, merged_at=None, base=SIDE)
    forge.pulls[8]["head"]["ref"] = "change-7"
    assert names(gather(github, [MERGED])) == []


def test_a_record_of_an_earlier_commit_of_the_pull_request_does_not_count(forge: Forge, github: GitHub) -> None:
    forge.run(OTHER, "pull_request", plan("earlier"), head_branch="change-7")
    assert names(gather(github, [MERGED])) == []


def test_a_record_that_names_another_commit_than_the_queues_is_not_used(forge: Forge, github: GitHub) -> None:
    forge.run(MERGED, "merge_group", plan("odd", OTHER))
    gathered = gather(github, [MERGED])
    assert names(gathered) == []
    assert "is not of that commit: not used" in gathered.notes[0]


def test_a_record_of_files_that_were_in_no_commit_is_not_used(forge: Forge, github: GitHub) -> None:
    forge.run(MERGED, "merge_group", plan("dirty", clean=False))
    gathered = gather(github, [MERGED])
    assert names(gathered) == []
    assert "was not made of one whole commit: not used" in gathered.notes[0]


def test_a_run_that_was_repeated_counts_by_its_newest_sound_record(forge: Forge, github: GitHub) -> None:
    pull_run(forge, "older")
    pull_run(forge, "newer")
    broken = pull_run(forge, "broken")
    forge.zips[forge.artifacts[broken][0]["id"]] = b"not a zip"
    gathered = gather(github, [MERGED])
    assert names(gathered) == ["newer"]
    assert "is no zip file that can be read" in gathered.notes[0]


def test_an_artifact_that_expired_or_has_another_name_is_passed_over(forge: Forge, github: GitHub) -> None:
    older = pull_run(forge, "older")
    forge.artifacts[older][0]["expired"] = True
    other = pull_run(forge, "other")
    forge.artifacts[other][0]["name"] = "roster-plan-2"
    gathered = gather(github, [MERGED])
    assert names(gathered) == []
    assert len(gathered.notes) == 1


def test_a_pull_request_without_a_record_is_no_matter_when_the_queue_has_one(forge: Forge, github: GitHub) -> None:
    forge.run(MERGED, "merge_group", plan("queue"))
    assert gather(github, [MERGED]).notes == ()


def test_a_forge_that_cannot_be_asked_is_an_error_and_not_an_empty_record(forge: Forge, github: GitHub) -> None:
    pull_run(forge, "pull")
    forge.refusals.append(Refusal(401))
    with pytest.raises(ForgeError, match="wrong or expired"):
        gather(github, [MERGED])


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/evil", "..\\evil", "\\evil"])
def test_a_zip_file_that_reaches_outside_of_itself_is_not_used_at_all(
    forge: Forge, github: GitHub, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    forge.run(MERGED, "merge_group", {"reviewed.json": record("evil"), name: "x"})
    gathered = gather(github, [MERGED])
    assert names(gathered) == []
    assert "names a file outside of itself" in gathered.notes[0]
    assert list(tmp_path.iterdir()) == []


def test_only_the_one_file_is_read() -> None:
    data = zipped({"reviewed.json": "yes", "deep/reviewed.json": "no", "huge": "x" * 10_000})
    assert only(data, "reviewed.json", "x", most_bytes=100) == "yes"


def test_a_file_that_grows_beyond_the_limit_is_not_read_to_its_end() -> None:
    bomb = zipped({"reviewed.json": "0" * 20_000_000})
    tracemalloc.start()
    try:
        with pytest.raises(ForgeError, match=r"^reviewed\.json of x is larger than 1,000 bytes$"):
            only(bomb, "reviewed.json", "x", most_bytes=1000)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_length_that_is_a_lie_does_not_help() -> None:
    data = zipped({"reviewed.json": "0" * 5000})
    lie = data.replace(struct.pack("<I", 5000), struct.pack("<I", 10))
    with pytest.raises(ForgeError):
        only(lie, "reviewed.json", "x", most_bytes=1000)


def _twice() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("reviewed.json", "one")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("reviewed.json", "two")
    return buffer.getvalue()


def _encrypted() -> bytes:
    data = bytearray(zipped({"reviewed.json": "x"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is no zip file that can be read"),
        (zipped({"reviewed.json": "x" * 2000})[:60], "is no zip file that can be read"),
        (_encrypted(), "is no zip file that can be read"),
        (zipped({"plan.md": ""}), "x has no reviewed.json"),
        (_twice(), "x has 2 reviewed.json"),
    ],
    ids=["empty", "cut", "encrypted", "without", "twice"],
)
def test_a_file_that_is_no_such_zip_file_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(ForgeError) as raised:
        only(data, "reviewed.json", "x")
    assert said in str(raised.value)


def test_the_pull_request_of_a_queues_ref_is_found(forge: Forge, github: GitHub) -> None:
    pull = queued_pull(github, f"refs/heads/gh-readonly-queue/main/pr-7-{'b' * 40}")
    assert pull
    assert (pull.number, pull.head) == (7, HEAD)
    for ref in ("refs/heads/main", "refs/heads/pr-7", f"refs/tags/gh-readonly-queue/main/pr-7-{'b' * 40}"):
        assert queued_pull(github, ref) is None


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Main with a first commit, a merge of a branch, and a last commit."""
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    for name in ("first", "second"):
        git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", name)
    git(tmp_path, "checkout", "--quiet", "-b", "side", "HEAD~1")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "side")
    git(tmp_path, "checkout", "--quiet", "main")
    git(tmp_path, "merge", "--quiet", "--no-ff", "--message", "merge", "side")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "last")
    return tmp_path


def subjects(folder: Path, *since: str) -> list[str]:
    return [git(folder, "show", "--no-patch", "--format=%s", one) for one in commits_since(folder, since)]


def test_the_commits_are_those_of_main_since_what_was_applied(history: Path) -> None:
    assert subjects(history, "HEAD~2") == ["last", "merge"]
    assert subjects(history, "HEAD") == ["last"], "a retry asks for the commit itself"


def test_of_several_environments_the_one_that_lacks_most_counts(history: Path) -> None:
    assert subjects(history, "HEAD~1", "HEAD~3") == ["last", "merge", "second"]


def test_a_commit_of_a_rewritten_history_counts_from_where_the_histories_part(history: Path) -> None:
    git(history, "checkout", "--quiet", "-b", "old", "HEAD~2")
    git(history, "commit", "--quiet", "--allow-empty", "--message", "rewritten")
    git(history, "checkout", "--quiet", "main")
    assert subjects(history, "old") == ["last", "merge"]


def test_commits_that_are_not_there_leave_the_latest_ones(history: Path) -> None:
    assert subjects(history, "f" * 40) == ["last", "merge", "second", "first"]
    assert subjects(history) == ["last", "merge", "second", "first"]
    assert RECENT_COMMITS >= 4
