"""What kube-state-metrics and the kubelet's cAdvisor say of agents whose pods are processes of the test.

The names of the series and of their labels are those of the captures in tests/monitoring/series; a test holds them.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from captures import captured

from components.resolve.quantities import byte_count, cores

Manifest = dict[str, Any]
Sample = tuple[str, dict[str, str], float]
NODE = "node-1"
PHASES = ("Pending", "Succeeded", "Failed", "Unknown", "Running")
_POD_INFO = {
    "host_ip": "10.0.0.1",
    "pod_ip": "10.1.0.1",
    "node": NODE,
    "created_by_kind": "ReplicaSet",
    "priority_class": "roster-small",
    "host_network": "false",
}
# What `--metric-labels-allowlist` lets through.
ALLOWED = ("roster/owner", "roster/tier", "app.kubernetes.io/component")


@dataclass(slots=True)
class PodState:
    """A pod: whether its container runs, and what it uses."""

    name: str
    running: bool = True
    cpu_cores: float = 0.05
    memory_ratio: float = 0.4
    restarts: int = 0
    started: float = field(default_factory=time.time)
    _cpu_seconds: float = 0.0
    _counted: float = field(default_factory=time.monotonic)

    def cpu_seconds(self) -> float:
        """A counter: how much CPU it has used, at the rate that holds since it was last read."""
        now = time.monotonic()
        self._cpu_seconds += (now - self._counted) * self.cpu_cores
        self._counted = now
        return self._cpu_seconds


@dataclass(slots=True)
class Workload:
    """A Deployment as it was rendered, and its pods."""

    deployment: Manifest
    replicas: int
    pods: list[PodState]
    created: float = field(default_factory=time.time)

    @property
    def namespace(self) -> str:
        """Where it is."""
        return str(self.deployment["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """The agent's name."""
        return str(self.deployment["metadata"]["name"])

    @property
    def has_metrics(self) -> bool:
        """Whether its pods say where their metrics are."""
        annotations = self.deployment["spec"]["template"]["metadata"].get("annotations", {})
        return "roster/metrics-path" in annotations

    @property
    def replica_set(self) -> str:
        """The name of the ReplicaSet that its pods belong to."""
        return f"{self.name}-{_hash(self.name)[:9]}"

    @property
    def resources(self) -> dict[str, dict[str, str]]:
        """Requests and limits of its container."""
        [container] = self.deployment["spec"]["template"]["spec"]["containers"]
        found: dict[str, dict[str, str]] = container["resources"]
        return found


def pod_name(agent: str, number: int) -> str:
    """The name of a pod: the ReplicaSet's, and five characters."""
    return f"{agent}-{_hash(agent)[:9]}-{_hash(f'{agent}{number}')[:5]}"


def kube_state_metrics(workloads: Iterable[Workload], objects: Iterable[Manifest] = ()) -> str:
    """What kube-state-metrics serves of them, and of the other objects that were rendered."""
    of_workloads = (one for workload in workloads for one in (*_deployment(workload), *_pods(workload)))
    return _text([*of_workloads, *(sample for one in objects for sample in _object(one))])


def cadvisor(workloads: Iterable[Workload], names: frozenset[str] = frozenset()) -> str:
    """What the kubelet serves of their containers at /metrics/cadvisor: all, or the metrics of these names.

    With the time of each sample, as there: a container that is gone is seen until the series is too old.
    """
    found = (one for workload in workloads for pod in workload.pods for one in _container(workload, pod, names))
    return _text(found, f" {int(time.time() * 1000)}")


def _object(manifest: Manifest) -> Iterator[Sample]:
    meta, spec = manifest["metadata"], manifest.get("spec", {})
    match manifest["kind"]:
        case "Namespace":
            for phase in ("Active", "Terminating"):
                yield "kube_namespace_status_phase", {"namespace": meta["name"], "phase": phase}, phase == "Active"
        case "ResourceQuota":
            where = {"namespace": meta["namespace"], "resourcequota": meta["name"]}
            for resource, hard in spec["hard"].items():
                amount = byte_count(hard) if hard[-1].isalpha() else float(hard)
                for kind, share in (("hard", 1.0), ("used", 0.3)):
                    yield "kube_resourcequota", where | {"resource": resource, "type": kind}, amount * share
        case "HorizontalPodAutoscaler":
            where = {"namespace": meta["namespace"], "horizontalpodautoscaler": meta["name"]}
            target = spec["scaleTargetRef"]
            of_target = {
                "scaletargetref_api_version": target["apiVersion"],
                "scaletargetref_kind": target["kind"],
                "scaletargetref_name": target["name"],
            }
            yield "kube_horizontalpodautoscaler_info", where | of_target, 1
            for which in ("min", "max"):
                yield f"kube_horizontalpodautoscaler_spec_{which}_replicas", where, spec[f"{which}Replicas"]
            for which in ("current", "desired"):
                yield f"kube_horizontalpodautoscaler_status_{which}_replicas", where, spec["minReplicas"]
            for condition in ("AbleToScale", "ScalingActive", "ScalingLimited"):
                for status in ("true", "false", "unknown"):
                    holds = status == ("false" if condition == "ScalingLimited" else "true")
                    labels = where | {"condition": condition, "status": status}
                    yield "kube_horizontalpodautoscaler_status_condition", labels, holds


