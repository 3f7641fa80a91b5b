"""CODEOWNERS: who must approve what, as GitHub reads the file, and that it is noticed when it no longer fits."""

from __future__ import annotations

import fnmatch
from pathlib import Path

import pytest
import typer
from small_fleet import MINIMAL, fleet, write

from ci.codeowners import PATH, NoTeamError, codeowners, codeowners_drift
from ci.commands.codeowners import run
from components.definition.tree import WorkTree
from components.fleet import Fleet

AGENT = {"business/one.yaml": MINIMAL}
TEAM = "{description: D, email: a@example.com, slack: '#a', reviewers: '@example/new'}"
POOL = "{description: P, owner: %s, quota: {cpu: '1', memory: 1Gi, pods: 5, storage: 1Gi}}"


def owners(text: str, path: str) -> list[str]:
    """Who owns a path: the last line that fits it."""
    found: list[str] = []
    for line in text.splitlines():
        pattern, *handles = line.partition("#")[0].split() or [""]
        folder = pattern.removeprefix("/")
        if pattern and (pattern == "*" or path == folder or (folder.endswith("/") and path.startswith(folder))):
            found = handles
        assert not fnmatch.filter([pattern], "*[[?!]*"), f"this reader knows no such pattern: {pattern}"
    return found


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("agents/business/one.yaml", ["@example/growth"]),
        ("agents/support/deep/context/Dockerfile", ["@example/support"]),
        ("agents/halted/any.yaml", ["@example/platform"]),
        ("agents/catalog/tiers.yaml", ["@example/platform"]),
        ("agents/catalog/waivers/one.yaml", ["@example/security"]),
        ("agents/catalog/exceptions/one.yaml", ["@example/security"]),
        ("agents/catalog/teams.yaml", ["@example/platform", "@example/security"]),
        ("agents/newpool/one.yaml", ["@example/platform"]),
        ("policies/rules/pod_restricted.py", ["@example/security"]),
        ("components/specs/pod.py", ["@example/platform"]),
        ("stacks/__main__.py", ["@example/platform"]),
        ("ci/apply.sh", ["@example/platform"]),
        (".github/CODEOWNERS", ["@example/platform", "@example/security"]),
        ("ci/branch_rules/rules.py", ["@example/platform", "@example/security"]),
        ("requirements.lock", ["@example/platform"]),
    ],
)
def test_a_change_needs_the_approval_of_those_who_answer_for_it(path: str, expected: list[str]) -> None:
    assert owners(codeowners(fleet(AGENT).catalog), path) == expected


def test_the_file_of_this_repository_is_what_its_catalog_makes() -> None:
    tree = WorkTree(Path(__file__).parents[2])
    assert codeowners_drift(tree, Fleet.open(tree).catalog) == []


def test_a_team_of_a_pool_owns_nothing_but_its_pools() -> None:
    text = codeowners(fleet(AGENT).catalog)
    theirs = [line.split()[0] for line in text.splitlines() if "@example/growth" in line]
    assert theirs == ["/agents/business/", "/agents/trial/"]


def test_adding_an_agent_changes_no_line() -> None:
    more = fleet({**AGENT, "business/two.yaml": MINIMAL, "support/three.yaml": MINIMAL})
    assert codeowners(more.catalog) == codeowners(fleet(AGENT).catalog)


def test_a_new_pool_and_a_new_handle_are_drift_that_names_its_line(tmp_path: Path) -> None:
    tree = WorkTree(write(tmp_path, AGENT))
    (tmp_path / ".github").mkdir()
    (tmp_path / PATH).write_text(codeowners(Fleet.open(tree).catalog), "utf-8")
    assert codeowners_drift(tree, Fleet.open(tree).catalog) == []
    changed = fleet(AGENT, {"pools.yaml": f"wares: {POOL % 'growth'}\n", "teams.yaml": f"support: {TEAM}\n"})
    (finding,) = codeowners_drift(tree, changed.catalog)
    lines = (tmp_path / PATH).read_text("utf-8").splitlines()
    assert lines[finding.line - 1].startswith("/agents/support/")
    assert "run `roster codeowners`" in finding.message


def test_a_catalog_without_the_team_that_answers_for_all_says_which_is_missing(tmp_path: Path) -> None:
    catalog = fleet(AGENT).catalog
    catalog.entries["teams"]["securtiy"] = catalog.entries["teams"].pop("security")
    with pytest.raises(NoTeamError, match=r"no team 'security'.* Did you mean 'securtiy'\?"):
        codeowners(catalog)


def test_the_command_writes_what_its_check_then_accepts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(write(tmp_path, AGENT))
    with pytest.raises(typer.Exit) as missing:
        run(check=True, output="github")
    assert missing.value.exit_code == 1
    assert capsys.readouterr().out.startswith(f"::error file={PATH},line=1,")
    run(check=False, output="text")
    with pytest.raises(typer.Exit) as fine:
        run(check=True, output="text")
    assert fine.value.exit_code == 0
    (tmp_path / PATH).write_text(
        (tmp_path / PATH).read_text("utf-8").replace("@example/growth", "@example/grwoth"), "utf-8"
    )
    with pytest.raises(typer.Exit) as changed:
        run(check=True, output="text")
    assert changed.value.exit_code == 1
