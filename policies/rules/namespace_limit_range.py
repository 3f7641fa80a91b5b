"""Every namespace has default requests and limits for containers, disk included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.example import manifest, of_pool
from policies.manifest_reading import mapping, mappings, name_of, text
from policies.namespaces import namespaces
from policies.rule import Manifest, Rule, Subject

_AMOUNTS = ("cpu", "memory", "ephemeral-storage")


def _together(manifests: Sequence[Manifest], _subject: Subject) -> Iterator[tuple[Manifest, str]]:
    held = {text(one, "metadata", "namespace") for one in manifests if _limits(one)}
    for namespace in namespaces(manifests):
        if name_of(namespace) not in held:
            yield namespace, f"no LimitRange gives its containers {', '.join(_AMOUNTS)} by default"


def _limits(manifest: Manifest) -> bool:
    return manifest.get("kind") == "LimitRange" and any(
        limit.get("type") == "Container"
        and all(mapping(limit, part).keys() >= set(_AMOUNTS) for part in ("default", "defaultRequest"))
        for limit in mappings(manifest, "spec", "limits")
    )


RULE = Rule(
    id="namespace-limit-range",
    severity="error",
    why="A container that says nothing would have no limit.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    together=_together,
    source="NSA/CISA 2022, Network separation and hardening, Resource policies",
)

_NAMESPACE = manifest("v1", "Namespace", "business", "")
_SOME = {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "64Mi"}
_NO_DISK = {"cpu": "100m", "memory": "128Mi"}


def _limit_range(**parts: dict[str, str]) -> Manifest:
    return manifest("v1", "LimitRange", spec={"limits": [{"type": "Container", **parts}]})


PASSING = (of_pool(_NAMESPACE, _limit_range(default=_SOME, defaultRequest=_SOME)),)
FAILING = (
    of_pool(_NAMESPACE),
    of_pool(_NAMESPACE, _limit_range(default=_SOME)),
    of_pool(_NAMESPACE, _limit_range(default=_SOME, defaultRequest=_NO_DISK)),
    of_pool(_NAMESPACE, _limit_range(default=_NO_DISK, defaultRequest=_SOME)),
    of_pool(_NAMESPACE, _limit_range(default={"cpu": "1"}, defaultRequest={"cpu": "1"})),
)
