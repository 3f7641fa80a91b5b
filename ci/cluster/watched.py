"""The agents that a gate watches, what it knows of each, and what it decides from that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ci.cluster.health import Health, deployment_of, restarts
from ci.cluster.observed import Key, Observed
from ci.cluster.reasons import REASONS

# Beyond the Deployment's own deadline, so that its controller says first what it was.
_SLACK_SECONDS = 30.0
_DEFAULT_DEADLINE = 600
# Reasons that say only that it is not ready, and not why.
VAGUE = ("replicas-missing", "not-observed")


@dataclass(frozen=True, slots=True)
class WatchedAgent:
    """An agent of a wave; `manifests` are its objects as they were applied."""

    name: str
    namespace: str
    manifests: tuple[dict[str, Any], ...]

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return self.namespace, self.name

    @property
    def serves(self) -> bool:
        """Whether it takes requests: it has a Service then."""
        return any(one["kind"] == "Service" for one in self.manifests)

    @property
    def deadline_seconds(self) -> float:
        """How long it may take to become ready."""
        spec = (deployment_of(self.manifests) or {}).get("spec", {})
        return float(spec.get("progressDeadlineSeconds", _DEFAULT_DEADLINE)) + _SLACK_SECONDS


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an agent. `reason` is a key of REASONS, empty when it is healthy.

    `ready_seconds` counts from the beginning of the watch, None when it never was ready; `success_percent` is that of
    the last look, None when no requests were counted.
    """

    agent: WatchedAgent
    healthy: bool
    reason: str = ""
    detail: str = ""
    advice: str = ""
    log: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    ready_seconds: float | None = None
    success_percent: float | None = None


@dataclass(frozen=True, slots=True)
class GateResult:
    """The verdicts in the order of the agents, and how long it took."""

    verdicts: tuple[Verdict, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every agent is healthy."""
        return not self.failed

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """Those that are not."""
        return tuple(one for one in self.verdicts if not one.healthy)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the watch is: agents by state, and which look of how many is the last one (0 before the first)."""

    seconds: float
    healthy: int
    progressing: int
    failed: int
    look: int
    looks: int


@dataclass(slots=True)
class Watch:
    """What is known of an agent so far."""

    agent: WatchedAgent
    seen: Observed
    health: Health | None = None
    failing: tuple[str, float] | None = None
    ready: float | None = None
    replicas: int = 0
    restarts: dict[tuple[str, str], int] = field(default_factory=dict)
    # Critical alerts that fired before the change could cause them: waited for, as a repair takes them minutes to end.
    alerts_before: frozenset[str] = frozenset()
    success: float | None = None
    failure: Health | None = None


def decide(one: Watch, lingering: frozenset[str], now: float) -> None:
    """Decides whether an agent is ready, failed, or waited for; `now` counts from the beginning."""
    health = one.health
    if health is None:
        return
    late = now > one.agent.deadline_seconds
    if health.state == "healthy" and not lingering:
        one.ready, one.restarts, one.replicas = now, restarts(one.seen), _replicas(one.seen)
    elif health.state == "healthy":
        one.failing = None
        if late:
            one.failure = failure(
                "critical-alert", f"{', '.join(sorted(lingering))} fired before the change and still does"
            )
    elif health.state == "failed":
        since = one.failing[1] if one.failing and one.failing[0] == health.reason else now
        one.failing = health.reason, since
        if late or now - since >= REASONS[health.reason].patience_seconds:
            one.failure = health
    else:
        one.failing = None
        if late:
            one.failure = failure("deadline", health.detail, health) if health.reason in VAGUE else health


def unstable(one: Watch) -> Health | None:
    """Why an agent that was ready is no longer well; None when it is."""
    health = one.health
    if health is None or health.state == "failed":
        return health
    again = [
        f"{container} {count - one.restarts.get((pod, container), 0)} times"
        for (pod, container), count in restarts(one.seen).items()
        if count > one.restarts.get((pod, container), 0)
    ]
    if again:
        pod, container = next(iter(_crashed(one)), ("", ""))
        return Health(
            "failed",
            "unstable",
            f"restarted since it was ready: {', '.join(again)}",
            REASONS["unstable"].advice,
            pod,
            container,
        )
    # An autoscaler may have asked for more pods meanwhile: no fault as long as none of the earlier ones is lost.
    if health.state == "healthy" or _replicas(one.seen) >= one.replicas:
        return None
    if health.reason in VAGUE:
        return failure("unstable", health.detail, health)
    return health


def _crashed(one: Watch) -> Iterator[tuple[str, str]]:
    """The pods (by name) and containers that were restarted."""
    names = {pod["metadata"]["uid"]: pod["metadata"]["name"] for pod in one.seen.current_pods}
    for (pod, container), count in restarts(one.seen).items():
        if count > one.restarts.get((pod, container), 0):
            yield names[pod], container


def _replicas(seen: Observed) -> int:
    return int(((seen.deployment or {}).get("status") or {}).get("availableReplicas", 0))


def pod_names(seen: Observed) -> list[str]:
    """The pods of the revision that is judged."""
    return [pod["metadata"]["name"] for pod in seen.current_pods]


def failure(reason: str, detail: str, health: Health | None = None) -> Health:
    """A failure for a reason of REASONS; `health` names the pod that shows it."""
    pod, container = (health.pod, health.container) if health else ("", "")
    return Health("failed", reason, detail, REASONS[reason].advice, pod, container)
