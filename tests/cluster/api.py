"""What the tests ask of an API server: JSON over HTTP, with the answers' errors as they are."""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import yaml

Manifest = dict[str, Any]

# As client-go: an answer that says when to come back is asked again, this often.
RETRIES = 10


class ApiError(Exception):
    """A request that was refused or that nobody answered; `status` is 0 then."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.status = status
        self.reason = reason


class Api:
    """One API server, as one user."""

    def __init__(
        self,
        server: str,
        token: str,
        authority: str,
        timeout_seconds: float = 30,
        impersonate: Sequence[tuple[str, str]] = (),
    ) -> None:
        """`impersonate`: headers by which the token's user acts as somebody else."""
        tls = ssl.create_default_context(cadata=authority) if server.startswith("https:") else False
        self._http = httpx.Client(
            base_url=server,
            headers=[("Authorization", f"Bearer {token}"), *impersonate],
            verify=tls,
            timeout=timeout_seconds,
            trust_env=False,
            limits=httpx.Limits(max_connections=32),
        )
        self._resources: dict[str, dict[str, tuple[str, bool]]] = {}

    @classmethod
    def of_kubeconfig(cls, path: Path, context: str, timeout_seconds: float = 30) -> Api:
        """The API server of a context. Raises LookupError when the kubeconfig has no such context."""
        config = yaml.safe_load(path.read_text("utf-8"))
        named = {
            kind: {one["name"]: one[kind] for one in config[f"{kind}s"]} for kind in ("context", "cluster", "user")
        }
        if context not in named["context"]:
            raise LookupError(f"context {context!r} does not exist in the kubeconfig; there is: {[*named['context']]}")
        chosen = named["context"][context]
        cluster = named["cluster"][chosen["cluster"]]
        authority = base64.b64decode(cluster.get("certificate-authority-data", "")).decode()
        return cls(cluster["server"], named["user"][chosen["user"]]["token"], authority, timeout_seconds)

    def close(self) -> None:
        """Closes all connections."""
        self._http.close()

    def call(self, method: str, path: str, body: Any = None, kind: str = "application/json", **query: str) -> Any:
        """The answer's JSON. Raises ApiError."""
        content = None if body is None else json.dumps(body)
        for again in range(RETRIES + 1):
            try:
                answer = self._http.request(method, path, content=content, params=query, headers={"Content-Type": kind})
            except httpx.TimeoutException as error:
                raise ApiError(0, "Timeout", f"no answer to {method} {path}") from error
            except httpx.TransportError as error:
                raise ApiError(0, "Unreachable", f"{method} {path}: {error}") from error
            if answer.is_success:
                return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text
            wait = answer.headers.get("retry-after", "")
            if not wait.isdigit() or again == RETRIES:
                break
            time.sleep(int(wait))
        raise _refused(answer)

    def get(self, path: str, **query: str) -> Any:
        """An object, or a list of them."""
        return self.call("GET", path, **query)

    def items(self, path: str, **query: str) -> list[Manifest]:
        """The objects of a list."""
        found: list[Manifest] = self.get(path, **query)["items"]
        return found

    def exists(self, path: str) -> bool:
        """Whether the object is there."""
        try:
            self.get(path)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def create(self, manifest: Manifest) -> Manifest:
        """Creates an object, unknown fields refused."""
        path = self.path(manifest).rpartition("/")[0]
        created: Manifest = self.call("POST", path, manifest, fieldValidation="Strict")
        return created

    def apply(self, manifest: Manifest, manager: str) -> Manifest:
        """Server-side apply, not forced, unknown fields refused."""
        kind = "application/apply-patch+yaml"
        path = self.path(manifest)
        applied: Manifest = self.call("PATCH", path, manifest, kind, fieldManager=manager, fieldValidation="Strict")
        return applied

    def merge(self, path: str, patch: Manifest, manager: str = "somebody") -> Manifest:
        """A merge patch, as `kubectl patch` or an operator makes it."""
        merged: Manifest = self.call("PATCH", path, patch, "application/merge-patch+json", fieldManager=manager)
        return merged

    def delete(self, path: str) -> None:
        """Asks for an object's removal; an absent one is fine."""
        try:
            self.call("DELETE", path, propagationPolicy="Background")
        except ApiError as error:
            if error.status != 404:
                raise

    def path(self, manifest: Manifest) -> str:
        """Where the object is, or would be."""
        version, kind, meta = manifest["apiVersion"], manifest["kind"], manifest["metadata"]
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if kind not in self._resources.get(version, {}):
            listed = self.get(base)["resources"]
            plain = {one["kind"]: (one["name"], one["namespaced"]) for one in listed if "/" not in one["name"]}
            self._resources[version] = plain
            if kind not in plain:
                raise ApiError(404, "NotFound", f"no kind {kind} in {version}")
        plural, namespaced = self._resources[version][kind]
        place = f"/namespaces/{meta['namespace']}" if namespaced else ""
        return f"{base}{place}/{plural}/{meta.get('name', '')}"


def wait_until(what: str, ready: Callable[[], Any], seconds: float = 60, pause: float = 0.2) -> Any:
    """The first true value of `ready`; an API server that is away counts as not ready. Raises TimeoutError."""
    end = time.monotonic() + seconds
    last: object = ""
    while time.monotonic() < end:
        try:
            found = ready()
        except ApiError as error:
            last = error
        else:
            if found:
                return found
            last = ""
        time.sleep(pause)
    raise TimeoutError(f"not within {seconds:.0f} s: {what} {last}")


def _refused(answer: httpx.Response) -> ApiError:
    try:
        status = answer.json()
        return ApiError(answer.status_code, status.get("reason", answer.reason_phrase), status["message"])
    except (ValueError, KeyError, TypeError):
        return ApiError(answer.status_code, answer.reason_phrase, answer.text[:500])
