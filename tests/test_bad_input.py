"""Bad input that no file in Git can show, in a real work tree, through the real command where the command matters."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from small_fleet import CHARACTER, MINIMAL, TODAY, findings, fleet, inspect, rules, tree, write

from ci.commands.session import FINDINGS
from ci.parallel import WorkerDied, for_each
from ci.render import render
from components.definition.findings import Finding, InvalidInput
from components.definition.tree import MemoryTree, WorkTree
from components.definition.yaml_reader import read_yaml
from components.facts import Facts
from components.fleet import Fleet
from components.fleet_rules import MAX_DEPLOYMENTS, fleet_findings

ROOT = Path(__file__).parent.parent
NOBODY = 65534


def roster(top: Path, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """The real command in the work tree below `top`."""
    command = [sys.executable, "-c", "from ci.cli import main; main()", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        command, cwd=top, env=environment, capture_output=True, text=True, timeout=60, check=False, **options
    )


def on_disk(top: Path) -> list[Finding]:
    """What is wrong with the work tree below `top`."""
    from ci.inspection import Inspector

    try:
        return Inspector(Fleet.open(WorkTree(top)), TODAY).inspect(processes=1).findings
    except InvalidInput as error:
        return list(error.findings)


def with_agent(top: Path, text: str = MINIMAL) -> Path:
    """A work tree with one agent; the path of its definition."""
    write(top, {"business/sample.yaml": text})
    return top / "agents/business/sample.yaml"


def as_nobody(work: Callable[[], str]) -> str:
    """What `work` returns in a process that may read nothing of ours (of our own user's, where we are not root)."""
    if os.geteuid() != 0:
        return work()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        try:
            said = work()
        except BaseException as error:
            said = repr(error)
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as file:  # noqa: PTH123
        said = file.read()
    os.waitpid(child, 0)
    return said


def placed(found: list[Finding], rule: str) -> list[tuple[str, int, int]]:
    return [(one.file, one.line, one.column) for one in found if one.rule == rule]


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    with_agent(tmp_path)
    os.mkfifo(tmp_path / "agents/business/pipe.yaml")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(tmp_path / "agents/business")
        listener.bind("socket.yaml")
        os.chdir(here)
        (tmp_path / "agents/catalog/teams.yaml").rename(tmp_path / "agents/business/folder.md")
        (tmp_path / "agents/catalog/teams.yaml").mkdir()
        assert placed(on_disk(tmp_path), "not-a-file") == [("agents/catalog/teams.yaml", 1, 1)]
        (tmp_path / "agents/catalog/teams.yaml").rmdir()
        (tmp_path / "agents/business/folder.md").rename(tmp_path / "agents/catalog/teams.yaml")
        found = on_disk(tmp_path)
    assert placed(found, "not-a-file") == [("agents/business/pipe.yaml", 1, 1)]
    folder = MINIMAL.replace("{text: You answer questions.}", "{file: ../business}")
    (tmp_path / "agents/business/sample.yaml").write_text(folder)
    assert ("agents/business/sample.yaml", 6, 16) in placed(on_disk(tmp_path), "not-a-file")
    assert placed(found, "unreadable") == [("agents/business/socket.yaml", 1, 1)]


def test_files_of_others_are_named(tmp_path: Path) -> None:
    """Root may read everything, so a process of nobody looks."""
    definition = with_agent(tmp_path, MINIMAL.replace("{text: You answer questions.}", "{file: sample.prompt.md}"))
    prompt = tmp_path / "agents/business/sample.prompt.md"
    prompt.write_text("Hello.")
    prompt.chmod(0o600)
    (definition.parent / "other.yaml").write_text(MINIMAL)
    (definition.parent / "other.yaml").chmod(0o600)
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    assert on_disk(tmp_path) == []
    if os.geteuid() != 0:
        prompt.chmod(0)
        (definition.parent / "other.yaml").chmod(0)
    said = as_nobody(lambda: "\n".join(map(str, on_disk(tmp_path))))
    assert "agents/business/other.yaml:1:1: error: agents/business/other.yaml cannot be read: Permission" in said
    assert "agents/business/sample.yaml:6:16: error: agents/business/sample.prompt.md cannot be read: Permiss" in said
    definition.parent.chmod(0)
    said = as_nobody(lambda: "\n".join(map(str, on_disk(tmp_path))))
    definition.parent.chmod(0o755)
    assert said == "agents:1:1: error: the folder agents/business cannot be read: Permission denied [unreadable]"


def test_symbolic_links_are_named_and_never_followed(tmp_path: Path) -> None:
    secret = tmp_path / "outside"
    (secret / "context").mkdir(parents=True)
    (secret / "context/Dockerfile").write_text("FROM scratch\n")
    (secret / "prompt.md").write_text("outside")
    top = tmp_path / "top"
    with_agent(
        top, MINIMAL.replace("{text: You answer questions.}", "{file: prompt.md}") + "build: {context: link/context}\n"
    )
    business = top / "agents/business"
    (business / "prompt.md").symlink_to(secret / "prompt.md")
    (business / "link").symlink_to(secret)
    (business / "other.yaml").symlink_to(business / "sample.yaml")
    (top / "agents/linked-pool").symlink_to(business)
    found = on_disk(top)
    assert {
        ("agents/business/link", 1, 1),
        ("agents/business/other.yaml", 1, 1),
        ("agents/business/prompt.md", 1, 1),
        ("agents/linked-pool", 1, 1),
        ("agents/business/sample.yaml", 6, 16),
    } <= set(placed(found, "symbolic-link"))
    assert placed(found, "missing-file") == [("agents/business/sample.yaml", 7, 18)], "the context lies behind a link"


def test_bytes_that_are_not_utf_8_are_placed(tmp_path: Path) -> None:
    with_agent(tmp_path, MINIMAL.replace("{text: You answer questions.}", "{file: latin.md}"))
    (tmp_path / "agents/business/latin.md").write_bytes("one\ntwo\nthr\xe9e".encode("latin-1"))
    (tmp_path / "agents/business/utf16.yaml").write_bytes(MINIMAL.encode("utf-16"))
    assert placed(on_disk(tmp_path), "not-utf-8") == [
        ("agents/business/latin.md", 3, 1),
        ("agents/business/utf16.yaml", 1, 1),
    ]


def test_a_file_of_fifty_megabytes_is_refused_unread(tmp_path: Path) -> None:
    definition = with_agent(tmp_path)
    for name in ("huge.yaml", "sample.prompt.md"):
        (definition.parent / name).write_bytes(b"a: b\n" * 10_000_000)
    definition.write_text(MINIMAL.replace("{text: You answer questions.}", "{file: sample.prompt.md}"))
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    found = on_disk(tmp_path)
    assert time.process_time() - started < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000, "more than 30 MB were taken"
    assert placed(found, "too-large") == [("agents/business/huge.yaml", 1, 1), ("agents/business/sample.yaml", 6, 16)]


def test_a_prompt_of_two_megabytes_does_not_fit() -> None:
    text = MINIMAL.replace("{text: You answer questions.}", "{file: long.md}")
    found = findings({"business/a.yaml": text, "business/long.md": "x" * (2 << 20)})
    assert [(one.rule, one.line) for one in found] == [("too-large", 6)]
    several = {f"business/k{index}.md": "x" * 400_000 for index in range(3)}
    found = findings({"business/a.yaml": MINIMAL + "knowledge: [k0.md, k1.md, k2.md]\n", **several})
    assert [(one.rule, one.line) for one in found] == [("too-large", 7)], "no file is too long, all together are"


EXPLOSIONS = {
    "aliases": "a0: &a0 [x,x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1},*a{n - 1},*a{n - 1}]\n" for n in range(1, 40)),
    "an alias of itself": "env: &e {A: *e}\nzzz: 1\n",
    "open brackets": "env: " + "[" * 100_000,
    "open braces": "env: " + "{a: " * 100_000,
    "nested lists": "env:\n  " + "- " * 100_000 + "x\n",
    "nested keys": "env:\n  " + "? " * 100_000 + "x\n",
    "indentation": "".join(" " * depth + "a:\n" for depth in range(1, 1400)),
    "a word without end": "env: {A: 'sk- " + "a" * 900_000 + "'}\n",
    "words like addresses": "description: '://" + "a" * 400_000 + "://" + "b:" * 100_000 + "'\n",
    "calls without end": "calls:\n" + "".join(f"- support/a{n}\n" for n in range(3000)),
    "one host many times": "hosts:\n" + "- api.example.com\n" * 10_000,
}


