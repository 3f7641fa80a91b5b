"""The collector's configuration: Grafana Alloy reads agents' logs and sends them to Loki.

Component and stage names are those of Alloy 1.10. Words in <> are filled in.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from components.definition.logs import FIXED_LABELS, SEARCHED, LogSettings, LokiCredentials
from components.definition.pasted_secrets import SHAPES
from components.specs.names import AGENT_ROLE, PREFIX

# Label of a pod's log streams → where discovery finds it.
_FOUND_LABELS = {
    "namespace": "__meta_kubernetes_namespace",
    "pool": f"__meta_kubernetes_pod_label_{PREFIX}_pool",
    "agent_id": "__meta_kubernetes_pod_label_app_kubernetes_io_name",
    "owner": f"__meta_kubernetes_pod_label_{PREFIX}_owner",
    "runtime": f"__meta_kubernetes_pod_label_{PREFIX}_runtime",
}
LEVELS = ("debug", "info", "warning", "error", "critical", "unknown")
MASK = "(masked)"
_METADATA_LENGTH = 128

# Words of both runtimes, and of what they are built with, for the six levels.
_LEVEL = (
    '{{ $said := .Value | default "" | ToLower }}'
    '{{ if has $said (list "debug" "verbose" "trace") }}debug'
    '{{ else if has $said (list "info" "log" "success" "progress" "notice") }}info'
    '{{ else if has $said (list "warning" "warn") }}warning'
    '{{ else if has $said (list "error" "fail") }}error'
    '{{ else if has $said (list "critical" "fatal" "alert") }}critical'
    "{{ else }}unknown{{ end }}"
)

# In JSON a break of lines is written \n, whose letter is no part of the word behind it: words begin as is told here.
_SECRET = r"(?:\\[bfnrt]|^|[^A-Za-z0-9])(?P<masked>" + "|".join(shape.removeprefix(r"\b") for _, shape in SHAPES) + ")"

_TEMPLATE = """\
// Logs of the agents of <environment>, for Loki. Generated from monitoring.logs of agents/catalog/settings.yaml.

discovery.kubernetes "<name>" {
  role = "pod"
  namespaces {
    names = <namespaces>
  }
  selectors {
    role  = "pod"
    label = <selector>
  }
}

discovery.relabel "<name>" {
  targets = discovery.kubernetes.<name>.targets
  // Other containers of the pod are not the agent's: a mesh's proxy says more than all agents.
  rule {
    source_labels = ["__meta_kubernetes_pod_container_name"]
    regex         = "agent"
    action        = "keep"
  }
  rule {
    target_label = "environment"
    replacement  = "<environment>"
  }
  rule {
    target_label = "cluster"
    replacement  = sys.env("CLUSTER")
  }
<found>}

// Through the API server: no node's disk is mounted, no container is privileged. Several collectors share the pods.
loki.source.kubernetes "<name>" {
  targets    = discovery.relabel.<name>.output
  forward_to = [loki.process.<name>.receiver]
  clustering {
    enabled = true
  }
}

loki.process "<name>" {
  forward_to = [loki.write.<name>.receiver]

  // One agent does not crowd out the others: loki_process_dropped_lines_by_label_total says what it lost.
  stage.limit {
    rate                = <rate>
    burst               = <burst>
    drop                = true
    by_label_name       = "agent_id"
    max_distinct_labels = 10000
  }
  stage.decolorize { }

  // A line that is no JSON stays as it is, with level unknown and the time at which it was read.
  stage.json {
    expressions = <expressions>
  }
  stage.template {
    source   = "level"
    template = <level>
  }
  stage.timestamp {
    source            = "timestamp"
    format            = "RFC3339Nano"
    action_on_failure = "skip"
  }
<trimmed>
  // Credentials do not leave the cluster; who logs one is told by LogSecret.
  stage.replace {
    expression = <secrets>
    replace    = "<mask>"
  }

  // Loki refuses a line that is too long: its beginning is kept, and how long it was.
  stage.template {
    source   = "cut_from_bytes"
    template = "{{ if gt (len .Entry) <bytes> }}{{ len .Entry }}{{ end }}"
  }
  stage.template {
    source   = "kept"
    template = "{{ if gt (len .Entry) <bytes> }}{{ trunc <bytes> .Entry }}{{ end }}"
  }
  stage.output {
    source = "kept"
  }

  stage.labels {
    values = { level = "level" }
  }
  // The one place that says which labels a stream has.
  stage.label_keep {
    values = <labels>
  }
  stage.structured_metadata {
    values = <metadata>
  }
  stage.metrics {
    metric.counter {
      name              = "lines_cut_total"
      description       = "Lines of which just the beginning was kept."
      prefix            = "<prefix>_log_"
      source            = "cut_from_bytes"
      action            = "inc"
      max_idle_duration = "24h"
    }
    metric.counter {
      name              = "lines_masked_total"
      description       = "Lines in which a credential was masked."
      prefix            = "<prefix>_log_"
      source            = "masked"
      action            = "inc"
      max_idle_duration = "24h"
    }
  }
}

