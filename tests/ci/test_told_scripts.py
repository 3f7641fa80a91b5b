"""What the scripts ask of Roster and tell the forge, with a Roster that writes down how it was called."""

from __future__ import annotations

from pathlib import Path

import pytest
from git_projects import Clone, Remote, remote_with_fleet

# Exit codes by command come from the variable CODES, such as "drift=1 permission=3".
STAND_IN = """#!/usr/bin/env bash
echo "$*" >>"$APPLIED.calls"
name=$1; [ "$1" != forge ] || name=$2
code=$(grep -o "\\b$name=[0-9]*" <<<"${CODES:-}" | cut -d= -f2)
if [ "$name" = drift ] && [ "${code:-0}" -le 1 ] && [ -z "${NO_REPORT:-}" ]; then
  mkdir -p out/drift; echo "# Drift" >out/drift/drift.md
fi
if [ "$name" = up ]; then mkdir -p out/up/prod; echo "{}" >out/up/prod/report.json; fi
exit "${code:-0}"
"""


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Remote:
    return remote_with_fleet(tmp_path_factory.mktemp("seed"))


@pytest.fixture
def clone(seed: Remote, tmp_path: Path) -> Clone:
    made = seed.copy(tmp_path).clone("clone")
    (made.top / ".venv/bin/roster").write_text(STAND_IN, "utf-8")
    return made


def calls(clone: Clone, *command: str) -> list[str]:
    """How Roster was called, those calls that begin with `command`."""
    file = clone.remote.applied.with_suffix(".calls")
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return [line for line in lines if line.startswith(" ".join(command))]


@pytest.mark.parametrize(
    ("codes", "variables", "expected", "told"),
    [
        ("drift=0", {}, 0, ["forge issue --state closed"]),
        ("drift=1", {}, 0, ["forge issue --state open --title Clusters differ from what was applied"]),
        ("drift=1", {"NO_REPORT": "1"}, 1, []),
        ("drift=6", {}, 6, []),
        ("drift=1", {"GITHUB_TOKEN": ""}, 0, []),
    ],
    ids=["none", "some", "catalog not sound", "cluster out of reach", "no forge"],
)
def test_one_issue_follows_the_drift_and_nothing_is_said_when_nobody_could_look(
    clone: Clone, codes: str, variables: dict[str, str], expected: int, told: list[str]
) -> None:
    code, said = clone.run("drift.sh", **{"CODES": codes, "GITHUB_TOKEN": "t", **variables})
    assert code == expected, said
    assert [line.removesuffix(" --body out/drift/drift.md") for line in calls(clone, "forge")] == told


def test_on_a_forge_what_reviewers_saw_and_allowed_goes_along(clone: Clone) -> None:
    applied = clone.git("rev-parse", "HEAD")
    clone.remote.applied.write_text(f"{applied}\n", "utf-8")
    clone.merge({"notes.md": "x"})
    assert clone.run("apply.sh", "prod", GITHUB_TOKEN="t")[0] == 0
    assert calls(clone, "forge reviewed") == [f"forge reviewed --output out/reviewed --since HEAD~30 --since {applied}"]
    assert calls(clone, "forge permission") == [f"forge permission --output out/permission.json --since {applied}"]
    (up,) = calls(clone, "up")
    assert up.endswith("--reviewed out/reviewed/reviewed.json --permission out/permission.json")


def test_without_permission_or_an_answer_it_is_applied_without_them(clone: Clone) -> None:
    code, said = clone.run("apply.sh", "prod", GITHUB_TOKEN="t", CODES="permission=3 reviewed=1")
    assert code == 0, said
    assert calls(clone, "up") == ["up --environment prod --report out/up/prod"]
    assert "No reviewer allowed that many agents go" in said


def test_switches_do_nothing_but_what_goes_first(clone: Clone) -> None:
    assert clone.run("apply.sh", "prod", "--first-only")[0] == 0
    assert calls(clone, "up") == ["up --environment prod --report out/up/prod --first-only"]
    code, said = clone.run("apply.sh", "prod", "--frist-only")
    assert (code, "usage: bash ci/apply.sh" in said) == (2, True)


def test_the_exit_code_of_up_is_the_scripts(clone: Clone) -> None:
    assert clone.run("apply.sh", "prod", CODES="up=5")[0] == 5


def test_the_forge_hears_what_became_of_it_and_also_that_nothing_did(clone: Clone) -> None:
    clone.run("tell.sh", "prod", GITHUB_TOKEN="t", OUTCOME="success")
    assert calls(clone) == [], "nothing was left to do"
    clone.run("tell.sh", "prod", GITHUB_TOKEN="t", OUTCOME="failure")
    assert calls(clone)[-1].startswith("forge status --environment prod --state error")
    clone.run("apply.sh", "prod", CODES="up=4")
    clone.run("tell.sh", "prod", GITHUB_TOKEN="t", OUTCOME="failure")
    assert calls(clone)[-1] == "forge status --report out/up/prod/report.json"


def test_a_long_report_is_cut_for_the_summary_and_says_so(clone: Clone) -> None:
    (clone.top / "report.md").write_text("ä" * 600_000, "utf-8")
    summary = clone.top / "summary.md"
    assert clone.run("summary.sh", "report.md", GITHUB_STEP_SUMMARY=str(summary))[0] == 0
    text = summary.read_text("utf-8")
    assert len(text.encode()) < 2**20
    assert text.endswith("**Cut off here: the whole is in the file report.md among the artifacts.**\n")
    assert clone.run("summary.sh", "none.md")[0] == 0
