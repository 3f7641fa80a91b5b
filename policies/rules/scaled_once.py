"""One object decides how many pods there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.example import deployment, manifest, of_agent
from policies.manifest_reading import at, kind_of, same
from policies.rule import Manifest, Rule, Subject

_SCALERS = frozenset({"HorizontalPodAutoscaler", "ScaledObject"})
_PAUSED = "autoscaling.keda.sh/paused-replicas"


def _together(manifests: Sequence[Manifest], _subject: Subject) -> Iterator[tuple[Manifest, str]]:
    scalers = [one for one in manifests if kind_of(one) in _SCALERS]
    if not scalers:
        return
    for one in scalers[1:]:
        yield one, f"{kind_of(scalers[0])} scales the agent already"
    for one in manifests:
        if kind_of(one) == "Deployment" and at(one, "spec", "replicas") is not None and not _agree(one, scalers):
            yield one, f"it has replicas: {one['spec']['replicas']}, and a {kind_of(scalers[0])} scales it"


def _agree(deployment: Manifest, scalers: Sequence[Manifest]) -> bool:
    """KEDA is paused at the very number: that is how a suspended agent stays without pods."""
    paused = [at(one, "metadata", "annotations", _PAUSED) for one in scalers if kind_of(one) == "ScaledObject"]
    return paused == ["0"] and len(scalers) == 1 and same(at(deployment, "spec", "replicas"), 0)


RULE = Rule(
    id="scaled-once",
    severity="error",
    why=(
        "Two that scale one Deployment take turns, and one that is rendered with a number undoes what the scaler did."
    ),
    fix="Roster sets this by itself: a change in components/specs took it away.",
    together=_together,
    source="Roster",
)

_HPA = manifest("autoscaling/v2", "HorizontalPodAutoscaler", spec={})
_KEDA = manifest("keda.sh/v1alpha1", "ScaledObject", spec={})
_STOPPED = {**_KEDA, "metadata": {**_KEDA["metadata"], "annotations": {_PAUSED: "0"}}}
PASSING = (
    of_agent(deployment(replicas=0), _STOPPED, suspended="the agent"),
    of_agent(deployment(), _HPA),
    of_agent(deployment(replicas=2)),
)
FAILING = (
    of_agent(deployment(replicas=2), _HPA),
    of_agent(deployment(), _HPA, _KEDA),
    of_agent(deployment(replicas=0), _KEDA),
    of_agent(deployment(replicas=1), _STOPPED),
    of_agent(deployment(replicas=0), _HPA, _STOPPED),
)
