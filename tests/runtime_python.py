"""The Python that has the FastAPI service's own packages; the tests' Python does not."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

TOP = Path(__file__).parents[1]


@functools.cache
def runtime_python() -> str:
    """Its path, as `ci/runtime_venv.sh` prints it; the first call of a machine installs the packages."""
    done = subprocess.run(["bash", str(TOP / "ci/runtime_venv.sh")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ci/runtime_venv.sh failed:\n{done.stderr}"
    return done.stdout.strip().splitlines()[-1]
