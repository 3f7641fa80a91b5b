"""The kill switch: one line in one file, that stops an agent, a pool, a provider, a channel or an environment.

What it renders, what reviewers read, and that it goes before and past everything else. Pods on a real API server are
tried in tests/cluster/test_stopping.py, the Pulumi program beside a broken definition in tests/resources.
"""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from small_fleet import CHARACTER, MINIMAL, TODAY, catalog_files, fleet, one, write
from stand_in import World

from bench.recorded_images import record_images
from ci.deploy.changes import Change
from ci.deploy.flow import Flow
from ci.deploy.hands import Verdict
from ci.deploy.ledger import Ledger
from ci.deploy.offers import Offers, make_offers
from ci.deploy.report import Report
from ci.deploy.situation import Situation, situation
from ci.deploy.steps import Steps
from ci.engine.runs import Action, StackResult
from ci.plan.make import make_plan
from ci.plan.markdown import as_markdown
from components.applied import Applied
from components.definition.findings import Finding
from components.definition.places import agent_of
from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.resources.order import stage_of
from components.specs import Manifest, agent_manifests
from components.stacks import Stack, all_stacks, holds
from stacks.instructions import Instructions
from stacks.stops import stops_alone

ENVIRONMENTS = ("dev", "staging", "prod")
AGENTS = {
    "business/planner.yaml": MINIMAL
    + "exposure: {host: plans.example.com}\nscaling: {min: 2, max: 8, cpu: 70}\nalerts: {p95_seconds: 20}\n",
    "business/queued.yaml": MINIMAL + "scaling: {min: 0, max: 5, queue: {source: tasks, name: jobs, length: 10}}\n",
    "business/keeper.yaml": MINIMAL.replace("claude-sonnet-4-5", "gpt-5-mini")
    + "storage: {volume: {size: 5Gi, path: /data}}\nscaling: {min: 1, max: 1}\n",
    "community/herald.yaml": CHARACTER + "channels: {telegram: {}}\nenvironments: [prod]\n",
    "community/crier.yaml": CHARACTER + "channels: {discord: {}}\nenvironments: [prod]\n",
}
EVERYWHERE = {
    (f"business/{name}", environment) for name in ("planner", "queued", "keeper") for environment in ENVIRONMENTS
}
TALKERS = {("community/herald", "prod"), ("community/crier", "prod")}
# What has no place where nothing runs. A Service without pods answers nobody; what is told to the agent may stay.
GONE = {
    *("HorizontalPodAutoscaler", "PodDisruptionBudget", "HTTPRoute", "PrometheusRule"),
}
KEPT = {"ServiceAccount", "ConfigMap", "ExternalSecret", "PersistentVolumeClaim", "Service", "TriggerAuthentication"}


@dataclass(frozen=True)
class Switch:
    """A line put behind `behind` in a file below agents/, what it stops, and what the plan says of each."""

    file: str
    behind: str
    stops: frozenset[tuple[str, str]]
    said: str

    def throw(self, top: Path) -> None:
        """Writes the line."""
        path = top / "agents" / self.file
        text = path.read_text("utf-8")
        indent = "  " if self.file.startswith("catalog/") else ""
        assert f"\n{text}".count(f"\n{self.behind}\n") == 1
        changed = f"\n{text}".replace(f"\n{self.behind}\n", f"\n{self.behind}\n{indent}suspended: true\n")
        path.write_text(changed[1:], "utf-8")


