"""Kubernetes' own limits that its JSON schemas do not state: names, labels, sizes, and fields that must agree.

The limits are those of the API server's validation (apimachinery's and core's), and of KEDA's for a ScaledObject.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from policies import syntax
from policies.field_limits import (
    duplicate_errors,
    mapping,
    mappings,
    port_errors,
    quantity_errors,
    resources_errors,
)
from policies.pod_limits import pod_errors
from policies.schema_errors import Path, SchemaError, by_path

ANNOTATIONS_BYTES = 256 * 1024
DATA_BYTES = 1024 * 1024
# KEDA's own, where a ScaledObject gives none.
_KEDA_MAX_REPLICAS = 100

_NAME_RULES: dict[str, Callable[[str], str | None]] = {
    "Namespace": syntax.label_name_problem,
    "Service": syntax.service_name_problem,
    **dict.fromkeys(("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"), syntax.path_segment_problem),
}
_NAME_LENGTHS = {"CronJob": 52, "Job": 63}
_POD_TEMPLATES: dict[str, Path] = {
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"), ("spec", "template")),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Pod": (),
}
_SELECTS_ITS_TEMPLATE = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}


def check_limits(manifest: dict[str, Any]) -> list[SchemaError]:
    """All limits that one manifest breaks, sorted by path; empty when it keeps them.

    Meant to run beside `SchemaChecker.check`: what has the wrong type is passed over here, because it is reported
    there. Never raises.
    """
    kind = manifest.get("kind")
    if type(kind) is not str:
        return []
    errors = list(_metadata_errors(mapping(manifest.get("metadata")), kind))
    if kind in _POD_TEMPLATES:
        errors += _workload_errors(manifest, kind)
    if kind in _KIND_CHECKS:
        errors += _KIND_CHECKS[kind](manifest)
    return sorted(errors, key=by_path)


def _metadata_errors(metadata: dict[str, Any], kind: str) -> Iterator[SchemaError]:
    name = metadata.get("name")
    if name is None:
        yield SchemaError(("metadata", "name"), "required, but missing")
    elif type(name) is str:
        if reason := _NAME_RULES.get(kind, syntax.subdomain_problem)(name):
            yield SchemaError(("metadata", "name"), f"{name!r} {reason}")
        longest = _NAME_LENGTHS.get(kind)
        if longest and len(name) > longest:
            yield SchemaError(("metadata", "name"), f"{name!r} is longer than the {longest} characters of a {kind}")
    namespace = metadata.get("namespace")
    if type(namespace) is str and (reason := syntax.label_name_problem(namespace)):
        yield SchemaError(("metadata", "namespace"), f"{namespace!r} {reason}")
    yield from _label_errors(metadata.get("labels"), ("metadata", "labels"))
    yield from _annotation_errors(metadata.get("annotations"), ("metadata", "annotations"))


def _label_errors(labels: Any, path: Path) -> Iterator[SchemaError]:
    for key, value in mapping(labels).items():
        if type(key) is str and (reason := syntax.label_key_problem(key)):
            yield SchemaError((*path, key), f"as a label's key: {reason}")
        if type(value) is str and (reason := syntax.label_value_problem(value)):
            yield SchemaError((*path, key), f"{value!r} {reason}")


def _annotation_errors(annotations: Any, path: Path) -> Iterator[SchemaError]:
    size = 0
    for key, value in mapping(annotations).items():
        # The API server lowers an annotation's key before it looks at its prefix.
        if type(key) is str and (reason := syntax.label_key_problem(key.lower())):
            yield SchemaError((*path, key), f"as an annotation's key: {reason}")
        size += _bytes(key) + _bytes(value)
    if size > ANNOTATIONS_BYTES:
        yield SchemaError(path, f"{size} bytes in all; allowed: {ANNOTATIONS_BYTES}")


def _selector_errors(selector: Any, path: Path) -> Iterator[SchemaError]:
    yield from _label_errors(mapping(selector).get("matchLabels"), (*path, "matchLabels"))


def _workload_errors(manifest: dict[str, Any], kind: str) -> Iterator[SchemaError]:
    at = _POD_TEMPLATES[kind]
    template: dict[Any, Any] = manifest
    for part in at:
        template = mapping(template.get(part))
    metadata = mapping(template.get("metadata"))
    if at:
        yield from _label_errors(metadata.get("labels"), (*at, "metadata", "labels"))
        yield from _annotation_errors(metadata.get("annotations"), (*at, "metadata", "annotations"))
    yield from pod_errors(mapping(template.get("spec")), (*at, "spec"))
    if kind in _SELECTS_ITS_TEMPLATE:
        selector = mapping(mapping(manifest.get("spec")).get("selector"))
        yield from _selector_errors(selector, ("spec", "selector"))
        yield from _selection_errors(selector, mapping(metadata.get("labels")))


def _selection_errors(selector: dict[str, Any], labels: dict[str, Any]) -> Iterator[SchemaError]:
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield SchemaError(("spec", "selector"), "must select something: an empty selector is refused")
    for key, value in mapping(selector.get("matchLabels")).items():
        if labels.get(key) != value:
            has = f"has {labels[key]!r}" if key in labels else "lacks it"
            yield SchemaError(("spec", "selector", "matchLabels", key), f"wants {value!r}, but the pod template {has}")
    for index, rule in mappings(selector.get("matchExpressions")):
        key, values = rule.get("key"), rule.get("values")
        if type(key) is not str:
            continue
        value, listed = labels.get(key), values if type(values) is list else []
        keeps = {
            "In": key in labels and value in listed,
            "NotIn": key not in labels or value not in listed,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }
        if not keeps.get(str(rule.get("operator")), True):
            yield SchemaError(("spec", "selector", "matchExpressions", index), "the pod template does not match")


def _data_errors(manifest: dict[str, Any]) -> Iterator[SchemaError]:
    size, seen = 0, set()
    base64_groups = {"binaryData", "data"} if manifest["kind"] == "Secret" else {"binaryData"}
    for group in ("data", "binaryData", "stringData"):
        for key, value in mapping(manifest.get(group)).items():
            size += _decoded_bytes(value) if group in base64_groups else _bytes(value)
            if type(key) is not str:
                continue
            if reason := syntax.data_key_problem(key):
                yield SchemaError((group, key), f"as a key of data: {reason}")
            if key in seen:
                yield SchemaError((group, key), "the key is given in two groups of data")
            seen.add(key)
    if size > DATA_BYTES:
        yield SchemaError(("data",), f"{size} bytes in all; allowed: {DATA_BYTES}")


def _service_errors(manifest: dict[str, Any]) -> Iterator[SchemaError]:
    spec = mapping(manifest.get("spec"))
    yield from _label_errors(spec.get("selector"), ("spec", "selector"))
    yield from duplicate_errors(spec.get("ports"), "name", ("spec", "ports"), "the port name")
    ports = mappings(spec.get("ports"))
    seen: set[tuple[str, str]] = set()
    for index, port in ports:
        path: Path = ("spec", "ports", index)
        for key in ("port", "targetPort", "nodePort"):
            yield from port_errors(port.get(key), (*path, key))
        if type(port.get("name")) is str and (reason := syntax.label_name_problem(port["name"])):
            yield SchemaError((*path, "name"), f"{port['name']!r} {reason}")
        if "name" not in port and len(ports) > 1:
            yield SchemaError((*path, "name"), "required where a Service has several ports")
        pair = (str(port.get("port")), str(port.get("protocol", "TCP")))
        if pair in seen:
            yield SchemaError((*path, "port"), f"{pair[0]}/{pair[1]} is given twice")
        seen.add(pair)


def _autoscaler_errors(manifest: dict[str, Any]) -> Iterator[SchemaError]:
    yield from _range_errors(manifest, ("minReplicas", 1), ("maxReplicas", None), lowest=1)


def _scaled_object_errors(manifest: dict[str, Any]) -> Iterator[SchemaError]:
    yield from _range_errors(manifest, ("minReplicaCount", 0), ("maxReplicaCount", _KEDA_MAX_REPLICAS), lowest=0)


def _range_errors(
    manifest: dict[str, Any], low: tuple[str, int], high: tuple[str, int | None], lowest: int
) -> Iterator[SchemaError]:
    spec = mapping(manifest.get("spec"))
    least, most = spec.get(low[0], low[1]), spec.get(high[0], high[1])
    if type(least) is int and least < lowest:
        yield SchemaError(("spec", low[0]), f"{least} is less than {lowest}")
    if type(most) is int and most < 1:
        yield SchemaError(("spec", high[0]), f"{most} is less than 1")
    elif type(least) is int and type(most) is int and least > most:
        yield SchemaError(("spec", low[0]), f"{least} is more than {high[0]}, which is {most}")


def _disruption_errors(manifest: dict[str, Any]) -> Iterator[SchemaError]:
    spec = mapping(manifest.get("spec"))
    yield from _selector_errors(spec.get("selector"), ("spec", "selector"))
    if "minAvailable" in spec and "maxUnavailable" in spec:
        yield SchemaError(("spec", "maxUnavailable"), "give minAvailable or maxUnavailable, not both")


def _network_policy_errors(manifest: dict[str, Any]) -> Iterator[SchemaError]:
    spec = mapping(manifest.get("spec"))
    yield from _selector_errors(spec.get("podSelector"), ("spec", "podSelector"))
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for rule_index, rule in mappings(spec.get(direction)):
            at: Path = ("spec", direction, rule_index)
            for index, peer in mappings(rule.get(peers)):
                for selector in ("podSelector", "namespaceSelector"):
                    yield from _selector_errors(peer.get(selector), (*at, peers, index, selector))
            for index, port in mappings(rule.get("ports")):
                first, last = port.get("port"), port.get("endPort")
                yield from port_errors(first, (*at, "ports", index, "port"))
                yield from port_errors(last, (*at, "ports", index, "endPort"))
                if type(first) is int and type(last) is int and last < first:
                    yield SchemaError((*at, "ports", index, "endPort"), f"{last} is less than the port {first}")


def _quota_errors(manifest: dict[str, Any]) -> Iterator[SchemaError]:
    for name, value in mapping(mapping(manifest.get("spec")).get("hard")).items():
        yield from quantity_errors(value, ("spec", "hard", name))


def _limit_range_errors(manifest: dict[str, Any]) -> Iterator[SchemaError]:
    for index, item in mappings(mapping(manifest.get("spec")).get("limits")):
        for group, amounts in item.items():
            for name, value in mapping(amounts).items():
                yield from quantity_errors(value, ("spec", "limits", index, group, name))


def _claim_errors(manifest: dict[str, Any]) -> Iterator[SchemaError]:
    yield from resources_errors(mapping(manifest.get("spec")).get("resources"), ("spec", "resources"))


def _decoded_bytes(value: Any) -> int:
    return len(value) * 3 // 4 - value[-2:].count("=") if type(value) is str else 0


def _bytes(value: Any) -> int:
    if type(value) is not str:
        return 0
    return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))


_KIND_CHECKS: dict[str, Callable[[dict[str, Any]], Iterator[SchemaError]]] = {
    "ConfigMap": _data_errors,
    "Secret": _data_errors,
    "Service": _service_errors,
    "HorizontalPodAutoscaler": _autoscaler_errors,
    "ScaledObject": _scaled_object_errors,
    "PodDisruptionBudget": _disruption_errors,
    "NetworkPolicy": _network_policy_errors,
    "ResourceQuota": _quota_errors,
    "LimitRange": _limit_range_errors,
    "PersistentVolumeClaim": _claim_errors,
}
