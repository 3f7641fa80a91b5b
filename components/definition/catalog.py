"""The catalog: what the platform team decides once for all agents. One class a file under `agents/catalog/`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.definition.agent import Settings
from components.definition.cloud_identity import CloudSettings, IdentityName
from components.definition.fields import MEANINGS, AgentName, Bytes, Closed, Cpu, Host, Name, SecretPath, Text
from components.definition.image_record import ImageRecord
from components.definition.network import Network
from components.definition.objectives import Objectives
from components.definition.offers import ChannelKind, Database, Plugin, Provider, QueueSource
from components.definition.rollout import Cluster, Freeze, Rollout
from components.definition.routing import AlertSecret, Channel, Contact, Mail
from components.definition.runtime import Runtime
from components.definition.secret_stores import SecretSettings
from components.definition.vulnerability_exceptions import VulnerabilityException
from components.definition.waiver import Waiver

GROUP_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9@:/._-]*$"
MEANINGS[GROUP_PATTERN] = "the name of a group: letters, digits and @ : / . _ -, such as growth-engineers"
Group = Annotated[str, Field(pattern=GROUP_PATTERN, max_length=200)]


class Environment(Closed):
    """A stage on the way to production. The order in the file is the order of promotion."""

    description: Text = Field(description="What it is for.")
    clusters: dict[Name, Cluster] = Field(description="Its clusters.", min_length=1)
    secrets: SecretSettings = Field(description="Where its secrets lie.")
    namespace_suffix: Annotated[str, Field(pattern=r"^-[a-z0-9-]*[a-z0-9]$")] | None = Field(
        None, description="Put after a pool's namespace when environments share a cluster.", examples=["-dev"]
    )
    suspended: bool = Field(False, description="true stops every agent of it.")
    freeze: Freeze | None = Field(
        None,
        description="Nothing changes but kill switches and rollbacks.",
        examples=[{"reason": "The shop's busiest days.", "until": "2027-01-02T06:00Z"}],
    )
    rollout: Rollout = Field(
        default_factory=lambda: Rollout.model_validate({}),
        description="How a change reaches its agents.",
        examples=[{"waves": [10, 50]}],
    )
    network: Network = Field(
        default_factory=lambda: Network.model_validate({}),
        description="How its clusters hold agents to what they may reach.",
        examples=[{"egress": {"kind": "cilium"}}],
    )
    cloud: CloudSettings = Field(
        default_factory=lambda: CloudSettings.model_validate({}),
        description="What agents with an identity at a cloud need to know of it.",
        examples=[{"aws_region": "eu-west-1"}],
    )
    defaults: Settings | None = Field(None, description="What its agents get with nothing said.")


class Team(Closed):
    """People who answer for agents."""

    description: Text = Field(description="Who they are.")
    email: Mail | None = Field(None, description="Where they read mail.", examples=["growth@example.com"])
    slack: Channel | None = Field(None, description="Their channel.", examples=["#growth-alerts"])
    pagerduty: AlertSecret | None = Field(
        None,
        description="The key that holds the integration key of their service at PagerDuty.",
        examples=["growth/pagerduty#integration-key"],
    )
    manager: Mail | None = Field(
        None,
        description="Who is told of a critical alert that nobody took up.",
        examples=["head-of-growth@example.com"],
    )
    oncall: Contact | None = Field(
        None,
        description="Who is told after the manager: a mail address, or the key of a service at PagerDuty.",
        examples=["growth/pagerduty#oncall"],
    )
    groups: list[Group] | None = Field(
        None,
        description="Their groups at the clusters' identity provider; with none they have no access to clusters.",
        examples=[["growth-engineers"]],
    )
    reviewers: str = Field(
        description="Their handle in code review, for CODEOWNERS.", pattern=r"^@[A-Za-z0-9/_.-]+$", examples=["@acme/g"]
    )


class Quota(Closed):
    """What a pool may use in each environment, all its pods together."""

    cpu: Cpu = Field(description="Requested cores.", examples=["200"])
    memory: Bytes = Field(description="Requested memory.", examples=["400Gi"])
    pods: int = Field(description="Pods.", ge=1, le=3000, examples=[1500])
    storage: Bytes = Field(description="Disk.", examples=["100Gi"])


class Pool(Closed):
    """A folder of agents, and a namespace in each cluster that it runs in."""

    description: Text = Field(description="What its agents do.")
    owner: Name = Field(description="The team that answers for the pool.")
    quota: Quota = Field(description="What it may use.")
    namespace: Name | None = Field(None, description="Its namespace; the pool's name with none.")
    environments: list[Name] | None = Field(None, description="Where it runs; everywhere with none.", min_length=1)
    clusters: dict[Name, list[Name]] | None = Field(
        None, description="For each environment the clusters it runs in; the first one with none."
    )
    shards: dict[Name, Annotated[int, Field(ge=1, le=100)]] | None = Field(
        None, description="For each environment the number of stacks that its agents are spread over; 1 with none."
    )
    access: dict[Name, Literal["view", "operate"]] | None = Field(
        None,
        description="What teams may do in its namespaces: view, or operate, which adds deleting pods. "
        "With none its owner may view.",
        examples=[{"growth": "operate", "platform": "view"}],
    )
    secret_paths: list[SecretPath] | None = Field(
        None,
        description="Paths besides those below the pool's and the owner's name that its agents may name in secrets.",
        examples=[["crm"]],
    )
    identities: list[IdentityName] | None = Field(
        None,
        description="Identities at clouds that its agents may use, each written out; with none, none.",
        examples=[["arn:aws:iam::123456789012:role/lead-scorer"]],
    )
    domains: list[Host] | None = Field(
        None,
        description="Its agents' public host names are these or lie below them, and no other pool's do; with none they "
        "may be any that is no other's.",
        examples=[["plans.example.com"]],
    )
    suspended: bool = Field(False, description="true stops every agent of it.")
    defaults: Settings | None = Field(None, description="What its agents get with nothing said.")


class Tier(Closed):
    """A size of agent."""

    description: Text = Field(description="For which agents.")
    priority: int = Field(description="Which pods make room for which; higher stays.", ge=0, le=1_000_000)
    pools: list[Name] | None = Field(None, description="Pools whose agents may use it; with none, all.", min_length=1)
    defaults: Settings = Field(description="Its resources, and what else comes with it.")
    objectives: Objectives | None = Field(
        None,
        description="What callers of its agents may count on; with none no error budget is kept.",
        examples=[{"availability_percent": 99.5, "latency_seconds": 10, "latency_percent": 95}],
    )


PoolName = AgentName

# The catalog's files: the name of each mapping file, and what its entries are.
MAPPINGS: dict[str, type[Closed]] = {
    "environments": Environment,
    "teams": Team,
    "pools": Pool,
    "tiers": Tier,
    "runtimes": Runtime,
    "providers": Provider,
    "channels": ChannelKind,
    "plugins": Plugin,
    "databases": Database,
    "queues": QueueSource,
}
REQUIRED_MAPPINGS = frozenset({"environments", "teams", "pools", "tiers", "runtimes"})
FOLDERS: dict[str, type[Closed]] = {
    "images": ImageRecord,
    "exceptions": VulnerabilityException,
    "waivers": Waiver,
}
