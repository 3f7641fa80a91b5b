"""`roster run`: real agents' services on this machine, asked by the very line that it prints."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from runtime_python import runtime_python
from small_fleet import CHARACTER, MINIMAL, write
from stand_in_process import StandIn, running

TOP = Path(__file__).parents[2]
KEY = "sk-of-the-test-0123456789"
AGENT = MINIMAL.replace("prompt: {text: You answer questions.}", "prompt: {file: one.prompt.md}\nknowledge: [rules.md]")
FILES = {
    "business/one.yaml": AGENT,
    "business/one.prompt.md": "You answer questions.\n",
    "business/rules.md": "Be kind.\n",
    "business/talker.yaml": CHARACTER.replace("community", "growth"),
    "business/ready.yaml": ("version: 1\ndescription: Ready.\nowner: growth\nruntime: agent-platform\n"),
}
LAUNCH = [sys.executable, "-c", "from ci.cli import main; main()", "run"]


@pytest.fixture(scope="module")
def provider() -> Iterator[StandIn]:
    with running(runtime_python(), "--answer", "From the provider.") as started:
        yield started


@pytest.fixture
def repository(tmp_path: Path, provider: StandIn) -> Path:
    """A fleet whose provider is the stand-in, with the service's own code."""
    provider.forget()
    entry = (TOP / "tests/fixtures/catalog/providers.yaml").read_text("utf-8").split("openai:")[0]
    entry = entry.replace("  api: anthropic\n", f"  api: anthropic\n  base_url: {provider.url}\n")
    write(tmp_path, FILES, {"providers.yaml": entry})
    folder = tmp_path / "components/images/fastapi"
    shutil.rmtree(folder)
    shutil.copytree(TOP / "components/images/fastapi", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def environment(**more: str) -> dict[str, str]:
    """Without the secrets that whoever runs the tests may have."""
    secret = ("ANTHROPIC_API_KEY", "API_KEYS", "REDIS_URL")
    left = {name: value for name, value in os.environ.items() if name not in secret}
    return left | {"PYTHONPATH": str(TOP), "PYTHONDONTWRITEBYTECODE": "1", **more}


class Run:
    """A `roster run` that goes on in the background."""

    def __init__(self, repository: Path, process: subprocess.Popen[str], output: Path) -> None:
        self.repository = repository
        self.process = process
        self._output = output

    @property
    def output(self) -> str:
        return self._output.read_text("utf-8")

    def says(self, word: str, seconds: float = 40) -> str:
        """Waits until it has printed this; returns the last line that has it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            if lines := [line for line in self.output.splitlines() if word in line]:
                return lines[-1]
            time.sleep(0.05)
        raise AssertionError(f"it did not say {word!r}:\n{self.output}")

    def curl(self) -> list[str]:
        """The line to paste."""
        return shlex.split(self.says("curl -sS"))

    def ended(self) -> int:
        """Ends it as Ctrl-C does; its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


@contextmanager
def started(repository: Path, *arguments: str, **variables: str) -> Iterator[Run]:
    output = repository / "output.txt"
    with output.open("w") as file:
        command = [*LAUNCH, "one", "--port", "0", *arguments]
        process = subprocess.Popen(
            command, cwd=repository, env=environment(**variables), stdout=file, stderr=subprocess.STDOUT, text=True
        )
        try:
            yield Run(repository, process, output)
        finally:
            process.terminate()
            process.wait(20)


def ask(command: list[str]) -> str:
    if shutil.which("curl") is None:
        pytest.skip("curl is not here")
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout


def refused(repository: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    """The exit code and what is printed of a run that does not begin."""
    done = subprocess.run(
        [*LAUNCH, *arguments], cwd=repository, env=environment(**variables), capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


def test_offline_an_agent_answers_without_any_key_and_ctrl_c_leaves_nothing_behind(repository: Path) -> None:
    with started(repository, "--offline") as run:
        line = run.curl()
        assert "This is the stand-in" in ask(line)
        assert not any("Authorization" in word for word in line)
        assert "stand-in" in run.says("offline:")
        assert run.ended() == 0
        port = int(line[2].split(":")[2].split("/")[0])
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
        assert (
            f"{run.process.pid}"
            not in subprocess.run(["ps", "-eo", "ppid"], capture_output=True, text=True, check=True).stdout.split()
        )
    assert not list((repository / "components").rglob("__pycache__")), "images are built from this folder"


def test_the_line_to_paste_has_a_key_of_this_run_and_without_it_nobody_is_served(
    repository: Path, provider: StandIn
) -> None:
    with started(repository, ANTHROPIC_API_KEY=KEY) as run:
        line = run.curl()
        assert "From the provider." in ask(line)
        place = next(index for index, word in enumerate(line) if "Authorization" in word)
        assert "UNAUTHORIZED" in ask(line[: place - 1] + line[place + 1 :]).upper()
        assert KEY not in run.output
    (asked,) = provider.seen()["last"]
    assert "You answer questions." in str(asked["body"]["system"])
    assert "Be kind." in str(asked["body"]["system"])


def test_secrets_come_from_a_file_and_are_not_printed(repository: Path, provider: StandIn) -> None:
    provider.tell(keys=[KEY])
    file = repository / "secrets.env"
    file.write_text(f"# for trying\nexport ANTHROPIC_API_KEY='{KEY}'\n\n")
    with started(repository, "--env-file", "secrets.env", ANTHROPIC_API_KEY="sk-another") as run:
        assert "From the provider." in ask(run.curl())
        assert KEY not in run.output


def test_a_changed_file_is_taken_over_and_a_broken_one_is_not(repository: Path, provider: StandIn) -> None:
    with started(repository, ANTHROPIC_API_KEY=KEY) as run:
        line = run.curl()
        (repository / "agents/business/one.prompt.md").write_text("You sing.\n")
        run.says("changed: prompt.md")
        assert_soon(lambda: "You sing." in asked_system(line, provider))
        definition = repository / "agents/business/one.yaml"
        definition.write_text(AGENT.replace("owner:", "ownr:"))
        assert "one.yaml" in run.says("ownr")
        run.says("not taken over")
        assert "You sing." in asked_system(line, provider)
        definition.write_text(AGENT + "overrides: {dev: {prompt: {text: You dance.}}}\n")
        assert_soon(lambda: "You dance." in asked_system(line, provider))


def asked_system(line: list[str], provider: StandIn) -> str:
    ask(line)
    last: dict[str, Any] = provider.seen()["last"][-1]
    return str(last["body"]["system"])


def assert_soon(holds: Any) -> None:
    end = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_missing_provider_key_is_named_with_the_ways_out(repository: Path) -> None:
    code, said = refused(repository, "one")
    assert code == 1
    assert all(word in said for word in ("ANTHROPIC_API_KEY", "--env-file", "--offline"))


def test_a_broken_line_of_the_file_is_named_by_its_number_only(repository: Path) -> None:
    (repository / "secrets.env").write_text(f"# keys\n{KEY}\n")
    code, said = refused(repository, "one", "--env-file", "secrets.env")
    assert code == 2
    assert "secrets.env:2" in said
    assert KEY not in said
    assert "absent.env" in refused(repository, "one", "--env-file", "absent.env")[1]


@pytest.mark.parametrize(
    ("agent", "words"), [("talker", ["eliza", "docker run"]), ("ready", ["intelgraph/agent-platform"])]
)
def test_an_agent_that_is_in_an_image_only_says_how_to_start_that(
    repository: Path, agent: str, words: list[str]
) -> None:
    code, said = refused(repository, agent, "--offline")
    assert code == 2
    assert all(word in said for word in words), said


def test_a_port_that_is_taken_is_said(repository: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, said = refused(repository, "one", "--offline", "--port", port)
    assert code == 1
    assert port in said
    assert "--port" in said


def test_an_agent_that_is_not_sound_is_not_run(repository: Path) -> None:
    (repository / "agents/business/one.yaml").write_text(AGENT.replace("owner:", "ownr:"))
    code, said = refused(repository, "one", "--offline")
    assert code == 1
    assert "ownr" in said
    assert "Traceback" not in said


def test_an_environment_that_it_does_not_run_in_is_said(repository: Path) -> None:
    (repository / "agents/business/one.yaml").write_text(AGENT + "environments: [dev]\n")
    code, said = refused(repository, "one", "--offline", "-e", "prod")
    assert code == 2
    assert "does not run in prod" in said
