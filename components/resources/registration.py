"""Registers manifests as they are: the inputs of a resource are its manifest, key for key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from components.applied import Applied
from components.resources.order import (
    PROTECTED,
    RETAINED,
    Manifest,
    former_names,
    former_tokens,
    logical_name,
    stage_of,
    type_token,
    wait_seconds,
)


class KubernetesObject(pulumi.CustomResource):
    """One object of a cluster."""

    kind: pulumi.Output[str]

    def __init__(self, name: str, manifest: Manifest, opts: pulumi.ResourceOptions) -> None:
        super().__init__(type_token(manifest), name, dict(manifest), opts)


class ManifestSet(pulumi.ComponentResource):
    """Objects that belong together, created in the order of `components.resources.order.STAGES`.

    `record` holds the manifests, and what the next run is to know of this one; it becomes the component's outputs, with
    `namespace` (where the objects are; empty for those of the whole cluster). The output `applied`, `{commit, digest}`,
    is known once every object has been applied, and not before.
    """

    TYPE = ""

    applied: pulumi.Output[dict[str, str]]

    def __init__(
        self, name: str, record: Applied, *, namespace: str = "", opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(self.TYPE, name, None, opts)
        objects = self._register(name, record.manifests)
        # An object that failed leaves its outputs unknown, and so the record: it was not applied.
        done = pulumi.Output.all(*[one.kind for one in objects])
        self.applied = done.apply(lambda _: {"commit": record.commit, "digest": record.digest})
        outputs = record.outputs() | {"namespace": namespace, "objects": len(record.manifests)}
        self.register_outputs({key: _after(done, value) for key, value in outputs.items()})

    def _register(self, name: str, manifests: Sequence[Manifest]) -> list[KubernetesObject]:
        registered: list[tuple[int, KubernetesObject]] = []
        for manifest in sorted(manifests, key=stage_of):
            stage = stage_of(manifest)
            earlier = [other for before, other in registered if before < stage]
            opts = self._options(name, manifest, earlier)
            registered.append((stage, KubernetesObject(logical_name(name, manifest), manifest, opts)))
        return [one for _, one in registered]

    def _options(self, name: str, manifest: Manifest, earlier: list[KubernetesObject]) -> pulumi.ResourceOptions:
        """No delete_before_replace: the provider decides that itself for objects with fixed names."""
        aliases = [pulumi.Alias(name=former) for former in former_names(name, manifest)]
        aliases += [pulumi.Alias(type_=former) for former in former_tokens(manifest)]
        seconds = wait_seconds(manifest)
        wait = None if seconds is None else f"{seconds}s"
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=list(earlier),
            protect=manifest["kind"] in PROTECTED,
            retain_on_delete=manifest["kind"] in RETAINED,
            aliases=list(aliases),
            custom_timeouts=pulumi.CustomTimeouts(create=wait, update=wait) if wait else None,
        )


def _after(done: pulumi.Output[Any], value: Any) -> pulumi.Output[Any]:
    return done.apply(lambda _: value)


class AgentResources(ManifestSet):
    """One agent in one cluster; its name is the agent's."""

    TYPE = "roster:index:Agent"


class PoolResources(ManifestSet):
    """A pool's own objects in one cluster; its name is the pool's."""

    TYPE = "roster:index:Pool"


class PlatformResources(ManifestSet):
    """What a cluster needs once for an environment."""

    TYPE = "roster:index:Platform"
