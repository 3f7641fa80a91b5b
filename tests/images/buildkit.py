"""A BuildKit of this machine's own: its daemon, the buildx client, and a builder that `docker buildx` chooses."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import DOCKER, missing
from local_registry import LocalRegistry

sys.path.append(str(Path(__file__).parents[1] / "cluster"))

from api import wait_until
from processes import Service

_TOOLS = Path(__file__).parents[2] / "ci/go_tools.sh"
PROGRAMS = ("buildkitd", "buildx")
_SETTINGS = '[registry."{host}"]\nhttp = true\n'


def lacking() -> str:
    """What this machine lacks, ready for a skip; empty when nothing."""
    if absent := missing(DOCKER, "runc"):
        return absent
    built = subprocess.run(["bash", _TOOLS, "--built", *PROGRAMS], capture_output=True, text=True, check=False)
    return "" if built.returncode == 0 else "BuildKit is not built: bash ci/image_programs_test.sh"


@contextmanager
def buildkit(registry: LocalRegistry, config: Path) -> Iterator[None]:
    """Serves until the end of the block. `config`: DOCKER_CONFIG of who builds, whose chosen builder this becomes."""
    said = subprocess.run(["bash", _TOOLS, *PROGRAMS], capture_output=True, text=True, check=True).stdout
    daemon, buildx = map(Path, said.split())
    (config / "cli-plugins").mkdir(parents=True, exist_ok=True)
    (config / "cli-plugins/docker-buildx").symlink_to(buildx)
    # Not below pytest's folder: a socket's path has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="roster-buildkit-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        (folder / "buildkitd.toml").write_text(_SETTINGS.format(host=registry.host), "utf-8")
        address = f"unix://{folder / 'socket'}"
        command = [daemon, "--config", folder / "buildkitd.toml", "--root", folder / "root", "--addr", address]
        service = Service(folder, [*command, "--oci-worker-snapshotter=native", "--oci-worker-net=host"])
        service.start()
        try:
            wait_until("BuildKit serves", (folder / "socket").exists)
            variables = {**os.environ, "DOCKER_CONFIG": str(config)}
            create = [DOCKER, "buildx", "create", "--name", "trial", "--driver", "remote", "--use", address]
            subprocess.run(create, env=variables, capture_output=True, check=True)
            yield
        except (TimeoutError, subprocess.CalledProcessError) as error:
            raise AssertionError(service.last_words()) from error
        finally:
            service.kill()
            shutil.rmtree(config, ignore_errors=True)
