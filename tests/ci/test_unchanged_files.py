"""A file that stays as it was is not written again: the disk is spared, and the file keeps its time of change."""

from pathlib import Path

import pytest

from ci.output_folder import OutputFolder, OutputFolderError


def _stage(folder: Path, contents: dict[str, str]) -> None:
    with OutputFolder(folder) as staging:
        for name, text in contents.items():
            staging.write(name, text)


def test_only_the_file_that_changed_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    _stage(folder, {"p/same.yaml": "é", "p/other.yaml": "old", "p/gone.yaml": "x"})
    before = (folder / "p/same.yaml").stat()
    _stage(folder, {"p/same.yaml": "é", "p/other.yaml": "new"})
    after = (folder / "p/same.yaml").stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_nlink) == (before.st_ino, before.st_mtime_ns, 1)
    assert (folder / "p/other.yaml").read_text() == "new"
    assert sorted(path.name for path in (folder / "p").iterdir()) == ["other.yaml", "same.yaml"]


def test_a_failed_run_leaves_an_unchanged_file_alone(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    _stage(folder, {"a": "1"})
    with pytest.raises(OutputFolderError), OutputFolder(folder) as staging:  # noqa: PT012 - both happen in one run
        staging.write("a", "1")
        staging.write("a/below-a-file", "1")
    assert (folder / "a").read_text() == "1"
    assert (folder / "a").stat().st_nlink == 1


@pytest.mark.parametrize("now", ["longer than before", "b", ""])
def test_a_file_edited_by_hand_is_made_right_again(tmp_path: Path, now: str) -> None:
    folder = tmp_path / "out"
    _stage(folder, {"f": "a"})
    (folder / "f").write_text(now)
    _stage(folder, {"f": "a"})
    assert (folder / "f").read_text() == "a"


def test_a_link_put_in_a_files_place_is_not_followed(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    _stage(folder, {"f": "a"})
    elsewhere.write_text("a")
    (folder / "f").unlink()
    (folder / "f").symlink_to(elsewhere)
    _stage(folder, {"f": "a"})
    assert not (folder / "f").is_symlink()
    assert (folder / "f").read_text() == "a"


def test_where_links_are_impossible_the_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "out"
    _stage(folder, {"f": "a"})
    (folder / "f").chmod(0o444)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    _stage(folder, {"f": "a"})
    assert (folder / "f").read_text() == "a"
