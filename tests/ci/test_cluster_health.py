"""Health from what an API server said: tests/ci/cluster_shapes.json was recorded from one (1.36).

There `well` runs, `greedy` was changed under a full quota, and `refused` breaks Pod Security. States of containers are
set as a kubelet reports them.
"""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

import pytest

from ci.cluster.health import CRASHES, Health, judge, restarts
from ci.cluster.observed import Observed, grouped
from ci.cluster.reasons import REASONS

RECORDED = json.loads((Path(__file__).parent / "cluster_shapes.json").read_text("utf-8"))
PULLED = 'Back-off pulling image "registry.example.com/agent:9": ErrImagePull: manifest unknown'


def observed(name: str) -> Observed:
    """What was recorded of an agent; to be changed at will."""
    lists = copy.deepcopy([RECORDED[kind] for kind in ("deployments", "replicasets", "pods", "events")])
    return grouped([("business", name)], *lists)["business", name]


def starting(status: dict[str, Any], *events: tuple[str, str]) -> Observed:
    """`well` with one pod whose container is in this state, and with warning events of that pod."""
    seen = observed("well")
    assert seen.deployment
    seen.deployment["status"]["availableReplicas"] = 1
    pod = seen.current_pods[0]
    [container] = pod["status"]["containerStatuses"]
    container.update({"ready": False} | status)
    about = {"kind": "Pod", "namespace": "business", "name": pod["metadata"]["name"]}
    told = [
        {"metadata": {}, "involvedObject": about, "type": "Warning", "reason": reason, "message": message}
        for reason, message in events
    ]
    return Observed(seen.deployment, seen.replica_sets, seen.pods, tuple(told))


def waiting(reason: str, message: str = "", **status: Any) -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason, "message": message}}, **status}


def crashed(count: int, code: int = 1, reason: str = "Error", message: str = "") -> dict[str, Any]:
    ended = {"terminated": {"exitCode": code, "reason": reason, "message": message}}
    return waiting("CrashLoopBackOff", "back-off 40s restarting", restartCount=count, lastState=ended)


def health(seen: Observed, *more: dict[str, Any]) -> Health:
    return judge([{"kind": "Deployment", "metadata": {"name": "well"}}, *more], seen)


def test_an_agent_whose_pods_all_run_is_healthy() -> None:
    assert health(observed("well")) == Health("healthy")


def test_an_agent_that_is_not_in_the_cluster_has_failed() -> None:
    found = health(observed("nobody"))
    assert (found.state, found.reason) == ("failed", "missing")


def test_a_change_that_no_controller_has_seen_is_not_yet_healthy() -> None:
    seen = observed("well")
    assert seen.deployment
    seen.deployment["metadata"]["generation"] += 1
    assert health(seen).state == "progressing"


@pytest.mark.parametrize(("part", "value"), [("updatedReplicas", 1), ("availableReplicas", 1), ("replicas", 3)])
def test_pods_that_are_old_or_not_ready_or_left_over_are_waited_for(part: str, value: int) -> None:
    seen = observed("well")
    assert seen.deployment
    seen.deployment["status"][part] = value
    assert (health(seen).state, health(seen).reason) == ("progressing", "replicas-missing")


def test_a_suspended_agent_is_healthy() -> None:
    seen = observed("well")
    assert seen.deployment
    seen.deployment["spec"]["replicas"] = 0
    seen.deployment["status"] = {"observedGeneration": seen.deployment["metadata"]["generation"]}
    assert health(Observed(seen.deployment)).state == "healthy"


def test_a_full_quota_is_named_with_its_figures() -> None:
    found = health(observed("greedy"))
    assert (found.state, found.reason) == ("failed", "quota")
    assert "exceeded quota: full, requested: limits.cpu=1, used: limits.cpu=4, limited: limits.cpu=4" in found.detail
    assert "quota" in found.advice


def test_pod_security_is_named_with_the_rule() -> None:
    found = health(observed("refused"))
    assert (found.state, found.reason) == ("failed", "admission-refused")
    assert "allowPrivilegeEscalation" in found.detail


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ('admission webhook "images.example.com" denied the request: unsigned image', "admission-refused"),
        (
            'Internal error occurred: failed calling webhook "images.example.com": Post "https://hook.policy.svc": EOF',
            "webhook-silent",
        ),
        (
            'pods "well-1-" is forbidden: error looking up service account a/b: serviceaccount "b" not found',
            "config-missing",
        ),
        ("etcdserver: request timed out", "pods-refused"),
    ],
)
def test_who_refuses_pods_is_told_apart(message: str, reason: str) -> None:
    seen = observed("refused")
    assert seen.deployment
    failure = next(one for one in seen.deployment["status"]["conditions"] if one["type"] == "ReplicaFailure")
    failure["message"] = message
    assert health(seen).reason == reason
    assert health(seen).detail == message


def test_an_image_that_cannot_be_pulled_is_named_with_the_registrys_answer() -> None:
    found = health(starting(waiting("ImagePullBackOff", PULLED, image="registry.example.com/agent:9")))
    assert (found.state, found.reason) == ("failed", "image-pull")
    assert "registry.example.com/agent:9" in found.detail
    assert "manifest unknown" in found.detail


