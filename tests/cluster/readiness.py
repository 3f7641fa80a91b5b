"""What Pulumi's provider waits for after it applied an object, asked of the API server itself.

The same kinds as the provider's own awaiters, and the same way out: the annotation `pulumi.com/skipAwait`.
"""

from __future__ import annotations

from collections.abc import Callable

from api import Api, ApiError, Manifest, wait_until


def wait_ready(api: Api, manifest: Manifest, seconds: float) -> None:
    """Returns when the object is ready. Raises TimeoutError, which says what the cluster says about it."""
    ready = READY.get(manifest["kind"])
    if ready is None or manifest["metadata"].get("annotations", {}).get("pulumi.com/skipAwait") == "true":
        return
    path = api.path(manifest)
    try:
        wait_until("", lambda: ready(api, path), seconds)
    except TimeoutError:
        raise TimeoutError(f"not ready after {seconds:.0f} s: {'; '.join(_reasons(api, path))}") from None


def _deployment(api: Api, path: str) -> bool:
    found = api.get(path)
    status = found.get("status", {})
    wanted = found["spec"]["replicas"]
    pods = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    return status.get("observedGeneration") == found["metadata"]["generation"] and pods == [wanted] * 3


def _claim(api: Api, path: str) -> bool:
    return bool(api.get(path)["status"].get("phase") == "Bound")


def _quota(api: Api, path: str) -> bool:
    found = api.get(path)
    # As text: the provider waits in vain for a quantity that the API server writes in another way.
    return bool(found.get("status", {}).get("hard") == found["spec"]["hard"])


def _service(api: Api, path: str) -> bool:
    if not api.get(path)["spec"].get("selector"):
        return True
    top, _, name = path.replace("/api/v1/", "/apis/discovery.k8s.io/v1/").rpartition("/services/")
    slices = api.items(f"{top}/endpointslices", labelSelector=f"kubernetes.io/service-name={name}")
    return any(one["conditions"].get("ready") for each in slices for one in each["endpoints"] or [])


READY: dict[str, Callable[[Api, str], bool]] = {
    "Deployment": _deployment,
    "PersistentVolumeClaim": _claim,
    "ResourceQuota": _quota,
    "Service": _service,
}


def _reasons(api: Api, path: str) -> list[str]:
    """What the cluster says: the object's own conditions, and for a Deployment those of its pods."""
    try:
        found = api.get(path)
        said = [one for one in found["status"].get("conditions", []) if _bad(one)]
        words = [f"[{one.get('reason', one['type'])}] {one.get('message', '')}" for one in said]
        if found["kind"] == "Deployment":
            words += _pod_reasons(api, path, found["spec"]["selector"]["matchLabels"])
        return words or [f"status {found['status']}"]
    except ApiError as error:
        return [str(error)]


def _bad(condition: Manifest) -> bool:
    return bool(condition["status"] == ("True" if condition["type"].endswith("Failure") else "False"))


def _pod_reasons(api: Api, path: str, labels: dict[str, str]) -> list[str]:
    top = path.replace("/apis/apps/v1/", "/api/v1/").rpartition("/deployments/")[0]
    words = []
    for pod in api.items(f"{top}/pods", labelSelector=",".join(f"{key}={value}" for key, value in labels.items())):
        waiting = [one.get("state", {}).get("waiting") for one in pod["status"].get("containerStatuses", [])]
        said = [one for one in pod["status"].get("conditions", []) if _bad(one)] + [one for one in waiting if one]
        words += [f"pod {pod['metadata']['name']}: [{one.get('reason')}] {one.get('message', '')}" for one in said]
    return words
