"""The output folder is replaced whole or not at all, and nobody else's files are touched."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci.output_folder import MARKER, OutputFolder, OutputFolderError, write_text

ROOT = Path(__file__).parents[2]
NOBODY = 65534

# Each is run by a child with `out` defined; it is killed once it has printed "here".
PAUSE = "def pause(*ignored, **also):\n    print('here', flush=True); time.sleep(60)\n"
STAGE = "with OutputFolder(out, keep=KEEP) as staging:\n    write_text(staging.path / 'p/new.yaml', 'new')\n"
WHILE_STAGING = STAGE.replace("KEEP", "None") + "    pause()\n"
WHILE_CARRYING_OVER = STAGE.replace("KEEP", "pause")
BEFORE_THE_SWAP = "output_folder.swap = pause\n" + STAGE.replace("KEEP", "None")
BETWEEN_TWO_RENAMES = """
folder_swap._exchange = lambda new, folder: False
rename = Path.rename
Path.rename = lambda path, to: pause() if path.name.endswith("-new") else rename(path, to)
""" + STAGE.replace("KEEP", "None")
BEFORE_THE_OLD_ONE_IS_GONE = "output_folder.remove = lambda path: (path / 'p').exists() and pause()\n" + STAGE.replace(
    "KEEP", "None"
)


def start(folder: Path, program: str) -> subprocess.Popen[str]:
    head = "import os, time\nfrom pathlib import Path\nfrom ci import folder_swap, output_folder\n"
    head += f"from ci.output_folder import OutputFolder, OutputFolderError, write_text\nout = Path({str(folder)!r})\n"
    return subprocess.Popen(
        [sys.executable, "-c", head + PAUSE + program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def render(folder: Path, files: dict[str, str]) -> None:
    with OutputFolder(folder) as staging:
        for name, text in files.items():
            write_text(staging.path / name, text)


def tree(folder: Path) -> dict[str, str]:
    """All files but the marker."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MARKER
    }


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "render" / "prod"


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip("mounting a small disk is not allowed here, so it cannot be filled")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_the_first_render_makes_the_folder_and_lists_its_files(out: Path) -> None:
    render(out, {"p/b.yaml": "b", "p/a.yaml": "ä\r\n"})
    assert (out / "p/a.yaml").read_bytes() == b"\xc3\xa4\r\n"
    first, *listed = (out / MARKER).read_text().splitlines()
    assert first.startswith("# Written by Roster")
    assert listed == ["p/a.yaml", "p/b.yaml"]
    assert [path.name for path in out.parent.iterdir()] == ["prod"]


def test_files_no_longer_rendered_go_and_files_of_others_stay(out: Path) -> None:
    render(out, {"p/a.yaml": "1", "q/gone.yaml": "1", "r/s/gone.yaml": "1"})
    (out / "q/mine.txt").write_text("mine")
    (out / "q/mine.txt").chmod(0o600)
    (out / "notes/deep").mkdir(parents=True)
    (out / "notes/deep/n.md").write_text("n")
    (out / "notes").chmod(0o500)
    (out / "empty").mkdir()
    (out / "link").symlink_to("nowhere")
    (out / "p.lnk").symlink_to("p")
    render(out, {"p/a.yaml": "2"})
    assert tree(out) == {"p/a.yaml": "2", "q/mine.txt": "mine", "notes/deep/n.md": "n"}
    assert (out / "q/mine.txt").stat().st_mode & 0o777 == 0o600
    assert (out / "notes").stat().st_mode & 0o777 == 0o500
    assert (out / "empty").is_dir()
    assert (out / "link").readlink() == Path("nowhere")
    assert (out / "p.lnk").readlink() == Path("p")
    assert not (out / "r").exists()
    assert (out / MARKER).read_text().splitlines()[1:] == ["p/a.yaml"]
    render(out, {})
    assert tree(out) == {"q/mine.txt": "mine", "notes/deep/n.md": "n"}


def test_a_partial_render_keeps_what_it_was_asked_to_keep(out: Path) -> None:
    render(out, {"p/a.yaml": "1", "p/b.yaml": "1", "q/c.yaml": "1"})
    with OutputFolder(out, keep=lambda path: path != "q/c.yaml") as staging:
        write_text(staging.path / "p/a.yaml", "2")
    assert tree(out) == {"p/a.yaml": "2", "p/b.yaml": "1"}
    render(out, {})
    assert tree(out) == {}


def test_an_exception_changes_nothing_and_passes(out: Path) -> None:
    render(out, {"p/a.yaml": "1"})
    with pytest.raises(KeyError), OutputFolder(out) as staging:
        write_text(staging.path / "p/a.yaml", {"model": "2"}["modle"])
    with pytest.raises(FileNotFoundError), OutputFolder(out):
        Path("/nowhere/prompt.md").read_text()
    assert tree(out) == {"p/a.yaml": "1"}
    assert [path.name for path in out.parent.iterdir()] == ["prod"]