SWITCHES = {
    "agent": Switch(
        "business/planner.yaml",
        "version: 1",
        frozenset({("business/planner", environment) for environment in ENVIRONMENTS}),
        "suspended by the agent",
    ),
    "pool": Switch("catalog/pools.yaml", "business:", frozenset(EVERYWHERE), "suspended by pool business"),
    "provider": Switch(
        "catalog/providers.yaml",
        "anthropic:",
        frozenset({one for one in EVERYWHERE if one[0] != "business/keeper"} | TALKERS),
        "suspended by the model's provider",
    ),
    "channel": Switch(
        "catalog/channels.yaml", "telegram:", frozenset({("community/herald", "prod")}), "suspended by channel telegram"
    ),
    "environment": Switch(
        "catalog/environments.yaml",
        "prod:",
        frozenset({one for one in EVERYWHERE if one[1] == "prod"} | TALKERS),
        "suspended by environment prod",
    ),
}
NETWORKS = {
    "policies": "{}",
    "cilium": "{egress: {kind: cilium}}",
    "proxy": "{egress: {kind: proxy, host: proxy.egress, pods: {namespace: egress, labels: {app: squid}}, "
    "ports: {business: 3128, community: 3129, halted: 3130, support: 3131}}}",
    "mesh": "{mesh: {kind: istio, gateway_account: gateway/public-istio, "
    "control_plane: {namespace: istio-system, labels: {app: istiod}}}}",
}
each_switch = pytest.mark.parametrize("switch", SWITCHES.values(), ids=SWITCHES)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fleet, with images that passed the gate, committed."""
    top = write(tmp_path_factory.mktemp("before"), AGENTS)
    record_images(top)
    _git(top, "init", "--quiet", "--initial-branch=main")
    _git(top, "add", "--all")
    _git(top, "commit", "--quiet", "--message", "x")
    return top


@pytest.fixture
def top(before: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(before, tmp_path / "fleet"))


def _git(top: Path, *words: str) -> None:
    who = {f"GIT_{role}_{part}": "x@example.com" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    subprocess.run(["git", *words], cwd=top, check=True, env={**os.environ, **who})


def rendered(top: Path) -> dict[tuple[str, str], list[Manifest]]:
    """`pool/agent` and environment → its objects; broken definitions are left out."""
    fleet = Fleet.open(WorkTree(top))
    return {
        ("/".join(agent_of(path)), environment): agent_manifests(agent)
        for path in fleet.definitions
        for environment, agent in fleet.examine(path).resolved.items()
    }


@each_switch
def test_one_line_leaves_no_pod_no_way_in_no_way_out_and_touches_nobody_else(
    before: Path, top: Path, switch: Switch
) -> None:
    switch.throw(top)
    old, new = rendered(before), rendered(top)
    assert {key for key in old if old[key] != new[key]} == switch.stops
    for key in switch.stops:
        kinds = {manifest["kind"]: manifest for manifest in new[key]}
        assert not kinds.keys() & GONE
        assert kinds["Deployment"]["spec"]["replicas"] == 0
        if "ScaledObject" in kinds:
            paused = kinds["ScaledObject"]["metadata"]["annotations"]["autoscaling.keda.sh/paused-replicas"]
            assert paused == "0", "KEDA starts nothing while it is there"
        template = [one(state[key], "Deployment")["spec"]["template"] for state in (old, new)]
        assert template[0] == template[1], "nothing starts on its way out"
        walls = [manifest for kind, manifest in kinds.items() if kind.endswith("NetworkPolicy")]
        assert walls
        for wall in walls:
            assert not any(wall["spec"].get(way) for way in ("ingress", "egress")), wall["kind"]
        assert one(new[key], "NetworkPolicy")["spec"]["policyTypes"] == ["Ingress", "Egress"]
        unchanged = {manifest["kind"] for manifest in new[key] if manifest in old[key]}
        assert unchanged == kinds.keys() & KEPT


def test_keda_is_paused_after_the_pods_are_told_to_stop() -> None:
    opened = fleet({"business/queued.yaml": AGENTS["business/queued.yaml"] + "suspended: true\n"})
    stopped = agent_manifests(opened.examine("agents/business/queued.yaml", ["prod"]).resolved["prod"])
    scaler = one(stopped, "ScaledObject")
    assert scaler["metadata"]["annotations"]["autoscaling.keda.sh/paused-replicas"] == "0"
    assert stage_of(one(stopped, "Deployment")) < stage_of(scaler), "what KEDA starts in between, its pause ends"


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_nothing_gets_in_or_out_whatever_holds_the_network(network: str) -> None:
    environments = catalog_files()["catalog/environments.yaml"].replace("prod:\n", f"prod:\n  network: {network}\n")
    opened = fleet({"business/wild.yaml": MINIMAL + "suspended: true\n"}, {"environments.yaml": environments})
    stopped = agent_manifests(opened.examine("agents/business/wild.yaml", ["prod"]).resolved["prod"])
    last = stage_of(one(stopped, "Deployment"))
    for wall in [manifest for manifest in stopped if manifest["kind"].endswith("NetworkPolicy")]:
        # Cilium's empty rule allows nothing; that of Kubernetes would allow all.
        nothing = [{}] if wall["kind"] == "CiliumNetworkPolicy" else None
        assert [wall["spec"].get(way) for way in ("ingress", "egress")] == [nothing, nothing], wall["kind"]
        assert stage_of(wall) < last
    assert one(stopped, "NetworkPolicy")["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert one(stopped, "ConfigMap")["metadata"]["name"] == "wild", "no hosts for a proxy"


@each_switch
def test_what_an_agent_reaches_is_closed_before_its_pods_are_told_to_stop(top: Path, switch: Switch) -> None:
    switch.throw(top)
    new = rendered(top)
    for key in switch.stops:
        stages = {manifest["kind"]: stage_of(manifest) for manifest in new[key]}
        walls = [stage for kind, stage in stages.items() if kind.endswith("NetworkPolicy")]
        assert max(walls) < stages["Deployment"]


@each_switch
def test_the_plan_says_who_stops_and_by_what_and_that_nothing_restarts(top: Path, switch: Switch) -> None:
    switch.throw(top)
    plan = make_plan(top, "HEAD", TODAY)
    assert {
        (change.key, change.environment) for change in plan.changes if change.key in dict(switch.stops)
    } == switch.stops
    for change in plan.changes:
        assert [words for words in change.other if words.startswith("stops: ")] == [f"stops: {switch.said}"]
    text = as_markdown(plan)
    assert f"- stops: {switch.said}" in text
    assert "no pod restarts" in text


@dataclass
class Real(World):
    """A world whose files are a real fleet's. `broken`: stack → what keeps it from being applied as a whole."""

    top: Path = Path()
    broken: Mapping[str, Sequence[Finding]] = field(default_factory=dict)

    def take(self, top: Path) -> None:
        """The files are those of `top` now."""
        self.top = top
        self.files = {
            (environment, *_parts(key)): tuple(manifests) for (key, environment), manifests in rendered(top).items()
        }
        offers = self.offers()
        shards = self.shards()
        self.broken = {one.name: offers.faults(one) for one in shards if offers.faults(one)}

    def offers(self) -> Offers:
        return make_offers(Fleet.open(WorkTree(self.top)), ENVIRONMENTS)

    def gate(self, changes: Sequence[Change], failed: Mapping[Change, str]) -> dict[Change, Verdict]:
        return {change: Verdict(change.key not in self.ill, "its pods crash") for change in changes}

    def _run(self, action: Action, stack: Stack, told: Instructions) -> StackResult:
        if stack.name not in self.broken:
            return super()._run(action, stack, told)
        self.runs.append((action, stack.name, told))
        offered = {
            name: content
            for (environment, pool, name), content in self.files.items()
            if environment == stack.environment and holds(stack, pool, name)
        }
        last: dict[str, Applied | None] = {**self.memory.get(stack.name, {})}
        decisions = stops_alone(offered, last, told, "c0ffee0", {}, self.broken[stack.name])
        self.memory[stack.name] = {one.name: one.record for one in decisions if one.record is not None}
        return StackResult(stack.name, action, None)

    def stopped(self) -> set[tuple[str, str]]:
        """Who runs no pod, of those that were ever applied."""
        return {
            (f"{stack.pool}/{name}", stack.environment)
            for stack in self.shards()
            for name, record in self.memory.get(stack.name, {}).items()
            if one([*record.manifests], "Deployment")["spec"].get("replicas") == 0
        }


