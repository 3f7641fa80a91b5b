"""The rules as a policy pack, run by the real engine: what keeps them passes, what breaks one is refused by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from engine import SHARD, Project, new_project

from ci.engine.command import Pulumi, open_pulumi
from ci.engine.runs import Action, StackResult, StackRun, run_stacks
from policies.pack.judged import KEPT

PACK = ("--policy-pack", "policies")
SOUND = '"readOnlyRootFilesystem": True'
BROKEN = SOUND.replace("True", "False")
REFUSED = "the container agent lacks securityContext.readOnlyRootFilesystem: true"


@pytest.fixture(scope="module")
def project(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A fleet of its own whose pool and two agents are applied, with the pack; the platform is not needed here."""
    made = new_project(tmp_path_factory.mktemp("pack"))
    try:
        for stack in ("dev.business", SHARD):
            made.pulumi("stack", "init", stack, "--no-select")
            made.pulumi("up", "--stack", stack, "--yes", "--skip-preview", *PACK)
        yield made
    finally:
        made.remove()


@pytest.fixture
def broken(project: Project) -> Iterator[Project]:
    """The same, with code that renders pods that may write to their root."""
    file = project.top / "components/specs/pod.py"
    sound = file.read_text("utf-8")
    assert SOUND in sound
    file.write_text(sound.replace(SOUND, BROKEN), "utf-8")
    yield project
    file.write_text(sound, "utf-8")


def _run(project: Project, action: Action) -> StackResult:
    """As `roster preview` and `roster up` run a stack."""
    pulumi: Pulumi = open_pulumi(project.top, project.environment)
    (result,) = run_stacks(pulumi, [StackRun(SHARD, action, True)], width=1, folder=project.top / "out")
    return result


def test_objects_that_keep_the_rules_pass_and_the_pack_says_nothing(project: Project) -> None:
    assert set(project.objects("deployment")) == {"one", "two"}
    said = project.pulumi("preview", "--stack", SHARD, *PACK).stdout
    assert "\u2705 roster" in said, said
    assert "[mandatory]" not in said, said
    assert "[advisory]" not in said, said


def test_an_object_that_breaks_a_rule_is_refused_by_the_rules_name_before_it_is_applied(broken: Project) -> None:
    before = broken.objects("deployment")
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        done = broken.pulumi(*command, "--stack", SHARD, *PACK, check=False)
        assert done.returncode != 0
        assert "[mandatory]" in done.stdout
        assert "container-read-only-root" in done.stdout
        # An up ends with the first refusal, of whichever agent's object came first.
        refused = [agent for agent in ("one", "two") if f"Deployment {agent}: {REFUSED}" in done.stdout]
        assert refused, done.stdout
    assert broken.objects("deployment") == before


@pytest.mark.parametrize("action", ["preview", "up"])
def test_roster_runs_the_pack_and_its_report_names_the_agent_the_rule_and_the_problem(
    broken: Project, action: Action
) -> None:
    before = broken.objects("deployment")
    result = _run(broken, action)
    assert result.failure is not None
    assert result.failed
    for agent in result.failed:
        words = f"{agent}: {agent}/deployment: refused by the policy container-read-only-root: Deployment {agent}: "
        assert f"{words}{REFUSED}" in result.failure.message
    assert broken.objects("deployment") == before


def test_what_was_applied_before_a_rule_came_is_told_and_holds_nobody_up(broken: Project) -> None:
    file = broken.top / "components/specs/pod.py"
    broken.pulumi("up", "--stack", SHARD, "--yes", "--skip-preview")  # a Roster whose rules did not know of this
    environments = broken.top / "agents/catalog/environments.yaml"
    given = environments.read_text("utf-8")
    until = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%MZ")
    frozen = yaml.safe_load(given)
    frozen["dev"]["freeze"] = {"until": until, "reason": "For a day."}
    try:
        file.write_text(file.read_text("utf-8").replace(BROKEN, SOUND), "utf-8")
        environments.write_text(json.dumps(frozen, indent=1), "utf-8")  # YAML in which every text has its quotes
        result = _run(broken, "up")
        assert result.failure is None, result.failure
        assert f"the policy {KEPT} warns of 2 objects; the log says which" in result.notes
    finally:
        environments.write_text(given, "utf-8")
    assert _run(broken, "up").failure is None, "and the next change keeps the rule"
    assert [note for note in _run(broken, "preview").notes if KEPT in note] == []


def test_without_the_packs_library_nothing_is_begun_and_the_way_out_is_said(project: Project, tmp_path: Path) -> None:
    program = project.top / "policies/__main__.py"
    given = program.read_text("utf-8")
    program.write_text(given.replace("from pulumi_policy import", "import pulumi_policy_is_not_here  #"), "utf-8")
    try:
        result = _run(project, "up")
        assert result.failure is not None
        assert result.failure.kind == "broken"
        assert "nothing was begun" in result.failure.message
    finally:
        program.write_text(given, "utf-8")
