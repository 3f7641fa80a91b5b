"""Judges one agent from what the cluster says of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ci.cluster.observed import Observed
from ci.cluster.reasons import NOT_YET, REASONS, REFUSALS, WAITING
from components.definition.pasted_secrets import without_secrets

Object = Mapping[str, Any]
State = Literal["healthy", "progressing", "failed"]

# Fewer may be an agent that starts before what it needs is there.
CRASHES = 3
# Exit codes of a container that was told to stop, as one whose probe fails is: SIGKILL, SIGTERM.
_STOPPED = (137, 143)
_BY_PROBE = re.compile(r"failed (?:liveness|startup) probe", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Health:
    """How an agent is. `reason` is a key of REASONS, empty when it is healthy; `advice` is what its author can do.

    `pod` and `container` are those that show the reason, where one does.
    """

    state: State
    reason: str = ""
    detail: str = ""
    advice: str = ""
    pod: str = ""
    container: str = ""


@dataclass(frozen=True, slots=True)
class _Cause:
    """A reason found; `final` when it will not mend itself."""

    reason: str
    detail: str
    final: bool
    pod: str = ""
    container: str = ""


HEALTHY = Health("healthy")
# The cause that is told when several pods or containers show one: what stops a container from starting comes first.
_ORDER = (
    "image-pull",
    "config-missing",
    "container-start",
    "out-of-memory",
    "probe-failing",
    "crash-loop",
    "quota",
    "admission-refused",
    "webhook-silent",
    "pods-refused",
    "volume",
    "unschedulable",
)


def judge(manifests: Sequence[Object], observed: Observed) -> Health:
    """The health of the agent whose objects, as they were applied, are `manifests`. Without a Deployment: healthy."""
    applied = deployment_of(manifests)
    if applied is None:
        return HEALTHY
    live = observed.deployment
    if live is None:
        return _health("failed", "missing", f"no Deployment {applied['metadata']['name']} in the namespace")
    status = live.get("status", {})
    if status.get("observedGeneration", 0) < live["metadata"].get("generation", 0):
        return _health("progressing", "not-observed", "the Deployment's controller has not seen the change")
    wanted = live["spec"].get("replicas", 1)
    if _available(status, wanted):
        return HEALTHY
    cause = _first(_causes(observed, manifests))
    late = _condition(live, "Progressing")
    overdue = late.get("reason") == "ProgressDeadlineExceeded"
    if cause is not None:
        state: State = "failed" if cause.final or overdue else "progressing"
        return _health(state, cause.reason, cause.detail, cause.pod, cause.container)
    ready = f"{_ready(status)} of {wanted} pods are ready"
    unready = next((pod["metadata"]["name"] for pod in observed.current_pods if not _is_ready(pod)), "")
    if overdue:
        return _health("failed", "deadline", f"{ready}; {late.get('message', '')}", unready)
    return _health("progressing", "replicas-missing", ready, unready)


def deployment_of(manifests: Sequence[Object]) -> Object | None:
    """The agent's Deployment among its objects."""
    return next((one for one in manifests if one["kind"] == "Deployment"), None)


def restarts(observed: Observed) -> dict[tuple[str, str], int]:
    """How often each container of the current pods was restarted: (pod's UID, container) → count."""
    return {
        (pod["metadata"]["uid"], status["name"]): status.get("restartCount", 0)
        for pod in observed.current_pods
        for status in _statuses(pod)
    }


def _available(status: Object, wanted: int) -> bool:
    """As `kubectl rollout status` has it: enough pods are available, and all are of the new revision."""
    all_new = status.get("replicas", 0) <= status.get("updatedReplicas", 0)
    return bool(all_new and status.get("availableReplicas", 0) >= wanted)


def _ready(status: Object) -> int:
    return min(int(status.get("updatedReplicas", 0)), int(status.get("availableReplicas", 0)))


def _causes(observed: Observed, manifests: Sequence[Object]) -> Iterator[_Cause]:
    for pod in observed.current_pods:
        name = pod["metadata"]["name"]
        told = [one for one in observed.events if one["involvedObject"].get("name") == name]
        for status in _statuses(pod):
            yield from _container(pod, status, told, manifests)
        yield from _pending(pod, told)
    yield from _refused(observed)


def _first(causes: Iterator[_Cause]) -> _Cause | None:
    """The one that stands first in the order; a final one before one that may mend itself."""
    return min(causes, key=lambda cause: (not cause.final, _ORDER.index(cause.reason)), default=None)


