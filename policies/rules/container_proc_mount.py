"""The containers' /proc is masked."""

from __future__ import annotations

from policies.example import alone, deployment
from policies.pod_fields import in_containers
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="container-proc-mount",
    severity="error",
    why="An unmasked /proc shows and changes the kernel's settings.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=in_containers("securityContext.procMount", None, "Default"),
    source="NSA/CISA 2022, Pod security enforcement; Pod Security Standards, baseline",
)

PASSING = (
    alone(deployment()),
    alone(deployment(security={"procMount": "Default"})),
)
FAILING = (alone(deployment(security={"procMount": "Unmasked"})),)
