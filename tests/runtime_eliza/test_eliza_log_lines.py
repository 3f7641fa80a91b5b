"""What elizaOS's starter logs itself, held against docs/log-line.schema.json."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from eliza_image import write_starter
from jsonschema_rs import validator_for
from test_start_script import ADA, NEEDS, OPENAI, environment

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/log-line.schema.json").read_text("utf-8"))


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_what_keeps_it_from_starting_is_told_in_lines_of_the_documented_form(tmp_path: Path) -> None:
    script = write_starter(tmp_path / "app", NEEDS)
    file = tmp_path / "character.json"
    file.write_text(json.dumps({**ADA, "plugins": [OPENAI, "a plugin\nof two lines"]}))
    done = subprocess.run(
        ["node", str(script), "start", "--character", str(file)],
        cwd=tmp_path,
        env=environment(tmp_path, SERVER_PORT="http"),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert len(lines) == 3
    for line in lines:
        validator_for({**SCHEMA, "$ref": "#/$defs/eliza"}).validate(line)