def _parts(key: str) -> tuple[str, str]:
    pool, name = key.split("/")
    return pool, name


def deploy(world: Real, frozen: Mapping[str, str] = MappingProxyType({})) -> tuple[str, Report]:
    """Deploys all environments; how it ended, and the report."""
    catalog = Fleet.open(WorkTree(world.top)).catalog
    ledger = Ledger(Report("c0ffee0", "2026-11-21T00:00:00Z"), lambda: 1.0, lambda: None)

    def sharing(changes: Any) -> Collection[Change]:
        return set()

    steps = Steps("c0ffee0", world, ledger, sharing)
    records = world.records(world.stacks)
    shards = [stack.name for stack in world.shards()]
    situations: list[Situation] = [situation(name, catalog, world.offers(), records, shards) for name in ENVIRONMENTS]
    return Flow(catalog, steps, lambda line: None, frozen=frozen).run(situations, {}), ledger.report


@pytest.fixture(scope="module")
def deployed(before: Path) -> Real:
    """The fleet, running everywhere."""
    world = Real(
        [stack for stack in all_stacks(Fleet.open(WorkTree(before)).catalog) if stack.environment in ENVIRONMENTS]
    )
    world.take(before)
    assert deploy(world)[0] == "well"
    assert world.stopped() == set()
    world.runs.clear()
    return world