@pytest.mark.parametrize("what", EXPLOSIONS)
def test_what_explodes_is_refused_at_once(what: str) -> None:
    started = time.process_time()
    found = findings({"business/a.yaml": MINIMAL.replace("description: Answers questions.\n", "") + EXPLOSIONS[what]})
    assert time.process_time() - started < 3
    assert found


def test_brackets_without_end_in_a_character_file() -> None:
    text = CHARACTER.replace("{inline: {name: Ada, bio: A guide.}}", "{file: c.character.json}")
    files = {"community/a.yaml": text, "community/c.character.json": '{"name": ' + "[" * 200_000}
    assert [one.rule for one in findings(files)] in (["too-deep"], ["not-json"])


@pytest.mark.parametrize(
    ("data", "rule", "place"),
    [
        (b"version: 1\ndescription: a\0b\n", "not-yaml", (2, 15)),
        (b"version: 1\ndescription: a\x07b\n", "not-yaml", (2, 15)),
        (b'version: 1\ndescription: "a\\uD800b"\n', "not-yaml", (2, 18)),
        (b"version: 1\r\nmodle: 1\r\n", "unknown-key", (2, 1)),
        (b"\xef\xbb\xbfversion: 1\nmodle: 1\n", "unknown-key", (2, 1)),
        (b"\xef\xbb\xbf\n", "empty-file", (1, 1)),
        (b"\r\n\r\n", "empty-file", (1, 1)),
        (b"%YAML 9.9\n---\nversion: 1\n", "not-yaml", (1, 1)),
        (b"version: 1\n...\nversion: 1\n", "not-yaml", (3, 1)),
        (b"{", "not-yaml", (2, 1)),
        (b"*a", "not-yaml", (1, 1)),
        (b"|", "wrong-type", (1, 1)),
        (b"1", "wrong-type", (1, 1)),
        (b"null", "empty-file", (1, 1)),
    ],
)
def test_odd_bytes_are_placed(data: bytes, rule: str, place: tuple[int, int]) -> None:
    found = findings({"business/a.yaml": data})
    assert (rule, *place) in [(one.rule, one.line, one.column) for one in found], "\n".join(map(str, found))


