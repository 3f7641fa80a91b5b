"""A planted secret is followed through everything that Roster writes and says: it is in none of it.

What is refused is what has the shape of a credential, stands where only references belong, or is the value of a
variable that is named like a secret. Text of no known shape in a field of text is text: the last test says where.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from command_fleet import git
from projects import copy_program, run_program
from runtime_python import runtime_python
from small_fleet import CHARACTER, MINIMAL, TODAY, findings, fleet, tree, write
from traces import forms, parts_said, shaped, shapeless, traces
from typer.testing import CliRunner

from bench.recorded_images import record_images
from ci.cli import app
from ci.formats import FORMATS
from ci.render import NotSound, render
from components.definition.findings import InvalidInput
from components.fleet import Fleet

ROOT = Path(__file__).parents[2]
ROSTER = [sys.executable, "-c", "from ci.cli import main; main()"]
SAMPLE = "business/sample.yaml"
DOCKERFILE = "FROM python@sha256:" + "ab" * 32 + "\n"
BUILD = MINIMAL + "build: {context: sample}\n"
INLINE = CHARACTER.replace("character: {inline: {name: Ada, bio: A guide.}}\n", "")

# Stands for the value in the places below.
CANARY = "CANARY"

Place = tuple[dict[str, str], dict[str, str]]


def _agent(more: str, base: str = MINIMAL) -> Place:
    key = more.split(":", 1)[0]
    kept = [line for line in base.splitlines(keepends=True) if not line.startswith(f"{key}:")]
    return {SAMPLE: "".join(kept) + more}, {}


def _beside(more: str, name: str, content: str, base: str = MINIMAL) -> Place:
    files, _ = _agent(more, base)
    return {**files, f"business/{name}": content}, {}


def _catalog(file: str, text: str) -> Place:
    return {SAMPLE: MINIMAL}, {file: text}


# Where somebody could put a credential; CANARY is it.
ANYWHERE: dict[str, Place] = {
    "description": _agent("description: It uses CANARY.\n"),
    "comment": _agent("# the key is CANARY\n"),
    "unknown key": _agent("CANARY: x\n"),
    "env": _agent("env: {LEVEL: CANARY}\n"),
    "env name": _agent("env: {'CANARY': x}\n"),
    "env in an address": _agent("env: {DATABASE: 'postgres://agent:CANARY@db.example.com/x'}\n"),
    "env of an override": _agent("overrides: {prod: {env: {LEVEL: CANARY}}}\n"),
    "env of a channel": _agent("channels: {webhook: {env: {WEBHOOK_MODE: CANARY}}}\n"),
    "prompt": _agent("prompt: {text: 'Use CANARY for the API.'}\n"),
    "prompt variable": _agent("prompt: {text: '{{ tone }}', variables: {tone: CANARY}}\n"),
    "prompt file": _beside("prompt: {file: p.md}\n", "p.md", "Be kind.\nThe key is CANARY.\n"),
    "knowledge file": _beside("knowledge: [k.csv]\n", "k.csv", "name,key\nmain,CANARY\n"),
    "character": _agent("character: {inline: {name: Ada, bio: 'Knows CANARY.'}}\n", INLINE),
    "character's settings": _agent("character: {inline: {name: Ada, bio: B, settings: {mode: CANARY}}}\n", INLINE),
    "character file": _beside(
        "character: {file: c.character.json}\n", "c.character.json", '{"name": "Ada", "bio": ["CANARY"]}\n', INLINE
    ),
    "label": _agent("labels: {example.com/a: CANARY}\n"),
    "annotation": _agent("annotations: {example.com/a: CANARY}\n"),
    "annotation name": _agent("annotations: {'example.com/CANARY': x}\n"),
    "host": _agent("hosts: ['CANARY.example.com']\n"),
    "public host": _agent("exposure: {host: 'CANARY.example.com'}\n"),
    "public path": _agent("exposure: {host: a.example.com, path: '/CANARY'}\n"),
    "image": _agent("image: 'registry.example.com/CANARY@sha256:" + "ab" * 32 + "'\n"),
    "alert text": _agent(
        "alert_rules: {Slow: {expression: 'rate(agent_errors_total[5m]) > 3', summary: 'Ask with CANARY.'}}\n"
    ),
    "tier": _agent("tier: CANARY\n"),
    "queue": _agent("scaling: {queue: {source: tasks, name: CANARY, length: 3}}\n"),
    "build argument of a Dockerfile": (
        {SAMPLE: BUILD, "business/sample/Dockerfile": DOCKERFILE + "ARG TOKEN=CANARY\n"},
        {},
    ),
    "code of a build context": (
        {SAMPLE: BUILD, "business/sample/Dockerfile": DOCKERFILE, "business/sample/app.py": "KEY = 'CANARY'\n"},
        {},
    ),
    "catalog: description": _catalog(
        "tiers.yaml", "small:\n  description: Uses CANARY.\n  priority: 1\n  defaults: {}\n"
    ),
    "catalog: build argument": _catalog(
        "runtimes.yaml",
        "other:\n  description: O.\n  build: fastapi\n  base_image: python\n  port: 8080\n"
        "  build_args: {TOKEN: CANARY}\n  probes: {liveness: /h, readiness: /h}\n",
    ),
    "catalog: variable": _catalog(
        "plugins.yaml", "other:\n  description: O.\n  env: {LEVEL: CANARY}\n  runtimes: [fastapi]\n"
    ),
    "catalog: comment": _catalog("teams.yaml", "other:\n  description: O.\n  reviewers: '@a/b'  # CANARY\n"),
    "catalog: address of a webhook": _catalog(
        "environments.yaml",
        "extra:\n  description: E.\n  clusters: {x: {context: 'CANARY'}}\n"
        "  secrets: {refresh_hours: 1, store: {kind: kubernetes, namespace: s}}\n",
    ),
    "catalog: a waiver's reason": _catalog(
        "waivers/w.yaml",
        "rule: image-pinned\nscope: [business/sample]\nreason: It is needed with CANARY.\nowner: security\n"
        'expires: "2027-06-30"\n',
    ),
}
# Where only references belong: there a value is refused and hidden whatever it looks like.
REFERENCES: dict[str, Place] = {
    "secrets": _agent("secrets: {TOKEN: 'CANARY'}\n"),
    "secrets as a path": _agent("secrets: {TOKEN: 'CANARY#key'}\n"),
    "secrets as a list": _agent("secrets: ['CANARY']\n"),
    "secrets as a text": _agent("secrets: 'CANARY'\n"),
    "secrets with a value": _agent("secrets: {TOKEN: {value: 'CANARY'}}\n"),
    "secrets of an override": _agent("overrides: {prod: {secrets: {TOKEN: 'CANARY#key'}}}\n"),
    "a channel's secret": _agent("channels: {webhook: {secret: 'CANARY'}}\n"),
    "a password in env": _agent("env: {CRM_PASSWORD: 'CANARY'}\n"),
    "a key in env": _agent("env: {CRM_API_KEY: 'CANARY'}\n"),
    "a token in a channel's env": _agent("channels: {webhook: {env: {WEBHOOK_TOKEN: 'CANARY'}}}\n"),
    "a secret in a prompt's variables": _agent("prompt: {text: '{{ secret }}', variables: {secret: 'CANARY'}}\n"),
    "a character's secrets": _agent("character: {inline: {name: A, bio: B, secrets: {KEY: 'CANARY'}}}\n", INLINE),
    "catalog: a provider's secret": _catalog(
        "plugins.yaml", "other:\n  description: O.\n  secrets: {TOKEN: 'CANARY'}\n  runtimes: [fastapi]\n"
    ),
    "catalog: a team's PagerDuty key": _catalog(
        "teams.yaml", "other:\n  description: O.\n  reviewers: '@a/b'\n  pagerduty: 'CANARY'\n"
    ),
    "catalog: a variable of a plugin": _catalog(
        "plugins.yaml", "other:\n  description: O.\n  env: {OTHER_TOKEN: 'CANARY'}\n  runtimes: [fastapi]\n"
    ),
}


def planted(place: Place, value: str) -> Place:
    """The files and the catalog of a place, with the value in them."""
    files, catalog = ({name: text.replace(CANARY, value) for name, text in one.items()} for one in place)
    return files, catalog


def refused_without_a_trace(place: Place, value: str, folder: Path) -> None:
    files, catalog = planted(place, value)
    found = findings(files, catalog)
    assert [one for one in found if one.severity == "error"], "it is refused"
    said = {name: form(found) for name, form in FORMATS.items()}
    assert traces(value, said) == []
    assert [part for text in said.values() for part in parts_said(value, text)] == []
    with pytest.raises((NotSound, InvalidInput)) as caught:
        render(Fleet.open(tree(files, catalog)), "prod", folder / "out", TODAY, processes=1)
    assert traces(value, {"exception": f"{caught.value!s} {caught.value!r}"}, folder / "out") == []
    assert not (folder / "out").exists()


@pytest.mark.parametrize("name", [name for name in ANYWHERE if "context" not in name and "Dockerfile" not in name])
def test_a_value_of_a_known_shape_is_refused_wherever_it_is_written_and_not_a_part_is_repeated(
    name: str, tmp_path: Path
) -> None:
    refused_without_a_trace(ANYWHERE[name], shaped(), tmp_path)


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("more", ["", "/+= "], ids=["letters", "signs"])
def test_a_value_of_no_shape_is_refused_where_only_references_belong_and_not_a_part_is_repeated(
    name: str, more: str, tmp_path: Path
) -> None:
    refused_without_a_trace(REFERENCES[name], shapeless(more), tmp_path)


def test_the_search_finds_what_it_looks_for() -> None:
    value = shapeless("/+= ")
    for prefix in ("", "x", "xy", "xyz"):
        hidden = base64.b64encode(f"{prefix}{value} and more".encode())
        assert traces(value, {"text": hidden}) == ["text (base64)"], prefix
    for form, written in forms(value).items():
        assert any(form in found for one in written for found in traces(value, {"text": b"<" + one + b">"})), form
    assert parts_said(value, f"…{value[3:8]}…") == [value[3:8]]
    assert parts_said(value, value[3:7]) == []


# --- the real commands, and everything that they leave behind


class Machine:
    """A machine of its own: a home, caches and temporary folders that can be searched."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.work = top / "work"
        self.said: dict[str, str] = {}
        for name in ("home", "cache", "temporary", "work"):
            (top / name).mkdir()

    def variables(self, more: Mapping[str, str]) -> dict[str, str]:
        """The environment of its commands."""
        here = {"HOME": "home", "XDG_CACHE_HOME": "cache", "XDG_STATE_HOME": "home/state", "TMPDIR": "temporary"}
        return {**{name: str(self.top / folder) for name, folder in here.items()}, **more}

    def roster(self, *arguments: str, **variables: str) -> int:
        """Runs the command in its work tree; what it says is kept. Starting Python would take most of the time."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.work)
            patch.setattr(tempfile, "tempdir", None)
            for name, value in self.variables(variables).items():
                patch.setenv(name, value)
            done = CliRunner().invoke(app, arguments, catch_exceptions=False)
        self.said[f"roster {' '.join(arguments)}"] = done.stdout + done.stderr
        return done.exit_code

    def traces(self, value: str) -> list[str]:
        """Where the value is, but for the files that it was planted in."""
        folders = [self.top / name for name in ("home", "cache", "temporary")]
        return traces(value, self.said, *folders, self.work / "out", self.work / ".roster")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """With a sound fleet, committed."""
    made = Machine(tmp_path)
    write(made.work, {SAMPLE: MINIMAL, "business/other.yaml": MINIMAL})
    git(made.work, "init", "--quiet", "--initial-branch", "main")
    git(made.work, "add", "--all")
    git(made.work, "commit", "--quiet", "--message", "sound")
    return made


COMMANDS = (
    ("check", "--format", "text"),
    ("check", "--format", "json"),
    ("check", "--format", "github"),
    ("check", "--format", "sarif"),
    ("render", "-e", "prod"),
    ("plan", "--base", "HEAD"),
    ("plan", "--base", "HEAD", "--format", "json"),
    ("explain", "sample"),
    ("secrets", "--json"),
    ("list", "--json"),
)


@pytest.mark.parametrize(
    "name", ["prompt file", "code of a build context", "build argument of a Dockerfile", "secrets as a path"]
)
def test_no_command_says_or_writes_a_planted_value(machine: Machine, name: str) -> None:
    value = shaped() if name in ANYWHERE else shapeless()
    files, catalog = planted((ANYWHERE | REFERENCES)[name], value)
    write(machine.work, files, catalog)
    codes = {" ".join(command): machine.roster(*command) for command in COMMANDS}
    assert codes["check --format json"] == 1, machine.said["roster check --format json"]
    assert machine.traces(value) == []
    assert [part for text in machine.said.values() for part in parts_said(value, text)] == []
    placed = [path for path, text in files.items() if value in text]
    told = {one["file"] for one in json.loads(machine.said["roster check --format json"])}
    assert {f"agents/{path}" for path in placed} <= told, "and it is told in which file it stands"


def test_a_removed_value_is_not_shown_by_the_plan_that_removes_it(machine: Machine) -> None:
    """It was merged once, by whatever way; what it said is not put into a pull request's comment again."""
    value = shaped()
    prompt = machine.work / "agents/business/sample.yaml"
    prompt.write_text(MINIMAL.replace("You answer questions.", f"Use {value}."), "utf-8")
    git(machine.work, "commit", "--quiet", "--all", "--message", "leaked")
    prompt.write_text(MINIMAL, "utf-8")
    for command in (("plan", "--base", "HEAD"), ("plan", "--base", "HEAD", "--format", "json")):
        machine.roster(*command)
    assert machine.traces(value) == []


