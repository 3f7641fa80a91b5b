"""`roster run`: an agent's service on this machine, with the agent's own config, without a cluster."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import typer

from ci.commands.session import FINDINGS, environment_of, fail, open_fleet, path_of, top
from ci.formats import as_text
from ci.local_run.config_folder import config_files, write_config
from ci.local_run.processes import (
    HOST,
    CannotRunError,
    port_to_use,
    runtime_python,
    service,
    stand_in,
    surroundings,
    wait_until_it_answers,
)
from ci.local_run.secret_values import EnvFileError, OwnKey, chosen, own_key, read_env_file
from ci.local_run.watch import WatchedAgent
from components.definition.tree import AGENTS
from components.resolve.resolved import ResolvedAgent

_START_SECONDS = 60.0
_LOOK_SECONDS = 0.5
_OFFLINE_KEY = "no-key-is-needed-offline"


@dataclass(frozen=True, slots=True)
class Local:
    """What the run has beside the agent's config: secrets by name, and the caller's key that it made, if it did."""

    secrets: dict[str, str]
    key: OwnKey | None


def run(agent: str, environment: str, port: int, offline: bool, env_file: Path | None) -> None:
    """Runs until Ctrl-C. Exits with 1 when the agent or its service is not sound, with 2 for what does not run here."""
    fleet = open_fleet()
    path = path_of(fleet, agent)
    watched = WatchedAgent(top(), path, environment_of(fleet, environment) if environment else "")
    resolved = _sound(watched, path, environment)
    folder = _service_folder(resolved)
    local = _local(resolved, offline, env_file)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # What was started ends with this, also when the terminal is closed or this runs in the background.
        signal.signal(number, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            _serve(stack, resolved, watched, folder, local, port, offline)
    except KeyboardInterrupt:
        typer.echo("ended", err=True)
    except CannotRunError as error:
        raise fail(str(error), FINDINGS) from error


def _sound(watched: WatchedAgent, path: str, environment: str) -> ResolvedAgent:
    resolved, findings = watched.read()
    if resolved is None and not findings:
        raise fail(f"{path} does not run in {environment or 'any environment'}")
    if resolved is None:
        typer.echo(as_text(findings), nl=False)
        raise fail(f"{path} is not sound, and not run", FINDINGS)
    return resolved


def _service_folder(agent: ResolvedAgent) -> Path:
    """Where the code of the agent's service is. Exits with 2, and says what to do, when it is in an image only."""
    source = agent.image.source
    folder = top() / source.folder if source else None
    own = source is not None and source.folder.startswith(f"{AGENTS}/")
    if folder and not own and (folder / "agent" / "__main__.py").is_file():
        return folder
    what = "is built from a context of its own" if own else f"has the runtime {agent.runtime}"
    image = "ITS-IMAGE" if source else agent.image.reference
    mount = f" -v CONFIG:{agent.config.mount}:ro" if agent.config else ""
    names = ", ".join([*agent.env, *(one.env for one in agent.secrets)]) or "nothing"
    raise fail(
        f"{agent.key} {what}, so that only its image has what it needs; roster run starts agents of Roster's own "
        "FastAPI service. Where the image is on this machine:\n"
        f"  docker run --rm -p {HOST}:{agent.port}:{agent.port}{mount} --env-file FILE {image}\n"
        f"with {names} in FILE{', and the data of its ConfigMap as files in CONFIG' if mount else ''}"
    )