def test_windows_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    plain = fleet({"business/a.yaml": MINIMAL}).examine("agents/business/a.yaml").resolved
    marked = b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode()
    assert fleet({"business/a.yaml": marked}).examine("agents/business/a.yaml").resolved == plain


def test_a_name_that_is_no_text_is_said_and_printed(tmp_path: Path) -> None:
    with_agent(tmp_path)
    for name in (b"caf\xe9.yaml", b"line\nbreak.yaml"):
        path = os.fsencode(tmp_path / "agents/business") + b"/" + name
        Path(os.fsdecode(path)).write_text(MINIMAL)
        result = roster(tmp_path, "check", "--no-schemas")
        Path(os.fsdecode(path)).unlink()
        assert result.returncode == FINDINGS
        assert "rename it" in result.stdout
        assert "Traceback" not in result.stderr
    assert "wrong-name" in rules({"business/trailing\n.yaml": MINIMAL})


def test_an_empty_folder_of_agents_is_said_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    result = roster(tmp_path, "check")
    assert result.returncode == FINDINGS
    for name in ("settings", "environments", "teams", "pools", "tiers", "runtimes"):
        assert f"agents/catalog/{name}.yaml:1:1: error: there is no file" in result.stdout
    assert "Traceback" not in result.stderr
    result = roster(tmp_path, "render", "-e", "prod")
    assert result.returncode == FINDINGS
    assert not (tmp_path / "out").exists()


def test_outside_of_a_repository_the_command_says_so(tmp_path: Path) -> None:
    result = roster(tmp_path, "check")
    assert (result.returncode, result.stdout) == (2, "")
    assert "there is no folder agents/" in result.stderr


@pytest.mark.parametrize("kind", ["channels", "plugins", "databases", "queues", "providers"])
def test_a_catalog_file_that_agents_use_is_missed_where_they_use_it(kind: str) -> None:
    agent = MINIMAL + (
        "channels: {webhook: }\nplugins: [notebook]\nstorage: {databases: [agents-postgres]}\n"
        "scaling: {queue: {source: tasks, name: a, length: 1}}\n"
    )
    state = tree({"business/a.yaml": agent})
    assert Fleet.open(state).examine("agents/business/a.yaml").findings == []
    del state.contents[f"agents/catalog/{kind}.yaml"]
    found = Fleet.open(state).examine("agents/business/a.yaml").findings
    assert found
    assert all(one.file == "agents/business/a.yaml" and one.line > 4 for one in found), found


