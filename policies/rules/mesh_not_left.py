"""No pod takes itself or its ports out of the mesh."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, deployment
from policies.manifest_reading import mapping
from policies.pods import WORKLOADS, pod_template
from policies.rule import Manifest, Rule, Subject

_INJECT = "sidecar.istio.io/inject"
_AROUND = "traffic.sidecar.istio.io/"


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for part in ("labels", "annotations"):
        for key, value in mapping(pod_template(manifest), "metadata", part).items():
            if (key == _INJECT and value != "true") or str(key).startswith(_AROUND):
                yield f"its pods have {key}: {value}"


RULE = Rule(
    id="mesh-not-left",
    severity="error",
    why="Around the sidecar there is neither encryption nor identity.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=_judge,
    source="NSA/CISA 2022, Network separation and hardening, Encryption",
)

PASSING = (
    alone(deployment()),
    alone(deployment(annotations={"sidecar.istio.io/proxyCPU": "100m"})),
)
FAILING = (
    alone(deployment(annotations={"sidecar.istio.io/inject": "false"})),
    alone(deployment(annotations={"traffic.sidecar.istio.io/excludeInboundPorts": "8080"})),
)
