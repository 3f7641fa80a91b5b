"""What a kill leaves in a file backend is mended, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.engine import file_backend
from ci.engine.file_backend import lack_of_room, mend


def test_empty_and_half_written_attributes_go_and_all_else_stays(tmp_path: Path) -> None:
    folder = tmp_path / ".pulumi/stacks/roster"
    folder.mkdir(parents=True)
    files = {"a.json": "", "a.json.attrs": "", "b.json.attrs": '{"md5"', "c.json.attrs": '{"md5": "x"}'}
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    assert [path.name for path in mend(f"file://{tmp_path}?metadata=x")] == ["a.json.attrs", "b.json.attrs"]
    assert sorted(path.name for path in folder.iterdir()) == ["a.json", "c.json.attrs"]


def test_other_backends_and_folders_that_are_not_there_are_left_alone(tmp_path: Path) -> None:
    assert mend("s3://states") == []
    assert mend(f"file://{tmp_path}/none") == []


def test_a_disk_that_is_nearly_full_is_said_before_a_run_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"file://{tmp_path}"
    assert lack_of_room(url) == ""
    monkeypatch.setattr(file_backend, "ROOM_BYTES", 2**62)
    assert f"The disk of {url} has" in lack_of_room(url)
    assert lack_of_room("s3://states") == ""