def test_an_entry_that_is_taken_away_is_missed_where_it_is_used() -> None:
    files = {"business/a.yaml": MINIMAL, "support/b.yaml": MINIMAL.replace("growth", "support")}
    state = tree(files)
    teams = state.contents["agents/catalog/teams.yaml"].decode()
    state.contents["agents/catalog/teams.yaml"] = teams.replace("support:", "helpdesk:").encode()
    with pytest.raises(InvalidInput) as caught:
        Fleet.open(state)
    assert {one.file for one in caught.value.findings} == {"agents/catalog/pools.yaml"}
    pools = state.contents["agents/catalog/pools.yaml"].decode()
    state.contents["agents/catalog/pools.yaml"] = pools.replace("owner: support", "owner: helpdesk").encode()
    (found,) = Fleet.open(state).examine("agents/support/b.yaml").findings
    assert str(found).startswith("agents/support/b.yaml:3:8: error: no team 'support'")


def test_a_pool_stays_within_what_a_namespace_holds() -> None:
    opened = fleet({"business/a.yaml": MINIMAL + "environments: [prod]\n"})
    (one,) = opened.examine("agents/business/a.yaml").facts()

    def grown(count: int) -> list[str]:
        values = {name: getattr(one, name) for name in Facts.__dataclass_fields__}
        fleet_of = [Facts(**{**values, "name": f"a{number}"}) for number in range(count)]
        return [finding.rule for finding in fleet_findings([], fleet_of, opened.catalog, opened.tree)]

    assert grown(2) == []
    assert "pool-many-pods" in grown(301), "301 agents with at most ten pods each"
    assert "pool-too-large" not in grown(MAX_DEPLOYMENTS)
    assert "pool-too-large" in grown(MAX_DEPLOYMENTS + 1)


def test_two_thousand_and_one_agents_are_refused_and_quickly() -> None:
    agent = MINIMAL + "environments: [prod]\nscaling: {min: 1, max: 1}\n"
    files = {f"business/agent-{number:04}.yaml": agent for number in range(MAX_DEPLOYMENTS + 1)}
    started = time.process_time()
    from ci.inspection import Inspector

    found = Inspector(fleet(files), TODAY).inspect(processes=1).findings
    assert time.process_time() - started < 10
    (too_large,) = [one for one in found if one.rule == "pool-too-large"]
    assert "2,001 agents" in too_large.message
    assert "2,000 Deployments" in too_large.message


def test_a_worker_that_is_killed_ends_the_run_in_one_line(tmp_path: Path) -> None:
    """The first worker that comes to the marked definition dies, as for want of memory."""
    parent = os.getpid()

    def work(number: int) -> int:
        if number == 150 and os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    with pytest.raises(WorkerDied, match="nothing was written"):
        list(for_each(range(400), work, 2))


