"""Every namespace is closed both ways until a policy opens it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.example import manifest, network_policy, of_pool
from policies.manifest_reading import mapping, name_of, text, words
from policies.namespaces import namespaces
from policies.rule import Manifest, Rule, Subject


def _together(manifests: Sequence[Manifest], _subject: Subject) -> Iterator[tuple[Manifest, str]]:
    closed = {text(one, "metadata", "namespace") for one in manifests if _closes(one)}
    for namespace in namespaces(manifests):
        if name_of(namespace) not in closed:
            yield namespace, "no NetworkPolicy closes it for all pods, in and out"


def _closes(manifest: Manifest) -> bool:
    spec = mapping(manifest, "spec")
    return (
        manifest.get("kind") == "NetworkPolicy"
        and spec.get("podSelector") == {}
        and {"Ingress", "Egress"} <= set(words(spec, "policyTypes"))
        and not spec.get("ingress")
        and not spec.get("egress")
    )


RULE = Rule(
    id="namespace-default-deny",
    severity="error",
    why="A pod that no policy selects reaches everything, and is reached by all.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    together=_together,
    source="NSA/CISA 2022, Network separation and hardening, Network policies; CIS Kubernetes 1.9 5.3.2",
)

_NAMESPACE = manifest("v1", "Namespace", "business", "")
PASSING = (of_pool(_NAMESPACE, network_policy(podSelector={})),)
FAILING = (
    of_pool(_NAMESPACE),
    of_pool(_NAMESPACE, network_policy()),
    of_pool(_NAMESPACE, network_policy(podSelector={}, policyTypes=["Ingress"])),
    of_pool(_NAMESPACE, network_policy(podSelector={}, egress=[{}])),
)