@pytest.mark.parametrize(
    ("program", "after"),
    [
        (WHILE_STAGING, "1"),
        (WHILE_CARRYING_OVER, "1"),
        (BEFORE_THE_SWAP, "1"),
        (BETWEEN_TWO_RENAMES, None),
        (BEFORE_THE_OLD_ONE_IS_GONE, "new"),
    ],
    ids=[
        "while staging",
        "while carrying over",
        "before the swap",
        "between two renames",
        "before the old one is gone",
    ],
)
def test_a_kill_leaves_the_old_or_the_new_tree_whole_and_the_next_run_cleans(
    out: Path, program: str, after: str | None
) -> None:
    old, new = {"p/a.yaml": "1", "p/b.yaml": "1", "mine.txt": "mine"}, {"p/new.yaml": "new", "mine.txt": "mine"}
    render(out, {"p/a.yaml": "1", "p/b.yaml": "1"})
    (out / "mine.txt").write_text("mine")
    with start(out, program) as child:
        assert child.stdout
        assert child.stdout.readline() == "here\n"
        child.send_signal(signal.SIGKILL)
    assert len(list(out.parent.iterdir())) > 1
    if after:
        assert tree(out) == (old if after == "1" else new)
    with pytest.raises(KeyError), OutputFolder(out):
        raise KeyError  # a run that comes to nothing still puts the last one in order
    assert tree(out) == (new if after == "new" else old)
    assert [path.name for path in out.parent.iterdir()] == ["prod"]
    render(out, {"p/c.yaml": "3"})
    assert tree(out) == {"p/c.yaml": "3", "mine.txt": "mine"}


