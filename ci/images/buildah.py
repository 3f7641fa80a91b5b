"""Builds with buildah: without a daemon, and the same image each time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from ci.images.builders import BuildFailure, Order, called
from ci.images.index_only import environment, index_only, missing
from ci.images.layout import measured
from ci.images.references import is_local, parse

_NO_BASE = ("", "scratch")


@dataclass(frozen=True, slots=True)
class Buildah:
    """`storage`: a folder of its own for layers, else the user's. `isolation`: "chroot" needs the fewest rights; empty:
    buildah's choice."""

    storage: Path | None = None
    isolation: str = ""

    def run(self, order: Order) -> tuple[str, int]:
        """Builds without credentials; only pulling the base and pushing have them. Raises BuildFailure."""
        name = order.context.name
        if order.cache:
            raise BuildFailure(f"{name}: with buildah a cache in a registry would be open to what builds; set none")
        if order.context.base not in _NO_BASE:
            called(self.pull_command(order), order.trusted, name, f"pulling its base {order.context.base}")
        self._build(order)
        try:
            called(self.push_command(order, f"oci:{order.layout}:image"), order.bare, name, "writing the image")
            digest, size_bytes = measured(order.layout)
            if order.push:
                file = order.folder.parent / "digest"
                command = self.push_command(order, f"docker://{order.context.tag}", file)
                called(command, order.trusted, name, f"pushing it to {order.context.tag}")
                digest = file.read_text().strip()
        finally:
            remove = ["manifest", "rm"] if len(order.platforms) > 1 else ["rmi", "--force"]
            called([*self._start, *remove, self.local(order)], order.bare, name, "clearing up")
        return digest, size_bytes

    def _build(self, order: Order) -> None:
        # One after the other: built together, they stand in the index in the order in which they happened to end.
        for platform in order.platforms or ("",):
            self._build_platform(order, platform)

    def _build_platform(self, order: Order, platform: str) -> None:
        name = order.context.name
        if order.hosts is None:
            called(self.build_command(order, platform), order.bare, name, "the build")
            return
        if lacking := missing():
            raise BuildFailure(f"{name}: a build that reaches only some hosts needs {lacking}")
        with index_only(order.hosts) as wrapped:
            # The namespace has its own "host" network, in which there is the way to the hosts and nothing else.
            command = wrapped(self.build_command(replace(order, network="host"), platform))
            variables = {**order.bare, **environment(), "PYTHONPATH": str(Path(__file__).parents[2])}
            called(command, variables, name, "the build")

    @property
    def _start(self) -> list[str]:
        if self.storage is None:
            return ["buildah"]
        return ["buildah", "--root", str(self.storage / "root"), "--runroot", str(self.storage / "run")]

    def local(self, order: Order) -> str:
        """The image's name among the builder's own."""
        # By the folder, for two builds of one context may go on at a time.
        return f"localhost/roster:{hashlib.sha256(str(order.folder).encode()).hexdigest()[:16]}"

    def pull_command(self, order: Order) -> list[str]:
        """Pulls the base: again where it is a tag, which may have moved."""
        policy = "missing" if "@" in order.context.base else "always"
        platform = ["--platform", order.platforms[0]] if len(order.platforms) == 1 else []
        start = [*self._start, "pull", "--quiet", "--policy", policy]
        return [*start, *_tls(order.context.base), *platform, order.context.base]

    def build_command(self, order: Order, platform: str) -> list[str]:
        """Builds the context, every file and entry of the image's history at the context's own time."""
        context = order.context
        command = [*self._start, "build", "--file", str(order.folder / context.dockerfile)]
        command += ["--format", "oci", "--timestamp", str(context.source_date_epoch), "--identity-label=false"]
        # Layer by layer, so that nodes which have the system and the packages pull only what is new.
        command += ["--layers", "--no-cache"]
        # Never newer than what was pulled with credentials.
        command += ["--pull=false", *_tls(context.base)]
        if self.isolation:
            command += ["--isolation", self.isolation]
        if order.network:
            command += ["--network", order.network]
        if platform:
            command += ["--platform", platform]
        for name, value in sorted(order.build_args.items()):
            command += ["--build-arg", f"{name}={value}"]
        for name, value in sorted(context.labels.items()):
            command += ["--label", f"{name}={value}", "--annotation", f"{name}={value}"]
        for name, file in sorted(order.secrets.items()):
            command += ["--secret", f"id={name},src={file}"]
        named = "--manifest" if len(order.platforms) > 1 else "--tag"
        return [*command, named, self.local(order), str(order.folder)]

    def push_command(self, order: Order, target: str, digest_file: Path | None = None) -> list[str]:
        """Copies what was built to `target`, in the words of containers-transports."""
        verb = ["manifest", "push", "--all"] if len(order.platforms) > 1 else ["push"]
        command = [*self._start, *verb, "--quiet"]
        if target.startswith("docker://"):
            command += _tls(order.context.repository)
        if digest_file:
            command += ["--digestfile", str(digest_file)]
        return [*command, self.local(order), target]


def _tls(reference: str) -> list[str]:
    return ["--tls-verify=false"] if reference not in _NO_BASE and is_local(parse(reference).host) else []
