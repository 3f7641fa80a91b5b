"""What a cluster holds, as tests compare it."""

from __future__ import annotations

import time
from collections.abc import Iterable

from api import Api, Manifest, wait_until

from components.resources.order import describe

# How long nothing may change before the cluster counts as settled.
QUIET_SECONDS = 2.0


def versions(api: Api, manifests: Iterable[Manifest]) -> dict[str, str]:
    """Object in words → its resourceVersion, which changes with any change of the object, status included."""
    found = {}
    for manifest in manifests:
        metadata = api.get(api.path(manifest))["metadata"]
        # The API server notes anew who owns what of one whose status it wrote: once, and nothing that anybody said.
        noted = manifest["kind"] == "ValidatingAdmissionPolicy"
        found[describe(manifest)] = str(metadata["generation"]) if noted else metadata["resourceVersion"]
    return found


def settled(api: Api, manifests: list[Manifest], seconds: float = 90) -> dict[str, str]:
    """The versions once controllers have stopped to write statuses."""
    last: dict[str, str] = {}
    since = time.monotonic()

    def quiet() -> bool:
        nonlocal last, since
        now = versions(api, manifests)
        if now != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since >= QUIET_SECONDS

    wait_until("the cluster comes to rest", quiet, seconds, pause=0.5)
    return last


def pods_of(api: Api, namespace: str, deployment: str) -> set[str]:
    """UIDs of the Deployment's living pods, by their owners and not by any label."""
    owner = api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}")["metadata"]["uid"]
    sets = api.items(f"/apis/apps/v1/namespaces/{namespace}/replicasets")
    owned = {one["metadata"]["uid"] for one in sets if _owned_by(one, {owner})}
    pods = api.items(f"/api/v1/namespaces/{namespace}/pods")
    return {_uid(pod) for pod in pods if _owned_by(pod, owned) and "deletionTimestamp" not in pod["metadata"]}


def pods_selected(api: Api, namespace: str, labels: str) -> set[str]:
    """UIDs of the living pods that a selector picks."""
    pods = api.items(f"/api/v1/namespaces/{namespace}/pods", labelSelector=labels)
    return {_uid(pod) for pod in pods if "deletionTimestamp" not in pod["metadata"]}


def replica_sets(api: Api, namespace: str) -> dict[str, str]:
    """UID of each ReplicaSet → the Deployment that it belongs to."""
    sets = api.items(f"/apis/apps/v1/namespaces/{namespace}/replicasets")
    return {_uid(one): one["metadata"]["ownerReferences"][0]["name"] for one in sets}


def endpoints(api: Api, namespace: str, service: str) -> set[str]:
    """UIDs of the pods behind a Service that are ready."""
    path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
    slices = api.items(path, labelSelector=f"kubernetes.io/service-name={service}")
    found = [one for each in slices for one in each["endpoints"] or [] if one["conditions"].get("ready")]
    return {one["targetRef"]["uid"] for one in found}


def wipe(api: Api, manifests: Iterable[Manifest]) -> None:
    """Asks for the removal of the objects' namespaces, of the objects that are in none, and of all disks."""
    for path in dict.fromkeys([*_outermost(api, manifests), *_disks(api)]):
        api.delete(path)


def wait_until_gone(api: Api, manifests: Iterable[Manifest]) -> None:
    """Returns when nothing is left of what `wipe` asked to remove."""
    paths = [*dict.fromkeys(_outermost(api, manifests))]
    wait_until("everything is gone", lambda: not _disks(api) and not any(map(api.exists, paths)), 120)


def _outermost(api: Api, manifests: Iterable[Manifest]) -> list[str]:
    return [api.path(one) for one in manifests if "namespace" not in one["metadata"]]


def _disks(api: Api) -> list[str]:
    return [f"/api/v1/persistentvolumes/{one['metadata']['name']}" for one in api.items("/api/v1/persistentvolumes")]


def _uid(one: Manifest) -> str:
    return str(one["metadata"]["uid"])


def _owned_by(one: Manifest, owners: set[str]) -> bool:
    return any(owner["uid"] in owners for owner in one["metadata"].get("ownerReferences", []))
