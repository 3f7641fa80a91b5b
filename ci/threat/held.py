"""What an agent holds and keeps, what it runs as, and what it may do in its cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ci.threat.statement import CLUSTER, HOLDS, KEEPS, RUNS_AS, STRANGERS, Statement
from components.resolve.resolved import ResolvedAgent
from components.specs import Manifest


def holds(agent: ResolvedAgent, others: Mapping[str, str]) -> Iterator[Statement]:
    """References of secrets, never values. `others` says of a reference who else holds it."""
    for one in agent.secrets:
        own = one.source == "the agent" or one.source.startswith("channel ")
        why = (
            ("its own" if one.source == "the agent" else one.source) if own else f"shared by the catalog: {one.source}"
        )
        more = f"; {others[one.reference]}" if one.reference in others else ""
        yield Statement(
            HOLDS,
            f"{one.env}={one.reference}",
            f"`{one.env}` from `{one.reference}` ({why}{more})",
            gained=f"holds a new secret: `{one.env}` from `{one.reference}` ({why})",
            lost=f"no longer holds the secret `{one.reference}` as `{one.env}`",
        )
    if not agent.secrets:
        yield Statement(HOLDS, "none", "none")


def cluster(agent: ResolvedAgent, manifests: Sequence[Manifest]) -> Iterator[Statement]:
    """What the cluster's API lets the pods do, read from the objects themselves; and who the agent is at a cloud."""
    pod = _pod(manifests)
    if pod is not None:
        none = pod.get("automountServiceAccountToken") is False
        text = (
            "nothing: its pods have no ServiceAccount token"
            if none
            else "**whatever its ServiceAccount may**: its pods have a token"
        )
        value = "no token" if none else "a token"
        yield Statement(CLUSTER, "token", text, value, changed="towards the cluster's API its pods have: {}")
    if agent.identity:
        who = f"`{agent.identity.name}`"
        yield Statement(
            CLUSTER,
            "cloud",
            f"**in the cloud ({agent.identity.cloud}) what {who} may**, by tokens that the cluster's API refuses",
            who,
            gained=f"acts in the cloud as {who}",
            lost=f"no longer acts in the cloud as {who}",
            changed="acts in the cloud as {}",
        )


def runs_as(agent: ResolvedAgent, manifests: Sequence[Manifest]) -> Iterator[Statement]:
    """User, file system, capabilities; what all its pods may use together."""
    pod = _pod(manifests)
    if pod is None:
        return
    hardened = [_user(pod), *(f"**{fault}**" for fault in _soft(pod))]
    value = "; ".join(hardened)
    text = value if len(hardened) > 1 else f"{value}; read-only root, no capabilities, the default seccomp profile"
    yield Statement(RUNS_AS, "process", text, value, changed="runs as: {}")
    pods, limits = max(agent.scaling.min, agent.scaling.max), agent.resources
    most = f"{pods} pod{'s' * (pods != 1)} of {limits.cpu_limit} CPU and {limits.memory_limit} memory"
    yield Statement(RUNS_AS, "amounts", f"at most {most}", most)


def _pod(manifests: Sequence[Manifest]) -> Manifest | None:
    found = next((one for one in manifests if one["kind"] == "Deployment"), None)
    pod: Manifest | None = found["spec"]["template"]["spec"] if found else None
    return pod


def _user(pod: Manifest) -> str:
    security = pod.get("securityContext") or {}
    root = "" if security.get("runAsNonRoot") and security.get("runAsUser") != 0 else ", **perhaps root**"
    return f"user {security.get('runAsUser', 'of its image')}{root or ', not root'}"


def _soft(pod: Manifest) -> Iterator[str]:
    """What is less than Pod Security's "restricted" profile with a read-only root."""
    yield from (f"{name}" for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name))
    if ((pod.get("securityContext") or {}).get("seccompProfile") or {}).get("type") != "RuntimeDefault":
        yield "no seccomp profile"
    for container in pod.get("containers", ()):
        security: dict[str, Any] = container.get("securityContext") or {}
        if not security.get("readOnlyRootFilesystem"):
            yield f"{container['name']} may write to its root file system"
        if (security.get("capabilities") or {}).get("drop") != ["ALL"]:
            yield f"{container['name']} keeps capabilities"
        if security.get("allowPrivilegeEscalation") is not False or security.get("privileged"):
            yield f"{container['name']} may gain privileges"


def keeps(agent: ResolvedAgent) -> Iterator[Statement]:
    """What outlives a pod."""
    if agent.volume:
        text = f"a disk of {agent.volume.size} at `{agent.volume.path}`"
        yield Statement(KEEPS, "disk", text, text, f"keeps {text}", "no longer keeps a disk", "keeps: {}")
    for name in agent.databases:
        text = f"what it writes to the database {name}"
        yield Statement(
            KEEPS, f"database {name}", text, gained=f"uses the database {name}", lost=f"no longer uses {name}"
        )
    if not agent.volume and not agent.databases:
        yield Statement(KEEPS, "nothing", "nothing that outlives a pod")


def strangers(agent: ResolvedAgent, *, open_to_all: bool) -> Iterator[Statement]:
    """Where people whom nobody chose speak to the agent: what they say may be an attack on it."""
    for name in agent.channels:
        text = f"{name}: whoever finds it there"
        yield Statement(STRANGERS, name, text, gained=f"hears strangers on {name}", lost=f"no longer speaks on {name}")
    if agent.exposure.host and open_to_all:
        address = f"`https://{agent.exposure.host}{agent.exposure.path}`"
        gained, lost = f"hears strangers at {address}", f"no longer hears strangers at {address}"
        yield Statement(STRANGERS, address, f"{address}: whoever calls it", gained=gained, lost=lost)
    if not agent.channels and not (agent.exposure.host and open_to_all):
        yield Statement(STRANGERS, "none", "no channel; what callers and hosts hand to it may still be an attack")
