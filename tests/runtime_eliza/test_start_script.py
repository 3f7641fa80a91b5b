"""The start-up script of Eliza images: what is missing is said by name, and health answers are true of what runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eliza_image import TELEGRAM, installed, write_starter

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm, which comes with Node.js")

MISCONFIGURED = 78
OPENAI = "@elizaos/plugin-openai"
NEEDS = {
    "@elizaos/plugin-bootstrap": ("elizaOS", []),
    OPENAI: ("provider openai", ["OPENAI_API_KEY"]),
    "@elizaos/plugin-sql": ("elizaOS", []),
    TELEGRAM: ("channel telegram", ["TELEGRAM_BOT_TOKEN"]),
}
ADA = {"name": "Ada", "bio": ["A guide."], "plugins": ["@elizaos/plugin-bootstrap", "@elizaos/plugin-sql"]}


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """A bare environment, as a pod has it."""
    keep = {name: os.environ[name] for name in ("PATH", "NODE_EXTRA_CA_CERTS") if name in os.environ}
    return {**keep, "HOME": str(folder), "AGENT_SECRETS": str(folder / "no-secrets"), **variables}


def started(folder: Path, character: Any, *arguments: str, **variables: str) -> tuple[int, list[str]]:
    """The exit code of a start that fails before elizaOS is looked at, and the messages of its log."""
    script = write_starter(folder / "app", NEEDS)
    file = folder / "character.json"
    file.write_text(character if isinstance(character, str) else json.dumps(character))
    command = ["node", str(script), *(arguments or ("start", "--character", str(file)))]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(folder, **variables),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    entries = [json.loads(line) for line in done.stderr.splitlines()]
    assert all(entry["level"] == "error" for entry in entries)
    return done.returncode, [entry["message"] for entry in entries]


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    character = {**ADA, "plugins": [TELEGRAM, OPENAI, "@elizaos/plugin-tides"]}
    began = time.monotonic()
    code, said = started(tmp_path, character, TELEGRAM_BOT_TOKEN=" ", SERVER_PORT="http")
    assert (code, time.monotonic() - began < 10) == (MISCONFIGURED, True)
    assert said == [
        'SERVER_PORT is "http", which is no port',
        f"TELEGRAM_BOT_TOKEN is missing; {TELEGRAM} (channel telegram) needs it",
        f"OPENAI_API_KEY is missing; {OPENAI} (provider openai) needs it",
        f"the character asks for @elizaos/plugin-tides, which this image has not; it has {', '.join(NEEDS)}",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read: Expected property name"),
        ("[]", "is no JSON object"),
        ("null", "is no JSON object"),
        ('{"name": "Ada", "plugins": "telegram"}', "the character's plugins are no list"),
        ('{"name": "Ada", "plugins": ["__proto__"]}', "asks for __proto__, which this image has not"),
    ],
)
def test_a_broken_character_file_is_no_stack_trace(tmp_path: Path, text: str, message: str) -> None:
    code, said = started(tmp_path, text)
    assert code == MISCONFIGURED
    assert len(said) == 1
    assert message in said[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("start",), "no character is named; usage: start --character FILE"),
        (("start", "--character", "nowhere.json"), "nowhere.json cannot be read: ENOENT"),
        (("start", "--charakter", "x"), "usage: start --character FILE"),
    ],
)
def test_a_wrong_command_line_is_told_the_right_one(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    code, said = started(tmp_path, ADA, *arguments)
    assert code == MISCONFIGURED
    assert message in said[0]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "memory").write_text("a file")
    code, said = started(tmp_path, ADA, PGLITE_DATA_DIR=str(tmp_path / "memory" / "db"))
    assert code == MISCONFIGURED
    way_out = "mount a folder there, or set PGLITE_DATA_DIR or POSTGRES_URL"
    assert said == [f"{tmp_path}/memory/db cannot be written (ENOTDIR); {way_out}"]


def test_secrets_come_from_files_which_win_over_variables(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    (secrets / "..data").mkdir(parents=True)
    (secrets / "TELEGRAM_BOT_TOKEN").write_text("12:from-a-file\n")
    (secrets / "SERVER_PORT").write_text("from-a-file\n")
    character = {**ADA, "plugins": [TELEGRAM, OPENAI]}
    code, said = started(tmp_path, character, AGENT_SECRETS=str(secrets), OPENAI_API_KEY="", SERVER_PORT="3000")
    assert code == MISCONFIGURED
    port = 'SERVER_PORT is "from-a-file", which is no port'
    assert said == [port, f"OPENAI_API_KEY is missing; {OPENAI} (provider openai) needs it"]


@dataclass(frozen=True)
class Running:
    """An agent that runs here, and the file with its log."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and JSON of an answer; status 0 while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            return 0, {}

    def wait_for(self, path: str, wanted: int, word: str = "") -> dict[str, Any]:
        """The answer once its status is `wanted` and `word` stands in it; fails after two minutes."""
        until = time.monotonic() + 120
        while time.monotonic() < until:
            status, body = self.get(path)
            if status == wanted and word in json.dumps(body):
                return body
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            time.sleep(0.2)
        raise AssertionError(f"{path} never said {wanted}:\n{self.log.read_text()[-2000:]}")


@contextmanager
def agent(folder: Path, character: dict[str, Any], **variables: str) -> Iterator[Running]:
    """elizaOS itself, started by the script in a folder as the image has it."""
    app = folder / "app"
    script = write_starter(app, NEEDS)
    (app / "node_modules").symlink_to(installed(TELEGRAM) / "node_modules")
    file = folder / "character.json"
    file.write_text(json.dumps(character))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    log = folder / "log"
    # Modules are looked for beside the script, not beside what the link points at.
    command = [
        "node",
        "--preserve-symlinks",
        "--preserve-symlinks-main",
        str(script),
        "start",
        "--character",
        str(file),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(folder, SERVER_PORT=str(port), **variables),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Running(process, port, log)
    finally:
        process.kill()
        process.wait()


@needs_npm
def test_an_agent_runs_by_the_lock_answers_closes_its_api_and_stops_when_told(tmp_path: Path) -> None:
    with agent(tmp_path, ADA, CANARY_PASSWORD="canary-4711") as one:
        one.wait_for("/health", 200)
        assert one.get("/healthz")[0] == 200
        # Without a token of its own the API would let anybody stop the agent.
        assert one.get("/api/agents")[0] == 401
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(timeout=20) == 0
    text = one.log.read_text()
    assert '"level":"info","message":"Ada runs on port' in text
    assert "canary" not in text
    assert "SECRET_SALT is not set" not in text
    assert list((tmp_path / ".eliza").iterdir()), "what it remembers lies below its working folder"


@needs_npm
def test_readiness_waits_for_the_channels_and_says_for_which(tmp_path: Path) -> None:
    character = {**ADA, "plugins": [*ADA["plugins"], TELEGRAM]}
    # Not a token of anybody: Telegram, where it can be reached at all, refuses it.
    with agent(tmp_path, character, TELEGRAM_BOT_TOKEN="1:made-up") as one:
        answer = one.wait_for("/health", 503, '"not running: telegram (registering)"')
        assert answer == {"status": "waiting", "reason": "not running: telegram (registering)"}
        assert one.get("/healthz")[0] == 200


@needs_npm
def test_a_character_that_elizaos_refuses_ends_the_start(tmp_path: Path) -> None:
    with agent(tmp_path, {**ADA, "topics": "tides"}) as one:
        assert one.process.wait(timeout=60) == MISCONFIGURED
    assert "elizaOS refuses the character: " in one.log.read_text()
