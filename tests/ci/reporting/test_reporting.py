"""What a deployment tells a real Pushgateway: what it wants, what it applied, who runs since when."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from command_fleet import git
from reported import (
    AGENTS,
    CATALOG,
    COMMIT,
    ENVIRONMENTS,
    POOLS,
    STACKS,
    deploy,
    pushed,
)
from small_fleet import fleet
from stand_in import World, objects

from ci.commands import up
from ci.deploy.report import AgentReport, Report, StackReport
from ci.deploy.situation import situation
from ci.engine.failure import Failure
from ci.engine.records import StackRecord
from ci.reporting.deployment import Run, ending, figures, run_of
from ci.reporting.gauges import (
    AGENT_APPLIED,
    LEAD_TIME,
    RUN_AGENTS,
    STACK_APPLIED,
    STACK_WANTED,
    Known,
)
from ci.reporting.pushgateway import Pushgateway
from components.stacks import all_stacks


def test_each_agent_that_was_deployed_is_told_with_its_commit_and_each_stack_as_applied(
    world: World, gateway: Pushgateway
) -> None:
    before = time.time()
    deploy(world, gateway)
    told = {(one.label("environment"), one.label("agent_id")) for one in pushed(gateway, AGENT_APPLIED)}
    assert told == {(environment, name) for environment in ENVIRONMENTS for name in AGENTS}
    assert {one.label("namespace") for one in pushed(gateway, AGENT_APPLIED, environment="dev")} == {"business-dev"}
    assert {one.label("commit") for one in pushed(gateway, AGENT_APPLIED)} == {COMMIT}
    for name in (STACK_WANTED, STACK_APPLIED):
        assert {one.label("stack") for one in pushed(gateway, name)} == STACKS
    moments = [one.value for name in (STACK_APPLIED, AGENT_APPLIED) for one in pushed(gateway, name)]
    assert all(before <= one <= time.time() for one in moments)
    for stack in STACKS:
        [wanted], [applied] = (pushed(gateway, name, stack=stack) for name in (STACK_WANTED, STACK_APPLIED))
        assert wanted.value < applied.value
    assert [one.value for one in pushed(gateway, RUN_AGENTS, environment="prod", state="deployed")] == [len(AGENTS)]
    assert [one.value for one in pushed(gateway, RUN_AGENTS, environment="prod", state="failed")] == [0]


def test_a_stack_with_a_failed_agent_stays_wanted_and_keeps_when_it_was_applied(
    world: World, gateway: Pushgateway
) -> None:
    deploy(world, gateway)
    [stack] = {stack for stack, agents in world.memory.items() if "ada" in agents and stack.startswith("dev")}
    [applied] = pushed(gateway, STACK_APPLIED, stack=stack)
    world.files["dev", "business", "ada"] = objects("ill")
    world.ill.add("ill")
    deploy(world, gateway)
    [wanted], [now] = (pushed(gateway, name, stack=stack) for name in (STACK_WANTED, STACK_APPLIED))
    assert now == applied
    assert wanted.value > now.value
    assert [one.value for one in pushed(gateway, RUN_AGENTS, environment="dev", state="failed")] == [1]
    # The next run has nothing new to do in it: the agent is held, and the stack is wanted all the same.
    deploy(world, gateway)
    assert pushed(gateway, STACK_APPLIED, stack=stack) == [applied]
    assert [one.value for one in pushed(gateway, RUN_AGENTS, environment="dev", state="held")] == [1]
    world.files["dev", "business", "ada"] = objects("mended")
    deploy(world, gateway)
    [wanted], [now] = (pushed(gateway, name, stack=stack) for name in (STACK_WANTED, STACK_APPLIED))
    assert wanted.value < now.value


def test_a_run_that_is_killed_leaves_behind_what_it_wanted(world: World, gateway: Pushgateway) -> None:
    deploy(world, gateway, kill=True)
    assert {one.label("stack") for one in pushed(gateway, STACK_WANTED)} == STACKS
    assert not pushed(gateway, STACK_APPLIED)


def test_an_agent_that_is_removed_is_told_no_more_and_the_others_keep_their_time(
    world: World, gateway: Pushgateway
) -> None:
    deploy(world, gateway)
    before = {one.labels: one.value for one in pushed(gateway, AGENT_APPLIED, environment="prod")}
    for environment in ENVIRONMENTS:
        for name in ("emil", "hugo", "iris"):
            del world.files[environment, "business", name]
        world.files[environment, "business", "dora"] = objects("two dora")
    deploy(world, gateway)
    after = {one.labels: one.value for one in pushed(gateway, AGENT_APPLIED, environment="prod")}
    assert {dict(labels)["agent_id"] for labels in after} == {"ada", "dora"}
    [ada] = [labels for labels in after if dict(labels)["agent_id"] == "ada"]
    assert after[ada] == before[ada]
    # Of a stack that has no agents any more it is known all the same when it was applied.
    assert pushed(gateway, STACK_APPLIED, stack="prod.eu.business.1")


def test_agents_that_the_pushgateway_knows_nothing_of_are_as_old_as_their_commits(
    world: World, gateway: Pushgateway, tmp_path: Path
) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "Agents.")
    commit, made = git(tmp_path, "log", "-1", "--format=%H %ct").split()
    deploy(world, gateway)
    # The stack of ada, dora and emil. Of dora the history is known, of emil it is not.
    records = world.memory["prod.eu.business.0"]
    records["dora"], records["emil"] = (
        replace(records[name], commit=text) for name, text in (("dora", commit), ("emil", "a1"))
    )
    group = f"{gateway.address}/metrics/job/roster/environment/prod/stack/prod.eu.business.0"
    httpx.delete(group, trust_env=False).raise_for_status()
    world.files["prod", "business", "ada"] = objects("two ada")
    deploy(world, gateway, top=tmp_path)
    found = {one.label("agent_id"): one.value for one in pushed(gateway, AGENT_APPLIED, stack="prod.eu.business.0")}
    # Nothing rather than something wrong.
    assert found.keys() == {"ada", "dora"}
    assert found["dora"] == float(made)
    assert abs(found["ada"] - time.time()) < 60


def test_a_pool_is_applied_when_the_engine_applied_it() -> None:
    [pool] = [one for one in all_stacks(CATALOG) if one.name == "prod.eu.business"]
    run, report = Run(10.0, (pool,)), Report(COMMIT, "")
    records = {pool.name: StackRecord(pool.name, True)}

    def told(known: Sequence[Known] = ()) -> dict[str, float]:
        [group] = ending(run, report, records, known, CATALOG, lambda commit: None, now=20.0)
        assert group.key == {"environment": "prod", "stack": "prod.eu.business"}
        return {one.name: one.value for one in group.values}

    # It was not come to: what it had before stays.
    assert told() == {STACK_WANTED: 10.0}
    labels = {"instance": "", "job": "roster", "environment": "prod", "stack": pool.name}
    assert told([Known(STACK_APPLIED, labels, 5.0)]) == {STACK_WANTED: 10.0, STACK_APPLIED: 5.0}
    report.of("prod").stacks[pool.name] = StackReport("failed")
    assert told() == {STACK_WANTED: 10.0}
    report.of("prod").stacks[pool.name] = StackReport("applied")
    assert told() == {STACK_WANTED: 10.0, STACK_APPLIED: 20.0}
    # A state that cannot be read says nothing, and what is known of it stays.
    records[pool.name] = StackRecord(pool.name, True, failure=Failure("unreachable-backend", "nobody answers"))
    assert ending(run, report, records, [], CATALOG, lambda commit: None, now=20.0) == []


def test_a_run_of_kill_switches_alone_wants_nothing_else(world: World, gateway: Pushgateway) -> None:
    deploy(world, gateway)
    world.files["prod", "business", "ada"] = objects("one ada", replicas=0)
    world.files["prod", "business", "hugo"] = objects("two hugo")
    shards = [stack.name for stack in world.shards()]
    found = situation("prod", CATALOG, world.offers(), world.records(world.stacks), shards)
    assert {one.name for one in run_of([found], {}, True, 1.0).wanted} == {"prod.eu.business.0"}
    assert {one.name for one in run_of([found], {"prod": "frozen"}, False, 1.0).wanted} == {"prod.eu.business.0"}
    assert {one.name for one in run_of([found], {}, False, 1.0).wanted} == {"prod.eu.business.0", "prod.eu.business.1"}


def test_a_frozen_environment_waits_for_nothing(world: World, gateway: Pushgateway) -> None:
    deploy(world, gateway, frozen={"prod": "until Monday"})
    assert {one.label("environment") for one in pushed(gateway, STACK_WANTED)} == {"dev"}
    assert {one.label("environment") for one in pushed(gateway, STACK_APPLIED)} == {"dev"}


def test_lead_times_are_those_of_agents_that_got_ready() -> None:
    report = Report(COMMIT, "")
    for number in range(1, 21):
        report.of("prod").agents[f"business/a{number}"] = AgentReport("deployed", "prod.business.0", seconds=number)
    report.of("prod").agents["business/ill"] = AgentReport("failed", "prod.business.0", seconds=0)
    [group] = figures(report, ["prod"])
    found = {one.labels: one.value for one in group.values if one.name == LEAD_TIME}
    assert found == {("0.5",): 10, ("0.95",): 19}
    [group] = figures(report, ["dev"])
    assert not [one for one in group.values if one.name == LEAD_TIME]


def test_roster_up_tells_what_it_wants_and_what_it_did(
    world: World, gateway: Pushgateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command itself, with the engine and the cluster left out."""

    class Hands(World):
        def __init__(self, *_: object) -> None:
            super().__init__(world.stacks, world.files, world.memory)
            self.pulumi = None
            self.known: dict[str, Any] = {}

        def run(self, *job: Any) -> Any:
            assert pushed(gateway, STACK_WANTED, stack="dev.business.0"), "it is told before anything is applied"
            return super().run(*job)

    monkeypatch.setenv("ROSTER_PUSHGATEWAY", gateway.address)
    monkeypatch.setattr(up, "RealHands", Hands)
    monkeypatch.setattr(up, "opened", lambda top: None)
    monkeypatch.setattr(up, "filled_stacks", lambda pulumi: [])
    monkeypatch.setattr(up, "offers_for", lambda fleet, stacks: world.offers())
    monkeypatch.setattr(up, "open_fleet", lambda: fleet({}, {"pools.yaml": POOLS}))
    monkeypatch.setattr(up, "top", lambda: tmp_path)
    with pytest.raises(typer.Exit) as ended:
        up.run(["dev.business.0", "dev.business.1"], "dev", [], [], None, tmp_path / "out", 0)
    assert ended.value.exit_code == 0
    assert {one.label("agent_id") for one in pushed(gateway, AGENT_APPLIED)} == {*AGENTS}
    [wanted], [applied] = (pushed(gateway, name, stack="dev.business.0") for name in (STACK_WANTED, STACK_APPLIED))
    assert wanted.value < applied.value
    assert [one.value for one in pushed(gateway, RUN_AGENTS, environment="dev", state="deployed")] == [len(AGENTS)]