@each_switch
def test_a_stop_passes_freezes_and_goes_to_the_last_environment_first(
    deployed: Real, top: Path, switch: Switch
) -> None:
    world = copy.deepcopy(deployed)
    switch.throw(top)
    world.take(top)
    _, report = deploy(world, dict.fromkeys(ENVIRONMENTS, "the shop's busiest days"))
    assert world.stopped() == switch.stops
    order = [stack.split(".")[0] for _, stack, _ in world.runs]
    assert order == sorted(order, key=ENVIRONMENTS.index, reverse=True)
    for key, environment in switch.stops:
        assert report.of(environment).agents[key].state == "stopped"


def _stops(switch: Switch, path: str) -> bool:
    return path.removesuffix(".yaml") in dict(switch.stops)


@each_switch
def test_a_stop_comes_before_everything_else_of_the_run_and_outlives_its_failure(
    deployed: Real, top: Path, switch: Switch
) -> None:
    world = copy.deepcopy(deployed)
    spared = next((path for path in AGENTS if not _stops(switch, path)), "")
    if spared:
        path = top / "agents" / spared
        path.write_text(path.read_text("utf-8") + "restarts: 1\n", "utf-8")
        world.ill.add(spared.removesuffix(".yaml"))
    switch.throw(top)
    world.take(top)
    outcome, _ = deploy(world)
    assert outcome == ("stopped" if spared else "well")
    assert world.stopped() == switch.stops
    stopping = {key.split("/")[1] for key, _ in switch.stops}
    applied = [told.apply for action, _, told in world.runs if action == "up" and told.apply]
    first = [names <= stopping for names in applied]
    assert first == sorted(first, reverse=True), "all stops before any other change"


@each_switch
def test_a_stop_passes_a_definition_beside_it_that_cannot_be_applied(deployed: Real, top: Path, switch: Switch) -> None:
    world = copy.deepcopy(deployed)
    broken = "business/queued.yaml"
    (top / "agents" / broken).write_text(AGENTS[broken] + "scalling: {min: 1}\n", "utf-8")
    switch.throw(top)
    world.take(top)
    assert world.broken
    outcome, _ = deploy(world)
    assert outcome == "stopped", "the broken definition is told"
    assert world.stopped() == {(key, environment) for key, environment in switch.stops if key != "business/queued"}
    running = {name for stack in world.shards() for name in world.memory.get(stack.name, {})}
    assert "queued" in running, "what cannot be read is not taken away"
