"""Where a ready image lies once it is the fleet's own: a copy in the registry, with the same digest."""

from __future__ import annotations

# What a name without a host means, as every client of registries reads it.
_HUB = "docker.io"
_OFFICIAL = f"{_HUB}/library"


def mirrored(reference: str, registry: str) -> str:
    """The repository that a ready image is copied to; one that lies in the registry already stays where it is.

    `docker.io/example/app:1.2.0` → `<registry>/mirror/docker.io/example/app`.
    """
    folder, _, last = reference.partition("@")[0].rpartition("/")
    repository = f"{folder}/{last.partition(':')[0]}".lstrip("/")
    if repository.startswith(f"{registry}/"):
        return repository
    host, slash, _ = repository.partition("/")
    if not slash:
        repository = f"{_OFFICIAL}/{repository}"
    elif "." not in host and ":" not in host and host != "localhost":
        repository = f"{_HUB}/{repository}"
    # Behind the registry's own host, a colon would begin a tag.
    return f"{registry}/mirror/{repository.replace(':', '-')}"
