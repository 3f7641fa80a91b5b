"""`roster plan`, against real git repositories: what a reviewer reads must be what changes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command_fleet import ASKER, WRITER, git, roster, write_fleet

from ci.git import GitError
from ci.plan.differences import ABSENT, Difference, restart_reasons, text_diff
from ci.plan.make import Plan, make_plan, new_images
from ci.plan.markdown import MOST_CHARACTERS, as_markdown, headline

TODAY = "2026-06-01"
SCALED = WRITER.replace("scaling:\n", "scaling:\n  max: 5\n", 1)


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """The small fleet, committed on main."""
    write_fleet(tmp_path, {"agents/sales/writer.yaml": SCALED})
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    commit(tmp_path)
    return tmp_path


def commit(folder: Path) -> str:
    """Commits all files; the commit's name."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "x")
    return git(folder, "rev-parse", "HEAD")


def edit(folder: Path, path: str, old: str, new: str) -> None:
    """Replaces `old`, which must be there, in a file."""
    file = folder / path
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def plan(folder: Path, base: str = "HEAD", **options: object) -> Plan:
    """The plan against `base`."""
    return make_plan(folder, base, TODAY, **options)  # type: ignore[arg-type]


def add_agents(folder: Path, count: int, pool: str = "sales") -> None:
    """Adds agents named a000, a001 …"""
    for number in range(count):
        text = ASKER.replace("calls: [sales/writer]\n", "")
        (folder / f"agents/{pool}/a{number:03}.yaml").write_text(text, "utf-8")


def test_no_change_is_said_to_be_none(fleet: Path) -> None:
    assert headline(plan(fleet)) == "Nothing changes: both states render the same objects, in the same places."


def test_a_comment_in_a_definition_changes_nothing(fleet: Path) -> None:
    edit(fleet, "agents/sales/asker.yaml", "version: 1", "version: 1  # a comment")
    assert plan(fleet).changes == []


def test_a_prompt_change_names_the_agent_its_restart_and_its_lines(fleet: Path) -> None:
    edit(fleet, "agents/sales/writer.prompt.md", "You write offers.", "You write short offers.")
    made = plan(fleet)
    assert {change.key for change in made.changes} == {"sales/writer"}
    assert made.compared == 1, "only the agent that names the file is rendered"
    text = as_markdown(made)
    assert "**1 agent changed; 1 agent restarts.**" in text
    assert "**sales/writer** in dev, prod" in text
    assert "**pods restart**: prompt.md changes" in text
    assert "-You write offers.\n+You write short offers." in text


def test_a_prompt_that_two_agents_share_touches_both(fleet: Path) -> None:
    edit(fleet, "agents/sales/asker.yaml", "calls:", "prompt: {file: writer.prompt.md}\ncalls:")
    commit(fleet)
    edit(fleet, "agents/sales/writer.prompt.md", "You write offers.", "You write.")
    assert {change.key for change in plan(fleet).changes} == {"sales/writer", "sales/asker"}


def test_more_pods_restart_nothing_and_cost_more(fleet: Path) -> None:
    edit(fleet, "agents/sales/writer.yaml", "scaling: {max: 8}", "scaling: {max: 9}")
    made = plan(fleet)
    assert [change.restarts for change in made.changes] == [[]]
    text = as_markdown(made)
    assert "no pod restarts" in text
    assert "- pods 3–8 → 3–9" in text
    # A pod asks for a quarter of a core at 20 and half a GiB at 4 a month: 7. Eight pods are 56, nine 63.
    assert "21–56 → 21–63" in text


def test_new_hosts_and_secrets_stand_at_the_top(fleet: Path) -> None:
    edit(fleet, "agents/sales/writer.yaml", "  - crm.example.com\n", "  - mail.example.com\n")
    edit(fleet, "agents/sales/writer.yaml", "env:", "secrets: {CRM_KEY: sales/crm#key}\nenv:")
    text = as_markdown(plan(fleet))
    reach = text[text.index("## What agents can reach, hold and spend") : text.index("## Changed")]
    assert "- can now reach `mail.example.com` (declared): sales/writer\n" in reach
    assert "- no longer reaches `crm.example.com`: sales/writer\n" in reach
    assert "- holds a new secret: `CRM_KEY` from `prod/sales/crm#key` (its own): sales/writer in prod" in reach
    assert "secret variable CRM_KEY: new" in text