# --- what CI has in its environment

VARIABLES = (
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_ACCESS_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "ARM_CLIENT_SECRET",
    "AZURE_CLIENT_SECRET",
    "GOOGLE_CREDENTIALS",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "GITLAB_TOKEN",
    "CI_JOB_TOKEN",
    "VAULT_TOKEN",
    "NPM_TOKEN",
    "COSIGN_PASSWORD",
    "COSIGN_PRIVATE_KEY",
    "REGISTRY_PASSWORD",
    "DOCKER_AUTH_CONFIG",
    "CRM_API_KEY",
)


def kubeconfig(path: Path, token: str) -> Path:
    """Access to clusters that do not answer."""
    contexts = ("nonprod", "prod-eu", "prod-us")
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in contexts],
    }
    path.write_text(json.dumps(config), "utf-8")
    return path


def test_no_command_says_or_writes_a_secret_of_its_environment(machine: Machine) -> None:
    value = shapeless("/+=")
    variables = dict.fromkeys(VARIABLES, value)
    variables["KUBECONFIG"] = str(kubeconfig(machine.top / "kubeconfig", value))
    (machine.work / "agents" / SAMPLE).write_text(MINIMAL + "secrets: {CRM_API_KEY: business/crm#api-key}\n", "utf-8")
    codes = {command[0]: machine.roster(*command, **variables) for command in COMMANDS}
    assert codes["render"] == 0, machine.said
    for command in (("secrets", "--live"), ("status",), ("drift", "-e", "prod"), ("stacks",), ("images", "list")):
        machine.roster(*command, **variables)
    assert machine.traces(value) == []


