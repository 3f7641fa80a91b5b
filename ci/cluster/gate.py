"""The gate between waves: waits until agents are healthy, then looks several times whether they stay so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ci.cluster import prometheus
from ci.cluster.health import judge
from ci.cluster.kubeconfig import ClusterError
from ci.cluster.observed import Key, Observed, observe
from ci.cluster.verdicts import verdicts
from ci.cluster.watched import GateResult, Progress, Watch, WatchedAgent, decide, failure, pod_names, unstable
from components.definition.rollout import Gate

if TYPE_CHECKING:
    from ci.cluster.client import Cluster

_POLL_SECONDS = 2.0
_LATER_POLL_SECONDS = 5.0
# An API server that is restarted or replaced is back by then.
_SILENCE_SECONDS = 120.0
_PROMETHEUS_TRIES = 3
_PROMETHEUS_PAUSE = 2.0
_T = TypeVar("_T")


def watch(
    cluster: Cluster,
    agents: Sequence[WatchedAgent],
    gate: Gate,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    progress: Callable[[Progress], None] = lambda _: None,
) -> GateResult:
    """Watches agents that were just applied until each is shown to be healthy, or not.

    `clock` counts seconds and never goes back (the wall clock may jump). It ends for certain: at the latest after the
    longest deadline of the agents, the looks, and two minutes in which the API server does not answer.
    """
    run = _Run(cluster, gate, [Watch(agent, Observed(None)) for agent in agents], clock, sleep, progress)
    start = clock()
    try:
        run.settle(start)
        run.look(start)
    except ClusterError as error:
        for one in run.undecided():
            one.failure = failure("cluster-silent", str(error))
    return GateResult(verdicts(cluster, run.watches), clock() - start)


@dataclass(slots=True)
class _Run:
    """One run of the gate."""

    cluster: Cluster
    gate: Gate
    watches: list[Watch]
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    progress: Callable[[Progress], None]

    def undecided(self) -> list[Watch]:
        return [one for one in self.watches if one.failure is None]

    def settle(self, start: float) -> None:
        """Waits until each agent is healthy, failed or late."""
        for one, alerts in zip(self.watches, self._alerts_before(), strict=True):
            one.alerts_before = alerts
        while waiting := [one for one in self.undecided() if one.ready is None]:
            self._observe(waiting)
            lingering = self._lingering(waiting)
            now = self.clock() - start
            for one in waiting:
                decide(one, lingering.get(one.agent.key, frozenset()), now)
            self._tell(now, 0)
            if any(one.ready is None for one in self.undecided()):
                self.sleep(_POLL_SECONDS if now < 60 else _LATER_POLL_SECONDS)

    def look(self, start: float) -> None:
        """Looks whether those that were healthy stay so."""
        for number in range(1, self.gate.looks + 1):
            watched = self.undecided()
            if not watched:
                return
            begun = self.clock()
            self._observe(watched)
            for one in watched:
                one.failure = unstable(one)
            if self.gate.prometheus:
                self._ask_prometheus([one for one in watched if one.failure is None])
            self._tell(self.clock() - start, number)
            if number < self.gate.looks:
                self.sleep(max(0.0, self.gate.seconds_between - (self.clock() - begun)))

    def _observe(self, watches: Sequence[Watch]) -> None:
        """Asks the API server; one that is away for a short time is waited for. Raises ClusterError."""
        begun = self.clock()
        while True:
            try:
                seen = observe(self.cluster, (one.agent.key for one in watches))
                break
            except ClusterError as error:
                if error.kind not in ("unreachable", "timeout", "refused"):
                    raise
                if self.clock() - begun > _SILENCE_SECONDS:
                    raise
                self.sleep(_LATER_POLL_SECONDS)
        for one in watches:
            one.seen = seen[one.agent.key]
            one.health = judge(one.agent.manifests, one.seen)

    def _ask_prometheus(self, watches: Sequence[Watch]) -> None:
        """Fails those for which an alert fires, too many requests fail, or nothing can be known."""
        if not watches:
            return
        pods = {one.agent.key: pod_names(one.seen) for one in watches}
        try:
            firing = self._asked(lambda address: prometheus.firing(address, (space for space, _ in pods)))
            counts = self._asked(lambda address: prometheus.counted(address, pods))
        except prometheus.PrometheusError as error:
            for one in watches:
                one.failure = failure("prometheus-silent", str(error))
            return
        for one in watches:
            one.success = counts.get(one.agent.key, prometheus.Counts()).success_percent if one.agent.serves else None
            if alerts := firing.get(one.agent.key):
                one.failure = failure("critical-alert", f"{', '.join(sorted(alerts))} fires")
            elif one.success is not None and one.success < self.gate.success_percent:
                least = f"{self.gate.success_percent:g}"
                one.failure = failure(
                    "success-ratio",
                    f"{one.success:.1f} % of its requests succeed, at least {least} % are wanted "
                    f"({counts[one.agent.key].requests:.0f} requests in {prometheus.WINDOW})",
                )

    def _asked(self, question: Callable[[str], _T]) -> _T:
        """Asks again before it believes that Prometheus is away. Raises PrometheusError."""
        for _ in range(_PROMETHEUS_TRIES - 1):
            try:
                return question(self.gate.prometheus or "")
            except prometheus.PrometheusError:
                self.sleep(_PROMETHEUS_PAUSE)
        return question(self.gate.prometheus or "")

    def _alerts_before(self) -> Iterator[frozenset[str]]:
        firing = self._firing(self.watches)
        return (firing.get(one.agent.key, frozenset()) for one in self.watches)

    def _lingering(self, waiting: Iterable[Watch]) -> dict[Key, frozenset[str]]:
        """The alerts that fired before, of agents that are well by now, and fire still."""
        asked = [one for one in waiting if one.alerts_before and one.health and one.health.state == "healthy"]
        firing = self._firing(asked)
        return {one.agent.key: firing.get(one.agent.key, frozenset()) & one.alerts_before for one in asked}

    def _firing(self, watches: Sequence[Watch]) -> dict[Key, frozenset[str]]:
        if not self.gate.prometheus or not watches:
            return {}
        try:
            return prometheus.firing(self.gate.prometheus, (one.agent.namespace for one in watches))
        except prometheus.PrometheusError:
            # The looks ask again, and tell it.
            return {}

    def _tell(self, seconds: float, look: int) -> None:
        failed = sum(one.failure is not None for one in self.watches)
        healthy = sum(one.failure is None and one.ready is not None for one in self.watches)
        self.progress(Progress(seconds, healthy, len(self.watches) - failed - healthy, failed, look, self.gate.looks))
