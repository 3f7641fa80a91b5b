"""What the Prometheus operator makes of a PodMonitor, for pods that are told by a file instead of by an API server.

The order of relabelings, and what the operator adds of its own, are those of its promcfg.go (v0.85).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Manifest = dict[str, Any]
# Names that a relabeling has in the object → in Prometheus' configuration.
_FIELDS = {
    "sourceLabels": "source_labels",
    "targetLabel": "target_label",
    "regex": "regex",
    "replacement": "replacement",
    "action": "action",
    "separator": "separator",
    "modulus": "modulus",
}
_META = "__meta_kubernetes_"


def scrape_configs(pod_monitor: Manifest, targets: Path, interval: str) -> list[Manifest]:
    """A scrape configuration for each endpoint of the PodMonitor; pods are read from the file `targets`."""
    meta, spec = pod_monitor["metadata"], pod_monitor["spec"]
    found = []
    for index, endpoint in enumerate(spec["podMetricsEndpoints"]):
        config = {
            "job_name": f"podMonitor/{meta['namespace']}/{meta['name']}/{index}",
            "honor_labels": bool(endpoint.get("honorLabels")),
            "scrape_interval": interval,
            "scrape_timeout": interval,
            "file_sd_configs": [{"files": [str(targets)], "refresh_interval": "1s"}],
            "relabel_configs": [*_of_the_operator(meta, spec, endpoint), *map(_relabeling, endpoint["relabelings"])],
        }
        if dropped := endpoint.get("metricRelabelings"):
            config["metric_relabel_configs"] = [_relabeling(one) for one in dropped]
        for limit in ("sampleLimit", "labelLimit", "targetLimit"):
            if limit in spec:
                config[re.sub("L", "_l", limit)] = spec[limit]
        found.append(config)
    return found


def pod_targets(template: Manifest, namespace: str, pod: str, port: int) -> Iterable[Manifest]:
    """A pod of this template as Prometheus discovers it: a target for each port, all of them at 127.0.0.1:`port`."""
    meta = template["metadata"]
    labels = {f"{_META}namespace": namespace, f"{_META}pod_name": pod, f"{_META}pod_phase": "Running"}
    for kind in ("labels", "annotations"):
        for name, value in meta.get(kind, {}).items():
            labels[f"{_META}pod_{kind[:-1]}_{_escaped(name)}"] = value
            labels[f"{_META}pod_{kind[:-1]}present_{_escaped(name)}"] = "true"
    [container] = template["spec"]["containers"]
    for one in container["ports"]:
        of_port = {
            f"{_META}pod_container_name": container["name"],
            f"{_META}pod_container_port_name": one["name"],
            f"{_META}pod_container_port_number": str(one["containerPort"]),
        }
        yield {"targets": [f"127.0.0.1:{port}"], "labels": labels | of_port}


def _of_the_operator(meta: Manifest, spec: Manifest, endpoint: Manifest) -> Iterable[Manifest]:
    yield {"source_labels": [f"{_META}pod_phase"], "regex": "(Failed|Succeeded)", "action": "drop"}
    # A PodMonitor looks into its own namespace when it names no other.
    yield {"source_labels": [f"{_META}namespace"], "regex": meta["namespace"], "action": "keep"}
    for name, value in spec["selector"].get("matchLabels", {}).items():
        of_label = [f"{_META}pod_label_{_escaped(name)}", f"{_META}pod_labelpresent_{_escaped(name)}"]
        yield {"source_labels": of_label, "regex": f"({re.escape(value)});true", "action": "keep"}
    yield {"source_labels": [f"{_META}pod_container_port_name"], "regex": endpoint["port"], "action": "keep"}
    for source, target in (("namespace", "namespace"), ("pod_container_name", "container"), ("pod_name", "pod")):
        yield {"source_labels": [f"{_META}{source}"], "target_label": target}
    yield {"target_label": "job", "replacement": f"{meta['namespace']}/{meta['name']}"}
    yield {"target_label": "endpoint", "replacement": endpoint["port"]}


def _relabeling(given: Manifest) -> Manifest:
    return {_FIELDS[name]: value for name, value in given.items()}


def _escaped(name: str) -> str:
    return re.sub("[^a-zA-Z0-9_]", "_", name)