def test_without_an_exchange_in_one_step_two_renames_do(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ci.folder_swap._exchange", lambda new, folder: False)
    for text in ("1", "2"):
        render(out, {"p/a.yaml": text, f"{text}.yaml": text})
        assert tree(out) == {"p/a.yaml": text, f"{text}.yaml": text}
        assert [path.name for path in out.parent.iterdir()] == ["prod"]


def test_readers_never_find_the_folder_missing_or_mixed(out: Path) -> None:
    render(out, {"a": "start", "b": "start"})
    program = """
for number in range(300):
    with OutputFolder(out) as staging:
        write_text(staging.path / 'a', str(number)); write_text(staging.path / 'b', str(number))
"""
    reads = 0
    with start(out, program) as child:
        while child.poll() is None:
            folder = os.open(out, os.O_RDONLY)  # raises if the folder is away for a moment
            os.close(folder)
            reads += 1
    assert child.returncode == 0
    assert reads > 100


def test_a_folder_of_somebody_else_is_not_overwritten(out: Path) -> None:
    (out / "p").mkdir(parents=True)
    (out / "p/a.yaml").write_text("theirs")
    (out / "p/z.yaml").write_text("theirs")
    with pytest.raises(OutputFolderError, match=r"prod/p/a\.yaml was not written by Roster"):
        render(out, {"p/a.yaml": "1"})
    assert tree(out) == {"p/a.yaml": "theirs", "p/z.yaml": "theirs"}
    render(out, {"p/b.yaml": "1"})
    assert tree(out) == {"p/a.yaml": "theirs", "p/z.yaml": "theirs", "p/b.yaml": "1"}


@pytest.mark.parametrize(("theirs", "staged"), [("p", "p/a.yaml"), ("p/a.yaml", "p"), (MARKER, "a"), ("a/b/c", "a/b")])
def test_a_file_of_somebody_else_in_the_way_is_refused(out: Path, theirs: str, staged: str) -> None:
    (out / theirs).parent.mkdir(parents=True)
    (out / theirs).write_text("theirs\n")
    with pytest.raises(OutputFolderError, match=f"prod/{theirs} was not written by Roster"):
        render(out, {staged: "1"})
    assert (out / theirs).read_text() == "theirs\n"
    assert [path.name for path in out.parent.iterdir()] == ["prod"]


def test_a_marker_cannot_name_files_outside_its_folder(out: Path) -> None:
    render(out, {"a": "1"})
    victim = out.parent / "victim"
    victim.write_text("safe")
    with (out / MARKER).open("a") as marker:
        marker.write(f"../victim\n{victim}\n")
    render(out, {"b": "1"})
    assert victim.read_text() == "safe"
    assert tree(out) == {"b": "1"}


def test_folders_that_must_not_be_replaced_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, inside = tmp_path / "home", tmp_path / "work" / "here"
    for folder in (home, inside, tmp_path / "repository/.git", tmp_path / "target"):
        folder.mkdir(parents=True)
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "dangling").symlink_to("nowhere")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(inside)
    cases = {
        tmp_path / "file": "it is a file",
        tmp_path / "file/below": "is a file",
        tmp_path / "link": "it is a symbolic link",
        tmp_path / "dangling": "it is a symbolic link",
        Path("/"): "top of a file system",
        Path("/proc"): "top of a file system",
        home: "home folder",
        Path(): "current folder",
        Path(".."): "current folder",
        tmp_path / "repository": "Git repository",
        tmp_path / "repository/.git/objects": "Git repository",
        tmp_path / ("n" * 255): "File name too long",
        tmp_path / "nul\0": "null",
    }
    before = sorted(tmp_path.rglob("*"))
    for folder, reason in cases.items():
        with pytest.raises(OutputFolderError, match=reason):
            render(folder, {"a": "1"})
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("mode", "parent_mode", "reason"),
    [(0o555, 0o777, "it may not be written by this user"), (0o777, 0o555, "Permission denied")],
)
def test_a_folder_that_this_user_may_not_write_is_refused(mode: int, parent_mode: int, reason: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    # pytest's own folders are closed to other users
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "parent" / "out"
        render(out, {"a": "1"})
        Path(name).chmod(0o755)
        out.chmod(mode)
        out.parent.chmod(parent_mode)
        program = f"""
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
try:
    with OutputFolder(out): pass
except OutputFolderError as error: print(error)
"""
        with start(out, program) as child:
            said = child.communicate()[0]
        assert said.startswith(f"{out} cannot be written: {reason}")
        assert tree(out) == {"a": "1"}
        assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_files_that_this_user_may_neither_link_nor_delete_are_carried_over() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "parent" / "out"
        render(out, {"gone": "1"})
        (out / "closed").mkdir()
        (out / "closed/theirs").write_text("theirs")
        (out / "roots").write_text("root's")  # the kernel lets nobody link it (fs.protected_hardlinks)
        for path in (Path(name), out.parent, out, out / "closed", out / "closed/theirs"):
            os.chown(path, NOBODY, NOBODY)
        (out / "closed").chmod(0o500)
        program = f"""
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
with OutputFolder(out) as staging: write_text(staging.path / "new", "2")
"""
        with start(out, program) as child:
            child.communicate()
        assert child.returncode == 0
        assert tree(out) == {"new": "2", "closed/theirs": "theirs", "roots": "root's"}
        assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_a_file_cut_short_by_the_system_is_an_error(out: Path) -> None:
    program = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with OutputFolder(out) as staging: write_text(staging.path / "big", "x" * 150_000)
except OutputFolderError as error: print(error)
"""
    with start(out, program) as child:
        assert "File too large" in child.communicate()[0]
    assert list(out.parent.iterdir()) == []


def test_a_full_disk_leaves_the_old_tree_and_no_trace(tiny_disk: Path) -> None:
    out = tiny_disk / "out"
    render(out, {"p/a.yaml": "1"})
    with pytest.raises(OutputFolderError, match="No space left on device"):
        render(out, {"p/a.yaml": "2", **{f"p/{number}.yaml": "x" * 4000 for number in range(100)}})
    with pytest.raises(OutputFolderError, match="No space left on device"), OutputFolder(out) as staging:
        (staging.path / "big").write_bytes(b"x" * 300_000)
    assert tree(out) == {"p/a.yaml": "1"}
    assert [path.name for path in tiny_disk.iterdir()] == ["out"]
    render(out, {"p/a.yaml": "3"})
    assert tree(out) == {"p/a.yaml": "3"}


def test_a_disk_without_room_for_a_single_file_gives_a_clear_error(tiny_disk: Path) -> None:
    out = tiny_disk / "out"
    render(out, {"p/a.yaml": "1"})
    with pytest.raises(OSError, match="No space"):
        (tiny_disk / "filler").write_bytes(b"x" * 300_000)
    with pytest.raises(OutputFolderError, match="No space left on device"):
        render(out, {"p/a.yaml": "2"})
    assert tree(out) == {"p/a.yaml": "1"}


def test_a_read_only_disk_is_refused(tiny_disk: Path) -> None:
    out = tiny_disk / "out"
    render(out, {"p/a.yaml": "1"})
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    with pytest.raises(OutputFolderError, match="cannot be written"):
        render(out, {"p/a.yaml": "2"})
    assert tree(out) == {"p/a.yaml": "1"}


def test_a_second_run_is_told_who_is_writing(out: Path) -> None:
    with start(out, WHILE_STAGING) as child:
        assert child.stdout
        assert child.stdout.readline() == "here\n"
        with pytest.raises(OutputFolderError, match=rf"another run \(process {child.pid}\) is writing it"):
            render(out, {"p/a.yaml": "2"})
        render(out.with_name("staging"), {"p/a.yaml": "2"})
        child.kill()
    render(out, {"p/a.yaml": "2"})
    assert tree(out) == {"p/a.yaml": "2"}


def test_many_runs_at_once_never_mix(out: Path) -> None:
    program = """
for number in range(40):
    try:
        with OutputFolder(out) as staging:
            for name in 'abc': write_text(staging.path / name, str(os.getpid()))
    except OutputFolderError as error:
        assert 'another run' in str(error), error
"""
    children = [start(out, program) for _ in range(3)]
    for child in children:
        child.communicate()
    assert [child.returncode for child in children] == [0, 0, 0]
    assert len(set(tree(out).values())) == 1
    assert [path.name for path in out.parent.iterdir()] == ["prod"]