def test_added_and_removed_agents_are_told_with_what_they_reach(fleet: Path) -> None:
    (fleet / "agents/chat/herald.yaml").rename(fleet / "agents/chat/crier.yaml")
    text = as_markdown(plan(fleet))
    assert "**1 agent added, 1 agent removed; no pod restarts.**" in text
    assert "| chat/crier | blue | character on telegram | lab-one | prod |" in text
    assert "chat/crier reaches api.lab.example.com, api.search.example.com, api.telegram.org" in text
    assert "- chat/herald in prod" in text


def test_a_suspended_agent_stops_and_does_not_restart(fleet: Path) -> None:
    edit(fleet, "agents/sales/asker.yaml", "version: 1", "version: 1\nsuspended: true")
    text = as_markdown(plan(fleet))
    assert "- stops: suspended by the agent" in text
    assert "no pod restarts" in text


def test_an_agent_taken_out_of_an_environment_is_removed_there(fleet: Path) -> None:
    edit(fleet, "agents/sales/asker.yaml", "version: 1", "version: 1\nenvironments: [dev]")
    assert [(change.kind, change.environment) for change in plan(fleet).changes] == [("removed", "prod")]


def test_a_catalog_change_is_told_once_for_all_agents_with_its_cause(fleet: Path) -> None:
    add_agents(fleet, 30)
    commit(fleet)
    edit(fleet, "agents/catalog/tiers.yaml", "memory: 1Gi}}\nbig", "memory: 2Gi}}\nbig")
    text = as_markdown(plan(fleet, only=["prod"]))
    assert "- `agents/catalog/tiers.yaml` small.defaults.resources.limits.memory: 1Gi → 2Gi" in text
    assert text.count("resources.limits.memory: 1Gi → 2Gi") == 2, "once in the catalog, once for all agents"
    assert "**33 agents** in prod: chat/herald, sales/a000" in text
    assert "and 28 more" in text


def test_a_host_alone_is_a_change_though_no_object_differs(fleet: Path) -> None:
    edit(fleet, "agents/sales/writer.yaml", "  - crm.example.com\n", "  - crm.example.com\n  - mail.example.com\n")
    text = as_markdown(plan(fleet))
    assert "**1 agent changed; no pod restarts.**" in text
    assert "- can now reach `mail.example.com` (declared): sales/writer" in text


def test_a_providers_new_host_names_the_agents_that_reach_it(fleet: Path) -> None:
    edit(fleet, "agents/catalog/providers.yaml", "[api.lab.example.com]", "[api.lab.example.org]")
    text = as_markdown(plan(fleet))
    who = "chat/herald, sales/asker, sales/writer"
    assert f"- can now reach `api.lab.example.org` (the model's provider): {who}" in text


def test_a_pool_that_moves_to_another_cluster_is_told(fleet: Path) -> None:
    edit(
        fleet,
        "agents/catalog/environments.yaml",
        "clusters: {main: {context: prod}}",
        "clusters: {main: {context: new}}",
    )
    made = plan(fleet)
    assert headline(made) == "3 agents changed; no pod restarts."
    words = "**moves** from cluster prod (prod.sales.0) to new (prod.sales.0): what runs in the old one stays there"
    assert words in as_markdown(made)
    assert made.stacks == ["prod.sales.0", "prod.chat.0"]


def test_more_shards_move_agents_between_stacks_and_say_how(fleet: Path) -> None:
    add_agents(fleet, 20)
    commit(fleet)
    edit(fleet, "agents/catalog/pools.yaml", "description: Sells.", "description: Sells.\n  shards: {prod: 2}")
    made = plan(fleet)
    assert 3 < len(made.changes) < 20, "about half of the agents move"
    assert "**moves** from stack prod.sales.0 to prod.sales.1: `pulumi state move`" in as_markdown(made)
    assert made.stacks == ["prod.sales.1"]


def test_stacks_that_the_catalog_no_longer_has_are_named(fleet: Path) -> None:
    (fleet / "agents/chat").rename(fleet / "agents/talk")
    edit(fleet, "agents/catalog/pools.yaml", "chat:", "talk:")
    made = plan(fleet)
    assert made.old_stacks == ["prod.chat", "prod.chat.0"]
    assert "**2 stacks no longer in the catalog:** `prod.chat`, `prod.chat.0`" in as_markdown(made)


