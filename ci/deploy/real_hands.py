"""Hands that work: the Pulumi CLI for states and objects, the clusters' API servers for how the agents are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ci.cluster.gate import watch
from ci.cluster.health import Health, judge
from ci.cluster.kubeconfig import ClusterError
from ci.cluster.observed import observe
from ci.cluster.reasons import REASONS
from ci.cluster.verdicts import verdicts
from ci.cluster.watched import Progress, Watch, WatchedAgent
from ci.cluster.watched import Verdict as Watched
from ci.deploy.changes import Change
from ci.deploy.early import EarlyWatch
from ci.deploy.hands import Verdict
from ci.engine.command import Pulumi
from ci.engine.failure import Failure
from ci.engine.interruption import Interruption
from ci.engine.progress import progress
from ci.engine.records import StackRecord, read_records
from ci.engine.runs import Action, FailedResource, StackResult, StackRun, run_stacks, safe_width
from ci.engine.state_move import move_agents
from components.definition.catalog import Cluster as ClusterEntry
from components.definition.catalog import Gate
from components.fleet import Fleet
from components.specs import agent_manifests
from components.stacks import Stack
from stacks.instructions import Instructions

if TYPE_CHECKING:
    from ci.cluster.client import Cluster


@dataclass(slots=True)
class RealHands:
    """Works on `fleet`, the files of `commit`. Instructions, logs and backups go below `folder`.

    `reviewed` is the path of a record of reviewed objects, empty for none; `say` is told how a watch goes on.
    """

    pulumi: Pulumi
    fleet: Fleet
    commit: str
    folder: Path
    reviewed: str
    wait_seconds: float
    say: Callable[[str], None]
    known: dict[str, StackRecord] = field(default_factory=dict)
    applied: set[str] = field(default_factory=set)

    def records(self, stacks: Sequence[Stack]) -> dict[str, StackRecord]:
        """See Hands."""
        found = read_records(self.pulumi, [stack.name for stack in stacks], safe_width())
        self.known |= found
        self.applied -= found.keys()
        return found

    def run(
        self, action: Action, jobs: Mapping[Stack, Instructions], wave: Sequence[Change] = ()
    ) -> dict[str, StackResult]:
        """See Hands."""
        runs = [self._job(action, stack, told) for stack, told in jobs.items()]
        interruption = Interruption()
        with progress(runs) as on_event, ExitStack() as opened:
            early = opened.enter_context(EarlyWatch(self._by_cluster(wave, opened), interruption))
            results = run_stacks(
                self.pulumi,
                runs,
                width=safe_width(),
                folder=self.folder,
                on_event=on_event,
                wait_seconds=self.wait_seconds,
                interruption=interruption,
            )
        if early.failed:
            results = [_ended_early(result, wave, early.failed) for result in results]
        if action == "up":
            self.applied |= {result.stack for result in results}
        return {result.stack: result for result in results}

    def gate(self, changes: Sequence[Change], failed: Mapping[Change, str]) -> dict[Change, Verdict]:
        """See Hands."""
        found: dict[Change, Verdict] = {}
        by_cluster: dict[tuple[str, str], list[Change]] = defaultdict(list)
        for change in changes:
            if failed and change not in failed:
                found[change] = Verdict(True)
            elif change.offer is not None:
                by_cluster[change.stack.environment, change.stack.cluster].append(change)
        for (environment, cluster), members in by_cluster.items():
            entry = self.fleet.catalog.environments[environment]
            where, gate = entry.clusters[cluster], entry.rollout.gate
            try:
                found |= self._explain(where, members, failed) if failed else self._watch(where, members, gate)
            except ClusterError as error:
                said = str(error)
                found |= {change: Verdict(False, said, detail=failed.get(change, "")) for change in members}
        return found

    def move(self, source: Stack, target: Stack, agents: Sequence[str]) -> None:
        """See Hands."""
        both = self.records([source, target])
        move_agents(self.pulumi, both[source.name], both[target.name], agents)

    def _job(self, action: Action, stack: Stack, told: Instructions) -> StackRun:
        path = self.folder / "instructions" / f"{stack.name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(told.as_json(), "utf-8")
        variables = {"ROSTER_COMMIT": self.commit, "ROSTER_RUN": str(path), "ROSTER_REVIEWED": self.reviewed}
        record = self.known.get(stack.name) or self.records([stack])[stack.name]
        there = stack.name in self.applied
        agents = len({*record.agents, *(told.apply or ())})
        return StackRun(stack.name, action, record.exists or there, record.empty and not there, variables, agents)

    def _watch(self, where: ClusterEntry, changes: Sequence[Change], gate: Gate) -> dict[Change, Verdict]:
        from ci.cluster.client import open_cluster

        last = ""

        def tell(seen: Progress) -> None:
            nonlocal last
            look = f", look {seen.look} of {seen.looks}" if seen.look else ""
            line = f"{where.context}: {seen.healthy} healthy, {seen.progressing} starting, {seen.failed} failed{look}"
            if line != last:
                self.say(line)
            last = line

        with open_cluster(where.context, where.uid) as cluster:
            result = watch(cluster, [self._watched(change) for change in changes], gate, progress=tell)
        return {change: _told(one) for change, one in zip(changes, result.verdicts, strict=True)}

    def _explain(
        self, where: ClusterEntry, changes: Sequence[Change], failed: Mapping[Change, str]
    ) -> dict[Change, Verdict]:
        """Why the engine could not apply agents: what their pods show, or else what the engine said."""
        from ci.cluster.client import open_cluster

        watches = []
        with open_cluster(where.context, where.uid) as cluster:
            agents = [self._watched(change) for change in changes]
            seen = observe(cluster, [one.key for one in agents])
            for change, agent in zip(changes, agents, strict=True):
                health = judge(agent.manifests, seen[agent.key])
                said = Health("failed", "deadline", failed[change], REASONS["deadline"].advice)
                watches.append(Watch(agent, seen[agent.key], failure=health if health.state == "failed" else said))
            found = verdicts(cluster, watches)
        return {change: _told(one, failed[change]) for change, one in zip(changes, found, strict=True)}

    def _by_cluster(self, wave: Sequence[Change], opened: ExitStack) -> dict[Cluster, list[WatchedAgent]]:
        """The agents of a wave that is not yet applied, by cluster; none where the cluster cannot be asked."""
        from ci.cluster.client import open_cluster

        found: dict[tuple[str, str], list[WatchedAgent]] = defaultdict(list)
        for change in wave:
            if change.offer is not None:
                found[change.stack.environment, change.stack.cluster].append(self._watched(change))
        clusters = {}
        for (environment, name), agents in found.items():
            where = self.fleet.catalog.environments[environment].clusters[name]
            with suppress(ClusterError):
                clusters[opened.enter_context(open_cluster(where.context, where.uid))] = agents
        return clusters

    def _watched(self, change: Change) -> WatchedAgent:
        if change.offer is None:
            raise ValueError(f"{change.key} is going and cannot be watched")
        resolved = self.fleet.examine(change.offer.path, [change.stack.environment]).resolved
        manifests = agent_manifests(resolved[change.stack.environment])
        return WatchedAgent(change.name, change.offer.namespace, tuple(manifests))


def _ended_early(result: StackResult, wave: Sequence[Change], failed: Mapping[tuple[str, str], str]) -> StackResult:
    """A run that was ended because of the agents that failed: theirs is the failure, not an interruption."""
    if result.failure is None or result.failure.kind not in ("interrupted", "failed"):
        return result
    found = {
        change.name: (FailedResource("", (failed[change.offer.namespace, change.name],)),)
        for change in wave
        if change.stack.name == result.stack and change.offer and (change.offer.namespace, change.name) in failed
    }
    message = f"{result.stack}: ended early, because an agent of the wave failed"
    return replace(result, failure=Failure("failed", message), failed={**result.failed, **found} if found else {})


def _told(one: Watched, engine: str = "") -> Verdict:
    """A gate's verdict as the flow takes it."""
    if one.healthy:
        return Verdict(True)
    parts = [
        ("", [one.detail] if one.detail else []),
        ("The engine:", engine.splitlines() if engine != one.detail else []),
        ("Events:", one.events),
        ("Its last lines:", one.log),
    ]
    detail = "\n".join(line for title, lines in parts if lines for line in ([title] if title else []) + list(lines))
    return Verdict(False, REASONS[one.reason].title, one.advice, detail)
