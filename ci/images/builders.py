"""Builds an image from a context with the builder that the platform team chose, and says what came out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from components.builds.context import Context
from components.builds.materialise import build_folder, materialise

# Lines of a failed build that are worth showing.
_LAST_LINES = 20
TIMEOUT_SECONDS = 1800
# All that a build gets from the environment: no token of a cloud, a forge or a registry is among them.
_PASSED_ON = (
    *("PATH", "LANG", "TMPDIR", "XDG_RUNTIME_DIR", "DOCKER_HOST", "DOCKER_CONTEXT", "BUILDX_BUILDER"),
    *("BUILDAH_ISOLATION", "STORAGE_DRIVER", "CONTAINERS_STORAGE_CONF", "CONTAINERS_REGISTRIES_CONF"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)


class BuildFailure(Exception):  # noqa: N818 - the word of the whole field
    """An image was not built or not pushed; `str()` says which, why, and ends with the builder's last lines."""


@dataclass(frozen=True, slots=True)
class Built:
    """`digest`: "sha256:…" of the manifest (of the index, with several platforms). `size_bytes`: compressed, as a node
    pulls it; the largest platform's. `seconds`: from writing the context to the end of the push."""

    digest: str
    size_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Order:
    """What a builder is told.

    `folder`: the context on disk. `push`: to `context.tag`; nothing leaves the machine without. `layout`: the OCI
    folder that the image is written to as well. `platforms`: such as "linux/amd64"; none: the machine's own.
    `cache`: a repository for layers, read by every build and written by those that push; empty: none. `secrets`: id →
    file, seen by the RUNs that ask for it and by no layer. `network`: of the RUNs, in the builder's words. `hosts`: all
    that the RUNs may reach; None: anything. `bare`: the environment of what runs the context's commands. `trusted`: of
    what talks to registries alone.
    """

    context: Context
    folder: Path
    layout: Path
    push: bool
    bare: Mapping[str, str]
    trusted: Mapping[str, str]
    platforms: tuple[str, ...] = ()
    cache: str = ""
    secrets: Mapping[str, Path] = field(default_factory=dict)
    network: str = ""
    hosts: tuple[str, ...] | None = None

    @property
    def build_args(self) -> dict[str, str]:
        """The context's, and the base image under the name by which own Dockerfiles ask for it."""
        return {"BASE_IMAGE": self.context.base, **self.context.build_args}


class Builder(Protocol):
    """A program that builds images."""

    def run(self, order: Order) -> tuple[str, int]:
        """Builds; gives digest and size in bytes. Raises BuildFailure."""


def build(
    context: Context,
    builder: Builder,
    push: bool,
    platforms: Sequence[str] = (),
    cache: str = "",
    *,
    layout: Path | None = None,
    secrets: Mapping[str, Path] | None = None,
    network: str = "",
    hosts: Sequence[str] | None = None,
    credentials: Path | None = None,
) -> Built:
    """Builds `context`, writes it to the OCI folder `layout` if one is given, and pushes it to `context.tag` when told.

    `credentials`: a docker `config.json`. Without, there are none: neither the user's nor the environment's, so that
    what a pull request brings can be built. With, they are for pulling the base and pushing; the context's own commands
    never see them. The other arguments as in `Order`. Raises BuildFailure.
    """
    for name, file in (secrets or {}).items():
        if not file.is_file():
            raise BuildFailure(f"{context.name} was not built: there is no file {file} for the build secret {name}")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="roster-build-") as temporary:
        work = Path(temporary)
        folder = build_folder(context, work)
        materialise(context, folder)
        bare = bare_environment(os.environ, work)
        order = Order(
            context=context,
            folder=folder,
            layout=layout or work / "layout",
            push=push,
            platforms=tuple(platforms),
            cache=cache,
            secrets=secrets or {},
            network=network,
            hosts=None if hosts is None else tuple(hosts),
            bare=bare,
            trusted=trusted_environment(os.environ, credentials) if credentials else bare,
        )
        digest, size_bytes = builder.run(order)
    return Built(digest, size_bytes, round(time.monotonic() - started, 1))


def bare_environment(variables: Mapping[str, str], work: Path) -> dict[str, str]:
    """Of `variables` only what a builder needs, and below `work` a home and a registry login of its own, both empty."""
    home, config = work / "home", work / "docker"
    home.mkdir()
    config.mkdir()
    # The user's builders, plugins and local images are no credentials, and are looked for beside them.
    user = Path(variables.get("HOME") or "/nonexistent")
    docker = Path(variables.get("DOCKER_CONFIG") or user / ".docker")
    login = config / "config.json"
    login.write_text(json.dumps({"cliPluginsExtraDirs": [str(docker / "cli-plugins")]}))
    return {
        **{name: variables[name] for name in _PASSED_ON if name in variables},
        "HOME": str(home),
        "DOCKER_CONFIG": str(config),
        "BUILDX_CONFIG": variables.get("BUILDX_CONFIG") or str(docker / "buildx"),
        "REGISTRY_AUTH_FILE": str(login),
        "XDG_DATA_HOME": variables.get("XDG_DATA_HOME") or str(user / ".local/share"),
    }


def trusted_environment(variables: Mapping[str, str], credentials: Path) -> dict[str, str]:
    """All of `variables`, which login helpers need, and the login in `credentials`. Raises BuildFailure."""
    if credentials.name != "config.json" or not credentials.is_file():
        raise BuildFailure(f"{credentials} is no file of the name config.json, as `docker login` writes it")
    return {**variables, "DOCKER_CONFIG": str(credentials.parent), "REGISTRY_AUTH_FILE": str(credentials)}


def called(command: Sequence[str], variables: Mapping[str, str], name: str, doing: str) -> str:
    """Runs one of a builder's commands for the image `name`, and gives what it printed. Raises BuildFailure."""
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                command, env=dict(variables), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        except FileNotFoundError:
            raise BuildFailure(f"{name}: {command[0]} is not on PATH; install it, or set another builder") from None
        try:
            code = process.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            minutes = TIMEOUT_SECONDS / 60
            raise BuildFailure(f"{name}: {doing} took more than {minutes:g} minutes and was stopped") from None
        finally:
            # What a build has started ends with it, also when this process is told to stop.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        text = output.read().decode(errors="replace")
    if code:
        last = "\n".join(f"  {line}" for line in text.rstrip().splitlines()[-_LAST_LINES:])
        raise BuildFailure(f"{name}: {doing} failed ({command[0]} exited with {code}):\n{last}")
    return text
