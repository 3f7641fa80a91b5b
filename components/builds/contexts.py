"""What an image's source stands for: the very files that its hash was made of."""

from __future__ import annotations

import json
from functools import cache

from jinja2 import Environment, StrictUndefined

from components.builds.context import Context
from components.builds.needed import Needed
from components.definition.load_catalog import Catalog
from components.definition.places import NPM_LOCK, SHARED_CONTEXT
from components.definition.tree import Tree
from components.resolve.image import DOCKERFILE, TEMPLATE
from components.resolve.npm_lock import lock_text, missing, package_json, subset
from components.resolve.plugin_needs import needs_text, plugin_needs
from components.resolve.resolved import ImageSource

# Only for people who write a lock anew.
_LEFT_OUT = frozenset({"requirements.in"})


class ContextError(Exception):
    """An image that cannot be built as it is; the message says why and what to do."""


def context_of(image: Needed, tree: Tree, catalog: Catalog) -> Context:
    """The build context of an image that is built. Raises ContextError, and FileProblem for files that went away."""
    source = image.source
    if source is None:
        raise ContextError(f"{image.reference} is a ready image: it is copied and scanned, not built")
    if "@sha256:" not in source.base:
        raise ContextError(
            f"{image.name} cannot be built: its base image {source.base_name} ({source.base or 'none'}) has no digest. "
            f"`roster images pin {source.base_name}` looks it up and records it"
        )
    files = _files(source, tree, catalog)
    return Context(
        name=image.name,
        files=files,
        dockerfile=source.dockerfile or DOCKERFILE,
        build_args=dict(source.args),
        repository=source.repository,
        hash=image.context_hash,
        base=source.base,
        labels=_labels(image, source),
    )


def _files(source: ImageSource, tree: Tree, catalog: Catalog) -> dict[str, bytes]:
    files = _files_of(source.folder, tree)
    if source.dockerfile:
        return files
    files = _files_of(SHARED_CONTEXT, tree) | files
    template = files.pop(TEMPLATE, None)
    if template is None:
        raise ContextError(f"{source.folder} has no {TEMPLATE}")
    text = template.decode("utf-8")
    files[DOCKERFILE] = _template(text).render(base_image=source.base, user=source.user).encode()
    packages = dict(source.packages)
    if packages:
        name = source.folder.rpartition("/")[2]
        lock = catalog.locks.get(name, {"packages": {}})
        lacking = missing(lock, packages)
        if lacking:
            raise ContextError("\n".join(map(str, lacking)))
        files["package.json"] = (json.dumps(package_json(name, packages), indent=2) + "\n").encode()
        files[NPM_LOCK] = lock_text(subset(lock, packages)).encode()
        files["needs.json"] = needs_text(plugin_needs(packages, catalog)).encode()
    return {path: content for path, content in sorted(files.items()) if path not in _LEFT_OUT}


def _files_of(folder: str, tree: Tree) -> dict[str, bytes]:
    return {path[len(folder) + 1 :]: tree.read(path) for path in tree.files(folder).files}


@cache
def _template(text: str):  # type: ignore[no-untyped-def]
    return Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False).from_string(text)  # noqa: S701


def _labels(image: Needed, source: ImageSource) -> dict[str, str]:
    """OCI annotations; the commit is not among them, as the same files make the same image at any commit."""
    base, _, digest = source.base.partition("@")
    return {
        "org.opencontainers.image.title": source.repository.rpartition("/")[2],
        "org.opencontainers.image.revision": image.context_hash,
        "org.opencontainers.image.base.name": base,
        "org.opencontainers.image.base.digest": digest,
    }
