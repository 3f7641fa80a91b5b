"""The order of a deployment: who is harmed by a bad change, what is held, what waits, what goes past everything."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from small_fleet import fleet
from stand_in import World, objects, steps

from ci.deploy.flow import Flow
from ci.deploy.situation import situation
from ci.engine.failure import Failure
from components.applied import Applied
from components.digest import objects_digest
from components.stacks import all_stacks
from stacks.decisions import goes_first, images

POOLS = """\
business:
  description: The larger pool.
  owner: growth
  quota: {cpu: "200", memory: 400Gi, pods: 3000, storage: 200Gi}
  shards: {dev: 10, prod: 10}
community:
  description: The smaller pool.
  owner: community
  quota: {cpu: "200", memory: 400Gi, pods: 3000, storage: 200Gi}
  shards: {dev: 5, prod: 5}
"""
CATALOG = fleet({}, {"pools.yaml": POOLS}).catalog
ENVIRONMENTS = ("dev", "prod")


@pytest.fixture
def world() -> World:
    """1,500 agents in two pools, deployed in dev and prod."""
    return copy.deepcopy(_deployed())


@cache
def _deployed() -> World:
    made = World([one for one in all_stacks(CATALOG) if one.environment in ENVIRONMENTS])
    for number in range(1500):
        pool = "business" if number % 3 else "community"
        for environment in ENVIRONMENTS:
            made.files[environment, pool, f"agent-{number}"] = objects(f"one {number}")
    deploy(made)
    assert len(made.running("prod")) == 1500
    made.runs.clear()
    return made


def deploy(
    world: World, environments: Iterable[str] = ENVIRONMENTS, allowed: bool = False, **options: Any
) -> tuple[str, Any]:
    """Deploys what the files have; returns how it ended and the report."""
    offers = world.offers()
    hands = steps(world, removals_allowed=allowed)
    records = world.records(world.stacks)
    # Of platforms and pools, which hold no agents, there is nothing to be seen here.
    shards = [stack.name for stack in world.shards()]
    situations = {name: situation(name, CATALOG, offers, records, shards) for name in ENVIRONMENTS}
    chosen = [situations[name] for name in environments]
    before = {} if "dev" in environments else {"prod": situations["dev"].outstanding()}
    outcome = Flow(CATALOG, hands, lambda line: None, **options).run(chosen, before)
    return outcome, hands.ledger.report


def change(
    world: World, agents: Iterable[str], text: str, environments: Iterable[str] = ENVIRONMENTS, replicas: int = 1
) -> None:
    wanted = set(agents)
    for key in list(world.files):
        if key[2] in wanted and key[0] in environments:
            world.files[key] = objects(text, replicas)


EVERYONE = [f"agent-{number}" for number in range(1500)]


def test_nothing_changed_runs_nothing(world: World) -> None:
    outcome, report = deploy(world)
    assert outcome == "well"
    assert world.runs == []
    assert report.of("dev").state == "unchanged"


def test_a_bad_change_of_all_harms_the_first_wave_only_and_reaches_no_other_environment(world: World) -> None:
    change(world, EVERYONE, "shared two")
    world.ill.add("shared two")
    outcome, report = deploy(world)
    assert outcome == "stopped"
    assert len(world.harmed) == 75  # 5 % of 1,500
    assert {stack.split(".")[0] for stack, _ in world.harmed} == {"dev"}
    assert len({stack for stack, _ in world.harmed}) == 15  # over all shards of both pools
    assert all(text.startswith("one ") for text in world.running("dev").values())
    assert all(text.startswith("one ") for text in world.running("prod").values())
    states = [agent.state for agent in report.of("dev").agents.values()]
    assert (states.count("failed"), states.count("held")) == (75, 1425)
    assert report.of("prod").state == "waiting"


def test_an_unrelated_merge_does_not_bring_the_bad_change_back(world: World) -> None:
    change(world, EVERYONE, "shared two")
    world.ill.add("shared two")
    deploy(world)
    harmed = len(world.harmed)
    change(world, ["agent-7"], "own seven")
    deploy(world)
    assert len(world.harmed) == harmed
    assert world.running("dev")["agent-7"] == "own seven"
    assert world.running("prod")["agent-7"] == "own seven"
    assert set(world.running("dev").values()) & {"shared two"} == set()


def test_a_repaired_change_reaches_everyone(world: World) -> None:
    change(world, EVERYONE, "shared two")
    world.ill.add("shared two")
    deploy(world)
    change(world, EVERYONE, "shared three")
    assert deploy(world)[0] == "well"
    assert set(world.running("prod").values()) == {"shared three"}


def test_one_agents_own_fault_stops_the_run_and_the_others_go_with_the_next_one(world: World) -> None:
    for number in range(40):
        change(world, [f"agent-{number}"], f"own {number}")
    world.ill.add("own 3")
    outcome, report = deploy(world)
    assert outcome == "stopped"
    assert report.of("dev").agents["community/agent-3"].state == "failed"
    assert world.running("dev")["agent-3"] == "one 3"
    assert {agent.state for agent in report.of("dev").agents.values()} == {"failed", "pending", "deployed"}
    assert deploy(world)[0] == "well"
    changed = {name for name, text in world.running("prod").items() if text.startswith("own")}
    assert changed == {f"agent-{number}" for number in range(40)} - {"agent-3"}


def test_a_failed_waves_agents_are_all_back_at_what_ran_before(world: World) -> None:
    agents = EVERYONE[:8]
    change(world, agents, "own good")
    change(world, [agents[0]], "own bad")
    world.ill.add("own bad")
    deploy(world, ["dev"])
    told = [told for action, _, told in world.runs if action == "up" and told.hold]
    assert [set(one.hold) for one in told] == [{agents[0]}]
    returned = {name for _, _, told in world.runs for name in told.back}
    assert {name: world.running("dev")[name] for name in returned} == {name: f"one {name[6:]}" for name in returned}


def test_a_kill_switch_and_a_rollback_pass_waves_environments_and_freezes(world: World) -> None:
    change(world, ["agent-1"], "own new", ["prod"])
    change(world, ["agent-2"], "own new", ["dev", "prod"])
    deploy(world)
    frozen = {"dev": "dev is frozen", "prod": "prod is frozen"}
    change(world, ["agent-1"], "one 1", ["prod"])
    change(world, ["agent-4"], "one 4", ["prod"], replicas=0)
    change(world, ["agent-5"], "own five")
    world.runs.clear()
    _, report = deploy(world, frozen=frozen)
    assert world.running("prod")["agent-1"] == "one 1"
    assert report.of("prod").agents["business/agent-4"].state == "stopped"
    assert report.of("prod").state == "frozen"
    assert report.of("prod").agents["business/agent-5"].state == "pending"
    assert "frozen" in report.of("prod").agents["business/agent-5"].reason
    assert world.running("prod")["agent-5"] == "one 5"
    assert all(told.apply <= {"agent-1", "agent-4"} for _, _, told in world.runs if told.apply is not None)


def test_what_is_held_in_dev_does_not_reach_prod_and_the_rest_does(world: World) -> None:
    change(world, ["agent-8"], "own eight")
    world.ill.add("own eight")
    deploy(world)
    change(world, ["agent-10"], "own ten")
    outcome, report = deploy(world)
    assert outcome == "well"
    assert world.running("prod")["agent-10"] == "own ten"
    assert world.running("prod")["agent-8"] == "one 8"
    assert "before this one" in report.of("prod").agents["business/agent-8"].reason


def test_prod_alone_takes_only_what_dev_has(world: World) -> None:
    change(world, ["agent-8"], "own eight")
    deploy(world, ["prod"])
    assert world.running("prod")["agent-8"] == "one 8"
    deploy(world, ["dev"])
    deploy(world, ["prod"])
    assert world.running("prod")["agent-8"] == "own eight"


def test_a_release_tries_a_held_agent_again(world: World) -> None:
    change(world, ["agent-8"], "own eight")
    world.ill.add("own eight")
    deploy(world)
    world.ill.clear()
    deploy(world)
    assert world.running("dev")["agent-8"] == "one 8"
    deploy(world, release=["business/agent-8"])
    assert world.running("dev")["agent-8"] == "own eight"


def test_many_removals_want_a_permission_and_touch_nothing_without_it(world: World) -> None:
    for key in [key for key in world.files if int(key[2].split("-")[1]) < 26]:
        del world.files[key]
    outcome, report = deploy(world)
    assert outcome == "permission"
    assert "26 of 1500 agents" in report.of("dev").reason
    assert [action for action, _, _ in world.runs] == ["preview"] * len(world.runs)
    assert deploy(world, allowed=True)[0] == "well"
    assert len(world.running("prod")) == 1474


def test_many_replacements_want_a_permission_too(world: World) -> None:
    agents = EVERYONE[:30]
    change(world, agents, "shared two")
    world.replaces |= set(agents)
    assert deploy(world)[0] == "permission"
    assert set(world.running("dev").values()) & {"shared two"} == set()


def test_few_removals_come_when_all_waves_are_well(world: World) -> None:
    for key in [key for key in world.files if key[2] == "agent-11"]:
        del world.files[key]
    change(world, EVERYONE[100:200], "own many")
    world.ill.add("own many")
    deploy(world)
    assert "agent-11" in world.running("dev")
    world.ill.clear()
    change(world, EVERYONE[100:200], "own other")
    deploy(world)
    assert "agent-11" not in world.running("prod")


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("locked", "locked"),
        ("unreachable-cluster", "unreachable"),
        ("expired-credentials", "unreachable"),
        ("refused", "stopped"),
    ],
)
def test_a_stack_that_cannot_be_run_ends_its_environment_with_its_own_word(
    world: World, kind: Any, outcome: str
) -> None:
    change(world, ["agent-8"], "own eight")
    (stack,) = [one.name for one in world.shards() if one.environment == "dev" and "agent-8" in world.remembered(one)]
    world.refused[stack] = Failure(kind, "it cannot be done")
    ended, report = deploy(world)
    assert ended == outcome
    assert f"{stack}: it cannot be done" in report.of("dev").reason
    assert report.of("prod").state == "waiting"
    assert world.running("prod")["agent-8"] == "one 8"


def test_an_agent_that_lies_in_another_shard_is_moved_and_nothing_is_removed(world: World) -> None:
    (home,) = [one for one in world.shards() if one.environment == "dev" and "agent-8" in world.remembered(one)]
    other = next(one for one in world.shards() if one.environment == "dev" and one.pool == home.pool and one != home)
    world.memory[other.name]["agent-8"] = world.memory[home.name].pop("agent-8")
    assert deploy(world)[0] == "well"
    assert "agent-8" in world.memory[home.name]
    assert "agent-8" not in world.memory[other.name]
    assert world.runs == []


def test_first_creation_is_one_wave() -> None:
    fresh = World([one for one in all_stacks(CATALOG) if one.environment == "dev"])
    for number in range(100):
        fresh.files["dev", "business", f"agent-{number}"] = objects(f"one {number}")
    assert deploy(fresh, ["dev"])[0] == "well"
    assert len(fresh.runs) == len({stack for _, stack, _ in fresh.runs})
    assert fresh.running("dev").keys() == {f"agent-{number}" for number in range(100)}


class Killed(BaseException):
    """The machine that ran the deployment is gone."""


def _killed_before_its_gate(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def gate(*_: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(World, "gate", gate)
        with pytest.raises(Killed):
            deploy(world)


def test_a_wave_that_was_never_judged_is_judged_by_the_next_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    change(world, ["agent-8"], "own eight")
    world.ill.add("own eight")
    _killed_before_its_gate(world, monkeypatch)
    assert world.running("dev")["agent-8"] == "own eight"
    outcome, report = deploy(world)
    assert outcome == "stopped"
    assert report.of("dev").agents["business/agent-8"].state == "failed"
    assert world.running("dev")["agent-8"] == "one 8"
    assert world.running("prod")["agent-8"] == "one 8"


def test_a_repair_that_fails_too_goes_back_behind_what_was_never_judged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(world, ["agent-8"], "own eight")
    _killed_before_its_gate(world, monkeypatch)
    change(world, ["agent-8"], "own nine")
    world.ill |= {"own eight", "own nine"}
    deploy(world)
    assert world.running("dev")["agent-8"] == "one 8"


def test_what_was_judged_well_is_not_judged_again(world: World) -> None:
    change(world, ["agent-8"], "own eight")
    deploy(world)
    world.ill.add("own eight")
    world.runs.clear()
    assert deploy(world)[0] == "well"
    assert world.runs == []
    assert world.running("prod")["agent-8"] == "own eight"


def test_a_well_wave_that_was_never_judged_goes_on_to_the_next_environment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(world, ["agent-8"], "own eight")
    _killed_before_its_gate(world, monkeypatch)
    assert deploy(world)[0] == "well"
    assert world.running("prod")["agent-8"] == "own eight"


def test_one_bad_agent_of_a_first_creation_takes_no_other_along() -> None:
    fresh = World([one for one in all_stacks(CATALOG) if one.environment == "dev"])
    for number in range(20):
        fresh.files["dev", "business", f"agent-{number}"] = objects(f"one {number}")
    fresh.files["dev", "business", "agent-3"] = objects("bad")
    fresh.ill.add("bad")
    outcome, report = deploy(fresh, ["dev"])
    assert outcome == "stopped"
    assert fresh.running("dev").keys() == {f"agent-{number}" for number in range(20)} - {"agent-3"}
    assert report.of("dev").agents["business/agent-3"].state == "failed"
    fresh.runs.clear()
    deploy(fresh, ["dev"])
    assert fresh.runs == []


def test_a_renamed_agent_is_not_removed_in_prod_while_its_successor_fails_in_dev(world: World) -> None:
    for environment in ENVIRONMENTS:
        del world.files[environment, "business", "agent-8"]
        world.files[environment, "business", "agent-8-new"] = objects("own bad")
    world.ill.add("own bad")
    for _ in range(2):
        deploy(world)
        deploy(world, ["prod"])
    _, report = deploy(world, ["dev"])
    assert world.running("dev")["agent-8"] == "one 8"
    assert world.running("prod")["agent-8"] == "one 8"
    assert "successor" in report.of("dev").agents["business/agent-8"].reason


def test_a_kill_switch_is_not_taken_back_when_a_rollback_beside_it_fails(world: World) -> None:
    change(world, ["agent-1"], "own new")
    deploy(world)
    change(world, ["agent-1"], "one 1")
    change(world, ["agent-2"], "one 2", replicas=0)
    world.ill.add("one 1")
    _, report = deploy(world)
    assert report.of("prod").agents["business/agent-2"].state == "stopped"
    replicas = {
        name: record.manifests[0]["spec"]["replicas"]
        for one in world.shards()
        for name, record in world.remembered(one).items()
        if name == "agent-2"
    }
    assert replicas == {"agent-2": 0}


def test_resuming_what_was_stopped_waits_for_waves_and_freezes(world: World) -> None:
    change(world, EVERYONE[:40], "one x", replicas=0)
    deploy(world)
    for number in range(40):
        change(world, [f"agent-{number}"], f"one {number}")
    world.runs.clear()
    _, report = deploy(world, frozen={"dev": "frozen", "prod": "frozen"})
    assert world.runs == []
    assert report.of("prod").state == "frozen"


def test_a_hold_survives_a_move_to_another_shard(world: World) -> None:
    change(world, ["agent-8"], "own eight")
    world.ill.add("own eight")
    deploy(world)
    (home,) = [one for one in world.shards() if one.environment == "dev" and "agent-8" in world.remembered(one)]
    other = next(one for one in world.shards() if one.environment == "dev" and one.pool == home.pool and one != home)
    world.memory[other.name]["agent-8"] = world.memory[home.name].pop("agent-8")
    _, report = deploy(world)
    assert report.of("dev").agents[f"business/agent-8 (nonprod, {home.name})"].state == "held" or (
        report.of("dev").agents["business/agent-8"].state == "held"
    )
    assert world.running("prod")["agent-8"] == "one 8"


def test_released_agents_that_fail_again_are_held_again(world: World) -> None:
    change(world, EVERYONE, "shared two")
    world.ill.add("shared two")
    deploy(world)
    deploy(world, release=[f"agent-{number}" for number in range(200)])
    harmed = len(world.harmed)
    deploy(world)
    assert len(world.harmed) == harmed
    assert set(world.running("dev").values()) & {"shared two"} == set()


def test_a_pool_without_definitions_is_said_and_nothing_of_it_goes(world: World) -> None:
    for key in [key for key in world.files if key[1] == "community"]:
        del world.files[key]
    outcome, report = deploy(world, ["dev"])
    assert outcome == "stopped"
    assert "no definitions any more" in report.of("dev").stacks["dev.community.0"].message
    assert len(world.running("dev")) == 1500


def test_first_only_leaves_all_but_kill_switches_and_rollbacks(world: World) -> None:
    change(world, ["agent-4"], "one 4", replicas=0)
    change(world, ["agent-5"], "own five")
    assert deploy(world, first_only=True)[0] == "well"
    assert world.running("prod")["agent-5"] == "one 5"
    assert {told.apply for _, _, told in world.runs} == {frozenset({"agent-4"})}


def test_the_program_too_takes_no_resumed_agent_for_a_rollback() -> None:
    was, stopped = objects("one"), objects("one", replicas=0)
    ran = Applied("", objects_digest(was), was)
    halted = Applied("", objects_digest(stopped), stopped).over(ran)
    assert goes_first(stopped, ran) == "stops the agent"
    assert goes_first(was, halted) == ""
    assert goes_first(was, Applied("", objects_digest(objects("two")), objects("two")).over(ran)) != ""


def test_an_image_that_may_not_be_run_yet_keeps_its_agents_as_they_are_and_no_one_else(world: World) -> None:
    world.barred["second"] = "its image second has no record of having passed the gate"
    before = world.running("dev")
    for environment in ENVIRONMENTS:
        world.files[environment, "business", "agent-1"] = objects("new code", image="second")
        world.files[environment, "community", "agent-3"] = objects("new words")
        world.files[environment, "business", "agent-2000"] = objects("newcomer", image="second")
    outcome, report = deploy(world)
    assert outcome == "well"
    assert world.running("dev") == world.running("prod") == before | {"agent-3": "new words"}
    for name in ("business/agent-1", "business/agent-2000"):
        waiting = report.of("dev").agents[name]
        assert (waiting.state, "no record" in waiting.reason) == ("building", True)
    assert report.of("dev").state == "held"
    # The record comes with a commit of its own.
    world.barred.clear()
    assert deploy(world)[0] == "well"
    assert {one["agent-1"] for one in map(world.running, ENVIRONMENTS)} == {"new code"}
    assert world.running("prod")["agent-2000"] == "newcomer"


def test_a_finding_in_an_image_that_runs_restarts_nothing_and_stops_no_other_change(world: World) -> None:
    world.barred["first"] = "its image first is blocked by CVE-2026-1"
    before = world.running("prod")
    assert deploy(world)[0] == "well"
    assert world.runs == []
    change(world, ["agent-1"], "new words")
    change(world, ["agent-3"], "stopped", replicas=0)
    assert deploy(world)[0] == "well"
    assert world.running("prod") == before | {"agent-1": "new words", "agent-3": "stopped"}


def test_going_back_asks_no_gate(world: World) -> None:
    for environment in ENVIRONMENTS:
        world.files[environment, "business", "agent-1"] = objects("worse", image="second")
    assert deploy(world)[0] == "well"
    world.barred["first"] = "its image first is blocked by CVE-2026-1"
    for environment in ENVIRONMENTS:
        world.files[environment, "business", "agent-1"] = objects("one 1")
    assert deploy(world)[0] == "well"
    assert world.running("prod")["agent-1"] == "one 1"


def _image_of(world: World, environment: str, agent: str) -> str:
    for stack in world.shards():
        record = world.memory.get(stack.name, {}).get(agent)
        if stack.environment == environment and record:
            (image,) = images(record.manifests)
            return image
    raise AssertionError(f"{agent} is not there")


def test_a_stop_keeps_the_old_image_and_a_start_does_not_let_the_new_one_in(world: World) -> None:
    world.barred["second"] = "its image second has no record of having passed the gate"
    for replicas in (0, 1):
        for environment in ENVIRONMENTS:
            world.files[environment, "business", "agent-1"] = objects(f"new {replicas}", replicas, image="second")
        assert deploy(world)[0] == "well"
        for environment in ENVIRONMENTS:
            assert world.running(environment)["agent-1"] == "new 0", "stopped at once, and not started with that image"
            assert _image_of(world, environment, "agent-1") == "first"
    world.barred.clear()
    assert deploy(world)[0] == "well"
    assert {_image_of(world, one, "agent-1") for one in ENVIRONMENTS} == {"second"}


def test_a_stopped_agent_does_not_start_with_an_image_that_was_blocked_meanwhile(world: World) -> None:
    change(world, ["agent-1"], "one 1", replicas=0)
    assert deploy(world)[0] == "well"
    world.barred["first"] = "its image first is blocked by CVE-2026-1"
    change(world, ["agent-1"], "started")
    world.runs.clear()
    assert deploy(world)[0] == "well"
    assert world.running("dev")["agent-1"] == "one 1"
    assert world.runs == [], "nobody is asked to try"


def test_a_newcomer_that_waits_for_its_image_holds_no_removal_that_has_nothing_to_do_with_it(world: World) -> None:
    world.barred["second"] = "its image second has no record of having passed the gate"
    for environment in ENVIRONMENTS:
        del world.files[environment, "business", "agent-1"]
        world.files[environment, "business", "agent-2000"] = objects("newcomer", image="second")
    assert deploy(world)[0] == "well"
    for environment in ENVIRONMENTS:
        assert "agent-1" not in world.running(environment)
        assert "agent-2000" not in world.running(environment)


def test_who_hands_its_bot_over_to_a_newcomer_stays_until_that_one_may_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A renamed agent: to remove it at once would leave its bot to nobody."""
    bot = {"remoteRef": {"key": "bots/agent-1", "property": "token"}}
    fetched = {"kind": "ExternalSecret", "metadata": {"name": "agent-1"}, "spec": {"data": [bot]}}
    for environment in ENVIRONMENTS:
        world.files[environment, "business", "agent-1"] = (*objects("one 1"), fetched)
    assert deploy(world)[0] == "well"
    world.barred["second"] = "its image second has no record of having passed the gate"
    offers = world.offers

    def with_bot() -> Any:
        made = offers()
        for agents in made.agents.values():
            for name, one in agents.items():
                if name == "agent-1-new":
                    agents[name] = replace(one, credentials=("bots/agent-1#token",))
        return made

    monkeypatch.setattr(world, "offers", with_bot)
    for environment in ENVIRONMENTS:
        del world.files[environment, "business", "agent-1"]
        del world.files[environment, "business", "agent-7"]
        world.files[environment, "business", "agent-1-new"] = objects("renamed", image="second")
    _, report = deploy(world)
    assert "agent-1" in world.running("dev")
    assert "agent-7" not in world.running("dev")
    assert "successor" in report.of("dev").agents["business/agent-1"].reason


def test_an_agent_that_moves_to_another_pool_stays_until_its_image_there_may_be_run(world: World) -> None:
    world.barred["second"] = "its image second has no record of having passed the gate"
    for environment in ENVIRONMENTS:
        del world.files[environment, "business", "agent-1"]
        world.files[environment, "community", "agent-1"] = objects("moved", image="second")
    assert deploy(world)[0] == "well"
    assert {world.running(one)["agent-1"] for one in ENVIRONMENTS} == {"one 1"}
    world.barred.clear()
    assert deploy(world)[0] == "well"
    assert {world.running(one)["agent-1"] for one in ENVIRONMENTS} == {"moved"}
