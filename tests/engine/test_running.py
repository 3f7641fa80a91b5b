"""`ci.engine` with a real engine: what it says of runs, records, locks and failures is what the engine does."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from engine import IDLE, REPOSITORY, SHARD, Project

from ci.engine.backend import open_backend
from ci.engine.command import Pulumi, open_pulumi
from ci.engine.failure import EngineError
from ci.engine.locks import held_by, unlock
from ci.engine.processes import descendants
from ci.engine.program import find_engine
from ci.engine.records import clear_pending, read_record, read_records
from ci.engine.runs import Counts, StackResult, StackRun, run_stacks

LIVE_SECONDS = 120
# As `roster up` runs it, in a process of its own that can be killed.
SCRIPT = """\
import os, sys
from pathlib import Path
from ci.engine.command import open_pulumi
from ci.engine.runs import StackRun, run_stacks
[result] = run_stacks(
    open_pulumi(Path(sys.argv[1])),
    [StackRun(sys.argv[2], "up", sys.argv[3] == "exists", sys.argv[3] == "first")],
    width=1,
    folder=Path(sys.argv[1]) / "out",
)
print(result.failure.kind if result.failure else "ok")
"""


@pytest.fixture
def pulumi(applied: Project) -> Pulumi:
    return open_pulumi(applied.top, applied.environment)


def _run(pulumi: Pulumi, action: str, stack: str = SHARD, seconds: float = 1, **variables: str) -> StackResult:
    record = read_record(pulumi, stack)
    job = StackRun(stack, action, record.exists, record.empty, variables)  # type: ignore[arg-type]
    (result,) = run_stacks(pulumi, [job], width=1, folder=pulumi.top / "out", wait_seconds=seconds)
    return result


def _selected(project: Project) -> str:
    return project.pulumi("stack", "ls", "--json").stdout


# What a run says


def test_with_nothing_to_do_a_preview_and_an_up_say_so(pulumi: Pulumi) -> None:
    for action in ("preview", "up"):
        result = _run(pulumi, action)
        assert result.failure is None
        assert result.components.keys() == {"one", "two"}
        assert result.counts.changed == 0
        assert result.counts.same > 8


def test_counts_and_losses_are_told_by_agent(applied: Project, pulumi: Pulumi) -> None:
    applied.write("one", IDLE.replace("You answer questions.", "You answer in verse."))
    applied.drop("two")
    applied.write("three", IDLE)
    foreseen = _run(pulumi, "preview")
    done = _run(pulumi, "up")
    for result in (foreseen, done):
        assert result.failure is None
        assert (result.components["one"].update, result.components["one"].changed) == (2, 2)
        assert result.components["two"] == Counts(delete=result.components["two"].delete)
        assert result.components["three"] == Counts(create=result.components["two"].delete)
        assert (result.deleted, result.replaced) == (("two",), ())
    assert applied.objects("deployment").keys() == {"one", "three"}
    assert "three/deployment" in (done.log or Path()).read_text("utf-8")
    assert done.peak_bytes > 100_000_000


def test_a_stack_that_is_not_made_yet_is_previewed_without_making_it(applied: Project, pulumi: Pulumi) -> None:
    applied.pulumi("stack", "rm", "--force", "--yes", SHARD)
    before = _selected(applied), sorted(applied.top.glob("stacks/Pulumi.*"))
    result = _run(pulumi, "preview")
    assert result.failure is None
    assert result.components["one"].create > 4
    assert (_selected(applied), sorted(applied.top.glob("stacks/Pulumi.*"))) == before
    assert not read_record(pulumi, SHARD).exists
    # The objects are in the cluster still; an up takes them up again.
    assert _run(pulumi, "up").failure is None


def test_an_up_makes_the_stack_and_leaves_the_users_selection(applied: Project, pulumi: Pulumi) -> None:
    applied.pulumi("stack", "rm", "--force", "--yes", SHARD)
    applied.pulumi("stack", "select", "dev.platform")
    assert _run(pulumi, "up").failure is None
    current = [one["name"] for one in json.loads(_selected(applied)) if one["current"]]
    assert current == ["dev.platform"]
    assert applied.steps(SHARD) == {}


def test_stacks_run_side_by_side_and_results_keep_the_order_of_the_jobs(pulumi: Pulumi) -> None:
    stacks = [SHARD, "dev.platform", "dev.business"]
    jobs = [StackRun(stack, "preview", exists=True) for stack in stacks]
    results = run_stacks(pulumi, jobs, width=3, folder=pulumi.top / "out")
    assert [result.stack for result in results] == stacks
    assert [result.failure for result in results] == [None] * 3
    assert results[2].components.keys() == {"business"}


# What was applied


def test_records_hold_each_component_with_its_objects(pulumi: Pulumi) -> None:
    records = read_records(pulumi, ["dev.platform", "dev.business", SHARD, "dev.nothing"], width=2)
    assert records["dev.nothing"].exists is False
    assert records["dev.platform"].platform.keys() == {"platform"}
    assert records["dev.business"].pool.keys() == {"business"}
    assert records[SHARD].agents.keys() == {"one", "two"}
    one = next(part for part in records[SHARD].components if part.name == "one")
    assert any(urn.endswith("::one/deployment") for urn in one.children)
    assert not records[SHARD].empty


@contextlib.contextmanager
def _pending(project: Project, *operations: tuple[str, str]) -> Iterator[list[str]]:
    """The shard's state with operations left half done, each a type and the end of a URN; gives their URNs."""
    path = project.top / f"state/.pulumi/stacks/roster/{SHARD}.json"
    whole = path.read_bytes()
    state = json.loads(whole)
    there = next(one for one in state["checkpoint"]["latest"]["resources"] if one["urn"].endswith("::one/deployment"))
    resources = [there | {"urn": there["urn"] + end} for _, end in operations]
    state["checkpoint"]["latest"]["pending_operations"] = [
        {"resource": one, "type": what} for one, (what, _) in zip(resources, operations, strict=True)
    ]
    path.write_text(json.dumps(state), "utf-8")
    try:
        yield [one["urn"] for one in resources]
    finally:
        path.write_bytes(whole)


