"""Pods get the Secrets that their agent's ExternalSecret makes, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from policies.example import deployment, external_secret, manifest, of_agent
from policies.manifest_reading import at, kind_of, mappings, name_of, text
from policies.pods import WORKLOADS, containers, pod_spec
from policies.rule import Manifest, Rule, Subject


def _together(manifests: Sequence[Manifest], _subject: Subject) -> Iterator[tuple[Manifest, str]]:
    made = {_target(one) for one in manifests if kind_of(one) == "ExternalSecret"}
    for one in manifests:
        if kind_of(one) in WORKLOADS:
            for name in dict.fromkeys(_used(pod_spec(one))):
                if name not in made:
                    yield one, f"its pods get the Secret {name}, which is not their agent's"
        elif kind_of(one) == "TriggerAuthentication":
            for reference in mappings(one, "spec", "secretTargetRef"):
                if text(reference, "name") not in made:
                    yield one, f"it reads the Secret {text(reference, 'name')}, which is not the agent's"


def _target(manifest: Manifest) -> str:
    return text(manifest, "spec", "target", "name") or name_of(manifest)


def _used(pod: dict[str, Any]) -> Iterator[str]:
    for volume in mappings(pod, "volumes"):
        sources = [volume, *mappings(volume, "projected", "sources")]
        for source in sources:
            if "secret" in source:
                yield text(source, "secret", "secretName") or text(source, "secret", "name")
        if "csi" in volume:
            yield (
                text(volume, "csi", "nodePublishSecretRef", "name")
                or f"of the CSI driver {at(volume, 'csi', 'driver')}"
            )
    for _, container in containers(pod):
        for variable in mappings(container, "env"):
            if at(variable, "valueFrom", "secretKeyRef") is not None:
                yield text(variable, "valueFrom", "secretKeyRef", "name")
        for source in mappings(container, "envFrom"):
            if "secretRef" in source:
                yield text(source, "secretRef", "name")


RULE = Rule(
    id="secret-of-its-own",
    severity="error",
    why="In one namespace every pod may name every Secret, those of other agents included.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    together=_together,
    field=("secrets",),
    source="NSA/CISA 2022, Network separation and hardening, Secrets",
)

PASSING = (
    of_agent(deployment()),
    of_agent(external_secret(), deployment({"volumes": [{"name": "s", "secret": {"secretName": "planner"}}]})),
)
FAILING = (
    of_agent(external_secret(), deployment({"volumes": [{"name": "s", "secret": {"secretName": "helper"}}]})),
    of_agent(deployment({"volumes": [{"name": "s", "projected": {"sources": [{"secret": {"name": "helper"}}]}}]})),
    of_agent(
        external_secret(),
        deployment(container={"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "helper", "key": "A"}}}]}),
    ),
    of_agent(deployment(container={"envFrom": [{"secretRef": {"name": "helper"}}]})),
    of_agent(
        external_secret(),
        manifest("keda.sh/v1alpha1", "TriggerAuthentication", spec={"secretTargetRef": [{"name": "helper"}]}),
    ),
)