def test_the_first_failed_pull_may_be_a_hiccup_of_the_registry() -> None:
    found = health(starting(waiting("ErrImagePull", "503 Service Unavailable")))
    assert (found.state, found.reason) == ("progressing", "image-pull")


def test_a_crash_loop_is_told_with_restarts_exit_code_and_last_words() -> None:
    found = health(starting(crashed(CRASHES, 78, message="no such model")))
    assert (found.state, found.reason) == ("failed", "crash-loop")
    assert f"restarted {CRASHES} times; exit code 78: no such model" in found.detail
    assert found.container == "agent"
    assert found.pod.startswith("well-")


def test_a_first_crash_is_waited_for() -> None:
    assert health(starting(crashed(1))).state == "progressing"


def test_a_container_that_is_killed_for_its_memory_is_told_as_such() -> None:
    assert health(starting(crashed(CRASHES, 137, "OOMKilled"))).reason == "out-of-memory"


def test_a_program_that_is_not_in_the_image_is_told_as_such() -> None:
    message = 'exec: "serve": executable file not found in $PATH'
    found = health(starting(crashed(CRASHES, 128, "StartError", message)))
    assert (found.reason, message in found.detail) == ("container-start", True)


def test_restarts_by_a_failing_liveness_probe_are_the_probes_fault() -> None:
    message = "Liveness probe failed: HTTP probe failed with statuscode: 500"
    found = health(starting(crashed(CRASHES, 137), ("Unhealthy", message)))
    assert (found.state, found.reason) == ("failed", "probe-failing")
    assert message in found.detail


def test_a_readiness_probe_that_fails_is_waited_for_and_named() -> None:
    running = {"state": {"running": {"startedAt": "2026-11-21T14:00:00Z"}}}
    message = "Readiness probe failed: HTTP probe failed with statuscode: 503"
    found = health(starting(running, ("Unhealthy", message)))
    assert (found.state, found.reason, found.detail) == ("progressing", "probe-failing", message)


def test_a_missing_secret_is_named_with_what_should_have_made_it() -> None:
    external = {"kind": "ExternalSecret", "metadata": {"name": "well"}, "spec": {"target": {"name": "well-keys"}}}
    found = health(starting(waiting("CreateContainerConfigError", 'secret "well-keys" not found')), external)
    assert (found.state, found.reason) == ("failed", "config-missing")
    assert found.detail == 'secret "well-keys" not found (made by ExternalSecret well)'


def test_a_missing_config_map_of_a_volume_is_named() -> None:
    message = 'MountVolume.SetUp failed for volume "config" : configmap "well" not found'
    seen = starting(waiting("ContainerCreating"), ("FailedMount", message))
    seen.current_pods[0]["status"]["phase"] = "Pending"
    assert (health(seen).reason, health(seen).detail) == ("config-missing", message)


def test_a_pod_without_a_node_is_told_with_what_the_scheduler_says() -> None:
    seen = starting(waiting("ContainerCreating"))
    pod = seen.current_pods[0]
    message = "0/6 nodes are available: 6 Insufficient memory."
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    pod["status"] = {"phase": "Pending", "conditions": [unscheduled]}
    assert (health(seen).state, health(seen).reason, health(seen).detail) == ("progressing", "unschedulable", message)


def test_a_passed_deadline_is_a_failure_for_the_reason_that_the_pods_show() -> None:
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
    silent = starting({"state": {"running": {}}})
    probed = starting({"state": {"running": {}}}, ("Unhealthy", "Startup probe failed: connection refused"))
    for seen, reason in ((silent, "deadline"), (probed, "probe-failing")):
        assert seen.deployment
        conditions = seen.deployment["status"]["conditions"]
        seen.deployment["status"]["conditions"] = [one for one in conditions if one["type"] != "Progressing"] + [late]
        assert (health(seen).state, health(seen).reason) == ("failed", reason)


def test_pods_of_an_earlier_revision_are_not_the_changes_fault() -> None:
    seen = observed("greedy")
    assert seen.current_pods == []
    assert len(seen.pods) == 2
    assert restarts(seen) == {}


def test_no_credential_stands_in_a_detail() -> None:
    key = "sk-ant-" + "a1B2" * 8
    found = health(starting(crashed(CRASHES, message=f"bad key {key}")))
    assert key not in found.detail
    assert "bad key" in found.detail


def test_every_reason_says_what_to_do() -> None:
    assert all(reason.title and reason.advice.endswith(".") for reason in REASONS.values())


def test_a_fleet_of_1500_agents_is_judged_at_once() -> None:
    lists: list[list[dict[str, Any]]] = [[], [], [], []]
    for number in range(1500):
        seen = observed("well")
        text = json.dumps([[seen.deployment], seen.replica_sets, seen.pods, RECORDED["events"][:2]])
        for whole, some in zip(lists, json.loads(text.replace("well", f"agent-{number}")), strict=True):
            whole += some
    start = time.process_time()
    fleet = grouped([("business", f"agent-{number}") for number in range(1500)], *lists)
    states = {health(one).state for one in fleet.values()}
    assert states == {"healthy"}
    assert time.process_time() - start < 1.5
