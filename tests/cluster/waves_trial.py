"""A fleet in two pools, deployed by the real order of a deployment, and what the cluster then shows of it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from api import Api, Manifest, wait_until
from applying_hands import ApplyingHands
from projects import copy_program
from small_fleet import MINIMAL, write
from trial_fleets import ENVIRONMENT

from bench.recorded_images import record_images
from ci.deploy.causes import shared_changes
from ci.deploy.flow import Flow
from ci.deploy.ledger import Ledger
from ci.deploy.live_gate import LiveGate
from ci.deploy.opening import all_situations, offers_for
from ci.deploy.report import EnvironmentReport, Report
from ci.deploy.steps import Outcome, Steps
from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.resources.order import describe
from components.stacks import all_stacks

# Pool → its shards; every third agent is in the smaller one.
POOLS = {"business": 2, "community": 1}
POOL = """\
{name}:
  description: A pool.
  owner: growth
  environments: [dev]
  quota: {{cpu: "1000", memory: 2000Gi, pods: 3000, storage: 200Gi}}
  shards: {{dev: {shards}}}
"""
# The looks last longer than an agent of the stage `crashes-later` lives.
ROLLOUT = "  rollout: {waves: [5, 25], gate: {looks: 3, seconds_between: 3}}\n"
# What an agent is made of here, and a list of each kind shows whether one was written.
KINDS = {
    "/apis/apps/v1": ("deployments", "replicasets"),
    "/apis/networking.k8s.io/v1": ("networkpolicies",),
    "/apis/external-secrets.io/v1": ("externalsecrets",),
    "/api/v1": ("configmaps", "serviceaccounts", "services", "pods"),
}
AGENT = "app.kubernetes.io/name"
REVISION = "deployment.kubernetes.io/revision"


@dataclass
class Went:
    """What became of a deployment: how it ended, what was reported of dev, in which waves."""

    outcome: Outcome
    report: EnvironmentReport
    hands: ApplyingHands
    said: list[str]

    def states(self) -> dict[str, set[str]]:
        """State → agents."""
        found: dict[str, set[str]] = {}
        for key, one in self.report.agents.items():
            found.setdefault(one.state, set()).add(key.partition("/")[2])
        return found


@dataclass
class WavesTrial:
    """The project in `top`, a git work tree; its namespaces end in `suffix`. `outputs` is what its stacks said last."""

    top: Path
    kubeconfig: Path
    api: Api
    suffix: str
    outputs: dict[str, dict[str, object]] = field(default_factory=dict)

    def merge(self, files: Mapping[str, str] | None = None) -> None:
        """Writes files below `agents/`, and commits them."""
        for path, text in (files or {}).items():
            (self.top / "agents" / path).write_text(text, "utf-8")
        record_images(self.top)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", "A change.")

    @property
    def namespaces(self) -> list[str]:
        """Where the agents are."""
        return [f"{pool}-{self.suffix}" for pool in POOLS]

    def up(self, wait_seconds: float = 90) -> Went:
        """Deploys what was merged, as `roster up` does; an object that is not ready in that time has failed."""
        commit = self._git("rev-parse", "HEAD")
        fleet, said = Fleet.open(WorkTree(self.top)), list[str]()
        stacks = [stack for stack in all_stacks(fleet.catalog) if stack.pool in ("", *POOLS) and stack.environment]
        live = LiveGate(fleet, said.append)
        hands = ApplyingHands(self.top, self.kubeconfig, commit, live, self.outputs, wait_seconds)
        report = Report(commit, "2026-11-21T00:00:00Z")
        ledger = Ledger(report, lambda: 1.0, lambda: None)
        # Removals are not guarded here: that asks for a preview.
        steps = Steps(commit, hands, ledger, partial(shared_changes, self.top), removals_allowed=True)
        situations = all_situations(fleet, hands.records(stacks), offers_for(fleet, stacks), stacks)
        outcome = Flow(fleet.catalog, steps, said.append).run([*situations.values()], {})
        return Went(outcome, report.of("dev"), hands, said)

    def objects(self, *plurals: str) -> list[Manifest]:
        """All that the agents are made of, or those of some kinds only."""
        found = []
        for base, kinds in KINDS.items():
            for plural in kinds:
                if plural in plurals or not plurals:
                    for namespace in self.namespaces:
                        listed = self.api.get(f"{base}/namespaces/{namespace}/{plural}", labelSelector=AGENT)
                        found += [{"kind": plural} | one for one in listed["items"]]
        return found

    def versions(self) -> dict[tuple[str, str], str]:
        """(agent, object and UID) → resourceVersion, which changes with each write; once the cluster is at rest."""
        last: dict[tuple[str, str], str] = {}

        def same() -> bool:
            nonlocal last
            before, last = (
                last,
                {
                    (_agent(one), f"{describe(one)} {one['metadata']['uid']}"): one["metadata"]["resourceVersion"]
                    for one in self.objects()
                },
            )
            return before == last

        wait_until("the cluster comes to rest", same, 90, pause=1.0)
        return last

    def images(self) -> dict[str, str]:
        """Agent → the image that its Deployment asks for."""
        return {_agent(one): _image(one) for one in self.objects("deployments")}

    def harmed(self, image: str) -> set[str]:
        """The agents of which a pod was ever asked for with that in its image: a Deployment keeps old ReplicaSets."""
        return {_agent(one) for one in self.objects("replicasets", "pods") if image in _image(one)}

    def current_sets(self) -> dict[str, str]:
        """Agent → the UID of the ReplicaSet that its Deployment runs."""
        revisions = {_agent(one): _revision(one) for one in self.objects("deployments")}
        sets = self.objects("replicasets")
        return {_agent(one): one["metadata"]["uid"] for one in sets if _revision(one) == revisions[_agent(one)]}

    def ready_pods(self) -> dict[str, set[str]]:
        """Agent → UIDs of its living pods that are ready."""
        found: dict[str, set[str]] = {}
        for pod in self.objects("pods"):
            ready = any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"]["conditions"])
            if ready and "deletionTimestamp" not in pod["metadata"]:
                found.setdefault(_agent(pod), set()).add(pod["metadata"]["uid"])
        return found

    def made(self, image: str) -> dict[str, str]:
        """Agent → when its ReplicaSet with that in its image was made."""
        sets = [one for one in self.objects("replicasets") if image in _image(one)]
        return {_agent(one): one["metadata"]["creationTimestamp"] for one in sets}

    def _git(self, *arguments: str) -> str:
        named = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")
        command = ["git", *named, *arguments]
        return subprocess.run(command, cwd=self.top, check=True, capture_output=True, text=True).stdout.strip()


def deployed(top: Path, kubeconfig: Path, api: Api, suffix: str, agents: int) -> WavesTrial:
    """A trial with so many agents, which all run."""
    names = [f"agent-{number:03}" for number in range(agents)]
    definitions = {f"{[*POOLS][number % 3 == 2]}/{name}.yaml": MINIMAL for number, name in enumerate(names)}
    pools = "".join(POOL.format(name=name, shards=shards) for name, shards in POOLS.items())
    environment = ENVIRONMENT.format(suffix=suffix) + ROLLOUT
    write(copy_program(top), definitions, {"environments.yaml": environment, "pools.yaml": pools})
    trial = WavesTrial(top, kubeconfig, api, suffix)
    trial._git("init", "--quiet", "--initial-branch", "main")
    trial.merge()
    went = trial.up()
    assert went.outcome == "well", went.said
    assert len(trial.ready_pods()) == agents
    return trial


def _agent(one: Manifest) -> str:
    return str(one["metadata"]["labels"][AGENT])


def _image(one: Manifest) -> str:
    spec = one["spec"]["template"]["spec"] if "template" in one["spec"] else one["spec"]
    return str(spec["containers"][0]["image"])


def _revision(one: Manifest) -> str:
    return str(one["metadata"]["annotations"][REVISION])