def test_a_pool_that_loses_all_its_agents_alarms_however_few(fleet: Path) -> None:
    add_agents(fleet, 3, "chat")
    add_agents(fleet, 60)
    commit(fleet)
    for file in (fleet / "agents/chat").iterdir():
        file.unlink()
    made = plan(fleet, processes=1)
    assert made.alarming
    assert "> - all 4 of the pool chat" in as_markdown(made)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("size: 5Gi", "size: 2Gi", "disk 5Gi → 2Gi: **Kubernetes refuses to shrink a disk**"),
        ("size: 5Gi", "size: 9Gi", "disk 5Gi → 9Gi"),
        ("path: /d", "path: /d, storage_class: fast", "the data would be lost"),
    ],
)
def test_a_changed_disk_says_what_that_means(fleet: Path, old: str, new: str, words: str) -> None:
    volume = "storage: {volume: {size: 5Gi, path: /d}}\n"
    edit(fleet, "agents/chat/herald.yaml", "plugins: [search]\n", f"plugins: [search]\n{volume}")
    commit(fleet)
    edit(fleet, "agents/chat/herald.yaml", old, new)
    assert words in as_markdown(plan(fleet))


def test_a_removed_agents_disk_is_said_to_stay(fleet: Path) -> None:
    edit(fleet, "agents/chat/herald.yaml", "plugins: [search]\n", "storage: {volume: {size: 5Gi, path: /d}}\n")
    commit(fleet)
    (fleet / "agents/chat/herald.yaml").unlink()
    text = as_markdown(plan(fleet))
    assert "- chat/herald in prod; its disk stays in the cluster until somebody deletes it" in text


def test_a_new_waiver_stands_under_the_catalog(fleet: Path) -> None:
    (fleet / "agents/catalog/waivers").mkdir()
    waiver = 'rule: image-pinned\nscope: ["sales/*"]\nreason: A reason to be read.\nowner: red\nexpires: "2027-01-01"\n'
    (fleet / "agents/catalog/waivers/sales.yaml").write_text(waiver, "utf-8")
    text = as_markdown(plan(fleet))
    assert "**No agent changes: both states render the same objects, in the same places.**" in text
    assert "- `agents/catalog/waivers/sales.yaml` scope: absent → [sales/*]" in text


def test_errors_come_before_any_claim_that_nothing_changes(fleet: Path) -> None:
    edit(fleet, "agents/sales/asker.yaml", "owner: blue", "owner: bleu")
    assert headline(plan(fleet)) == "What changes cannot be said before the errors are mended."


def test_a_definition_that_is_broken_at_the_base_is_said_to_be(fleet: Path) -> None:
    edit(fleet, "agents/sales/asker.yaml", "owner: blue", "owner: bleu")
    commit(fleet)
    edit(fleet, "agents/sales/asker.yaml", "owner: bleu", "owner: blue")
    made = plan(fleet)
    assert made.notes == ["agents/sales/asker.yaml has errors at the base, so it is shown as added"]


def test_a_pool_setting_is_the_pools_own_change(fleet: Path) -> None:
    edit(fleet, "agents/catalog/pools.yaml", "pods: 100, storage: 10Gi}\nchat", "pods: 120, storage: 10Gi}\nchat")
    made = plan(fleet)
    assert {change.key for change in made.changes} == {"sales (the pool itself)"}
    assert made.stacks == ["dev.sales", "prod.sales"]
    assert "ResourceQuota spec.hard.pods: 100 → 120" in as_markdown(made)


def test_the_stacks_of_a_change_are_named(fleet: Path) -> None:
    edit(fleet, "agents/sales/writer.prompt.md", "offers", "letters")
    assert plan(fleet).stacks == ["dev.sales.0", "prod.sales.0"]


def test_an_image_that_nobody_has_built_is_named(fleet: Path) -> None:
    edit(fleet, "components/images/service/Dockerfile", "FROM x", "FROM z")
    found = plan(fleet)
    ((why, agents),) = new_images(found).items()
    assert agents == ["sales/asker", "sales/writer"]
    assert "has no record of having passed the gate" in why
    assert f"- sales/asker, sales/writer: {why}" in as_markdown(found)


def test_what_python_compiled_in_a_context_is_no_part_of_it_committed_or_not(fleet: Path) -> None:
    cache = fleet / "components/images/service/__pycache__"
    cache.mkdir()
    (cache / "x.pyc").write_bytes(b"compiled")
    git(fleet, "add", "--force", "--all")
    commit(fleet)
    assert plan(fleet).changes == []


