"""Where states are kept, and what has to be there before it is asked."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ci.engine.failure import EngineError
from ci.engine.file_backend import mend
from ci.engine.program import Engine
from ci.engine.said import backend_failure, last_words

# As `pulumi login --local` would have it: in the home folder of whoever runs it.
DEFAULT = "file://~"
SECRETS_PROVIDER = "ROSTER_SECRETS_PROVIDER"
_URL = "PULUMI_BACKEND_URL"
_TOKEN = "PULUMI_ACCESS_TOKEN"
_PASSPHRASES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
_SECONDS = 30
_SERVICES = ("http", "https")


@dataclass(frozen=True, slots=True)
class Backend:
    """`url` as Pulumi understands it; `secrets_provider` for stacks that are made anew, empty for the backend's own.

    `variables` are to be set for every run of Pulumi, so that all of them mean this backend.
    """

    url: str
    secrets_provider: str
    variables: Mapping[str, str] = field(default_factory=dict)


def open_backend(
    engine: Engine, top: Path, environ: Mapping[str, str] = os.environ, seconds: float = _SECONDS
) -> Backend:
    """The backend in use, which has answered within `seconds`.

    It is that of PULUMI_BACKEND_URL, of Pulumi.yaml, or of `pulumi login`, in this order; with none of them the file
    backend in the home folder. Raises EngineError: no-backend, no-passphrase, unreachable-backend, backend-refused.
    """
    url = _chosen(top, environ)
    if not url and environ.get("CI"):
        raise EngineError(
            "no-backend",
            "Pulumi is logged in to no backend, and what a CI job keeps on its own disk is gone with it.\n"
            f"Set {_URL}, for example to s3://BUCKET?region=REGION (docs/backends.md).",
        )
    variables = {} if url else {_URL: DEFAULT}
    url = url or DEFAULT
    provider = _secrets_provider(url, environ)
    if provider == "passphrase" and not any(name in environ for name in _PASSPHRASES):
        raise EngineError(
            "no-passphrase",
            f"{url} encrypts with a passphrase, and neither {' nor '.join(_PASSPHRASES)} is set. Nothing was touched.\n"
            "Roster's states hold no secrets, so an empty passphrase will do; or set "
            f"{SECRETS_PROVIDER} to a key (docs/backends.md).",
        )
    answered = _answer(engine, top, {**environ, **variables}, url, seconds)
    mend(answered)
    return Backend(answered, provider, variables)


def is_service(url: str) -> bool:
    """Whether it is Pulumi Cloud, or a service that speaks like it, which keeps locks and secrets itself."""
    return urlsplit(url).scheme in _SERVICES


def _chosen(top: Path, environ: Mapping[str, str]) -> str:
    """The URL that Pulumi would take; empty for none."""
    if environ.get(_URL):
        return environ[_URL]
    if said := _in_project(top):
        return said
    home = Path(environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    try:
        current = json.loads((home / "credentials.json").read_bytes()).get("current")
    except (OSError, ValueError, AttributeError):
        current = None
    if current:
        return str(current)
    return "https://api.pulumi.com" if environ.get(_TOKEN) else ""


def _in_project(top: Path) -> str:
    import yaml

    try:
        project = yaml.safe_load((top / "Pulumi.yaml").read_bytes())
    except OSError as error:
        raise EngineError("no-backend", f"{top} has no Pulumi.yaml that can be read: {error.strerror}") from error
    backend = project.get("backend") if isinstance(project, dict) else None
    return str(backend.get("url") or "") if isinstance(backend, dict) else ""


def _secrets_provider(url: str, environ: Mapping[str, str]) -> str:
    given = environ.get(SECRETS_PROVIDER, "")
    return given or ("" if is_service(url) else "passphrase")


def _answer(engine: Engine, top: Path, environ: Mapping[str, str], url: str, seconds: float) -> str:
    command = [str(engine.path), "whoami", "--json", "--non-interactive"]
    quiet = {**environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        done = subprocess.run(
            command, cwd=top, env=quiet, capture_output=True, text=True, timeout=seconds, check=False, errors="replace"
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError("unreachable-backend", f"{_shown(url)} did not answer within {seconds:.0f} s.") from error
    if done.returncode == 0:
        return str(json.loads(done.stdout).get("url") or url)
    failure = backend_failure(done.stdout + done.stderr)
    said = last_words(done.stderr)
    if failure is not None and failure.kind == "backend-refused":
        raise EngineError("backend-refused", f"{_shown(url)} answers, and refuses: {said}\n{failure.message}")
    raise EngineError("unreachable-backend", f"{_shown(url)} cannot be used: {said}")


def _shown(url: str) -> str:
    """The URL without what may be a password or a key in it."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if parts.scheme else url
