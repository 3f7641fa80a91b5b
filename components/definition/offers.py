"""What agents choose from: providers and their models, channels, plugins, databases, queues."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.definition.addresses import Endpoint
from components.definition.fields import MEANINGS, Closed, Date, EnvName, Host, Name, SecretKey, SecretRef, Semver, Text
from components.definition.runtime import Template

JOB_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_./-]*$"
MEANINGS[JOB_PATTERN] = "the name of a job: letters, digits, '-', '_', '.' and '/', such as agents-postgres-exporter"


class CatalogModel(Closed):
    """A language model."""

    input_per_million: float = Field(description="Price of a million tokens in.", ge=0)
    output_per_million: float = Field(description="Price of a million tokens out.", ge=0)
    max_output_tokens: int = Field(description="The longest answer that it gives.", ge=1)
    temperature: bool = Field(True, description="false when the model takes none.")
    retires: Date | None = Field(None, description="The day from which it answers no more.")


class Provider(Closed):
    """Who serves models."""

    description: Text = Field(description="Who it is.")
    hosts: list[Host] = Field(description="Hosts that agents reach it at.")
    secrets: dict[EnvName, SecretRef] = Field(description="Its keys. Listing them here lets all agents share them.")
    env: dict[EnvName, Template] | None = Field(None, description="Environment variables that go with it.")
    api: Literal["anthropic", "openai"] | None = Field(
        None, description="The API that it speaks, for runtimes of Roster's own; openai for all that are compatible."
    )
    base_url: Annotated[str, Field(pattern=r"^https?://")] | None = Field(
        None, description="Its address, where it is not the API's own.", examples=["https://models.example.com/v1"]
    )
    plugin: str | None = Field(None, description="The elizaOS plugin that speaks to it.")
    plugin_version: Semver | None = Field(None, description="The plugin's version; the runtime's own with none.")
    suspended: bool = Field(False, description="true stops every agent that uses it.")
    pools: list[Name] | None = Field(None, description="Pools whose agents may use it; with none, all.", min_length=1)
    models: dict[str, CatalogModel] = Field(description="Its models.", min_length=1)


class ChannelKind(Closed):
    """A place where agents talk to people."""

    description: Text = Field(description="Which it is.")
    polling: bool = Field(description="true when it serves one consumer only: the agent then has just one pod.")
    hosts: list[Host] = Field(description="Hosts that agents reach it at.")
    proxied: bool = Field(True, description="false when it opens connections that take no HTTP proxy (WebSockets).")
    secrets: dict[EnvName, SecretKey] = Field(description="Its credential: variables, and keys at the channel's path.")
    plugin: str | None = Field(None, description="The elizaOS plugin that speaks to it.")
    plugin_version: Semver | None = Field(None, description="The plugin's version; the runtime's own with none.")
    runtimes: list[Name] = Field(description="Runtimes that can.", min_length=1)
    suspended: bool = Field(False, description="true stops every agent that uses it.")
    pools: list[Name] | None = Field(None, description="Pools whose agents may use it; with none, all.", min_length=1)


class Plugin(Closed):
    """Something that an agent can do besides talking."""

    description: Text = Field(description="What it does.")
    package: str | None = Field(None, description="Its npm package.", examples=["@elizaos/plugin-web-search"])
    version: Semver | None = Field(None, description="The package's version.", examples=["1.7.2"])
    hosts: list[Host] | None = Field(None, description="Hosts that it reaches.")
    secrets: dict[EnvName, SecretRef] | None = Field(None, description="Its keys; listing them lets agents share them.")
    env: dict[EnvName, Template] | None = Field(None, description="Environment variables that go with it.")
    runtimes: list[Name] = Field(description="Runtimes that know it.", min_length=1)
    pools: list[Name] | None = Field(None, description="Pools whose agents may use it; with none, all.", min_length=1)


class Database(Closed):
    """A database that agents may use, by reference."""

    description: Text = Field(description="What it holds.")
    secrets: dict[EnvName, SecretRef] = Field(description="How agents connect. Listing them here lets them share it.")
    endpoint: Endpoint = Field(description="Where it is.")
    pools: list[Name] | None = Field(None, description="Pools whose agents may use it; with none, all.", min_length=1)
    exporter: Literal["postgres", "redis"] | None = Field(
        None, description="What watches it: postgres_exporter or redis_exporter; with none DatabaseDown is not made."
    )
    job: Annotated[str, Field(pattern=JOB_PATTERN, max_length=200)] | None = Field(
        None, description="The exporter's job in Prometheus.", examples=["agents-postgres-exporter"]
    )
    watched_in: list[Name] | None = Field(
        None, description="Environments whose Prometheus scrapes the exporter; all with none.", min_length=1
    )


class QueueSource(Closed):
    """A source of queues that KEDA can measure."""

    description: Text = Field(description="What it is.")
    scaler: Name = Field(description="KEDA's name of the scaler.", examples=["rabbitmq", "redis"])
    metadata: dict[Annotated[str, Field(pattern=r"^[A-Za-z]+$")], Template] = Field(
        description="KEDA's settings; {name} is the queue's name, {length} the messages a pod."
    )
    secrets: dict[EnvName, SecretRef] = Field(description="How agents and KEDA connect.")
    env: dict[EnvName, Template] | None = Field(
        None,
        description="Variables that tell the agent its queue; {name} is the queue's name.",
    )
    authentication: dict[Annotated[str, Field(pattern=r"^[A-Za-z]+$")], EnvName] = Field(
        description="KEDA's authentication parameters, by variable of `secrets`.", examples=[{"host": "RABBITMQ_URL"}]
    )
    endpoint: Endpoint = Field(description="Where it is.")
    pools: list[Name] | None = Field(None, description="Pools whose agents may use it; with none, all.", min_length=1)
