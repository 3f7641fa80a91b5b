"""Which image an agent runs: a ready one, or the one that the hash of what it is built from names."""

from __future__ import annotations

import hashlib
import json
import posixpath
from typing import Any

from components.definition.image_record import ImageRecord
from components.definition.load_agent import LoadedAgent
from components.definition.load_catalog import Catalog
from components.definition.mirrored import mirrored
from components.definition.places import CONTEXTS, beside
from components.definition.runtime import Runtime
from components.resolve.eliza import RUNNERS
from components.resolve.npm_lock import lock_text, missing, subset
from components.resolve.plugin_needs import needs_text, plugin_needs
from components.resolve.resolved import Image, ImageSource

# What an own build has by itself when its definition names no Dockerfile.
DOCKERFILE = "Dockerfile"
# What a runtime of Roster's own has instead, rendered for each base image.
TEMPLATE = f"{DOCKERFILE}.j2"


def image_of(
    merged: dict[str, Any], runtime: Runtime, packages: tuple[str, ...], agent: LoadedAgent, catalog: Catalog
) -> Image:
    """The agent's own image, else its own build, else the runtime's image or build; by digest where one is recorded."""
    if "image" in merged:
        return _ready(merged["image"], catalog)
    registry = catalog.settings.registry
    if "build" in merged:
        folder = beside(agent.file, merged["build"]["context"]) or ""
        content = agent.contexts.get(folder, "")
        dockerfile = posixpath.normpath(merged["build"].get("dockerfile") or DOCKERFILE)
        repository = f"{registry}/{agent.pool}/{agent.name}"
        # What the runtime's own image has of plugins is none of this one's.
        packages = ()
    elif runtime.image:
        return _ready(runtime.image, catalog)
    else:
        name = runtime.build or ""
        if runtime.eliza:
            packages = tuple(sorted({*packages, *RUNNERS}))
        folder, dockerfile, repository = f"{CONTEXTS}/{name}", "", f"{registry}/{name}"
        content = _content(name, {one: _version(one, runtime, catalog) for one in packages}, catalog)
    source = ImageSource(
        repository=repository,
        folder=folder,
        content=content,
        dockerfile=dockerfile,
        args=tuple(sorted((runtime.build_args or {}).items())),
        base_name=runtime.base_image or "",
        base=base_image(runtime.base_image or "", catalog),
        packages=tuple((name, _version(name, runtime, catalog)) for name in packages),
        user=runtime.user,
    )
    digest = _hash(source)
    record = _signed(catalog.records.get((repository, digest)), catalog)
    return Image(f"{repository}@{record.digest}" if record else f"{repository}:{digest[:16]}", digest, source, record)


def base_image(name: str, catalog: Catalog) -> str:
    """A base image's reference, by digest when the catalog or a record says one; empty when there is no such entry."""
    entry = catalog.settings.base_images.get(name)
    return pinned(entry.image, catalog.pins.get(entry.image)) if entry else ""


def pinned(reference: str, record: ImageRecord | None) -> str:
    """A reference by the digest that its record says, or as it is."""
    if record is None or "@" in reference:
        return reference
    return f"{repository_of(reference)}@{record.digest}"


def repository_of(reference: str) -> str:
    """A reference without its tag and digest."""
    folder, _, name = reference.partition("@")[0].rpartition("/")
    return f"{folder}/{name.partition(':')[0]}".lstrip("/")


def _ready(reference: str, catalog: Catalog) -> Image:
    """A ready image, or its copy in the registry once that is recorded: a tag then stands for one digest for good."""
    record = _signed(catalog.records.get((reference, "")), catalog)
    copy = mirrored(reference, catalog.settings.registry)
    # A copy in another registry, or of another digest than is asked for, is not this one.
    if record is None or record.repository != copy or reference.partition("@")[2] not in ("", record.digest):
        return Image(pinned(reference, catalog.pins.get(reference)), "", named=reference)
    return Image(f"{copy}@{record.digest}", "", None, record, reference)


def _signed(record: ImageRecord | None, catalog: Catalog) -> ImageRecord | None:
    """The record, unless it lacks the signature that clusters ask for."""
    wanted = catalog.settings.images.signing is not None
    return None if record and wanted and record.signature is None else record


def _content(build: str, packages: dict[str, str], catalog: Catalog) -> str:
    """Hash of a runtime's build context with just those npm packages."""
    key = (build, *packages.items())
    known = catalog.image_contents.get(key)
    if known is None:
        parts = [catalog.contexts[build]]
        lock = catalog.locks.get(build)
        # What the lock does not have is said of the catalog (`catalog_rules`), not of each agent.
        if lock and not missing(lock, packages):
            parts += [lock_text(subset(lock, packages)), needs_text(plugin_needs(packages, catalog))]
        known = hashlib.sha256("\0".join(parts).encode()).hexdigest() if len(parts) > 1 else parts[0]
        catalog.image_contents[key] = known
    return known


def _hash(source: ImageSource) -> str:
    """SHA-256 over everything that makes the image; where it is pushed does not."""
    parts = {
        "context": source.content,
        "dockerfile": source.dockerfile,
        "args": dict(source.args),
        "base": source.base,
        "packages": [f"{name}@{version}" for name, version in source.packages],
        "user": source.user,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _version(package: str, runtime: Runtime, catalog: Catalog) -> str:
    """The version that the catalog pins for an npm package; the elizaOS version when it pins none."""
    for entry in catalog.entries["plugins"].values():
        if entry.package == package and entry.version:
            return str(entry.version)
    for kind in ("providers", "channels"):
        for entry in catalog.entries[kind].values():
            if entry.plugin == package and entry.plugin_version:
                return str(entry.plugin_version)
    return (runtime.build_args or {}).get("ELIZA_VERSION", "")
