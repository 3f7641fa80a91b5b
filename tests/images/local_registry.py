"""A registry of this machine's own (Debian's docker-registry), and small images in it that are made from nothing."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import httpx

# Programs that end with the tests are the cluster tests' subject too.
sys.path.append(str(Path(__file__).parents[1] / "cluster"))

from processes import Service

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
SETTINGS = """\
version: 0.1
log: {{accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:0"}}
"""


class LocalRegistry:
    """Runs until `stop`; `host` is its address."""

    def __init__(self, folder: Path) -> None:
        settings = folder / "registry.yml"
        settings.write_text(SETTINGS.format(folder=folder), "utf-8")
        self._service = Service(folder, ["docker-registry", "serve", settings])
        self._service.start()
        self.host = f"127.0.0.1:{self._port()}"
        self._http = httpx.Client(base_url=f"http://{self.host}/v2/", trust_env=False, timeout=20)

    def stop(self) -> None:
        """Kills it."""
        self._http.close()
        self._service.kill()

    def push(self, repository: str, content: str, tag: str = "1") -> str:
        """An image whose one file says `content`; returns `host/repository@digest`."""
        raw = _tar(content.encode())
        layer = gzip.compress(raw, mtime=0)
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [_digest(raw)]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.blob(repository, _json(config), "application/vnd.oci.image.config.v1+json"),
            "layers": [self.blob(repository, layer, "application/vnd.oci.image.layer.v1.tar+gzip")],
        }
        return f"{self.host}/{repository}@{self.put(repository, manifest, tag)}"

    def blob(self, repository: str, content: bytes, media_type: str) -> dict[str, Any]:
        """Uploads it; returns its descriptor."""
        begun = self._http.post(f"{repository}/blobs/uploads/")
        place = httpx.URL(begun.headers["location"]).copy_merge_params({"digest": _digest(content)})
        self._http.put(place, content=content).raise_for_status()
        return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}

    def put(self, repository: str, manifest: dict[str, Any], tag: str = "") -> str:
        """Uploads a manifest or index, under a tag or its digest alone; returns the digest."""
        content = _json(manifest)
        path = f"{repository}/manifests/{tag or _digest(content)}"
        headers = {"content-type": manifest["mediaType"]}
        self._http.put(path, content=content, headers=headers).raise_for_status()
        return _digest(content)

    def manifest(self, repository: str, name: str) -> dict[str, Any]:
        """A manifest or index."""
        answer = self._http.get(f"{repository}/manifests/{name}", headers={"accept": f"{MANIFEST}, {INDEX}"})
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def read(self, repository: str, digest: str) -> bytes:
        """A blob."""
        return self._http.get(f"{repository}/blobs/{digest}", follow_redirects=True).raise_for_status().content

    def _port(self) -> str:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            found = re.search(r"listening on 127\.0\.0\.1:(\d+)", self._service.log.read_text("utf-8"))
            if found:
                return found[1]
            time.sleep(0.05)
        self._service.kill()
        raise TimeoutError(self._service.last_words())


def _tar(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("content")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
