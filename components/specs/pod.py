"""The pod template: one hardened container."""

from __future__ import annotations

from math import ceil
from typing import Any

from components.resolve.quantities import byte_count
from components.resolve.resolved import ResolvedAgent
from components.specs.config import config_checksum, config_data, knowledge_items
from components.specs.identity import (
    identity_annotations,
    identity_labels,
    identity_mounts,
    identity_variables,
    identity_volumes,
)
from components.specs.mesh import mesh_annotations
from components.specs.names import CONTAINER, PREFIX, Manifest, labels, priority_class, selector

# Long enough for endpoints to be taken out of load balancers before the process is told to stop.
DRAIN_SECONDS = 5
_PROBE_PERIOD = 5
_MIB = 1 << 20
# Room for logs and image layers besides the scratch folders.
_LOG_ROOM = 128 * _MIB
_WHERE = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")


def pod_template(agent: ResolvedAgent) -> Manifest:
    """The template of the agent's pods: Pod Security "restricted", read-only root, no service-account token."""
    data = config_data(agent)
    pod_labels = {**labels(agent), **identity_labels(agent.identity)}
    template: Manifest = {"metadata": {"labels": pod_labels}, "spec": _pod_spec(agent, data)}
    annotations: dict[str, str] = {}
    if data:
        annotations[f"{PREFIX}/config-sha256"] = config_checksum(data)
    if agent.restarts:
        annotations[f"{PREFIX}/restarts"] = str(agent.restarts)
    if agent.metrics_path:
        annotations[f"{PREFIX}/metrics-path"] = agent.metrics_path
        annotations[f"{PREFIX}/metrics-port"] = "http" if agent.metrics_port == agent.port else "metrics"
    annotations |= identity_annotations(agent.identity) | mesh_annotations(agent)
    if annotations:
        template["metadata"]["annotations"] = annotations
    return template


def _pod_spec(agent: ResolvedAgent, data: dict[str, str]) -> Manifest:
    spec: Manifest = {
        "serviceAccountName": agent.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "priorityClassName": priority_class(agent.tier, agent.environment_suffix),
        "terminationGracePeriodSeconds": agent.grace_seconds + (DRAIN_SECONDS if agent.serves else 0),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": agent.user,
            "runAsGroup": agent.user,
            "fsGroup": agent.user,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    if agent.scaling.max > 1:
        spec["topologySpreadConstraints"] = [_spread(agent, where) for where in _WHERE]
    spec["containers"] = [_container(agent, data)]
    volumes = _volumes(agent, data)
    if volumes:
        spec["volumes"] = volumes
    return spec


def _spread(agent: ResolvedAgent, where: str) -> Manifest:
    return {
        "maxSkew": 1,
        "topologyKey": where,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector(agent)},
    }


def _container(agent: ResolvedAgent, data: dict[str, str]) -> Manifest:
    container: Manifest = {"name": CONTAINER, "image": agent.image.reference, "imagePullPolicy": _pull_policy(agent)}
    if agent.command:
        container["command"] = list(agent.command)
    if agent.args:
        container["args"] = list(agent.args)
    container["ports"] = _ports(agent)
    env = _env(agent)
    if env:
        container["env"] = env
    container["resources"] = _resources(agent)
    container |= _probes(agent)
    if agent.serves:
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}}
    container["securityContext"] = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "privileged": False,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = _mounts(agent, data)
    if mounts:
        container["volumeMounts"] = mounts
    return container


def _pull_policy(agent: ResolvedAgent) -> str:
    """A digest or a context hash never changes what it means; any other tag may."""
    return "IfNotPresent" if agent.image.pinned or agent.image.context_hash else "Always"


def _ports(agent: ResolvedAgent) -> list[Manifest]:
    ports: list[Manifest] = [{"name": "http", "containerPort": agent.port, "protocol": "TCP"}]
    if agent.metrics_path and agent.metrics_port != agent.port:
        ports.append({"name": "metrics", "containerPort": agent.metrics_port, "protocol": "TCP"})
    return ports


def _env(agent: ResolvedAgent) -> list[Manifest]:
    plain: list[Manifest] = [{"name": name, "value": value} for name, value in agent.env.items()]
    plain += identity_variables(agent)
    if agent.secret_files:
        return plain
    secret: list[Manifest] = [
        {"name": one.env, "valueFrom": {"secretKeyRef": {"name": agent.name, "key": one.env}}} for one in agent.secrets
    ]
    return plain + secret


def _resources(agent: ResolvedAgent) -> Manifest:
    amounts = agent.resources
    room = (sum(byte_count(one.size) for one in agent.scratch) + _LOG_ROOM) // _MIB
    return {
        "requests": {"cpu": amounts.cpu_request, "memory": amounts.memory_request, "ephemeral-storage": "64Mi"},
        "limits": {"cpu": amounts.cpu_limit, "memory": amounts.memory_limit, "ephemeral-storage": f"{room}Mi"},
    }


def _probes(agent: ResolvedAgent) -> Manifest:
    probes: Manifest = {}
    if agent.liveness:
        attempts = ceil(agent.startup_seconds / _PROBE_PERIOD)
        probes["startupProbe"] = _probe(agent.liveness, _PROBE_PERIOD, attempts)
        probes["livenessProbe"] = _probe(agent.liveness, 2 * _PROBE_PERIOD, 3)
    if agent.readiness:
        probes["readinessProbe"] = _probe(agent.readiness, _PROBE_PERIOD, 3)
    return probes


def _probe(path: str, period: int, attempts: int) -> Manifest:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 3,
        "failureThreshold": attempts,
    }


def _mounts(agent: ResolvedAgent, data: dict[str, str]) -> list[Manifest]:
    mounts: list[Manifest] = []
    if data and agent.config:
        mounts.append({"name": "config", "mountPath": agent.config.mount, "readOnly": True})
    if agent.secret_files and agent.secrets:
        mounts.append({"name": "secrets", "mountPath": agent.secret_files, "readOnly": True})
    mounts += [{"name": f"scratch-{index}", "mountPath": one.path} for index, one in enumerate(agent.scratch)]
    if agent.volume:
        mounts.append({"name": "data", "mountPath": agent.volume.path})
    mounts += identity_mounts(agent.identity)
    return mounts


def _volumes(agent: ResolvedAgent, data: dict[str, str]) -> list[Manifest]:
    volumes: list[Manifest] = []
    if data:
        source: dict[str, Any] = {"name": agent.name}
        if agent.knowledge:
            folders = dict(knowledge_items(agent))
            source["items"] = [{"key": key, "path": folders.get(key, key)} for key in data]
        volumes.append({"name": "config", "configMap": source})
    if agent.secret_files and agent.secrets:
        # Readable by the pod's group only, which is the agent's own.
        volumes.append({"name": "secrets", "secret": {"secretName": agent.name, "defaultMode": 0o440}})
    volumes += [
        {"name": f"scratch-{index}", "emptyDir": {"sizeLimit": one.size}} for index, one in enumerate(agent.scratch)
    ]
    if agent.volume:
        volumes.append({"name": "data", "persistentVolumeClaim": {"claimName": agent.name}})
    volumes += identity_volumes(agent.identity)
    return volumes
