"""How the agents of a wave fare in their clusters: watched while they are applied and after it, explained when not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ci.cluster.evidence import shown
from ci.cluster.gate import watch
from ci.cluster.health import Health, judge
from ci.cluster.kubeconfig import ClusterError
from ci.cluster.observed import observe
from ci.cluster.reasons import REASONS
from ci.cluster.verdicts import verdicts
from ci.cluster.watched import VAGUE, Progress, Watch, WatchedAgent
from ci.cluster.watched import Verdict as Watched
from ci.deploy.changes import Change
from ci.deploy.hands import Verdict
from ci.engine.failure import Failure
from ci.engine.outcome import FailedResource, StackResult
from components.definition.rollout import Cluster as ClusterEntry
from components.definition.rollout import Gate
from components.fleet import Fleet
from components.specs import agent_manifests

if TYPE_CHECKING:
    from ci.cluster.client import Cluster


@dataclass(frozen=True, slots=True)
class LiveGate:
    """The clusters of `fleet`, in the contexts of the kubeconfig. `say` is told how a watch goes on."""

    fleet: Fleet
    say: Callable[[str], None]

    def verdicts(self, changes: Sequence[Change], failed: Mapping[Change, str]) -> dict[Change, Verdict]:
        """See `Hands.gate`."""
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

    def by_cluster(self, wave: Sequence[Change], opened: ExitStack) -> dict[Cluster, list[WatchedAgent]]:
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
                watches.append(Watch(agent, seen[agent.key], failure=health if _telling(health) else said))
            found = verdicts(cluster, watches)
        return {change: _told(one, failed[change]) for change, one in zip(changes, found, strict=True)}

    def _watched(self, change: Change) -> WatchedAgent:
        if change.offer is None:
            raise ValueError(f"{change.key} is going and cannot be watched")
        resolved = self.fleet.examine(change.offer.path, [change.stack.environment]).resolved
        manifests = agent_manifests(resolved[change.stack.environment])
        return WatchedAgent(change.name, change.offer.namespace, tuple(manifests))


def ended_early(result: StackResult, wave: Sequence[Change], failed: Mapping[tuple[str, str], str]) -> StackResult:
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


def _telling(health: Health) -> bool:
    """Whether it names a cause: one that might still have mended itself does too, once the engine has given up."""
    return health.state == "failed" or (health.state == "progressing" and health.reason not in VAGUE)


def _told(one: Watched, engine: str = "") -> Verdict:
    """A gate's verdict as the flow takes it."""
    if one.healthy:
        return Verdict(True)
    parts = [
        ("", [one.detail] if one.detail else []),
        ("The engine:", shown(engine).splitlines() if engine != one.detail else []),
        ("Events:", one.events),
        ("Its last lines:", one.log),
    ]
    detail = "\n".join(line for title, lines in parts if lines for line in ([title] if title else []) + list(lines))
    return Verdict(False, REASONS[one.reason].title, one.advice, detail)