def _local(agent: ResolvedAgent, offline: bool, env_file: Path | None) -> Local:
    """The secrets that there are. Exits with 1 when the provider's key is missing, which nothing works without."""
    try:
        given = read_env_file(env_file) if env_file else {}
    except EnvFileError as error:
        raise fail(f"--env-file: {error}") from error
    auth = agent.service.get("auth") or {}
    api_keys = str(auth.get("api_keys") or "API_KEYS")
    model_key = agent.provider.key if agent.provider else ""
    values, missing = chosen([one.env for one in agent.secrets], given, os.environ)
    key = None
    if offline:
        values = {model_key: _OFFLINE_KEY}
    elif model_key in missing:
        raise fail(
            f"{model_key} is missing: set it in your environment, or in a file for --env-file; "
            "or see the agent at work without a model by --offline",
            FINDINGS,
        )
    elif auth.get("required", True) and api_keys not in values:
        key = own_key()
        values[api_keys] = key.line
    if rest := [name for name in missing if name not in (*values, api_keys)]:
        typer.echo(f"not set: {', '.join(rest)}", err=True)
    return Local(values, key)


def _serve(
    stack: ExitStack,
    agent: ResolvedAgent,
    watched: WatchedAgent,
    folder: Path,
    local: Local,
    wanted: int,
    offline: bool,
) -> None:
    port = port_to_use(wanted)
    python = runtime_python()
    provider = stack.enter_context(stand_in(python)) if offline else ""
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roster-run-")))
    config = scratch / "config"
    write_config(config, config_files(agent, provider))
    process = stack.enter_context(service(python, folder, _environment(agent, local, scratch, port)))
    reasons = wait_until_it_answers(process, port, agent.readiness, _START_SECONDS)
    _say_where(agent, local, port, offline, reasons)
    _follow(process, agent, watched, lambda changed: write_config(config, config_files(changed, provider)))


def _environment(agent: ResolvedAgent, local: Local, scratch: Path, port: int) -> dict[str, str]:
    own = {
        "HOST": HOST,
        "PORT": str(port),
        "AGENT_CONFIG": str(scratch / "config"),
        "AGENT_SECRETS": str(scratch / "secrets"),
        # Nobody balances load here: nothing to wait for before connections end.
        "AGENT_DRAIN_SECONDS": "0",
        "AGENT_GRACE_SECONDS": "5",
    }
    return surroundings(os.environ) | agent.env | local.secrets | own


def _say_where(agent: ResolvedAgent, local: Local, port: int, offline: bool, reasons: list[str]) -> None:
    typer.echo(
        f"{agent.key} as in {agent.environment}: http://{HOST}:{port} (changed files are taken over; Ctrl-C ends)"
    )
    if offline:
        typer.echo("offline: a stand-in answers in place of the model, no key is asked for")
    for reason in reasons:
        typer.echo(f"not ready: {reason}")
    auth = agent.service.get("auth") or {}
    headers = ["Content-Type: application/json"]
    if local.key:
        headers.append(f"Authorization: Bearer {local.key.key}")
    elif not offline and auth.get("required", True):
        headers.append("Authorization: Bearer YOUR-KEY")
    words = ["curl", "-sS", f"http://{HOST}:{port}/api/v1/execute"]
    for header in headers:
        words += ["-H", header]
    words += ["-d", '{"task_description": "Introduce yourself in one sentence."}']
    typer.echo(f"\n{shlex.join(words)}\n")


def _follow(
    process: subprocess.Popen[bytes],
    agent: ResolvedAgent,
    watched: WatchedAgent,
    write: Callable[[ResolvedAgent], list[str]],
) -> NoReturn:
    """Takes changed files over until the service ends by itself, and raises CannotRunError then."""
    while process.poll() is None:
        time.sleep(_LOOK_SECONDS)
        if not watched.has_changed():
            continue
        changed, findings = watched.read()
        if changed is None:
            typer.echo(as_text(findings), err=True, nl=False)
            typer.echo("not taken over: what runs goes on as it was", err=True)
            continue
        if (changed.env, changed.secrets) != (agent.env, agent.secrets):
            typer.echo("env or secrets changed: end this and run it again to have them", err=True)
        agent = changed
        for name in write(changed):
            typer.echo(f"changed: {name}", err=True)
    raise CannotRunError(f"the service ended with exit code {process.returncode}; its log above says why")
