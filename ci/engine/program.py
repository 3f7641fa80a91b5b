"""Finds the Pulumi CLI and what it needs beside it, before anything is touched."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from ci.engine.failure import EngineError

# The first in which `pulumi state move` leaves both states sound when it takes a provider along (its changelog), as it
# does when a pool's shards change. All else that is used is older: the provider's plugin apart, events for every
# resource (3.131), `toolchain` in Pulumi.yaml (3.120), `whoami --json` (3.58).
OLDEST = (3, 226, 0)
_INSTALL = "Install it as Pulumi's documentation says (pulumi.com/docs/install)"
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
_SECONDS = 30
_NO_DOWNLOADS = "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"


@dataclass(frozen=True, slots=True)
class Engine:
    """A usable Pulumi CLI."""

    path: Path
    version: tuple[int, int, int]


def find_engine(environ: Mapping[str, str] = os.environ) -> Engine:
    """The `pulumi` on PATH. Raises EngineError: `missing`, `too-old` or `broken`, in two lines.

    The provider's plugin may be missing: Pulumi then fetches it by itself, unless that is forbidden.
    """
    path = _on_path("pulumi", environ)
    if path is None:
        raise EngineError("missing", f"There is no pulumi on PATH; previews and applies are made by it.\n{_INSTALL}.")
    version = _version(path, environ)
    if version < OLDEST:
        raise EngineError(
            "too-old",
            f"{path} is version {_dotted(version)}; Roster needs {_dotted(OLDEST)} or later. Nothing was touched.\n"
            "Install a later one as Pulumi's documentation says (pulumi.com/docs/install).",
        )
    if _beside(path, "pulumi-language-python", environ) is None:
        raise EngineError(
            "missing",
            f"pulumi-language-python is neither beside {path} nor on PATH; without it Pulumi runs no Python program.\n"
            "It is a part of Pulumi's own archive: unpack the whole of it (pulumi.com/docs/install).",
        )
    if environ.get(_NO_DOWNLOADS) and not _has_provider(environ):
        raise EngineError("missing", provider_missing())
    return Engine(path, version)


def provider_missing() -> str:
    """What to say when the plugin for Kubernetes is not there."""
    version = metadata.version("pulumi-kubernetes")
    return (
        f"Pulumi's plugin for Kubernetes (pulumi-resource-kubernetes {version}) is not installed.\n"
        f"`pulumi plugin install resource kubernetes v{version}` gets it from Pulumi (pulumi.com/docs/iac/cli)."
    )


def _version(path: Path, environ: Mapping[str, str]) -> tuple[int, int, int]:
    command = [str(path), "version", "--non-interactive"]
    quiet = {**environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, env=quiet, check=False, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _broken(path, type(error).__name__) from error
    found = _VERSION.match(done.stdout.strip())
    if done.returncode or found is None:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise _broken(path, said[-1] if said else f"exit code {done.returncode}")
    return int(found[1]), int(found[2]), int(found[3])


def _broken(path: Path, why: str) -> EngineError:
    return EngineError("broken", f"`{path} version` does not say a version: {why[:200]}\n{_INSTALL}.")


def _on_path(name: str, environ: Mapping[str, str]) -> Path | None:
    found = shutil.which(name, path=environ.get("PATH", ""))
    return Path(found).absolute() if found else None


def _beside(path: Path, name: str, environ: Mapping[str, str]) -> Path | None:
    """Where Pulumi looks for its own plugins: on PATH, and in the folder of its real file."""
    beside = path.resolve().with_name(name)
    return _on_path(name, environ) or (beside if beside.is_file() else None)


def _has_provider(environ: Mapping[str, str]) -> bool:
    if _on_path("pulumi-resource-kubernetes", environ):
        return True
    home = Path(environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    return any((home / "plugins").glob("resource-kubernetes-v*"))


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