def _container(pod: Object, status: Object, told: Sequence[Object], manifests: Sequence[Object]) -> Iterator[_Cause]:
    name, container = pod["metadata"]["name"], status["name"]
    waiting = status.get("state", {}).get("waiting") or {}
    why = WAITING.get(waiting.get("reason", ""))
    count = status.get("restartCount", 0)
    ended = status.get("lastState", {}).get("terminated") or status.get("state", {}).get("terminated") or {}
    if why == "image-pull":
        text = f"{status.get('image', '')}: {waiting.get('message', waiting['reason'])}"
        yield _Cause(why, text, waiting["reason"] not in NOT_YET, name, container)
    elif why == "config-missing":
        text = waiting.get("message", waiting["reason"]) + _made_by(waiting.get("message", ""), manifests)
        yield _Cause(why, text, True, name, container)
    elif why == "container-start":
        yield _Cause(why, waiting.get("message", waiting["reason"]), count >= CRASHES, name, container)
    elif ended and (count or why) and not status.get("ready"):
        yield _crashed(name, status, ended, told)
    elif "running" in status.get("state", {}) and not status.get("ready"):
        failing = next((one["message"] for one in reversed(told) if one.get("reason") == "Unhealthy"), "")
        if failing:
            yield _Cause("probe-failing", failing, False, name, container)


def _crashed(pod: str, status: Object, ended: Object, told: Sequence[Object]) -> _Cause:
    count, code = status.get("restartCount", 0), ended.get("exitCode", 0)
    text = f"{status['name']} was restarted {count} times; exit code {code}"
    if ended.get("reason") not in (None, "", "Error"):
        text += f" ({ended['reason']})"
    if ended.get("message"):
        text += f": {ended['message'].strip()[-500:]}"
    final = count >= CRASHES
    if ended.get("reason") == "OOMKilled":
        return _Cause("out-of-memory", text, final, pod, status["name"])
    if ended.get("reason") in ("StartError", "ContainerCannotRun"):
        return _Cause("container-start", text, final, pod, status["name"])
    probe = next((one["message"] for one in reversed(told) if one.get("reason") == "Unhealthy"), "")
    killed = any(_BY_PROBE.search(one.get("message", "")) for one in told)
    if killed or (probe.startswith(("Liveness", "Startup")) and code in _STOPPED):
        return _Cause("probe-failing", f"{probe or 'a probe failed'}; {text}", final, pod, status["name"])
    return _Cause("crash-loop", text, final, pod, status["name"])


def _pending(pod: Object, told: Sequence[Object]) -> Iterator[_Cause]:
    """Why a pod has no node, or none of its containers a start."""
    name = pod["metadata"]["name"]
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        yield _Cause("unschedulable", scheduled.get("message", ""), False, name)
    if pod.get("status", {}).get("phase") != "Pending":
        return
    for event in reversed(told):
        if event.get("reason") in ("FailedMount", "FailedAttachVolume"):
            message = event.get("message", "")
            gone = re.search(r"(?:secret|configmap) \"[^\"]*\" not found|references non-existent", message)
            yield _Cause("config-missing" if gone else "volume", message, bool(gone), name)
            return


def _refused(observed: Observed) -> Iterator[_Cause]:
    """Why pods cannot be created: the Deployment's condition, which goes when they can."""
    failure = _condition(observed.deployment or {}, "ReplicaFailure")
    if failure.get("status") != "True":
        return
    message = failure.get("message", "")
    reason = next((reason for shape, reason in REFUSALS if shape.search(message)), "pods-refused")
    yield _Cause(reason, message, True)


def _made_by(message: str, manifests: Sequence[Object]) -> str:
    """Which object of the agent should have made the Secret that a message names."""
    named = re.search(r"secret \"([^\"]+)\"|[Ss]ecret (?:[a-z0-9-]+/)?([a-z0-9.-]+)", message)
    if named is None:
        return ""
    secret = named[1] or named[2]
    for one in manifests:
        target = one.get("spec", {}).get("target", {}).get("name", one["metadata"]["name"])
        if one["kind"] == "ExternalSecret" and target == secret:
            return f" (made by ExternalSecret {one['metadata']['name']})"
    return ""


def _statuses(pod: Object) -> list[Object]:
    status = pod.get("status", {})
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _is_ready(pod: Object) -> bool:
    return _condition(pod, "Ready").get("status") == "True"


def _condition(thing: Object, kind: str) -> dict[str, Any]:
    conditions = thing.get("status", {}).get("conditions") or ()
    return next((dict(one) for one in conditions if one.get("type") == kind), {})


def _health(state: State, reason: str, detail: str, pod: str = "", container: str = "") -> Health:
    return Health(state, reason, without_secrets(" ".join(detail.split())), REASONS[reason].advice, pod, container)
