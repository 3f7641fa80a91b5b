"""The verdicts of a gate, with what the agents that failed wrote last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ci.cluster.evidence import LINES, event_lines, log_lines, shown
from ci.cluster.kubeconfig import ClusterError
from ci.cluster.watched import Verdict, Watch

if TYPE_CHECKING:
    from ci.cluster.client import Cluster, Log

# Logs are fetched one by one: of so many agents at most.
_LOGS = 20
# The reasons that a program's own words explain.
_RAN = frozenset(
    ("crash-loop", "out-of-memory", "probe-failing", "deadline", "unstable", "critical-alert", "success-ratio")
)


def verdicts(cluster: Cluster, watches: Sequence[Watch]) -> tuple[Verdict, ...]:
    """The verdicts, with what the failed ones wrote last."""
    wanted = {one.agent.key: log for one in watches if (log := _log_of(one)) is not None}
    try:
        texts = cluster.logs(list(wanted.values())[:_LOGS], 2 * LINES) if wanted else {}
    except ClusterError:
        texts = {}
    return tuple(
        _verdict(one, texts.get(wanted[one.agent.key], "") if one.agent.key in wanted else "") for one in watches
    )


def _verdict(one: Watch, log: str) -> Verdict:
    failure = one.failure
    if failure is None:
        return Verdict(one.agent, True, ready_seconds=one.ready, success_percent=one.success)
    return Verdict(
        one.agent,
        False,
        failure.reason,
        shown(failure.detail),
        failure.advice,
        log_lines(log),
        event_lines(one.seen.events),
        one.ready,
        one.success,
    )


def _log_of(one: Watch) -> Log | None:
    """Which log tells why: of the run that crashed, or of the one that goes on but does not answer."""
    from ci.cluster.client import Log

    failure = one.failure
    if failure is None or failure.reason not in _RAN:
        return None
    pods = {pod["metadata"]["name"]: pod for pod in one.seen.current_pods}
    pod = pods.get(failure.pod) or next(iter(pods.values()), None)
    if pod is None:
        return None
    statuses = pod.get("status", {}).get("containerStatuses") or [{}]
    container = failure.container or statuses[0].get("name", "")
    every = [*statuses, *(pod["status"].get("initContainerStatuses") or ())]
    crashed = any(one.get("name") == container and one.get("restartCount", 0) > 0 for one in every)
    return Log(one.agent.namespace, pod["metadata"]["name"], container, crashed)