def _fleet_on_disk(top: Path, count: int) -> Path:
    write(top, {f"business/agent-{number:04}.yaml": MINIMAL for number in range(count)})
    return top


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_kill_in_the_middle_of_a_render_leaves_the_output_as_it_was(tmp_path: Path) -> None:
    top = _fleet_on_disk(tmp_path, 400)
    output = top / "out/prod"
    render(Fleet.open(WorkTree(top)), "prod", output, TODAY, processes=1)
    before = _contents(output)
    for path in (top / "agents/business").glob("*.yaml"):
        path.write_text(MINIMAL.replace("Answers questions.", "Answers better."))
    command = [sys.executable, "-c", "from ci.cli import main; main()", "render", "-e", "prod"]
    process = subprocess.Popen(command, cwd=top, env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True)
    staged = top / "out/.prod.roster-new"
    deadline = time.monotonic() + 20
    while not any(staged.glob("*/*.yaml")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert staged.exists(), "it was killed while it was writing"
    assert _contents(output) == before
    render(Fleet.open(WorkTree(top)), "prod", output, TODAY, processes=1)
    after = _contents(output)
    assert after.keys() == before.keys()
    assert b"Answers better." in after["business/agent-0000.yaml"]
    assert [path.name for path in (top / "out").iterdir()] == ["prod"], "the next run has cleared what the kill left"


def _running_in_group(group: int) -> list[int]:
    """Processes of a group that still run; one that is dead and not yet collected does not count."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, its_group = path.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                found.append(int(path.parent.name))
    return found


def test_workers_die_with_a_killed_parent_and_the_next_run_is_not_locked_out(tmp_path: Path) -> None:
    top = _fleet_on_disk(tmp_path, 400)
    command = [sys.executable, "-c", "from ci.cli import main; main()", "render", "-e", "prod"]
    process = subprocess.Popen(command, cwd=top, env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True)
    staged = top / "out/.prod.roster-new"
    deadline = time.monotonic() + 20
    while not any(staged.glob("*/*.yaml")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.001)
    process.kill()
    process.wait()
    render(Fleet.open(WorkTree(top)), "prod", top / "out/prod", TODAY, processes=1)
    assert _running_in_group(process.pid) == []
    assert len(_contents(top / "out/prod")) > 400


def test_a_full_disk_leaves_the_output_as_it_was(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: writing fails in the middle."""
    top = _fleet_on_disk(tmp_path, 3)
    output = top / "out/prod"
    render(Fleet.open(WorkTree(top)), "prod", output, TODAY, processes=1)
    before = _contents(output)
    for path in (top / "agents/business").glob("*.yaml"):
        path.write_text(MINIMAL.replace("Answers questions.", "Answers better."))

    def small() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    result = roster(top, "render", "-e", "prod", preexec_fn=small)
    assert result.returncode == FINDINGS
    assert "cannot be written: File too large" in result.stderr
    assert "Traceback" not in result.stderr
    assert _contents(output) == before


def test_one_error_writes_nothing_and_prints_all(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "business/a.yaml": MINIMAL + "zzz: 1\n",
            "business/b.yml": MINIMAL,
            "business/c.yaml": MINIMAL,
            "support/c.yaml": MINIMAL,
        },
    )
    result = roster(tmp_path, "render", "-e", "prod")
    assert result.returncode == FINDINGS
    assert [line.split(": ")[0] for line in result.stdout.splitlines()] == [
        "agents/business/a.yaml:7:1",
        "agents/business/b.yml:1:1",
        "agents/business/c.yaml:1:1",
        "agents/support/c.yaml:1:1",
    ]
    assert "nothing was written" in result.stderr
    assert not (tmp_path / "out/prod").exists()


def test_the_formats_carry_the_same_findings(tmp_path: Path) -> None:
    with_agent(tmp_path, MINIMAL + "zzz: 1\n")
    assert roster(tmp_path, "schema").returncode == 0
    text = roster(tmp_path, "check", "--format", "text").stdout
    found = json.loads(roster(tmp_path, "check", "--format", "json").stdout)
    sarif = json.loads(roster(tmp_path, "check", "--format", "sarif").stdout)
    github = roster(tmp_path, "check", "--format", "github").stdout
    assert "agents/business/sample.yaml:7:1: error: unknown key 'zzz'" in text
    assert [(one["file"], one["line"], one["rule"]) for one in found] == [
        ("agents/business/sample.yaml", 7, "unknown-key")
    ]
    assert sarif["runs"][0]["results"][0]["ruleId"] == "unknown-key"
    assert github.startswith("::error file=agents/business/sample.yaml,line=7,col=1,title=unknown-key::unknown key")


def test_a_fault_in_a_definition_does_not_make_its_files_strays() -> None:
    text = MINIMAL.replace("{text: You answer questions.}", "{file: p.md}")
    assert rules({"business/a.yaml": text + "zzz: 1\n", "business/p.md": "x"}) == ["unknown-key"]


def test_the_largest_definition_is_read_in_bounded_time() -> None:
    text = MINIMAL + "env:\n" + "".join(f"  A{number}: x\n" for number in range(60_000))
    assert len(text) < 1 << 20
    started = time.process_time()
    assert inspect({"business/a.yaml": text}).agents == 1
    assert time.process_time() - started < 10
    assert read_yaml(text.encode() + b"#" * (1 << 20), "a.yaml").findings[0].rule == "too-large"


def test_trees_agree_on_what_is_there(tmp_path: Path) -> None:
    state = tree({"business/a.yaml": MINIMAL})
    write(tmp_path, {"business/a.yaml": MINIMAL})
    assert isinstance(state, MemoryTree)
    assert WorkTree(tmp_path).files("agents") == state.files("agents")
