"""A pretended kubelet: makes the pods of a repository ready, and those with a variable named BROKEN crash."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from engine import Project

_POLL_SECONDS = 1.0


class Kubelet:
    """Runs within its `with` block, for the namespaces of the given projects."""

    def __init__(self, *projects: Project) -> None:
        self._projects = projects
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Kubelet:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(_POLL_SECONDS):
            for project in self._projects:
                said = project.kubectl("get", "pods", "--output", "json", check=False)
                for pod in json.loads(said.stdout or "{}").get("items", ()):
                    self._start(project, pod)

    def _start(self, project: Project, pod: dict[str, Any]) -> None:
        if pod["status"].get("phase") == "Running" or pod["metadata"].get("deletionTimestamp"):
            return
        patch = json.dumps({"status": _status(pod)})
        name = pod["metadata"]["name"]
        project.kubectl("patch", "pod", name, "--subresource=status", "--type=merge", "-p", patch, check=False)


def _status(pod: dict[str, Any]) -> dict[str, Any]:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    broken = any(one["name"] == "BROKEN" for each in pod["spec"]["containers"] for one in each.get("env", ()))
    ended = {"exitCode": 1, "reason": "Error", "startedAt": now, "finishedAt": now}
    state: dict[str, Any] = {"ready": True, "restartCount": 0, "state": {"running": {"startedAt": now}}}
    if broken:
        waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}}
        state = {"ready": False, "restartCount": 5, "state": waiting, "lastState": {"terminated": ended}}
    good = ("PodScheduled", "Initialized") if broken else ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    conditions = [
        {"type": kind, "status": str(kind in good), "lastTransitionTime": now}
        for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    ]
    containers = [
        {"name": one["name"], "image": one["image"], "imageID": "x", "started": not broken} | state
        for one in pod["spec"]["containers"]
    ]
    return {
        "phase": "Running",
        "startTime": now,
        "podIP": "10.1.0.1",
        "podIPs": [{"ip": "10.1.0.1"}],
        "conditions": conditions,
        "containerStatuses": containers,
    }
