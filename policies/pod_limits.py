"""Kubernetes' own limits on a pod's containers and volumes that JSON schemas cannot state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policies.field_limits import duplicate_errors, mapping, mappings, port_errors, quantity_errors, resources_errors
from policies.schema_errors import Path, SchemaError
from policies.syntax import env_name_problem, label_name_problem

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS = ("httpGet", "tcpSocket", "grpc")
_EXEC = "exec"


def pod_errors(spec: dict[str, Any], at: Path) -> Iterator[SchemaError]:
    """Errors of one PodSpec that stands at `at`."""
    volumes = _names(spec.get("volumes"))
    yield from _name_errors(spec, "volumes", {}, at)
    for index, volume in mappings(spec.get("volumes")):
        size = mapping(volume.get("emptyDir")).get("sizeLimit")
        yield from quantity_errors(size, (*at, "volumes", index, "emptyDir", "sizeLimit"))
    seen: dict[str, Path] = {}
    for group in ("initContainers", "containers"):
        yield from _name_errors(spec, group, seen, at)
        for index, container in mappings(spec.get(group)):
            yield from _container_errors(container, volumes, (*at, group, index))


def _container_errors(container: dict[str, Any], volumes: set[str], at: Path) -> Iterator[SchemaError]:
    yield from _env_errors(container, (*at, "env"))
    if "ports" in container:
        yield from duplicate_errors(container["ports"], "name", (*at, "ports"), "the port name")
        for index, port in mappings(container["ports"]):
            for key in ("name", "containerPort", "hostPort"):
                if key in port:
                    yield from port_errors(port[key], (*at, "ports", index, key))
    for index, mount in mappings(container.get("volumeMounts")):
        name = mount.get("name")
        if type(name) is str and name not in volumes:
            known = ", ".join(sorted(volumes)) or "none"
            yield SchemaError((*at, "volumeMounts", index, "name"), f"no volume is named {name!r}; volumes: {known}")
    yield from duplicate_errors(container.get("volumeMounts"), "mountPath", (*at, "volumeMounts"), "the mount path")
    if "resources" in container:
        yield from resources_errors(container["resources"], (*at, "resources"))
    for probe in _PROBES:
        if type(container.get(probe)) is dict:
            yield from _probe_errors(container[probe], (*at, probe))


def _env_errors(container: dict[str, Any], at: Path) -> Iterator[SchemaError]:
    seen: set[str] = set()
    for index, variable in mappings(container.get("env")):
        name = variable.get("name")
        if type(name) is not str:
            continue
        if reason := env_name_problem(name):
            yield SchemaError((*at, index, "name"), f"{name!r} {reason}")
        if name in seen:
            # The API server takes it and keeps the last value only.
            yield SchemaError((*at, index, "name"), f"the variable {name!r} is given twice")
        seen.add(name)
        if variable.get("value") and "valueFrom" in variable:
            yield SchemaError((*at, index, "valueFrom"), "give value or valueFrom, not both")


def _probe_errors(probe: dict[str, Any], at: Path) -> Iterator[SchemaError]:
    given = [handler for handler in (_EXEC, *_HANDLERS) if probe.get(handler) is not None]
    if len(given) != 1:
        yield SchemaError(at, f"it needs one of exec, httpGet, tcpSocket and grpc; given: {', '.join(given) or 'none'}")
    for handler in _HANDLERS:
        yield from port_errors(mapping(probe.get(handler)).get("port"), (*at, handler, "port"))


def _name_errors(spec: dict[str, Any], group: str, seen: dict[str, Path], at: Path) -> Iterator[SchemaError]:
    for index, item in mappings(spec.get(group)):
        name = item.get("name")
        if type(name) is not str:
            continue
        path: Path = (*at, group, index, "name")
        if reason := label_name_problem(name):
            yield SchemaError(path, f"{name!r} {reason}")
        if seen.setdefault(name, path) != path:
            yield SchemaError(path, f"the name {name!r} is already taken at {'.'.join(map(str, seen[name]))}")


def _names(items: Any) -> set[str]:
    return {item["name"] for _, item in mappings(items) if type(item.get("name")) is str}
