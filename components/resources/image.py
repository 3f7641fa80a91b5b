"""An image and the gate after it: built and pushed by BuildKit, its digest given on only when the gate let it pass."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import pulumi
import pulumi_command as command
import pulumi_docker_build as docker_build

from components.builds.context import Context


class BuiltImage(pulumi.ComponentResource):
    """An image, built from the context in `folder` and pushed; a preview builds and pushes nothing.

    `folder` is relative to the program's, as it becomes part of the state, which machines share.

    Its output `digest` is that of the manifest, or of the index where there are several `platforms`. `cache`: a
    repository for layers; empty for none. An image that is recorded leaves the stack and stays in the registry.
    """

    digest: pulumi.Output[str]

    def __init__(
        self,
        context: Context,
        folder: str,
        platforms: Sequence[str] = (),
        cache: str = "",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("roster:index:Image", context.name, None, opts)
        arguments = {"BASE_IMAGE": context.base, **context.build_args}
        arguments["SOURCE_DATE_EPOCH"] = str(context.source_date_epoch)
        # The same as `roster images build` gives BuildKit: the same files are the same digest either way.
        alike = "oci-mediatypes=true,rewrite-timestamp=true"
        layers = f"type=registry,ref={cache}:{context.name}"
        image = docker_build.Image(
            context.name,
            context=docker_build.BuildContextArgs(location=folder),
            dockerfile=docker_build.DockerfileArgs(location=f"{folder}/{context.dockerfile}"),
            build_args=arguments,
            labels=dict(context.labels),
            platforms=[docker_build.Platform(one) for one in platforms] or None,
            exports=[docker_build.ExportArgs(raw=f"type=image,name={context.tag},push=true,{alike}")],
            # The export pushes; `pull` would build it again in each run, and the base is by digest.
            push=False,
            pull=False,
            build_on_preview=False,
            cache_from=[docker_build.CacheFromArgs(raw=layers)] if cache else None,
            cache_to=[docker_build.CacheToArgs(raw=f"{layers},mode=max,image-manifest=true")] if cache else None,
            # Deleting the resource would delete the image from the registry, under the agents that run it.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        self.digest = image.digest
        self.register_outputs({"digest": self.digest})


class ScanGate(pulumi.ComponentResource):
    """The gate after an image: `passed` is the image's digest, and unknown when the gate is closed.

    `program` is what judges: it gets the image's name and its reference by digest, ends with anything but 0 when the
    gate is closed, and prints the digest when it is open; `top` is where it runs. A closed gate fails its own image and
    no other resource.
    """

    passed: pulumi.Output[str]

    def __init__(
        self,
        context: Context,
        digest: pulumi.Input[str],
        program: Sequence[str],
        top: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("roster:index:ScanGate", context.name, None, opts)
        reference = pulumi.Output.concat(context.repository, "@", digest)
        gate = command.local.Command(
            context.name,
            create=pulumi.Output.concat(shlex.join([*program, context.name]), " ", reference),
            dir=top,
            # Another image is judged anew, and a judgement is not undone.
            triggers=[reference],
            logging=command.local.Logging.STDERR,
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        self.passed = gate.stdout.apply(str.strip)
        self.register_outputs({"passed": self.passed})