loki.write "<name>" {
  endpoint {
    url = <url>
<access>  }
}
"""
_FOUND = """\
  rule {{
    source_labels = ["{source}"]
    target_label  = "{label}"
  }}
"""
_TRIMMED = """\
  stage.template {{
    source   = "{name}"
    template = "{{{{ .Value | default \\"\\" | trunc {length} }}}}"
  }}
"""


def alloy_config(environment: str, namespaces: Sequence[str], settings: LogSettings) -> str:
    """The configuration of an environment, in Alloy's syntax.

    The names of its components hold that of the environment: one Alloy may read the files of several.
    """
    labels = stream_labels(settings)
    from_line = [name for name in SEARCHED if name != "pod"]
    values = {
        "name": "agents_" + environment.replace("-", "_"),
        "environment": environment,
        "prefix": PREFIX,
        "mask": MASK,
        "namespaces": _value(sorted(namespaces)),
        "selector": _value(f"app.kubernetes.io/managed-by={PREFIX},role={AGENT_ROLE}"),
        "found": "".join(
            _FOUND.format(source=source, label=label)
            for label, source in (*_FOUND_LABELS.items(), ("pod", "__meta_kubernetes_pod_name"))
            if label in (*labels, "pod")
        ),
        "rate": str(settings.lines_per_second),
        "burst": str(settings.burst_lines),
        "expressions": _mapping(
            {"level": "levelName || level", "timestamp": "timestamp"} | {name: name for name in from_line}
        ),
        "level": _value(_LEVEL),
        "trimmed": "".join(_TRIMMED.format(name=name, length=_METADATA_LENGTH) for name in from_line),
        "secrets": _value(_SECRET),
        "bytes": str(settings.line_bytes),
        "labels": _value(labels),
        "metadata": _mapping({name: name for name in (*SEARCHED, "cut_from_bytes", "masked")}),
        "url": _value(settings.loki.rstrip("/") + "/loki/api/v1/push"),
        "access": _access(settings.tenant, settings.credentials),
    }
    text = _TEMPLATE
    for name, value in values.items():
        text = text.replace(f"<{name}>", value)
    return text


def stream_labels(settings: LogSettings) -> list[str]:
    """All labels that a log stream has."""
    return [*FIXED_LABELS, *settings.labels]


def _access(tenant: str | None, credentials: LokiCredentials | None) -> str:
    lines = [f"tenant_id = {_value(tenant)}"] if tenant else []
    if credentials and credentials.username:
        lines += [
            "basic_auth {",
            f"  username      = {_value(credentials.username)}",
            f"  password_file = {_value(credentials.file)}",
            "}",
        ]
    elif credentials:
        lines.append(f"bearer_token_file = {_value(credentials.file)}")
    return "".join(f"    {line}\n" for line in lines)


def _value(value: str | list[str]) -> str:
    # Alloy's strings and lists are written as JSON's.
    return json.dumps(value)


def _mapping(values: dict[str, str]) -> str:
    return "{ " + ", ".join(f"{name} = {_value(value)}" for name, value in values.items()) + " }"
