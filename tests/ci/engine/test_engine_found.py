"""What is said where Pulumi is missing, old or broken; each `pulumi` here is a script of the test's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ci.engine.failure import EngineError
from ci.engine.program import OLDEST, find_engine


def _bin(folder: Path, says: str = "echo v3.300.1", host: bool = True) -> dict[str, str]:
    _script(folder / "pulumi", says)
    if host:
        _script(folder / "pulumi-language-python", "true")
    return {"PATH": f"{folder}", "HOME": str(folder)}


def _script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n", "utf-8")
    path.chmod(0o755)


def _refused(environ: dict[str, str]) -> EngineError:
    with pytest.raises(EngineError) as caught:
        find_engine(environ)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert "pulumi.com/docs" in lines[1]
    return caught.value


def test_a_usable_pulumi_is_found_with_its_version(tmp_path: Path) -> None:
    engine = find_engine(_bin(tmp_path))
    assert engine.path == tmp_path / "pulumi"
    assert engine.version == (3, 300, 1)


def test_a_missing_pulumi_is_said_in_two_lines_with_the_vendors_page(tmp_path: Path) -> None:
    error = _refused({"PATH": str(tmp_path)})
    assert error.kind == "missing"
    assert "no pulumi on PATH" in str(error)


def test_an_old_pulumi_is_refused_by_number_before_anything_is_touched(tmp_path: Path) -> None:
    error = _refused(_bin(tmp_path, "echo v3.225.9"))
    assert error.kind == "too-old"
    assert "version 3.225.9; Roster needs 3.226.0" in str(error)
    assert find_engine(_bin(tmp_path, "echo v" + ".".join(map(str, OLDEST)))).version == OLDEST


@pytest.mark.parametrize("says", ["echo nonsense", "echo cannot open libc >&2; exit 127"])
def test_a_pulumi_that_does_not_run_is_called_broken(tmp_path: Path, says: str) -> None:
    assert _refused(_bin(tmp_path, says)).kind == "broken"


def test_a_missing_language_host_is_named(tmp_path: Path) -> None:
    error = _refused(_bin(tmp_path, host=False))
    assert error.kind == "missing"
    assert "pulumi-language-python" in str(error)


def test_a_missing_plugin_is_named_where_pulumi_may_not_fetch_it(tmp_path: Path) -> None:
    environ = _bin(tmp_path) | {"PULUMI_HOME": str(tmp_path)}
    find_engine(environ)
    error = _refused(environ | {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"})
    assert error.kind == "missing"
    assert "pulumi-resource-kubernetes" in str(error)
    (tmp_path / "plugins/resource-kubernetes-v4.34.0").mkdir(parents=True)
    find_engine(environ | {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"})


def test_what_only_asks_for_records_does_not_load_the_automation_library() -> None:
    code = (
        "import sys, ci.engine.runs, ci.engine.records, ci.engine.locks, ci.engine.progress, ci.engine.command\n"
        "print([name for name in ('pulumi', 'grpc', 'rich', 'yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
