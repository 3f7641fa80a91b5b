"""A program that cannot know all that it holds registers nothing, says why, and forgets nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from projects import AGENTS, Run, own_project, run_program, shard_with


def _nothing_happened(done: Any, run: Run) -> None:
    assert done.returncode == 32
    assert "Traceback" not in done.stderr
    assert "nothing was registered" in done.stderr
    assert [one["type"] for one in run.resources if one["type"] != "pulumi:pulumi:Stack"] == []
    # Empty outputs would make Pulumi forget what it last applied.
    assert run.outputs == {}


def test_a_broken_definition_holds_its_own_shard_and_no_other(tmp_path: Path) -> None:
    top = own_project(tmp_path)
    stack = shard_with(top, "plain")
    other = next(name for name in ("prod.eu.business.0", "prod.eu.business.1") if name != stack)
    (top / "agents/business/plain.yaml").write_text(AGENTS["business/plain.yaml"] + "scalling: {min: 1}\n", "utf-8")
    done, runs = run_program(top, stack)
    _nothing_happened(done, runs[stack])
    assert "agents/business/plain.yaml:7:1" in done.stderr
    assert "Did you mean 'scaling'" in done.stderr
    done, runs = run_program(top, other)
    assert done.returncode == 0, done.stderr
    assert runs[other].objects


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("agents/catalog/tiers.yaml", "small: [\n", "agents/catalog/tiers.yaml:"),
        ("agents/business/keeper.yaml", "", "agents/business/keeper.yaml:1:1"),
    ],
)
def test_what_cannot_be_read_registers_nothing(tmp_path: Path, file: str, text: str, said: str) -> None:
    top = own_project(tmp_path)
    stack = shard_with(top, "keeper")
    (top / file).write_text(text, "utf-8")
    done, runs = run_program(top, stack)
    _nothing_happened(done, runs[stack])
    assert said in done.stderr


def test_a_checkout_without_a_pools_folder_does_not_empty_the_pool(tmp_path: Path) -> None:
    top = own_project(tmp_path)
    shutil.rmtree(top / "agents/business")
    done, runs = run_program(top, "prod.eu.business.0")
    _nothing_happened(done, runs["prod.eu.business.0"])
    assert "agents/business has no definitions" in done.stderr


def test_a_definition_turned_into_a_link_does_not_remove_its_agent(tmp_path: Path) -> None:
    top = own_project(tmp_path)
    stack = shard_with(top, "plain")
    (top / "agents/business/plain.yaml").rename(top / "plain.yaml")
    (top / "agents/business/plain.yaml").symlink_to(top / "plain.yaml")
    done, runs = run_program(top, stack)
    _nothing_happened(done, runs[stack])
    assert "symbolic link" in done.stderr


def test_an_unknown_stack_is_answered_with_the_nearest_name(own: Path) -> None:
    done, runs = run_program(own, "prod.eu.busines.0")
    _nothing_happened(done, runs["prod.eu.busines.0"])
    assert "Did you mean 'prod.eu.business.0'?" in done.stderr


def test_a_commit_that_is_none_is_refused(own: Path) -> None:
    done, runs = run_program(own, "dev.business", ROSTER_COMMIT="main")
    _nothing_happened(done, runs["dev.business"])
    assert "ROSTER_COMMIT is 'main'" in done.stderr