def test_who_keeps_an_image_waits_for_none(fleet: Path) -> None:
    edit(fleet, "agents/sales/writer.prompt.md", "offers", "letters")
    assert new_images(plan(fleet)) == {}


def test_what_others_merged_meanwhile_is_not_this_branch(fleet: Path) -> None:
    git(fleet, "checkout", "--quiet", "-b", "mine")
    edit(fleet, "agents/sales/asker.yaml", "lab-two", "lab-one")
    commit(fleet)
    git(fleet, "checkout", "--quiet", "main")
    edit(fleet, "agents/sales/writer.prompt.md", "offers", "letters")
    commit(fleet)
    git(fleet, "checkout", "--quiet", "mine")
    assert {change.key for change in plan(fleet, "main").changes} == {"sales/asker"}


def test_an_uncommitted_new_file_counts(fleet: Path) -> None:
    (fleet / "agents/sales/new.yaml").write_text(SCALED.replace(", sales/asker", ""), "utf-8")
    assert {(change.kind, change.key) for change in plan(fleet).changes} == {("added", "sales/new")}


@pytest.mark.parametrize(
    ("there", "gone", "alarming"), [(40, 4, False), (40, 5, True), (60, 6, False), (300, 26, True)]
)
def test_many_removals_alarm_by_number_and_by_share(fleet: Path, there: int, gone: int, *, alarming: bool) -> None:
    add_agents(fleet, there)
    commit(fleet)
    for number in range(gone):
        (fleet / f"agents/sales/a{number:03}.yaml").unlink()
    assert plan(fleet, processes=1).alarming is alarming


def test_a_renamed_pool_exits_with_three_until_it_is_allowed(fleet: Path) -> None:
    add_agents(fleet, 8)
    commit(fleet)
    (fleet / "agents/sales").rename(fleet / "agents/selling")
    edit(fleet, "agents/catalog/pools.yaml", "sales:", "selling:")
    for file in ("writer", "asker"):
        edit(fleet, f"agents/selling/{file}.yaml", "sales/", "selling/")
    done = roster(fleet, "plan", "--base", "HEAD")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Many agents would be removed" in done.stdout
    assert "--allow-removals" in done.stderr
    assert roster(fleet, "plan", "--base", "HEAD", "--allow-removals").returncode == 0


def test_an_empty_agents_folder_is_no_plan_to_remove_all(fleet: Path) -> None:
    shutil.rmtree(fleet / "agents")
    (fleet / "agents").mkdir()
    done = roster(fleet, "plan", "--base", "HEAD")
    assert done.returncode == 1
    assert "agents/catalog/settings.yaml:1:1: error: there is no file" in done.stdout
    assert not (fleet / "out").exists()


def test_a_broken_definition_is_an_error_of_the_plan_with_its_place(fleet: Path) -> None:
    edit(fleet, "agents/sales/asker.yaml", "owner: blue", "owner: bleu")
    done = roster(fleet, "plan", "--base", "HEAD")
    assert done.returncode == 1
    assert "`agents/sales/asker.yaml:3:8` no team 'bleu'. Did you mean 'blue'?" in done.stdout


def test_a_new_policy_finding_is_told(fleet: Path) -> None:
    edit(
        fleet,
        "agents/catalog/runtimes.yaml",
        "image: docker.io/example/ready@sha256:" + "ab" * 32,
        "image: docker.io/example/ready:1",
    )
    text = ASKER.replace("runtime: service", "runtime: ready").replace("calls: [sales/writer]\nstorage", "storage")
    (fleet / "agents/sales/bought.yaml").write_text(text.replace("model: {name: lab-two}\n", ""), "utf-8")
    report = as_markdown(plan(fleet))
    assert "## New policy findings\n\n- image-pinned: Deployment bought: the image docker.io/example/ready:1" in report


def test_a_ref_that_does_not_exist_is_a_usage_error(fleet: Path) -> None:
    done = roster(fleet, "plan", "--base", "no-such-branch")
    assert done.returncode == 2
    assert "there is no commit 'no-such-branch'" in done.stderr
    with pytest.raises(GitError):
        plan(fleet, "--output=x")


