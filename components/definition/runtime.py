"""How an agent runs: an image, how it is told what to be, and how it tells how it is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.definition.agent import Probes, Settings
from components.definition.fields import (
    Bytes,
    Closed,
    Date,
    EnvName,
    Host,
    ImageRef,
    MountPath,
    Name,
    Port,
    SecretKey,
    SecretRef,
    Text,
    UrlPath,
)
from components.definition.own_alert import MetricName

Template = Annotated[str, Field(max_length=1000)]


class BaseImage(Closed):
    """What images are built upon."""

    image: ImageRef = Field(
        description="By digest, or by a tag whose digest `images/` records.",
        examples=["docker.io/library/python:3.11-slim"],
    )
    end_of_life: Date | None = Field(None, description="The day from which its makers mend it no more.")


class ConfigFiles(Closed):
    """Files that the agent reads, mounted from its ConfigMap."""

    mount: MountPath = Field(description="The folder.", examples=["/etc/agent"])
    settings: SecretKey | None = Field(None, description="File with the model, limits and identity, as JSON.")
    prompt: SecretKey | None = Field(None, description="File with the prompt.")
    character: SecretKey | None = Field(None, description="File with the Eliza character, as JSON.")


class Scratch(Closed):
    """A writable folder that does not outlive the pod."""

    path: MountPath = Field(description="The folder.", examples=["/tmp"])
    size: Bytes = Field(description="The most that it may hold.", examples=["64Mi"])


class Runtime(Closed):
    """How an agent runs: an image, how it is told what to be, and how it tells how it is."""

    description: Text = Field(description="For which agents.")
    image: ImageRef | None = Field(None, description="A ready image, by digest.")
    build: Name | None = Field(None, description="Or a build context of Roster, components/images/NAME.")
    build_args: dict[EnvName, str] | None = Field(None, description="Arguments of the build, such as versions.")
    base_image: Name | None = Field(None, description="The base image of the build, from settings.yaml.")
    eliza: bool = Field(False, description="true for elizaOS: agents have a character and plugins.")
    user: int = Field(10001, description="The user's number in the image; never 0.", ge=1, le=4_294_967_294)
    command: list[str] | None = Field(None, description="Instead of the image's own command.")
    args: list[Template] | None = Field(None, description="Arguments; {name}, {port} and the like are filled in.")
    env: dict[EnvName, Template] | None = Field(
        None, description="Environment variables; {name}, {port}, {model.name} and the like are filled in."
    )
    secrets: dict[EnvName, SecretRef] | None = Field(None, description="Secrets that every agent of it needs.")
    config: ConfigFiles | None = Field(None, description="Files that the agent reads.")
    service: bool = Field(False, description="true when its settings file takes `service`: callers, limits, safety.")
    secret_files: MountPath | None = Field(
        None,
        description="Folder in which secrets are files, read again when they change; with none they are variables.",
    )
    scratch: list[Scratch] | None = Field(None, description="Writable folders; the rest is read-only.")
    serves: bool = Field(True, description="false for agents that nobody calls: no Service, no traffic in.")
    metrics_path: UrlPath | None = Field(None, description="Where its metrics are; with none it exposes none.")
    series: dict[MetricName, list[MetricName]] | None = Field(
        None, description="The series that it exposes, with their labels; agents' own alerts may read them."
    )
    grace_seconds: int = Field(30, description="How long it may take to stop.", ge=5, le=600)
    port: Port = Field(description="The port that it listens on.")
    probes: Probes = Field(description="Its health checks.")
    hosts: list[Host] | None = Field(None, description="Hosts that every agent of it reaches.")
    needs_model: bool = Field(True, description="false when agents of it call no model by themselves.")
    pools: list[Name] | None = Field(None, description="Pools whose agents may use it; with none, all.", min_length=1)
    defaults: Settings | None = Field(None, description="What its agents get with nothing said.")
