"""Builds with BuildKit through `docker buildx`: layers cached in the registry, several platforms at a time."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

from ci.images.builders import BuildFailure, Order, called
from ci.images.layout import measured


@dataclass(frozen=True, slots=True)
class Buildx:
    """`instance`: the name of a builder of `docker buildx create`; empty: the chosen one. A cache in a registry and OCI
    output want one of the driver docker-container, BuildKit 0.13 or newer."""

    instance: str = ""

    def run(self, order: Order) -> tuple[str, int]:
        """Builds into an OCI folder and, when told, pushes in the same go. Raises BuildFailure."""
        if order.hosts is not None:
            raise BuildFailure(
                f"{order.context.name}: BuildKit cannot be held to some hosts; use buildah for this build"
            )
        context, archive = order.context, order.folder.parent / "image.tar"
        metadata = order.folder.parent / "metadata.json"
        command = self.command(order, archive, metadata)
        # BuildKit runs the context's commands in containers of its own: they do not see this process's environment.
        variables = {**order.trusted, "SOURCE_DATE_EPOCH": str(context.source_date_epoch)}
        called(command, variables, context.name, "the build")
        order.layout.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as tar:
            tar.extractall(order.layout, filter="data")
        digest, size_bytes = measured(order.layout)
        said = str(json.loads(metadata.read_bytes()).get("containerimage.digest", digest))
        if said != digest:
            raise BuildFailure(f"{context.name}: docker buildx says {said}, and what it wrote is {digest}")
        return digest, size_bytes

    def command(self, order: Order, archive: Path, metadata: Path) -> list[str]:
        """The command line. No provenance or SBOM of BuildKit's own: they hold times; Roster attaches its own."""
        context = order.context
        command = ["docker", "buildx", "build", "--file", str(order.folder / context.dockerfile), "--progress", "plain"]
        command += ["--provenance=false", "--sbom=false", "--pull", "--metadata-file", str(metadata)]
        if self.instance:
            command += ["--builder", self.instance]
        if order.network:
            command += ["--network", order.network]
        if order.platforms:
            command += ["--platform", ",".join(order.platforms)]
        arguments = order.build_args | {"SOURCE_DATE_EPOCH": str(context.source_date_epoch)}
        for name, value in sorted(arguments.items()):
            command += ["--build-arg", f"{name}={value}"]
        for name, value in sorted(context.labels.items()):
            command += ["--label", f"{name}={value}"]
        for name, file in sorted(order.secrets.items()):
            command += ["--secret", f"id={name},src={file}"]
        if order.cache:
            command += ["--cache-from", f"type=registry,ref={order.cache}:{context.name}"]
        if order.cache and order.push:
            written = f"type=registry,ref={order.cache}:{context.name},mode=max,image-manifest=true,oci-mediatypes=true"
            command += ["--cache-to", written]
        alike = "oci-mediatypes=true,rewrite-timestamp=true"
        command += ["--output", f"type=oci,dest={archive},{alike}"]
        if order.push:
            command += ["--output", f"type=image,name={context.tag},push=true,{alike}"]
        return [*command, str(order.folder)]
