"""Runbooks: every alert has one that is up to date, and what it tells people to type is there to be typed."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import click
import pytest
import typer
from small_fleet import fleet
from typer.testing import CliRunner

from ci.cli import app
from components.specs.monitoring.alert import Alert, Step
from components.specs.monitoring.all_alerts import ALL_ALERTS
from components.specs.monitoring.links import alert_annotations
from components.specs.monitoring.runbooks import runbooks

FOLDER = Path(__file__).parents[2] / "docs" / "runbooks"
# What an alert's labels say, and what only a person can.
OF_AN_ALERT = {"agent": {"agent", "pool", "namespace", "environment"}, "pool": {"pool", "namespace", "environment"}}
OF_A_PERSON = {"commit", "pod", "pods", "tier", "mebibytes", "name", "number", "stack", "image", "url"}
PLACEHOLDER = re.compile(r"<([a-z]+)>")
STEPS = [(alert, step) for alert in ALL_ALERTS for step in (*alert.runbook.look, *alert.runbook.act) if step.command]


def test_every_page_says_what_its_alert_says_and_none_is_left_over() -> None:
    there = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.md")}
    assert there == runbooks(ALL_ALERTS), "run `roster runbooks`"


def test_a_page_that_was_changed_by_hand_is_named_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "runbooks"
    shutil.copytree(FOLDER, folder)
    monkeypatch.setattr("ci.commands.runbooks.FOLDER", folder)
    assert CliRunner().invoke(app, ["runbooks", "--check"]).exit_code == 0
    (folder / "AgentDown.md").write_text("changed\n", "utf-8")
    (folder / "Gone.md").write_text("of an alert that is no more\n", "utf-8")
    done = CliRunner().invoke(app, ["runbooks", "--check"])
    assert (done.exit_code, [line.split()[0] for line in done.output.splitlines()]) == (
        1,
        ["docs/runbooks/AgentDown.md", "docs/runbooks/Gone.md"],
    )
    assert CliRunner().invoke(app, ["runbooks"]).exit_code == 0
    assert not (folder / "Gone.md").exists()
    assert (folder / "AgentDown.md").read_text("utf-8") == (FOLDER / "AgentDown.md").read_text("utf-8")


@pytest.mark.parametrize("alert", ALL_ALERTS, ids=lambda one: one.name)
def test_an_alert_leads_to_a_page_that_says_what_to_look_at_and_what_to_do(alert: Alert) -> None:
    address = alert_annotations(alert, fleet({}).catalog.settings, {"pool": "p", "namespace": "n"})["runbook_url"]
    assert (FOLDER / address.rsplit("/", 1)[1]).is_file()
    assert alert.runbook.look, "where to look"
    assert alert.runbook.act, "what to do"
    assert alert.runbook.meaning.endswith(".")
    assert alert.runbook.impact.endswith(".")


@pytest.mark.parametrize(("alert", "step"), STEPS, ids=lambda one: getattr(one, "name", None) or "")
def test_a_command_of_a_runbook_can_be_typed(alert: Alert, step: Step) -> None:
    unknown = set(PLACEHOLDER.findall(step.command)) - OF_AN_ALERT.get(alert.scope, {"environment"}) - OF_A_PERSON
    assert not unknown, f"{alert.name}: an alert about {alert.scope} does not say {unknown}"
    for line in step.command.splitlines():
        words = shlex.split(PLACEHOLDER.sub(r"\1", line).split(" | ")[0])
        if words[0] == "roster":
            _parses(words[1:])
        else:
            assert words[0] in {"kubectl", "curl", "promtool", "amtool", "git", "pulumi"}, line


def _parses(words: list[str]) -> None:
    """Reads a command line as the command would, without carrying it out."""
    command: click.Command = typer.main.get_command(app)
    while isinstance(command, click.Group):
        assert words[0] in command.commands, f"there is no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    # A number stands where the page has a word for one.
    numbers = [re.sub(r"^(pods|mebibytes)$", "3", word) for word in words]
    command.make_context("roster", numbers)