def test_the_files_hold_every_changed_line_and_the_json_says_the_same(fleet: Path) -> None:
    edit(fleet, "agents/sales/writer.prompt.md", "offers", "letters")
    done = roster(fleet, "plan", "--base", "HEAD", "--format", "json")
    assert done.returncode == 0
    said = json.loads(done.stdout)
    assert said["headline"] == "1 agent changed; 1 agent restarts."
    assert {change["agent"] for change in said["changes"]} == {"sales/writer"}
    diff = (fleet / "out/plan/plan.diff").read_text("utf-8")
    assert "-    You write offers.\n+    You write letters.\n" in diff or "-  prompt.md: |" in diff
    assert diff.count("roster/config-sha256") == 4, "old and new in each of two environments"
    assert json.loads((fleet / "out/plan/plan.json").read_text("utf-8")) == said


def test_the_comment_never_grows_beyond_what_may_be_posted(fleet: Path) -> None:
    add_agents(fleet, 300)
    commit(fleet)
    for number in range(300):
        tokens = f"model: {{name: lab-two, max_tokens: {1000 + number}}}\nprompt: {{text: '{'word ' * 400}{number}'}}"
        edit(fleet, f"agents/sales/a{number:03}.yaml", "model: {name: lab-two}", tokens)
    made = plan(fleet)
    text = as_markdown(made)
    assert len(text) <= MOST_CHARACTERS
    assert "parts do not fit here" in text
    assert "`plan.diff`" in text
    assert "**300 agents changed; 300 agents restart.**" in text
    assert len("".join(change.diff for change in made.changes)) > 10 * MOST_CHARACTERS


def test_a_change_of_rosters_own_code_is_seen_since_the_base_renders_with_its_own(fleet: Path) -> None:
    here = Path(__file__).parents[2]
    for package in ("components", "policies", "ci"):
        ignore = shutil.ignore_patterns("__pycache__", "images")
        shutil.copytree(here / package, fleet / package, ignore=ignore, dirs_exist_ok=True)
    commit(fleet)
    edit(fleet, "components/specs/pod.py", "DRAIN_SECONDS = 5", "DRAIN_SECONDS = 7")
    done = run_own(fleet, "plan", "--base", "HEAD")
    assert done.returncode == 0, done.stderr
    assert "Roster's own code changes, so the base was rendered by the base's code" in done.stdout
    assert "**3 agents changed; 3 agents restart.**" in done.stdout
    assert "lifecycle.preStop.sleep.seconds: 5 → 7" in done.stdout
    assert git(fleet, "worktree", "list").count("\n") == 0, "the base's checkout is gone again"


def run_own(folder: Path, *arguments: str):  # type: ignore[no-untyped-def]
    """Runs the copy of Roster that lies in `folder`."""
    import os
    import subprocess
    import sys

    command = [sys.executable, "-c", "from ci.cli import main; main()", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


def test_a_base_without_a_fleet_shows_every_agent_as_added(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    commit(tmp_path)
    write_fleet(tmp_path)
    made = plan(tmp_path)
    assert {change.kind for change in made.changes} == {"added"}
    assert "every agent is shown as added" in made.notes[0]


@pytest.mark.parametrize(
    ("steps", "before", "after", "words"),
    [
        (("spec", "containers", "agent", "image"), "a@sha256:1", "a@sha256:2", "image a@sha256:1 → a@sha256:2"),
        (("spec", "containers", "agent", "env", "TONE", "value"), "kind", "firm", "variable TONE: kind → firm"),
        (("spec", "containers", "agent", "env", "TONE"), ABSENT, "{value: kind}", "variable TONE: new, kind"),
        (("metadata", "annotations", "roster/restarts"), "1", "2", "a restart is asked for"),
        (("metadata", "labels", "roster/owner"), "red", "blue", "label roster/owner: red → blue"),
        (("spec", "priorityClassName"), "a", "b", "priorityClassName: a → b"),
    ],
)
def test_a_restart_says_why(steps: tuple[str, ...], before: str, after: str, words: str) -> None:
    found = [Difference("Deployment", ("spec", "template", *steps), before, after)]
    assert restart_reasons(found, []) == [words]


def test_what_lies_outside_of_the_pod_template_restarts_nothing() -> None:
    assert restart_reasons([Difference("Deployment", ("spec", "replicas"), "1", "2")], []) == []
    assert restart_reasons([Difference("Service", ("spec", "template", "x"), "1", "2")], []) == []


def test_a_prompt_diff_has_its_lines_and_no_file_headers() -> None:
    assert text_diff("a\nb\n", "a\nc\n", "prompt.md") == "@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
