"""The commands that edit the fleet: what they write, what they refuse, and what they leave alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from command_fleet import ASKER, FILES, HERALD, WRITER, git, roster, snapshot, write_fleet

from ci import migrations
from ci.edit_yaml import EditError, set_value
from ci.fleet_edit import ChangedMeanwhile, Edit
from ci.migrations import migrate
from components.definition.tree import WorkTree
from components.fleet import Fleet

WRITER_FILE, ASKER_FILE, HERALD_FILE = "agents/sales/writer.yaml", "agents/sales/asker.yaml", "agents/chat/herald.yaml"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return write_fleet(tmp_path)


@pytest.fixture
def repository(top: Path) -> Path:
    git(top, "init", "-q", "-b", "main")
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "first")
    return top


def changed_files(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    return {path for path in {**before, **after} if before.get(path) != after.get(path)}


def edited(top: Path, *arguments: str, file: str = WRITER_FILE) -> str:
    """The text of `file` after a command that may change no other file."""
    before = snapshot(top)
    done = roster(top, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert changed_files(before, snapshot(top)) <= {file}
    assert f"next: git add {file} && git commit" in done.stdout
    return (top / file).read_text()


def refused(top: Path, *arguments: str, code: int = 1) -> str:
    """What a command says that is to change nothing."""
    before = snapshot(top)
    done = roster(top, *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert snapshot(top) == before
    return done.stdout + done.stderr


@pytest.mark.parametrize("runtime", ["service", "character", "ready"])
def test_a_new_agent_of_each_runtime_passes_check_at_once(top: Path, runtime: str) -> None:
    assert roster(top, "schema").returncode == 0
    before = snapshot(top)
    done = roster(top, "new", "plan-writer", "--pool", "sales", "--runtime", runtime)
    assert done.returncode == 0, done.stdout + done.stderr
    text = (top / "agents/sales/plan-writer.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=../agent.schema.json\nversion: 1\n")
    assert yaml.safe_load(text)["owner"] == "red"
    assert len(text.splitlines()) < 20
    assert changed_files(before, snapshot(top)) <= {
        "agents/sales/plan-writer.yaml",
        "agents/sales/plan-writer.character.json",
    }
    check = roster(top, "check")
    assert check.returncode == 0, check.stdout


def test_new_takes_no_model_that_is_retired_and_no_provider_that_is_stopped(top: Path) -> None:
    providers = FILES["agents/catalog/providers.yaml"].replace("lab-one: {", 'lab-one: {retires: "2024-01-01", ')
    stopped = (
        providers.replace("lab:", "old:").replace("lab-", "old-").replace("  models", "  suspended: true\n  models")
    )
    (top / "agents/catalog/providers.yaml").write_text(stopped + providers)
    files = {WRITER_FILE: WRITER.replace("lab-one", "lab-two"), HERALD_FILE: HERALD.replace("lab-one", "lab-two")}
    write_fleet(top, {**files, "agents/catalog/providers.yaml": stopped + providers})
    assert roster(top, "new", "plan-writer", "--pool", "sales", "--runtime", "service").returncode == 0
    assert yaml.safe_load((top / "agents/sales/plan-writer.yaml").read_text())["model"] == {"name": "lab-two"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("writer", "--pool", "chat", "--runtime", "ready"), "taken by agents/sales/writer.yaml"),
        (("Writer-2", "--pool", "chat", "--runtime", "ready"), "lower-case letters"),
        (("../x", "--pool", "chat", "--runtime", "ready"), "lower-case letters"),
        (("catalog", "--pool", "chat", "--runtime", "ready"), "reserved"),
        (("a" * 53, "--pool", "chat", "--runtime", "ready"), "at most 52 characters"),
        (("x", "--pool", "sale", "--runtime", "ready"), "Did you mean 'sales'?"),
        (("x", "--pool", "sales", "--runtime", "redy"), "Did you mean 'ready'?"),
        (("x", "--pool", "sales", "--runtime", "ready", "--owner", "bleu"), "Did you mean 'blue'?"),
    ],
)
def test_new_refuses(top: Path, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(top, "new", *arguments, code=2)


def test_new_never_writes_over_a_file(top: Path) -> None:
    (top / "agents/chat/bard.character.json").write_text("mine")
    assert "is there already" in refused(top, "new", "bard", "--pool", "chat", "--runtime", "character")


def test_set_changes_the_field_and_no_other_byte(top: Path) -> None:
    text = edited(top, "set", "writer", "scaling.min=4", "model.max_tokens=2000")
    assert text == WRITER.replace("min: 3", "min: 4").replace("max_tokens: 1000", "max_tokens: 2000")


def test_set_in_an_environment_goes_into_its_overrides(top: Path) -> None:
    text = edited(top, "set", "sales/writer", "scaling.max=9", "env.TONE=stern", "-e", "prod")
    assert yaml.safe_load(text)["overrides"] == {"prod": {"scaling": {"max": 9}, "env": {"TONE": "stern"}}}


def test_the_mode_of_the_file_stays_and_no_temporary_file_is_left(top: Path) -> None:
    (top / WRITER_FILE).chmod(0o640)
    edited(top, "set", "writer", "scaling.min=4")
    assert (top / WRITER_FILE).stat().st_mode & 0o777 == 0o640


def test_a_dry_run_shows_the_difference_and_writes_nothing(top: Path) -> None:
    said = refused(top, "set", "writer", "scaling.min=4", "--dry-run", code=0)
    assert "-  min: 3  # two are busy at noon\n+  min: 4  # two are busy at noon" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("set", "writer", "modle.name=x"), f"{WRITER_FILE}:17:1: error: unknown key 'modle'. Did you mean 'model'?"),
        (("set", "writer", "owner=bleu"), "Did you mean 'blue'?"),
        (("set", "writer", "model=null"), "model has no value"),
        (("set", "writer", "prompt.file=nowhere.md"), "there is no file agents/sales/nowhere.md"),
        (("set", "writer", "scaling.max=2"), "scaling.min: 3 is more than scaling.max, which is 2"),
        (("set", "herald", "scaling.max=2"), "telegram serves one consumer"),
        (("set", "writer", "exposure.callers=[gateway]"), "sales/writer does not expect sales/asker"),
        (("unset", "writer", "owner"), "owner is missing"),
        (("scale", "writer", "--min", "0"), "0 pods need a queue or a schedule"),
    ],
)
def test_an_edit_that_check_would_refuse_is_not_written(top: Path, arguments: tuple[str, ...], said: str) -> None:
    answer = refused(top, *arguments)
    assert said in answer
    assert "nothing was written" in answer


def test_one_mistake_is_said_once_and_not_again_by_agents_that_call_the_broken_one(top: Path) -> None:
    assert "asker" not in refused(top, "set", "writer", "owner=bleu")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("set", "writer", "scaling.min"), "gives no value"),
        (("set", "writr", "scaling.min=2"), "Did you mean 'writer'?"),
        (("set", "writer", "scaling.min=2", "-e", "prd"), "Did you mean 'prod'?"),
        (("unset", "writer", "host"), "there is no host"),
        (("scale", "writer"), "give a number of pods, or --min and --max"),
        (("scale", "writer", "2", "--max", "3"), "give a number of pods, or --min and --max"),
        (("sett", "writer"), "No such command"),
        (("scale", "writer", "--mim", "3"), "No such option"),
    ],
)
def test_a_command_that_makes_no_sense_exits_with_2(top: Path, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(top, *arguments, code=2)


def test_errors_that_were_there_before_do_not_stand_in_the_way(top: Path) -> None:
    (top / ASKER_FILE).write_text(ASKER.replace("owner: blue", "owner: bleu"))
    (top / HERALD_FILE).write_text(HERALD + "hosts: [10.0.0.1]\n")
    edited(top, "set", "writer", "scaling.min=4")
    done = roster(top, "suspend", "herald")
    assert done.returncode == 0
    assert "wrong before this edit and still so" in done.stderr
    assert "an address is not a host name" in done.stderr


def test_unset_lets_the_layer_below_decide(top: Path) -> None:
    assert edited(top, "unset", "writer", "hosts", "overrides.prod") == WRITER.replace(
        "hosts:\n  - crm.example.com\n", ""
    ).replace("overrides:\n  prod:\n    scaling: {max: 8}\n", "")


def test_scale_sets_a_fixed_number_or_bounds(top: Path) -> None:
    assert "  min: 4  # two are busy at noon\n  max: 4\n" in edited(top, "scale", "writer", "4")
    assert "scaling: {max: 8, min: 5}" in edited(top, "scale", "writer", "--min", "5", "-e", "prod")
    done = roster(top, "scale", "writer", "--max", "6", "--dry-run")
    assert "pods: dev 4–6, prod 5–8" in done.stdout


def test_suspend_and_resume_give_back_the_very_same_file(top: Path) -> None:
    for where in ((), ("-e", "prod")):
        suspended = edited(top, "suspend", "writer", *where)
        assert suspended != WRITER
        assert edited(top, "resume", "writer", *where) == WRITER
    assert "dev: runs\nprod: runs" in refused(top, "resume", "writer", code=0)


def test_resume_in_one_environment_leaves_the_agent_suspended_in_the_others(top: Path) -> None:
    edited(top, "suspend", "writer")
    done = roster(top, "resume", "writer", "-e", "prod")
    assert "dev: suspended by the agent\nprod: runs" in done.stdout


def test_restart_restarts_the_pods_of_every_environment(top: Path) -> None:
    def counts() -> list[int]:
        examined = Fleet.open(WorkTree(top)).examine(WRITER_FILE)
        return [agent.restarts for agent in examined.resolved.values()]

    seen = [counts()]
    for where in ((), ("-e", "prod"), ()):
        edited(top, "restart", "writer", *where)
        seen.append(counts())
    assert seen == [[0, 0], [1, 1], [1, 2], [2, 3]]


def test_set_says_which_file_nothing_names_any_more(top: Path) -> None:
    done = roster(top, "set", "writer", "prompt={text: You write.}")
    assert done.returncode == 0
    assert "git rm agents/sales/writer.prompt.md" in done.stdout


def test_a_file_that_changed_meanwhile_is_not_written_over(top: Path) -> None:
    edit = Edit(Fleet.open(WorkTree(top)), {WRITER_FILE: WRITER.replace("min: 3", "min: 4").encode()})
    (top / WRITER_FILE).write_text(WRITER.replace("min: 3", "min: 5"))
    with pytest.raises(ChangedMeanwhile):
        edit.write(top)
    assert "min: 5" in (top / WRITER_FILE).read_text()


def test_when_the_disk_says_no_every_file_stays_as_it_was(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {WRITER_FILE: b"a", HERALD_FILE: b"b", ASKER_FILE: None}
    edit, before, syncs = Edit(Fleet.open(WorkTree(top)), changes), snapshot(top), []

    def full(descriptor: int) -> None:
        syncs.append(descriptor)
        if len(syncs) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        edit.write(top)
    assert snapshot(top) == before


def test_rollback_puts_back_the_definition_and_the_files_that_it_named(repository: Path) -> None:
    before = snapshot(repository)
    (repository / "agents/sales/writer.prompt.md").write_text("You write poems.\n")
    (repository / "agents/sales/tone.md").write_text("Kind.\n")
    (repository / WRITER_FILE).write_text(WRITER.replace("min: 3", "min: 4") + "knowledge: [tone.md]\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "second")
    done = roster(repository, "rollback", "writer", "--to", "HEAD~1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert snapshot(repository) == before
    assert "-You write poems.\n+You write offers." in done.stdout
    assert "already as it was" in refused(repository, "rollback", "writer", "--to", "HEAD~1", code=0)


def test_rollback_puts_back_a_build_context_as_a_whole(repository: Path) -> None:
    (repository / WRITER_FILE).write_text(WRITER + "build: {context: writer}\n")
    (repository / "agents/sales/writer").mkdir()
    (repository / "agents/sales/writer/Dockerfile").write_text("FROM a\n")
    (repository / "agents/sales/writer/run.sh").write_text("true\n")
    (repository / "agents/sales/writer/run.sh").chmod(0o755)
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "second")
    before = snapshot(repository)
    (repository / "agents/sales/writer/run.sh").unlink()
    (repository / "agents/sales/writer/more.py").write_text("x = 1\n")
    assert roster(repository, "rollback", "writer", "--to", "HEAD").returncode == 0
    assert snapshot(repository) == before
    assert (repository / "agents/sales/writer/run.sh").stat().st_mode & 0o100


def test_rollback_brings_a_removed_agent_back(repository: Path) -> None:
    before = snapshot(repository)
    assert roster(repository, "remove", "herald").returncode == 0
    assert roster(repository, "rollback", "herald", "--to", "HEAD").returncode == 0
    assert snapshot(repository) == before


def test_rollback_refuses_what_is_no_longer_valid(repository: Path) -> None:
    (repository / "agents/catalog/teams.yaml").write_text(FILES["agents/catalog/teams.yaml"] + "green:" + TEAM)
    (repository / WRITER_FILE).write_text(WRITER.replace('owner: "red"', "owner: green"))
    git(repository, "commit", "-q", "-a", "-m", "second")
    git(repository, "revert", "--no-edit", "HEAD")
    assert "no team 'green'" in refused(repository, "rollback", "writer", "--to", "HEAD~1")
    (repository / WRITER_FILE).write_text("version: 1\nclients: [x]\n")
    git(repository, "commit", "-q", "-a", "-m", "third")
    (repository / WRITER_FILE).write_text(WRITER)
    assert "unknown key 'clients'" in refused(repository, "rollback", "writer", "--to", "HEAD")


TEAM = ' {description: Green., email: green@example.com, slack: "#green", reviewers: "@example/green"}\n'


def test_rollback_needs_a_repository_and_a_commit_that_has_the_agent(top: Path) -> None:
    assert "not in a git repository" in refused(top, "rollback", "writer", "--to", "HEAD", code=2)
    git(top, "init", "-q")
    git(top, "add", ASKER_FILE, "agents/catalog")
    git(top, "commit", "-q", "-m", "first")
    assert "HEAD has no agents/sales/writer.yaml" in refused(top, "rollback", "writer", "--to", "HEAD")
    assert "'v9'" in refused(top, "rollback", "writer", "--to", "v9", code=2)
    assert "'--all'" in refused(top, "rollback", "writer", "--to=--all", code=2)
    git(top, "add", WRITER_FILE)
    git(top, "commit", "-q", "-m", "without its prompt")
    assert "writer.prompt.md" in refused(top, "rollback", "writer", "--to", "HEAD")


def test_remove_takes_the_definition_and_the_files_that_only_it_names(top: Path) -> None:
    files = {"agents/chat/shared.md": "Known.\n", "agents/chat/own/own.md": "Own.\n"}
    bard = HERALD.replace("herald.char", "bard.char").replace("channels: {telegram: {}}\n", "")
    files |= {HERALD_FILE: HERALD + "knowledge: [shared.md, own/own.md]\n"}
    files |= {"agents/chat/bard.yaml": bard + "knowledge: [shared.md]\n"}
    files |= {"agents/chat/bard.character.json": FILES["agents/chat/herald.character.json"]}
    write_fleet(top, files)
    before = snapshot(top)
    done = roster(top, "remove", "herald")
    assert done.returncode == 0, done.stdout + done.stderr
    gone = {HERALD_FILE, "agents/chat/herald.character.json", "agents/chat/own/own.md"}
    assert changed_files(before, snapshot(top)) == gone
    assert not (top / "agents/chat/own").exists()


def test_remove_refuses_while_another_agent_calls_it_unless_forced(top: Path) -> None:
    assert f"{ASKER_FILE} calls writer" in refused(top, "remove", "writer")
    done = roster(top, "remove", "writer", "--force")
    assert done.returncode == 0
    assert f"{ASKER_FILE} calls writer and will fail `roster check`" in done.stdout
    assert not (top / WRITER_FILE).exists()


def test_remove_says_who_still_expects_calls_of_the_agent(top: Path) -> None:
    done = roster(top, "remove", "asker", "--dry-run")
    assert f"{WRITER_FILE} still lists asker among its callers" in done.stdout


def test_migrate_moves_definitions_step_by_step_and_keeps_their_comments() -> None:
    def rename(text: str) -> str:
        return set_value(text.replace("team:", "owner:"), ("version",), 0)

    steps = {-1: rename, 0: lambda text: set_value(text, ("version",), 1)}
    old = WRITER.replace("version: 1", "version: -1  # old").replace("owner:", "team:")
    assert migrate(old, steps) == WRITER.replace("version: 1", "version: 1  # old")
    assert migrate(WRITER, steps) == WRITER


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 7\n", "newer than this Roster"),
        ("version: 0\n", "no way from version 0"),
        ("owner: red\n", "says no version"),
        ("version: one\n", "not a whole number"),
    ],
)
def test_migrate_says_what_it_cannot_do(text: str, said: str) -> None:
    with pytest.raises(EditError, match=said):
        migrate(text)


def test_a_step_that_forgets_the_version_is_told_so() -> None:
    with pytest.raises(EditError, match="says version 0 afterwards"):
        migrate("version: 0\n", {0: lambda text: text})


def test_the_migrate_command_moves_all_or_none(
    top: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from typer import Exit

    from ci.commands.migrate import run

    (top / WRITER_FILE).write_text(WRITER.replace("version: 1", "version: 0"))
    (top / ASKER_FILE).write_text(ASKER.replace("version: 1", "version: -1"))
    monkeypatch.chdir(top)
    monkeypatch.setitem(migrations.MIGRATIONS, 0, lambda text: set_value(text, ("version",), 1))
    before = snapshot(top)
    with pytest.raises(Exit) as stopped:
        run([], dry_run=False)
    assert stopped.value.exit_code == 1
    assert snapshot(top) == before
    (top / ASKER_FILE).write_text(ASKER)
    run([], dry_run=False)
    assert (top / WRITER_FILE).read_text() == WRITER
    assert "+version: 1" in capsys.readouterr().out


def test_remove_takes_an_agents_own_folder_with_all_that_is_in_it(tmp_path: Path) -> None:
    top = write_fleet(
        tmp_path,
        {
            "agents/sales/guide.yaml": ASKER.replace(
                "calls: [sales/writer]\n", "knowledge: [guide/a.md, guide/b.md]\n"
            ),
            "agents/sales/guide/a.md": "a\n",
            "agents/sales/guide/b.md": "b\n",
        },
    )
    done = roster(top, "remove", "guide")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (top / "agents/sales/guide").exists()
    assert not (top / "agents/sales/guide.yaml").exists()
    assert (top / "agents/sales/writer.yaml").exists()
