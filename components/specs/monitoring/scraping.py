"""How Prometheus reads the agents' own metrics: one PodMonitor a pool."""

from __future__ import annotations

from components.specs.names import AGENT_ROLE, Manifest

# How Prometheus names the annotations of `components.specs.pod`.
METRICS_PORT_SOURCE = "__meta_kubernetes_pod_annotation_roster_metrics_port"
METRICS_PATH_SOURCE = "__meta_kubernetes_pod_annotation_roster_metrics_path"
# A fastapi agent with every kind of trouble has some 120. A pod with more gives nothing, and NotScraped says so.
SAMPLE_LIMIT = 1000
# Of a series, those that scraping adds among them; an agent's own have a dozen.
LABEL_LIMIT = 30
# A value that is longer is somebody's text, not one of a few.
LABEL_VALUE_LIMIT = 300
# What programs say of themselves. Nobody reads it: CPU, memory and restarts come from the kubelet and the cluster.
OF_THE_PROCESS = "(process|python|go|nodejs|promhttp)_.+"


def pod_monitor(meta: Manifest) -> Manifest:
    """The pool's: each pod says by annotations at which of its ports, and where, its metrics are.

    The labels namespace, pod, agent_id and owner are those of the pod, whatever it says itself.
    """
    endpoints = [
        {
            "port": port,
            "interval": "30s",
            "relabelings": [
                {"sourceLabels": [METRICS_PORT_SOURCE], "action": "keep", "regex": port},
                {"sourceLabels": [METRICS_PATH_SOURCE], "targetLabel": "__metrics_path__"},
                {"sourceLabels": ["__meta_kubernetes_pod_label_app_kubernetes_io_name"], "targetLabel": "agent_id"},
                {"sourceLabels": ["__meta_kubernetes_pod_label_roster_owner"], "targetLabel": "owner"},
            ],
            "metricRelabelings": [
                {"sourceLabels": ["__name__"], "action": "drop", "regex": OF_THE_PROCESS},
                # The runtime's own word for what the label agent_id says already.
                {"action": "labeldrop", "regex": "exported_agent_id"},
            ],
        }
        for port in ("http", "metrics")
    ]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": meta,
        "spec": {
            "selector": {"matchLabels": {"role": AGENT_ROLE}},
            "podMetricsEndpoints": endpoints,
            "sampleLimit": SAMPLE_LIMIT,
            "labelLimit": LABEL_LIMIT,
            "labelValueLengthLimit": LABEL_VALUE_LIMIT,
        },
    }
