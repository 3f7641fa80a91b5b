"""Logs docker's settings in to the catalog's registry with what the CI gives a job: nothing is stored for it.

usage: python -m ci.cloud_access python -m ci.registry_access [REGISTRY]

The registry's name decides: GitHub's and GitLab's own take the job's token, a cloud's takes what its command line tool
gives to the job's identity. Any other registry is left to whoever logged in before. Builders, scanners and cosign all
read docker's settings.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.definition.findings import InvalidInput
from components.definition.tree import WorkTree
from components.fleet import Fleet

# Of Azure's registries: the user of whom only the token counts.
_ANY_USER = "00000000-0000-0000-0000-000000000000"
_SECONDS = 120


class LoginError(Exception):
    """The job cannot log in; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Way:
    """How to log in to registries of a name. `user` and `given` are names of variables that hold user and
    password; without them `fixed_user` logs in with what `command` prints."""

    host: str
    user: str = ""
    given: str = ""
    fixed_user: str = ""
    command: tuple[str, ...] = ()
    before: tuple[str, ...] = ()


WAYS = (
    Way(r"ghcr\.io", user="GITHUB_ACTOR", given="GITHUB_TOKEN"),
    Way(r"registry\.gitlab\.com", user="CI_REGISTRY_USER", given="CI_REGISTRY_PASSWORD"),
    Way(
        r"[0-9]+\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?",
        fixed_user="AWS",
        command=("aws", "ecr", "get-login-password", "--region", "{region}"),
    ),
    Way(
        r"([a-z0-9-]+-docker\.pkg\.dev|([a-z]+\.)?gcr\.io)",
        fixed_user="oauth2accesstoken",
        command=("gcloud", "auth", "application-default", "print-access-token"),
    ),
    Way(
        r"(?P<name>[a-z0-9]+)\.azurecr\.io",
        fixed_user=_ANY_USER,
        before=(
            *("az", "login", "--service-principal", "--username", "{AZURE_CLIENT_ID}"),
            *("--tenant", "{AZURE_TENANT_ID}", "--federated-token", "{token}", "--output", "none"),
        ),
        command=(
            *("az", "acr", "login", "--name", "{name}", "--expose-token"),
            *("--query", "accessToken", "--output", "tsv"),
        ),
    ),
)


def way_of(host: str, variables: Mapping[str, str]) -> tuple[Way, dict[str, str]] | None:
    """The way for a host and what its name says; None for a registry that nobody here knows."""
    if host and host == variables.get("CI_REGISTRY"):
        return WAYS[1], {}
    for way in WAYS:
        found = re.fullmatch(way.host, host)
        if found:
            return way, {key: value for key, value in found.groupdict().items() if value}
    return None


def login(host: str, variables: Mapping[str, str]) -> bool:
    """Logs in; False for a registry that nobody here knows. Raises LoginError."""
    known = way_of(host, variables)
    if known is None:
        return False
    way, said = known
    said = {**variables, **said, "token": _federated_token(variables) if way.before else ""}
    if way.before:
        _printed(way.before, said)
    user = way.fixed_user or _given(way.user, variables, host)
    password = _printed(way.command, said) if way.command else _given(way.given, variables, host)
    command = [_program("docker"), "login", host, "--username", user, "--password-stdin"]
    done = subprocess.run(command, input=password, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode:
        raise LoginError(f"{host} does not take the job's login: {_last(done.stderr)}")
    return True


def _given(name: str, variables: Mapping[str, str], host: str) -> str:
    if not variables.get(name):
        raise LoginError(f"{name} is not set, and {host} wants a login")
    return variables[name]


def _federated_token(variables: Mapping[str, str]) -> str:
    file = variables.get("AZURE_FEDERATED_TOKEN_FILE", "")
    if not file:
        raise LoginError("ROSTER_AZURE_CLIENT and ROSTER_AZURE_TENANT are not set, and Azure's registry wants a login")
    return Path(file).read_text("utf-8").strip()


def _printed(command: tuple[str, ...], said: Mapping[str, str]) -> str:
    words = [_program(command[0]), *(word.format_map(said) for word in command[1:])]
    done = subprocess.run(words, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode:
        raise LoginError(f"{command[0]} {command[1]} failed: {_last(done.stderr)}")
    return done.stdout.strip()


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise LoginError(f"{name} is not on PATH, and the registry's login needs it")
    return found


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it does not say why"


def _registry_of_the_catalog() -> str:
    return Fleet.open(WorkTree(Path.cwd())).catalog.settings.registry


def main(arguments: list[str]) -> int:
    """Logs in to the given registry, or to the catalog's; gives the exit code."""
    try:
        registry = arguments[0] if arguments else _registry_of_the_catalog()
    except InvalidInput as error:
        print(error, file=sys.stderr)
        return 1
    host = registry.partition("/")[0]
    try:
        if not login(host, os.environ):
            print(
                f"{host}: nothing here knows how to log in there; a login that is there already is used",
                file=sys.stderr,
            )
    except (LoginError, OSError, subprocess.TimeoutExpired) as error:
        print(f"registry access: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
