"""Copies ready images into the fleet's registry, with the digest that they had."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from ci.images.references import is_local, parse

_SECONDS = 1800
_LAST_LINES = 5


class CopyFailure(Exception):  # noqa: N818 - what happened, as in `BuildFailure`
    """An image was not copied; the message says which and why."""


def copy(source: str, target: str, config: Path) -> None:
    """Copies all platforms; both references are by digest. `config`: docker's logins. Raises CopyFailure."""
    program = shutil.which("skopeo")
    if program is None:
        raise CopyFailure(f"{source} was not copied: skopeo is not on PATH; it is a package of every distribution")
    command = copy_command(program, source, target)
    variables = {**os.environ, **({"REGISTRY_AUTH_FILE": str(config)} if config.is_file() else {})}
    try:
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise CopyFailure(f"{source} was not copied: it took more than {_SECONDS // 60} minutes") from None
    if done.returncode:
        last = "\n".join(f"  {line}" for line in done.stderr.rstrip().splitlines()[-_LAST_LINES:])
        raise CopyFailure(f"{source} was not copied to {target}:\n{last}")


def copy_command(program: str, source: str, target: str) -> list[str]:
    """The command; a registry of this machine is asked without TLS."""
    command = [program, "copy", "--all", "--preserve-digests", "--retry-times", "3"]
    command += [f"--{side}-tls-verify=false" for side, one in (("src", source), ("dest", target)) if _plain(one)]
    return [*command, f"docker://{source}", f"docker://{target}"]


def _plain(reference: str) -> bool:
    return is_local(parse(reference).host)
