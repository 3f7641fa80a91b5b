"""Which field of a definition decides what a check looks at, so that a finding stands where it is mended."""

from __future__ import annotations

from collections.abc import Iterator

from ci.scan.piece import Hit
from components.definition.yaml_reader import Document, KeyPath

_IMAGE = ("image", "build", "runtime")
_RESOURCES = ("resources", "tier")
_PROBES = ("probes", "runtime")
_SCALING = ("scaling", "schedule", "tier")
# A check's id → fields, the first one that the definition has.
BY_CHECK: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("CKV_K8S_14", "CKV_K8S_15", "CKV_K8S_43"), _IMAGE),
    **dict.fromkeys(("CKV_K8S_10", "CKV_K8S_11", "CKV_K8S_12", "CKV_K8S_13"), _RESOURCES),
    **dict.fromkeys(("CKV_K8S_8", "CKV_K8S_9"), _PROBES),
    "CKV_K8S_35": ("secrets", "storage", "image", "runtime"),
    "CKV2_K8S_6": ("hosts", "runtime"),
    **dict.fromkeys(("container-image-tag", "container-image-pull-policy"), _IMAGE),
    **dict.fromkeys(("container-resources", "container-ephemeral-storage-request-and-limit"), _RESOURCES),
    **dict.fromkeys(("pod-probes", "pod-probes-identical"), _PROBES),
    **dict.fromkeys(("deployment-replicas", "deployment-has-poddisruptionbudget", "hpa-has-target"), _SCALING),
    "deployment-strategy": ("channels", "runtime"),
    "pod-networkpolicy": ("hosts", "runtime"),
}
# For checks that are not listed: by the kind of object.
BY_KIND: dict[str, tuple[str, ...]] = {
    "ConfigMap": ("prompt", "character", "env", "runtime"),
    "ExternalSecret": ("secrets", "channels", "runtime"),
    "HorizontalPodAutoscaler": _SCALING,
    "HTTPRoute": ("exposure", "runtime"),
    "NetworkPolicy": ("hosts", "runtime"),
    "PodDisruptionBudget": _SCALING,
    "PrometheusRule": ("alert_rules", "alerts", "runtime"),
    "ScaledObject": _SCALING,
    "Service": ("port", "runtime"),
}
_OTHERWISE = ("runtime",)


def field_of(hit: Hit, document: Document) -> KeyPath:
    """The field that the finding is shown at; what is overridden for the environment comes first."""
    kind = hit.piece.manifest["kind"] if hit.piece.manifest else ""
    fields = BY_CHECK.get(hit.check) or BY_KIND.get(kind, _OTHERWISE)
    for path in _paths(fields, hit.piece.environment):
        if document.has(path):
            return path
    return _OTHERWISE


def _paths(fields: tuple[str, ...], environment: str) -> Iterator[KeyPath]:
    for field in fields:
        yield ("overrides", environment, field)
        yield (field,)
