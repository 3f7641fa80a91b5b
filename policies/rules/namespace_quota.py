"""Every namespace has a quota: what the catalog gives the pool, a count of objects, and no way in but the gateway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from policies.example import manifest, of_pool
from policies.manifest_reading import at, mapping, name_of, text
from policies.namespaces import namespaces
from policies.rule import Manifest, Rule, Subject
from policies.syntax import quantity

_NONE = ("services.loadbalancers", "services.nodeports")
_COUNTED = ("configmaps", "persistentvolumeclaims", "secrets", "services")
_GIVEN = ("pods", "requests.cpu", "requests.memory", "requests.storage")
_HARD = frozenset({*_NONE, *_COUNTED, *_GIVEN})


def _together(manifests: Sequence[Manifest], subject: Subject) -> Iterator[tuple[Manifest, str]]:
    most = _most(subject)
    held: dict[str, set[str]] = {}
    for one in manifests:
        if one.get("kind") != "ResourceQuota" or at(one, "spec", "scopes") or at(one, "spec", "scopeSelector"):
            continue
        hard = mapping(one, "spec", "hard")
        held.setdefault(text(one, "metadata", "namespace"), set()).update(hard)
        for name in sorted(hard.keys() & most.keys()):
            amount, bound = quantity(hard[name]), quantity(most[name])
            if amount is None or (bound is not None and amount > bound):
                yield one, f"it allows {hard[name]} of {name}, and the pool has {most[name]}"
    for namespace in namespaces(manifests):
        missing = sorted(_HARD - held.get(name_of(namespace), set()))
        if missing:
            yield namespace, f"no ResourceQuota limits its {', '.join(missing)}"


def _most(subject: Subject) -> dict[str, Any]:
    most: dict[str, Any] = dict.fromkeys(_NONE, "0")
    pool = subject.catalog.pools.get(subject.pool) if subject.catalog else None
    if pool:
        quota = pool.quota
        most |= dict(zip(_GIVEN, (str(quota.pods), quota.cpu, quota.memory, quota.storage), strict=True))
    return most


RULE = Rule(
    id="namespace-quota",
    severity="error",
    why="Without one a pool takes the cluster from the others, or opens a way in beside the gateway.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    together=_together,
    source="NSA/CISA 2022, Network separation and hardening, Resource policies",
)

_NAMESPACE = manifest("v1", "Namespace", "business", "")
_AMOUNTS = ("90", "9", "9Gi", "9Gi")
_FULL = {**dict.fromkeys(_NONE, "0"), **dict.fromkeys(_COUNTED, "5k"), **dict(zip(_GIVEN, _AMOUNTS, strict=True))}


def _quota(change: dict[str, str], *without: str) -> Manifest:
    hard = {name: value for name, value in {**_FULL, **change}.items() if name not in without}
    return manifest("v1", "ResourceQuota", spec={"hard": hard})


PASSING = (
    of_pool(_NAMESPACE, _quota({})),
    of_pool(_NAMESPACE, _quota({"requests.cpu": "500m"})),
)
FAILING = (
    of_pool(_NAMESPACE),
    *(of_pool(_NAMESPACE, _quota({}, name)) for name in sorted(_HARD)),
    of_pool(_NAMESPACE, _quota({"services.nodeports": "1"})),
    of_pool(_NAMESPACE, _quota({"services.loadbalancers": "many"})),
    of_pool(_NAMESPACE, _quota({"requests.memory": "10Gi"})),
)
