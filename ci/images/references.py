"""Names of images: `host/repository:tag@sha256:…`, taken apart as docker does."""

from __future__ import annotations

import re
from dataclasses import dataclass

HUB, HUB_API = "docker.io", "registry-1.docker.io"
_HOST = re.compile(r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LOCAL = re.compile(r"(?:localhost|127(?:\.[0-9]+){3}|\[::1\])(?::[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Reference:
    """`host`: with its port. `tag` and `digest` are empty where not given; "latest" stands for neither."""

    host: str
    repository: str
    tag: str
    digest: str

    def __str__(self) -> str:
        tag, digest = self.tag and f":{self.tag}", self.digest and f"@{self.digest}"
        return f"{self.host}/{self.repository}{tag}{digest}"

    @property
    def api(self) -> str:
        """The address of the registry's API. This machine's own registries are asked without TLS, as docker does."""
        host = HUB_API if self.host == HUB else self.host
        return f"{'http' if is_local(self.host) else 'https'}://{host}/v2"


def parse(text: str) -> Reference:
    """Takes a name apart; one without a host is Docker Hub's. ValueError: not a name of an image."""
    name, _, digest = text.partition("@")
    head, slash, rest = name.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost"):
        host, path = head, rest
    else:
        host, path = HUB, name if slash else f"library/{name}"
    path, colon, tag = path.partition(":")
    sound = _HOST.fullmatch(host) and _PATH.fullmatch(path) and (not colon or _TAG.fullmatch(tag))
    if not sound or ("@" in text and not _DIGEST.fullmatch(digest)):
        raise ValueError(f"{text!r} is not the name of an image, such as registry.example.com/team/agent:1.0")
    return Reference(host, path, tag or ("" if digest else "latest"), digest)


def is_local(host: str) -> bool:
    """True for a registry on this machine."""
    return _LOCAL.fullmatch(host) is not None
