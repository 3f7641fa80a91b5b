"""Pods as Pod Security's "restricted" profile wants them, with a read-only root besides."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

from policies.rule import Manifest, Rule, Subject

_POD_WANTS = (
    (("automountServiceAccountToken",), False),
    (("securityContext", "runAsNonRoot"), True),
    (("securityContext", "seccompProfile", "type"), "RuntimeDefault"),
)
_CONTAINER_WANTS = (
    (("securityContext", "allowPrivilegeEscalation"), False),
    (("securityContext", "readOnlyRootFilesystem"), True),
    (("securityContext", "capabilities", "drop"), ["ALL"]),
)
_POD_REFUSES = ("hostNetwork", "hostPID", "hostIPC")
_VOLUMES = frozenset({"configMap", "emptyDir", "persistentVolumeClaim", "secret", "projected", "downwardAPI", "csi"})


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    pod = manifest["spec"]["template"]["spec"]
    yield from _missing(pod, _POD_WANTS, "the pod")
    for name in _POD_REFUSES:
        if pod.get(name):
            yield f"the pod has {name}"
    if pod.get("securityContext", {}).get("runAsUser") == 0:
        yield "the pod runs as root"
    for volume in pod.get("volumes", ()):
        if not _VOLUMES & volume.keys():
            yield f"the volume {volume['name']} is of a kind that reaches the node"
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        yield from _missing(container, _CONTAINER_WANTS, f"the container {container['name']}")
        if container.get("securityContext", {}).get("privileged"):
            yield f"the container {container['name']} is privileged"


def _missing(value: Manifest, wants: tuple[tuple[tuple[str, ...], object], ...], what: str) -> Iterator[str]:
    for path, wanted in wants:
        found: object = value
        for part in path:
            found = found.get(part) if isinstance(found, dict) else None
        if found != wanted:
            yield f"{what} lacks {'.'.join(path)}: {str(wanted).lower() if isinstance(wanted, bool) else wanted}"


RULE = Rule(
    id="pod-restricted",
    severity="error",
    why="An agent runs what a model says; what it cannot do, it cannot be talked into.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=frozenset({"Deployment"}),
    judge=_judge,
)

_GOOD: Manifest = {
    "kind": "Deployment",
    "metadata": {"name": "x"},
    "spec": {
        "template": {
            "spec": {
                "automountServiceAccountToken": False,
                "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [
                    {
                        "name": "agent",
                        "securityContext": {
                            "allowPrivilegeEscalation": False,
                            "readOnlyRootFilesystem": True,
                            "capabilities": {"drop": ["ALL"]},
                        },
                    }
                ],
            }
        }
    },
}


def _with(change: Manifest, container: Manifest | None = None) -> Manifest:
    bad = deepcopy(_GOOD)
    pod = bad["spec"]["template"]["spec"]
    pod.update(change)
    pod["containers"][0]["securityContext"].update(container or {})
    return bad


PASSING = (_GOOD,)
FAILING = (
    _with({"automountServiceAccountToken": True}),
    _with({"securityContext": {}}),
    _with({"securityContext": {**_GOOD["spec"]["template"]["spec"]["securityContext"], "runAsUser": 0}}),
    _with({"hostNetwork": True}),
    _with({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}),
    _with({}, {"allowPrivilegeEscalation": True}),
    _with({}, {"readOnlyRootFilesystem": False}),
    _with({}, {"capabilities": {"drop": []}}),
    _with({}, {"privileged": True}),
)