def _deployment(workload: Workload) -> Iterator[Sample]:
    where = {"namespace": workload.namespace, "deployment": workload.name}
    labels = workload.deployment["metadata"]["labels"]
    shown = {f"label_{name.translate(_UNDERSCORE)}": labels[name] for name in ALLOWED if name in labels}
    ready = sum(pod.running for pod in workload.pods[: workload.replicas])
    yield "kube_deployment_labels", where | shown, 1
    yield "kube_deployment_created", where, workload.created
    yield "kube_deployment_spec_replicas", where, workload.replicas
    yield "kube_deployment_metadata_generation", where, 1
    yield "kube_deployment_status_observed_generation", where, 1
    yield "kube_deployment_status_replicas", where, workload.replicas
    yield "kube_deployment_status_replicas_updated", where, workload.replicas
    yield "kube_deployment_status_replicas_ready", where, ready
    yield "kube_deployment_status_replicas_available", where, ready
    yield "kube_deployment_status_replicas_unavailable", where, workload.replicas - ready
    for status in ("true", "false", "unknown"):
        available = "MinimumReplicasAvailable" if ready else "MinimumReplicasUnavailable"
        for condition, reason, holds in (
            ("Available", available, "true" if ready else "false"),
            ("Progressing", "NewReplicaSetAvailable", "true"),
        ):
            labels = where | {"reason": reason, "condition": condition, "status": status}
            yield "kube_deployment_status_condition", labels, status == holds
    of_set = {"namespace": workload.namespace, "replicaset": workload.replica_set}
    owner = {"owner_kind": "Deployment", "owner_name": workload.name, "owner_is_controller": "true"}
    yield "kube_replicaset_owner", of_set | owner, 1
    yield "kube_replicaset_created", of_set, workload.created


def _pods(workload: Workload) -> Iterator[Sample]:
    for pod in workload.pods:
        where = {"namespace": workload.namespace, "pod": pod.name, "uid": _hash(pod.name)}
        owner = {"owner_kind": "ReplicaSet", "owner_name": workload.replica_set, "owner_is_controller": "true"}
        container = where | {"container": "agent"}
        yield "kube_pod_owner", where | owner, 1
        yield "kube_pod_start_time", where, pod.started
        for phase in PHASES:
            yield "kube_pod_status_phase", where | {"phase": phase}, phase == "Running"
        for state in ("true", "false", "unknown"):
            yield "kube_pod_status_ready", where | {"condition": state}, (state == "true") == pod.running
        image = workload.deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        of_image = {
            "image_spec": image,
            "image": image,
            "image_id": image,
            "container_id": f"containerd://{where['uid']}",
        }
        yield "kube_pod_container_info", container | of_image, 1
        yield "kube_pod_info", where | _POD_INFO | {"created_by_name": workload.replica_set}, 1
        yield "kube_pod_container_status_restarts_total", container, pod.restarts
        yield "kube_pod_container_status_ready", container, pod.running
        yield "kube_pod_container_status_running", container, pod.running
        for kind in ("requests", "limits"):
            amounts = workload.resources[kind]
            for resource, unit, amount in (
                ("cpu", "core", cores(amounts["cpu"])),
                ("memory", "byte", byte_count(amounts["memory"])),
            ):
                of_node = {"node": NODE, "resource": resource, "unit": unit}
                yield f"kube_pod_container_resource_{kind}", container | of_node, amount


def _container(workload: Workload, pod: PodState, names: frozenset[str]) -> Iterator[Sample]:
    """The captured pod's lines with this pod's names: those of its pause container and of the whole pod as well."""
    if not pod.running:
        return
    image = workload.deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    own = {"namespace": workload.namespace, "pod": pod.name}
    limit = byte_count(workload.resources["limits"]["memory"])
    values = {
        "container_cpu_usage_seconds_total": pod.cpu_seconds(),
        "container_memory_working_set_bytes": limit * pod.memory_ratio,
        "container_cpu_cfs_periods_total": (time.time() - pod.started) * 10,
        "container_cpu_cfs_throttled_periods_total": 0.0,
        "container_start_time_seconds": pod.started,
    }
    for name, captured_labels, value in _captured_containers(names):
        labels = captured_labels | own | {"id": f"{captured_labels['id']}-{pod.name}"}
        if labels["container"] == "agent":
            labels |= {"image": image, "name": _hash(pod.name)}
        yield name, labels, values.get(name, value)


@cache
def _captured_containers(names: frozenset[str]) -> tuple[Sample, ...]:
    found = (one for one in captured("cadvisor") if one.label("container") or one.label("pod"))
    return tuple((one.name, dict(one.labels), one.value) for one in found if not names or one.name in names)


def _text(samples: Iterable[Sample], at: str = "") -> str:
    return "".join(f"{name}{{{_labels(labels)}}} {float(value)}{at}\n" for name, labels, value in samples)


def _labels(labels: dict[str, str]) -> str:
    return ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items())


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


_UNDERSCORE = str.maketrans("./-", "___")