def test_pending_creations_of_what_is_there_by_now_are_cleared(applied: Project, pulumi: Pulumi) -> None:
    with _pending(applied, ("creating", "")) as urns:
        assert clear_pending(pulumi, SHARD) == (*urns,)
        assert read_record(pulumi, SHARD).pending_operations == ()
        assert clear_pending(pulumi, SHARD) == ()
        assert applied.steps(SHARD) == {}


def test_pending_creations_of_what_nobody_knows_of_stay(applied: Project, pulumi: Pulumi) -> None:
    with _pending(applied, ("creating", ""), ("creating", "-gone")) as urns:
        assert clear_pending(pulumi, SHARD) == ()
        assert [one.urn for one in read_record(pulumi, SHARD).pending_operations] == urns


# What goes wrong


def test_what_the_program_refuses_is_said_in_its_own_words_alone(applied: Project, pulumi: Pulumi) -> None:
    applied.write("one", IDLE + "scalling: {min: 1}\n")
    for action in ("preview", "up"):
        failure = _run(pulumi, action).failure
        assert failure is not None
        assert failure.kind == "refused"
        assert failure.message.startswith("agents/business/one.yaml:8:1: error: unknown key 'scalling'")
        assert "nothing was registered" not in failure.message


@pytest.mark.parametrize(
    ("kind", "server", "token", "context"),
    [
        ("unreachable-cluster", "https://127.0.0.1:9", "", ""),
        ("expired-credentials", "", "no such token", ""),
        ("wrong-cluster", "", "", "another"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_told_apart(
    applied: Project, kind: str, server: str, token: str, context: str
) -> None:
    config = yaml.safe_load((applied.top / "kubeconfig").read_text("utf-8"))
    if server:
        config["clusters"][0]["cluster"]["server"] = server
    if token:
        config["users"][0]["user"] = {"token": token}
    if context:
        config["contexts"][0]["name"] = config["current-context"] = context
    path = applied.top / "kubeconfig.bad"
    path.write_text(yaml.safe_dump(config), "utf-8")
    path.chmod(0o600)
    applied.write("one", IDLE.replace("You answer questions.", "You sing."))
    result = _run(open_pulumi(applied.top, applied.environment | {"KUBECONFIG": str(path)}), "up")
    assert result.failure is not None
    assert result.failure.kind == kind, result.failure.message
    assert result.failure.message.startswith(f"{SHARD}: the ")
    assert "PULUMI_K8S_DELETE_UNREACHABLE" not in str(result)


def test_an_object_that_the_cluster_refuses_is_told_by_agent(applied: Project, pulumi: Pulumi) -> None:
    command = ["kubectl", "--namespace", applied.namespace, "create", "quota", "full", "--hard=count/configmaps=1"]
    subprocess.run(command, env=applied.environment, capture_output=True, check=True)
    try:
        deadline = time.monotonic() + LIVE_SECONDS
        while "used" not in applied.objects("resourcequota")["full"].get("status", {}):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        applied.write("three", IDLE)
        result = _run(pulumi, "up")
    finally:
        command = ["kubectl", "--namespace", applied.namespace, "delete", "quota", "full"]
        subprocess.run(command, env=applied.environment, capture_output=True, check=True)
    assert result.failure is not None
    assert result.failure.kind == "failed"
    assert "three/configmap: " in result.failure.message
    assert "exceeded quota: full" in result.failure.message
    assert result.failed.keys() == {"three"}
    assert _run(pulumi, "up").failure is None


def test_a_damaged_state_is_named_and_the_other_stacks_are_read(applied: Project, pulumi: Pulumi) -> None:
    path = applied.top / f"state/.pulumi/stacks/roster/{SHARD}.json"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    try:
        records = read_records(pulumi, ["dev.business", SHARD], width=2)
        failure = records[SHARD].failure
        result = run_stacks(pulumi, [StackRun(SHARD, "up", exists=True)], width=1, folder=applied.top / "out")[0]
    finally:
        path.write_bytes(whole)
    assert records["dev.business"].failure is None
    for one in (failure, result.failure):
        assert one is not None
        assert one.kind == "damaged-state"
        assert one.message.startswith(f"{SHARD}: its state is damaged")
        assert f"pulumi stack import --stack {SHARD}" in one.message


def test_a_backup_of_the_backend_brings_a_damaged_state_back(applied: Project, pulumi: Pulumi) -> None:
    """The way out that docs/backends.md gives."""
    path = applied.top / f"state/.pulumi/stacks/roster/{SHARD}.json"
    path.write_bytes(path.read_bytes()[:100])
    kept = max((applied.top / f"state/.pulumi/history/roster/{SHARD}").glob("*.checkpoint.json"))
    (applied.top / f"state/.pulumi/stacks/roster/{SHARD}.json").write_bytes(kept.read_bytes())
    assert read_record(pulumi, SHARD).agents.keys() == {"one", "two"}
    assert _run(pulumi, "preview").counts.changed == 0


def test_a_state_whose_attributes_a_kill_left_empty_is_read_by_the_next_command(applied: Project) -> None:
    attributes = applied.top / f"state/.pulumi/stacks/roster/{SHARD}.json.attrs"
    attributes.write_bytes(b"")
    assert "failed to load checkpoint: EOF" in applied.pulumi("stack", "export", "-s", SHARD, check=False).stderr
    record = read_record(open_pulumi(applied.top, applied.environment), SHARD)
    assert record.failure is None
    assert record.agents.keys() == {"one", "two"}


def test_a_missing_passphrase_is_named_before_anything_is_asked(applied: Project) -> None:
    bare = {name: value for name, value in applied.environment.items() if "PASSPHRASE" not in name}
    with pytest.raises(EngineError, match="PULUMI_CONFIG_PASSPHRASE_FILE is set") as caught:
        open_pulumi(applied.top, bare)
    assert caught.value.kind == "no-passphrase"


def test_a_wrong_passphrase_is_named(applied: Project) -> None:
    result = _run(open_pulumi(applied.top, applied.environment | {"PULUMI_CONFIG_PASSPHRASE": "other"}), "up")
    assert result.failure is not None
    assert result.failure.kind == "no-passphrase"
    assert "not the one that the stack was made with" in result.failure.message


@pytest.mark.parametrize(
    ("url", "kind"),
    [("file:///no/such/folder", "unreachable-backend"), ("https://127.0.0.1:9", "backend-refused")],
)
def test_a_backend_that_cannot_be_used_is_named(applied: Project, url: str, kind: str) -> None:
    with pytest.raises(EngineError) as caught:
        open_pulumi(applied.top, applied.environment | {"PULUMI_BACKEND_URL": url, "PULUMI_HOME": str(applied.top)})
    assert caught.value.kind == kind
    assert str(caught.value).startswith(url)


def test_a_backend_that_says_nothing_is_given_up(applied: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"s3://states?endpoint=http://127.0.0.1:{silent.getsockname()[1]}&region=x&s3ForcePathStyle=true"
        keys = {"PULUMI_BACKEND_URL": url, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        with pytest.raises(EngineError, match=r"s3://states did not answer within 2 s") as caught:
            open_backend(find_engine(applied.environment), applied.top, applied.environment | keys, seconds=2)
    assert caught.value.kind == "unreachable-backend"


# Locks


@contextlib.contextmanager
def _locked(project: Project, host: str, pid: int, since: datetime) -> Iterator[Path]:
    """A lock as a run that was killed leaves it."""
    path = project.top / f"state/.pulumi/locks/organization/roster/{SHARD}/x.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = {"pid": pid, "username": "ann", "hostname": host, "timestamp": since.isoformat()}
    path.write_text(json.dumps(holder), "utf-8")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _dead() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def test_a_lock_of_another_machine_is_waited_for_and_then_named(applied: Project, pulumi: Pulumi) -> None:
    since = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)
    with _locked(applied, "runner-7", 4711, since) as lock:
        result = _run(pulumi, "up", seconds=2)
        assert lock.exists()
    assert result.failure is not None
    assert result.failure.kind == "locked"
    assert (
        f"{SHARD} is locked by ann on runner-7, process 4711, since 2026-11-01 08:30:00 UTC" in result.failure.message
    )
    assert f"roster unlock {SHARD}" in result.failure.message


def test_a_lock_of_a_run_that_died_here_is_taken_away_and_said(applied: Project, pulumi: Pulumi) -> None:
    with _locked(applied, socket.gethostname(), _dead(), datetime.now(UTC)) as lock:
        result = _run(pulumi, "up")
        assert not lock.exists()
    assert result.failure is None
    assert "killed" in result.notes[0]


def test_a_lock_of_a_run_that_lives_here_is_kept(applied: Project, pulumi: Pulumi) -> None:
    with _locked(applied, socket.gethostname(), os.getpid(), datetime(2026, 1, 1, tzinfo=UTC)) as lock:
        assert (_run(pulumi, "up").failure or pytest.fail("it ran")).kind == "locked"
        with pytest.raises(EngineError, match="still running here"):
            unlock(pulumi, SHARD, lambda _: SHARD, datetime.now(UTC))
        assert lock.exists()


def test_unlock_asks_for_the_name_and_refuses_a_young_lock(applied: Project, pulumi: Pulumi) -> None:
    now = datetime.now(UTC)
    with _locked(applied, "runner-7", 4711, now - timedelta(minutes=3)) as lock:
        with pytest.raises(EngineError, match="less than 10 minutes"):
            unlock(pulumi, SHARD, lambda _: SHARD, now)
        with pytest.raises(EngineError, match="not the stack's name"):
            unlock(pulumi, SHARD, lambda _: "yes", now, force=True)
        assert lock.exists()
        later = now + timedelta(minutes=8)
        asked: list[str] = []
        assert "is unlocked" in unlock(pulumi, SHARD, lambda question: asked.append(question) or SHARD, later)
        assert "ann on runner-7" in asked[0]
        assert not lock.exists()
    assert held_by(pulumi, SHARD) == []
    assert unlock(pulumi, SHARD, lambda _: SHARD, now) == f"{SHARD} is not locked."


# Runs that are ended


def _begin(project: Project, how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(project.top), SHARD, how],
        cwd=REPOSITORY,
        env=project.environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def _first_of(project: Project, run: subprocess.Popen[str], names: set[str]) -> None:
    deadline = time.monotonic() + LIVE_SECONDS
    while not names & project.objects("configmap").keys():
        assert run.poll() is None, "the run ended before it could be ended"
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_sigint_ends_a_run_after_its_steps_and_nothing_is_lost(applied: Project, pulumi: Pulumi) -> None:
    new = {f"new-{number}" for number in range(8)}
    for agent in new:
        applied.write(agent, IDLE)
    with _begin(applied, "exists") as run:
        _first_of(applied, run, new)
        run.send_signal(signal.SIGINT)
        said, _ = run.communicate(timeout=LIVE_SECONDS)
    assert said == "interrupted\n"
    assert held_by(pulumi, SHARD) == []
    recorded = {urn.rpartition("::")[2] for part in read_record(pulumi, SHARD).components for urn in part.children}
    assert {f"{name}/configmap" for name in applied.objects("configmap") if name in new} <= recorded
    assert _run(pulumi, "up").failure is None
    assert applied.objects("deployment").keys() == {"one", "two", *new}
    assert applied.steps(SHARD) == {}


@pytest.mark.parametrize("how", ["exists", "first"])
def test_a_killed_run_is_repaired_by_the_next_alone(applied: Project, pulumi: Pulumi, how: str) -> None:
    """`first`: without checkpoints, so that nothing of the run was recorded."""
    new = {f"new-{number}" for number in range(8)}
    for agent in new:
        applied.write(agent, IDLE)
    with _begin(applied, how) as run:
        _first_of(applied, run, new)
        for pid in (run.pid, *descendants(run.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    before = applied.objects("deployment")
    pulumi = open_pulumi(applied.top, applied.environment)
    result = _run(pulumi, "up")
    assert result.failure is None, result.failure
    assert "the lock of a run that was killed was taken away" in result.notes[0]
    clear_pending(pulumi, SHARD)
    assert read_record(pulumi, SHARD).pending_operations == ()
    after = applied.objects("deployment")
    assert after.keys() == {"one", "two", *new}
    assert {name: after[name]["metadata"]["uid"] for name in before} == {
        name: one["metadata"]["uid"] for name, one in before.items()
    }
    assert applied.steps(SHARD) == {}
