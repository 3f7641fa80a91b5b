"""The images of the runtimes, built from this repository's own templates on a base made here."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import harness
import jinja2
import small_fleet
from local_registry import LocalRegistry

from ci.images import buildah, builders
from ci.images.buildah import Buildah
from ci.images.builders import Built, build
from ci.images.fleet_images import fleet_images
from ci.images.index_only import PACKAGE_INDEXES
from components.builds import materialise
from components.builds.context import Context
from components.builds.contexts import context_of
from components.definition.tree import MemoryTree
from components.fleet import Fleet

TOP = Path(__file__).parents[2]
USER = 10001
PROGRAMS = ("buildah", "skopeo", "mmdebstrap", "docker-registry")


@dataclass(frozen=True, slots=True)
class Proven:
    """Two builds of one context, and the OCI folder of the first."""

    first: Built
    second: Built
    layout: Path


def rendered(runtime: str, base: str) -> str:
    """A runtime's Dockerfile."""
    template = (TOP / f"components/images/{runtime}/Dockerfile.j2").read_text()
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    return environment.from_string(template).render(base_image=base, user=USER)


@cache
def repository_state() -> MemoryTree:
    """A fleet of one agent a runtime, with this repository's own build contexts as they are now."""
    tree = small_fleet.tree({"business/one.yaml": small_fleet.MINIMAL, "community/two.yaml": small_fleet.CHARACTER})
    folder = TOP / "components/images"
    paths = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return MemoryTree(tree.contents | {path.relative_to(TOP).as_posix(): path.read_bytes() for path in paths})


def context(runtime: str, base: str, repository: str) -> Context:
    """What the runtime's image is built from, with another base."""
    tree = repository_state()
    fleet = Fleet.open(tree)
    image, source = next(
        (one, one.source)
        for one in fleet_images(fleet).images
        if one.source and one.source.folder == f"components/images/{runtime}"
    )
    built = context_of(replace(image, source=replace(source, base=base, repository=repository)), tree, fleet.catalog)
    # Here the base's name holds the port of a registry that lives as long as a test.
    return replace(built, labels={**built.labels, "org.opencontainers.image.base.name": "base"})


def proven(runtime: str, kind: str) -> Proven:
    """The runtime's image, built twice: kept in the cache folder under everything that decides what comes out.

    Once two builds of the same inputs were compared there is nothing new to learn from two more; ROSTER_REBUILD=1 makes
    them all the same.
    """
    layout = harness.base_image(kind)
    key = _key(runtime, layout)
    folder = harness.CACHE / "built" / f"{runtime}-{key}"
    with harness.locked(harness.CACHE / "built" / f"{runtime}.lock"):
        if os.environ.get("ROSTER_REBUILD"):
            shutil.rmtree(folder, ignore_errors=True)
        if not folder.is_dir():
            for old in folder.parent.glob(f"{runtime}-*"):
                shutil.rmtree(old)
            with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
                _prove(runtime, layout, Path(temporary) / "new")
                (Path(temporary) / "new").rename(folder)
    first, second = (Built(**one) for one in json.loads((folder / "built.json").read_text()))
    return Proven(first, second, folder / "layout")


def _prove(runtime: str, base: Path, folder: Path) -> None:
    folder.mkdir()
    made = []
    # The second may reach the package indexes only. Where they are behind a proxy of the machine's, it cannot.
    hosts = None if os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy") else PACKAGE_INDEXES
    for layout, mask, reached in ((folder / "layout", 0o022, None), (folder / "again", 0o077, hosts)):
        # Registry, storage, folder, time and umask all differ.
        with built_from(base) as (host, reference, builder):
            before = os.umask(mask)
            try:
                one = context(runtime, reference, f"{host}/roster/{runtime}")
                options = {"layout": layout, "secrets": harness.certificates(), "network": "host", "hosts": reached}
                made.append(build(one, builder, True, **options))
            finally:
                os.umask(before)
    shutil.rmtree(folder / "again")
    shown = [{"digest": one.digest, "size_bytes": one.size_bytes, "seconds": one.seconds} for one in made]
    (folder / "built.json").write_text(json.dumps(shown))


@contextmanager
def built_from(base: Path) -> Iterator[tuple[str, str, Buildah]]:
    """A new registry's address, the base's reference in it, and a builder with storage of its own."""
    with tempfile.TemporaryDirectory(prefix="roster-images-") as temporary:
        folder = Path(temporary)
        registry = LocalRegistry(folder)
        try:
            reference = harness.put(base, f"{registry.host}/base:1")
            yield registry.host, reference, Buildah(folder / "storage", "chroot")
        finally:
            registry.stop()
            storage = ["--root", folder / "storage/root", "--runroot", folder / "storage/run"]
            subprocess.run(["buildah", *storage, "rmi", "--all", "--force"], capture_output=True, check=False)


def _key(runtime: str, base: Path) -> str:
    version = subprocess.run(["buildah", "--version"], capture_output=True, text=True, check=True).stdout
    sources = [Path(str(module.__file__)).read_bytes() for module in (buildah, builders, materialise)]
    one = context(runtime, f"base@sha256:{'0' * 64}", "roster")
    digest = hashlib.sha256(version.encode() + (base / "index.json").read_bytes() + b"".join(sources))
    digest.update(json.dumps([dict(one.build_args), dict(one.labels), one.dockerfile], sort_keys=True).encode())
    for name, content in sorted(one.files.items()):
        digest.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]