def test_nothing_that_the_pulumi_program_registers_or_exports_holds_a_secret_of_its_environment(tmp_path: Path) -> None:
    value = shapeless("/+=")
    top = write(
        copy_program(tmp_path / "project"), {SAMPLE: MINIMAL + "secrets: {CRM_API_KEY: business/crm#api-key}\n"}
    )
    record_images(top)
    stacks = ["dev.platform", "dev.business", "dev.business.0"]
    variables = {**dict.fromkeys(VARIABLES, value), "KUBECONFIG": str(kubeconfig(tmp_path / "kubeconfig", value))}
    done, runs = run_program(top, *stacks, **variables)
    assert done.returncode == 0, done.stderr
    assert sum(len(run.objects) for run in runs.values()) > 20
    kinds = {one["object"]["kind"] for run in runs.values() for one in run.objects}
    assert {"ExternalSecret", "SecretStore"} <= kinds
    assert "Secret" not in kinds
    said = {"output": done.stdout + done.stderr, "requests": (top / "requests.jsonl").read_text("utf-8")}
    assert traces(value, said) == []


# --- roster run


@pytest.fixture
def running(machine: Machine) -> Iterator[tuple[Machine, str]]:
    """`roster run --offline` with a file of variables that holds a value, until it serves."""
    folder = machine.work / "components/images/fastapi"
    shutil.rmtree(folder)
    shutil.copytree(ROOT / "components/images/fastapi", folder, ignore=shutil.ignore_patterns("__pycache__"))
    value = shapeless("/+=")
    (machine.top / "env").write_text("".join(f"{name}={value}\n" for name in (*VARIABLES, "API_KEYS")), "utf-8")
    # The service's packages are those of the machine, and are installed once.
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    runtime_python()
    python = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    variables = machine.variables(dict.fromkeys(VARIABLES, value) | {"XDG_CACHE_HOME": cache} | python)
    command = [*ROSTER, "run", "sample", "--offline", "--port", "0", "--env-file", str(machine.top / "env")]
    output = machine.top / "output"
    with output.open("w") as file:
        process = subprocess.Popen(command, cwd=machine.work, env=variables, stdout=file, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + 60
        while "curl" not in output.read_text("utf-8"):
            assert process.poll() is None, output.read_text("utf-8")
            assert time.monotonic() < end, output.read_text("utf-8")
            time.sleep(0.1)
        yield machine, value
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        machine.said["roster run"] = output.read_text("utf-8")
        assert machine.traces(value) == [], "and nothing is left behind"
    finally:
        process.kill()
        process.wait()


def test_a_run_on_this_machine_writes_no_secret_anywhere(running: tuple[Machine, str]) -> None:
    machine, value = running
    machine.said["roster run so far"] = (machine.top / "output").read_text("utf-8")
    assert list((machine.top / "temporary").rglob("settings.json")), "its config is there"
    assert machine.traces(value) == []


# --- what this cannot do


@pytest.mark.parametrize(
    "place",
    [
        _agent("env: {FEATURE_LEVEL: CANARY}\n"),
        _agent("prompt: {text: 'Say CANARY.'}\n"),
        _agent("annotations: {example.com/note: CANARY}\n"),
        # Whoever may name the path may name any key of it, and a key may be called anything.
        _agent("secrets: {TOKEN: 'business/crm#CANARY'}\n"),
    ],
    ids=["env", "prompt", "annotation", "a key's name"],
)
def test_text_of_no_known_shape_in_a_field_of_text_is_text(place: Place) -> None:
    """Nobody can tell a password of letters from a word: here review is what there is. docs/secrets.md says so."""
    value = shapeless()
    files, catalog = planted(place, value)
    assert findings(files, catalog) == []
    assert fleet(files, catalog)
