"""Every command in the README does what the README says. With another fleet in `agents/`, those that fit it run."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    line.split("#")[0].strip()
    for kind, text in BLOCKS
    if kind == "sh"
    for line in text.splitlines()
    if line.startswith("roster ")
]
# What the commands name, and where it must exist for them to make sense.
NAMED = {
    "ticket-triage": "agents/support/ticket-triage.yaml",
    "refund-assistant": "agents/support/refund-assistant.yaml",
    "sky-watcher": "agents/community/sky-watcher.yaml",
    "business": "agents/business",
}
FAULTY = """\
# yaml-language-server: $schema=../agent.schema.json
version: 1
description: Writes one-page briefs for sales calls.
owner: grwoth
runtime: fastapi
model: {name: claude-sonet-4-5}
prompt: {text: You write one-page briefs.}
scaling: {min: 4, max: 2}

tier: small
hosts: ["*.example.com"]
secrets: {CRM_API_KEY: sk-ant-api03-aaaaaaaaaaaaaaaaaaaaaaaa}
"""


def fits(text: str) -> bool:
    """Whether what a command names is in this repository's fleet."""
    return all((TOP / path).exists() for word, path in NAMED.items() if re.search(rf"\b{word}\b", text))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A repository with this one's agents, committed on main."""
    shutil.copytree(TOP / "agents", tmp_path / "agents")
    shutil.copytree(TOP / "components/images", tmp_path / "components/images")
    for arguments in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["add", "--all"],
        ["commit", "--quiet", "-m", "x"],
    ):
        git(tmp_path, *arguments)
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    """Runs git in `folder`."""
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def run(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Runs a README line in `folder`."""
    words = shlex.split(command)
    assert words[0] == "roster"
    program = [sys.executable, "-c", "from ci.cli import main; main()", *words[1:]]
    environment = {**os.environ, "PYTHONPATH": str(TOP)}
    return subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def transcript(command: str) -> list[str]:
    """The lines that the README shows below a command."""
    (text,) = [text for kind, text in BLOCKS if kind == "console" and text.startswith(f"$ {command}\n")]
    return [line for line in text.splitlines()[1:] if line]


def test_the_preview_command_shows_a_plan_and_says_why_there_is_no_engine() -> None:
    without_pulumi = os.pathsep.join(
        folder for folder in os.environ["PATH"].split(os.pathsep) if not (Path(folder) / "pulumi").exists()
    )
    environment = {**os.environ, "PATH": without_pulumi, "ROSTER_KEEP_VENV": "1"}
    done = subprocess.run(
        ["bash", "ci/preview.sh", "HEAD"], cwd=TOP, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# Roster plan" in done.stdout
    assert "Skipped: no pulumi on PATH. That is fine" in done.stdout
    assert (TOP / "out/plan/plan.md").exists()


def test_the_readme_has_commands_and_most_fit_this_fleet() -> None:
    assert len(COMMANDS) >= 12
    assert sum(map(fits, COMMANDS)) >= 5


@pytest.mark.parametrize("command", [command for command in COMMANDS if fits(command)])
def test_a_command_of_the_readme_succeeds(copy: Path, command: str) -> None:
    done = run(copy, command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() or done.stderr.strip()


@pytest.mark.skipif(not fits("business"), reason="this fleet has no pool business, which the README's transcript names")
def test_the_transcript_of_check_is_what_check_says(copy: Path) -> None:
    (copy / "agents/business/brief-writer.yaml").write_text(FAULTY, "utf-8")
    done = run(copy, "roster check")
    assert done.returncode == 1
    said = done.stdout.splitlines()
    for line in transcript("roster check")[:-1]:
        assert line in said


@pytest.mark.skipif(
    not fits("ticket-triage"), reason="this fleet has no ticket-triage, which the README's transcript names"
)
def test_the_transcript_of_plan_is_what_plan_says(copy: Path) -> None:
    definition = copy / "agents/support/ticket-triage.yaml"
    text = definition.read_text("utf-8")
    text = text.replace("hosts: [", "hosts: [mail.example.com, ")
    definition.write_text(text + "overrides:\n  prod:\n    scaling: {max: 16}\n", "utf-8")
    with (copy / "agents/support/ticket-triage.prompt.md").open("a", encoding="utf-8") as prompt:
        prompt.write("Ask when a ticket has no product.\n")
    done = run(copy, "roster plan --base main")
    assert done.returncode == 0, done.stdout + done.stderr
    for line in transcript("roster plan --base main"):
        assert line in done.stdout.splitlines(), line


def test_the_definition_that_the_readme_shows_is_valid_and_so_it_is_with_alerts_of_its_own(copy: Path) -> None:
    if not fits("business"):
        assert "brief-writer" in README
        return
    text, own_alerts = [text for kind, text in BLOCKS if kind == "yaml"]
    path, _, body = text.partition("\n")
    (copy / path.removeprefix("# ")).write_text(f"{body.rstrip()}\n{own_alerts}", "utf-8")
    done = run(copy, "roster check agents/business/brief-writer.yaml")
    assert done.returncode == 0, done.stdout


def test_every_file_that_the_readme_names_is_there() -> None:
    named = set(re.findall(r"`((?:components|agents|ci|policies|stacks|bench|docs)/[\w./-]+)`", README))
    named |= {path.rstrip("/") for path in re.findall(r"\]\(([\w./-]+)\)", README)}
    missing = [path for path in sorted(named) if not (TOP / path).exists() and not path.startswith("agents/")]
    assert missing == []


@pytest.mark.skipif(not fits("ticket-triage"), reason="this fleet has no agent ticket-triage, which the README runs")
def test_the_agent_of_the_readme_answers_as_the_readme_shows(copy: Path) -> None:
    said = transcript("roster run ticket-triage --offline")
    (shown,) = [json.loads(text) for kind, text in BLOCKS if kind == "json"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shutil.copytree(TOP / "ci", copy / "ci", ignore=shutil.ignore_patterns("__pycache__"))
    program = [
        sys.executable,
        "-c",
        "from ci.cli import main; main()",
        "run",
        "ticket-triage",
        "--offline",
        "--port",
        port,
    ]
    running = subprocess.Popen(
        program,
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(TOP)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        printed: list[str] = []
        assert running.stdout
        for line in running.stdout:
            printed.append(line.strip())
            if line.startswith("curl "):
                break
        assert [line for line in said if line.replace("8080", port) not in printed] == [], printed
        answer = subprocess.run(shlex.split(printed[-1]), capture_output=True, text=True, check=True, timeout=60)
        got = json.loads(answer.stdout)
    finally:
        running.terminate()
        running.communicate(timeout=60)
    assert got.keys() == shown.keys()
    assert got["result"].startswith(shown["result"].removesuffix(" …"))
    assert (got["agent_id"], got["model"], got["stop_reason"]) == (
        shown["agent_id"],
        shown["model"],
        shown["stop_reason"],
    )
