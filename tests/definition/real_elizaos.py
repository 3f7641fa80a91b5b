"""The real validator of @elizaos/core, installed once into the user's cache folder."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from npm_package import installed

HERE = Path(__file__).parent / "elizaos"
PACKAGE = HERE / "package.json"


def verdicts(texts: list[str]) -> list[str | None]:
    """For each JSON text None when elizaOS accepts it as a character, else its message."""
    command = ["node", str(HERE / "validate.mjs"), str(installed(PACKAGE))]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    answers: list[str | None] = json.loads(done.stdout)
    assert len(answers) == len(texts)
    return answers
