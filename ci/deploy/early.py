"""Watches a wave while the engine applies it, so that a crash ends the run at once and not at the engine's deadline.

The engine waits for each rollout until the Deployment's own deadline, which is right for a plain `pulumi up`. Here a
gate follows anyway, and what cannot mend itself need not be waited for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ci.cluster.compare import differences
from ci.cluster.health import deployment_of, judge
from ci.cluster.kubeconfig import ClusterError
from ci.cluster.observed import Observed, observe
from ci.cluster.watched import Watch, WatchedAgent, decide
from ci.engine.interruption import Interruption

if TYPE_CHECKING:
    from ci.cluster.client import Cluster

_POLL_SECONDS = 3.0
# A look at 1,500 agents takes seconds of a processor, which the engine wants too: nine tenths of the time are its own.
_REST = 9.0
_LONGEST_POLL_SECONDS = 30.0


class EarlyWatch:
    """Asks `interruption` to end the run when an agent fails for certain. `agents`: cluster → those that it runs.

    After the `with` block, `failed` has what was found: agent → what was seen.
    """

    def __init__(self, agents: Mapping[Cluster, Sequence[WatchedAgent]], interruption: Interruption) -> None:
        self.failed: dict[tuple[str, str], str] = {}
        self._watches = {
            cluster: [Watch(agent, Observed(None)) for agent in members] for cluster, members in agents.items()
        }
        # When each one's Deployment was first seen as it is applied: in a long wave the last begin after the first end.
        self._begun: dict[tuple[str, str], float] = {}
        self._interruption = interruption
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> EarlyWatch:
        if any(self._watches.values()):
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        start = time.monotonic()
        pause = _POLL_SECONDS
        while not self._over.wait(pause):
            began = time.monotonic()
            for cluster, watches in self._watches.items():
                try:
                    self._look(cluster, watches, time.monotonic() - start)
                except ClusterError:
                    # The engine finds out by itself; so does the gate.
                    continue
            if self.failed:
                self._interruption.ask()
                return
            pause = min(_LONGEST_POLL_SECONDS, max(_POLL_SECONDS, _REST * (time.monotonic() - began)))

    def _look(self, cluster: Cluster, watches: Sequence[Watch], seconds: float) -> None:
        seen = observe(cluster, [one.agent.key for one in watches])
        for one in watches:
            one.seen = seen[one.agent.key]
            if not applied(one.agent.manifests, one.seen):
                continue
            one.health = judge(one.agent.manifests, one.seen)
            decide(one, frozenset(), seconds - self._begun.setdefault(one.agent.key, seconds))
            if one.failure is not None:
                self.failed[one.agent.key] = one.failure.detail


def applied(manifests: Sequence[dict[str, Any]], seen: Observed) -> bool:
    """Whether the live Deployment is the one that is being applied: what failed before it is not its fault."""
    wanted = deployment_of(manifests)
    if wanted is None or seen.deployment is None:
        return False
    template = ("spec", "template")
    return not any(one.path[:2] == template and one.what != "added" for one in differences(wanted, seen.deployment))
