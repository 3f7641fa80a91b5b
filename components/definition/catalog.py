"""The catalog: what the platform team decides once for all agents. One class a file under `agents/catalog/`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from components.definition.agent import Alerts, Probes, Settings
from components.definition.fields import (
    MEANINGS,
    AgentName,
    AnyPort,
    Bytes,
    Closed,
    Cpu,
    Date,
    Digest,
    EnvName,
    Host,
    ImageRef,
    LabelKey,
    LabelValue,
    Moment,
    MountPath,
    Name,
    Percent,
    Port,
    SecretKey,
    SecretPath,
    SecretRef,
    Semver,
    Text,
    UrlPath,
)
from components.definition.image_settings import ImageSettings
from components.definition.monitoring import MonitoringSettings
from components.definition.objectives import Objectives
from components.definition.own_alert import MetricName
from components.definition.routing import AlertSecret, Channel, Contact, Mail
from components.definition.vulnerability_exceptions import VulnerabilityException, real_day

Template = Annotated[str, Field(max_length=1000)]
JOB_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_./-]*$"
MEANINGS[JOB_PATTERN] = "the name of a job: letters, digits, '-', '_', '.' and '/', such as agents-postgres-exporter"


class Endpoint(Closed):
    """Something in or near the cluster that pods reach by address: pods of a namespace, or a range of addresses."""

    port: AnyPort = Field(description="TCP port.", examples=[5432])
    namespace: Name | None = Field(None, description="The namespace of its pods.", examples=["data"])
    labels: dict[LabelKey, LabelValue] | None = Field(None, description="Labels of its pods.")
    cidr: str | None = Field(
        None,
        description="Or its range of addresses.",
        examples=["10.20.0.0/16"],
        pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/(3[0-2]|[12]?[0-9])$",
    )


class Prices(Closed):
    """What resources cost; estimates in `plan` and `list` come from here."""

    currency: str = Field(description="Shown behind amounts.", examples=["USD"], pattern=r"^[A-Z]{3}$")
    cpu_core_month: float = Field(description="One reserved core for a month.", examples=[24.0], ge=0)
    memory_gib_month: float = Field(description="One reserved GiB of memory for a month.", examples=[3.2], ge=0)
    storage_gib_month: float = Field(description="One GiB of disk for a month.", examples=[0.1], ge=0)


class Peer(Closed):
    """Pods that may reach agents."""

    namespace: Name = Field(description="Their namespace.", examples=["gateway"])
    labels: dict[LabelKey, LabelValue] = Field(description="Their labels.", examples=[{"role": "api-gateway"}])


class Gateway(Peer):
    """The gateway that exposed agents are reached through."""

    name: Name = Field(description="The Gateway object that HTTPRoutes attach to.", examples=["public"])


class BaseImage(Closed):
    """What images are built upon."""

    image: ImageRef = Field(
        description="By digest, or by a tag whose digest `images/` records.",
        examples=["docker.io/library/python:3.11-slim"],
    )
    end_of_life: Date | None = Field(None, description="The day from which its makers mend it no more.")


class PlatformSettings(Closed):
    """`settings.yaml`: what holds for all."""

    version: Literal[1] = Field(description="The format of the catalog.")
    registry: ImageRef = Field(description="Where Roster's own images are pushed.", examples=["registry.example.com/a"])
    base_images: dict[Name, BaseImage] = Field(
        description="What images are built upon.", examples=[{"python": {"image": "python:3.11-slim"}}]
    )
    images: ImageSettings = Field(
        default_factory=lambda: ImageSettings.model_validate({}), description="How images are built, judged and signed."
    )
    prices: Prices = Field(description="What resources cost.")
    gateway: Gateway = Field(description="The gateway that exposed agents are reached through.")
    scraper: Peer = Field(description="The Prometheus that scrapes agents.")
    dns: Peer = Field(description="The cluster's DNS.")
    runbooks: str = Field(
        description="Where runbooks are read; {alert} stands for the alert's name.",
        examples=["https://git.example.com/roster/docs/runbooks/{alert}.md"],
        pattern=r"^https://.*\{alert\}.*$",
    )
    alerts: Alerts = Field(description="Alert thresholds of every pool; an agent may differ.")
    monitoring: MonitoringSettings = Field(
        default_factory=lambda: MonitoringSettings.model_validate({}),
        description="Where alerts, dashboards and logs go.",
    )


class VaultStore(Closed):
    """HashiCorp Vault, by Kubernetes authentication."""

    kind: Literal["vault"]
    server: str = Field(description="Its address.", pattern=r"^https://", examples=["https://vault.example.com"])
    mount: Name = Field(description="The KV version 2 mount.", examples=["agents"])
    auth_mount: Name = Field(description="The mount of Kubernetes authentication.", examples=["kubernetes"])
    role: Name = Field(description="Vault's role; a pool's store asks as role-pool.", examples=["roster"])


class AwsStore(Closed):
    """AWS Secrets Manager, by the service account's role."""

    kind: Literal["aws"]
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")] = Field(description="Region.")


class GcpStore(Closed):
    """Google Secret Manager, by workload identity."""

    kind: Literal["gcp"]
    project: Name = Field(description="Project.")


class AzureStore(Closed):
    """Azure Key Vault, by workload identity."""

    kind: Literal["azure"]
    vault_url: str = Field(description="The vault's address.", pattern=r"^https://")


class KubernetesStore(Closed):
    """Secrets of another namespace of the same cluster; for development."""

    kind: Literal["kubernetes"]
    namespace: Name = Field(description="The namespace that holds the secrets.", examples=["dev-secrets"])


# Stores whose names have no folders: a path's slashes become two hyphens there.
FLAT_STORES = (KubernetesStore, GcpStore, AzureStore)
FLAT_SEPARATOR = "--"


class SecretSettings(Closed):
    """Where an environment's secrets lie."""

    store: VaultStore | AwsStore | GcpStore | AzureStore | KubernetesStore = Field(
        description="The secret store.", discriminator="kind"
    )
    prefix: SecretPath | None = Field(
        None, description="Put before every path, so that environments do not share credentials.", examples=["prod"]
    )
    refresh_hours: int = Field(description="How often values are read again.", ge=1, le=168, examples=[1])


class Cluster(Closed):
    """A Kubernetes cluster of an environment."""

    context: str = Field(
        description="The kubeconfig context that stacks of this cluster use.",
        examples=["prod-eu"],
        min_length=1,
        max_length=200,
    )
    uid: Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")] | None = Field(
        None,
        description="The UID of its namespace kube-system; a context that leads to another cluster is then refused.",
        examples=["7f9c2ba4-e88f-4ab0-9c3e-1b2d3c4d5e6f"],
    )


class Gate(Closed):
    """What the agents of a wave must show before the next one begins."""

    prometheus: str | None = Field(
        None,
        description="A Prometheus to ask for firing alerts and success ratios; with none the cluster alone is asked.",
        pattern=r"^https?://",
        examples=["https://prometheus.example.com"],
    )
    looks: int = Field(
        3, description="How often a wave is looked at; each look must be good.", ge=1, le=20, examples=[3]
    )
    seconds_between: int = Field(20, description="Seconds from one look to the next.", ge=0, le=600, examples=[20])
    success_percent: Percent = Field(
        95.0, description="The least share of requests that succeed, where any come in.", examples=[95.0]
    )


class Rollout(Closed):
    """How a change reaches the agents of an environment."""

    waves: list[Annotated[int, Field(ge=1, le=100)]] = Field(
        [5, 25],
        description="After each wave this percentage of the agents that change is done; the last wave is the rest.",
        examples=[[5, 25]],
    )
    gate: Gate = Field(
        default_factory=lambda: Gate.model_validate({}),
        description="What a wave must show before the next one begins.",
        examples=[{"looks": 3}],
    )
    reviewed_only: bool = Field(
        False,
        description="true refuses every object that no recorded plan of a reviewed commit explains.",
        examples=[True],
    )


class Freeze(Closed):
    """A time in which nothing changes but kill switches and rollbacks."""

    reason: Text = Field(description="Why; whoever is held up reads it.")
    until: Moment = Field(description="When it ends, in UTC.", examples=["2027-01-02T06:00Z"])


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
    suspended: bool = Field(False, description="true stops every agent of it.")
    defaults: Settings | None = Field(None, description="What its agents get with nothing said.")


class Tier(Closed):
    """A size of agent."""

    description: Text = Field(description="For which agents.")
    priority: int = Field(description="Which pods make room for which; higher stays.", ge=0, le=1_000_000)
    defaults: Settings = Field(description="Its resources, and what else comes with it.")
    objectives: Objectives | None = Field(
        None,
        description="What callers of its agents may count on; with none no error budget is kept.",
        examples=[{"availability_percent": 99.5, "latency_seconds": 10, "latency_percent": 95}],
    )


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
    defaults: Settings | None = Field(None, description="What its agents get with nothing said.")


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
    models: dict[str, CatalogModel] = Field(description="Its models.", min_length=1)


class ChannelKind(Closed):
    """A place where agents talk to people."""

    description: Text = Field(description="Which it is.")
    polling: bool = Field(description="true when it serves one consumer only: the agent then has just one pod.")
    hosts: list[Host] = Field(description="Hosts that agents reach it at.")
    secrets: dict[EnvName, SecretKey] = Field(description="Its credential: variables, and keys at the channel's path.")
    plugin: str | None = Field(None, description="The elizaOS plugin that speaks to it.")
    plugin_version: Semver | None = Field(None, description="The plugin's version; the runtime's own with none.")
    runtimes: list[Name] = Field(description="Runtimes that can.", min_length=1)
    suspended: bool = Field(False, description="true stops every agent that uses it.")


class Plugin(Closed):
    """Something that an agent can do besides talking."""

    description: Text = Field(description="What it does.")
    package: str | None = Field(None, description="Its npm package.", examples=["@elizaos/plugin-web-search"])
    version: Semver | None = Field(None, description="The package's version.", examples=["1.7.2"])
    hosts: list[Host] | None = Field(None, description="Hosts that it reaches.")
    secrets: dict[EnvName, SecretRef] | None = Field(None, description="Its keys; listing them lets agents share them.")
    env: dict[EnvName, Template] | None = Field(None, description="Environment variables that go with it.")
    runtimes: list[Name] = Field(description="Runtimes that know it.", min_length=1)


class Database(Closed):
    """A database that agents may use, by reference."""

    description: Text = Field(description="What it holds.")
    secrets: dict[EnvName, SecretRef] = Field(description="How agents connect. Listing them here lets them share it.")
    endpoint: Endpoint = Field(description="Where it is.")
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


Day = Annotated[Date, AfterValidator(real_day)]
EXCEPTION_PATTERN = r"^agents/catalog/exceptions/\S+\.yaml$"
MEANINGS[EXCEPTION_PATTERN] = "an exception's file, such as agents/catalog/exceptions/openssl.yaml"


class ExceptedFinding(Closed):
    """A finding at the gate's level that an exception let pass."""

    vulnerability: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="Its CVE id, or the one that was reported.", examples=["CVE-2026-12345"]
    )
    package: Annotated[str, Field(min_length=1, max_length=300)] = Field(
        description="The package.", examples=["openssl"]
    )
    version: Annotated[str, Field(min_length=1, max_length=300)] = Field(
        description="Its version in the image.", examples=["3.0.11-1~deb12u2"]
    )
    exception: Annotated[str, Field(pattern=EXCEPTION_PATTERN)] = Field(
        description="The exception's file.", examples=["agents/catalog/exceptions/openssl.yaml"]
    )
    findings: int = Field(description="How often the package is in the image.", ge=1, examples=[1])


class Scan(Closed):
    """What a scanner said of an image: findings by severity."""

    scanner: Annotated[str, Field(min_length=2, max_length=100)] = Field(
        description="Which.", examples=["trivy 0.70.0"]
    )
    database: Day = Field(description="The day of its database.")
    critical: int = Field(description="Findings.", ge=0)
    high: int = Field(description="Findings.", ge=0)
    medium: int = Field(description="Findings.", ge=0)
    low: int = Field(description="Findings, those of no known severity among them.", ge=0)
    excepted: Annotated[list[ExceptedFinding], Field(min_length=1)] | None = Field(
        None,
        description="Those that would have stopped it, and the exceptions by which they did not.",
        examples=[
            [
                {
                    "vulnerability": "CVE-2026-12345",
                    "package": "openssl",
                    "version": "3.0.11-1~deb12u2",
                    "exception": "agents/catalog/exceptions/openssl.yaml",
                    "findings": 1,
                }
            ]
        ],
    )


class ImageRecord(Closed):
    """`images/<name>.yaml`: the digest of an image that was built, or of a ready image's tag when it was looked up."""

    image: ImageRef = Field(
        description="The repository of an image that was built; a ready image as the catalog or an agent names it.",
        examples=["registry.example.com/roster/fastapi", "docker.io/example/app:1.2.0"],
    )
    context_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        None, description="Hash of what it is built from; none for a ready image."
    )
    digest: Digest = Field(description="What was pushed, or what the tag stood for.")
    repository: ImageRef | None = Field(
        None,
        description="Where the copy of a ready image lies.",
        examples=["registry.example.com/a/mirror/docker.io/app"],
    )
    base: Name | None = Field(None, description="The base image that it was built upon.", examples=["python"])
    runtimes: list[Name] | None = Field(
        None, description="The runtimes that it is the image of.", examples=[["fastapi"]]
    )
    size_bytes: int | None = Field(None, description="How much is pulled.", ge=1)
    built: Day | None = Field(None, description="The day on which it was built, or the tag looked up.")
    scan: Scan | None = Field(None, description="What the gate let pass.")
    sbom: Digest | None = Field(
        None, description="Its software bill of materials, attached to the image; of several platforms the first's."
    )
    signature: Digest | None = Field(None, description="Its signature, attached to the image.")
    blocked: Annotated[list[Annotated[str, Field(max_length=200)]], Field(min_length=1)] | None = Field(
        None,
        description="Findings since then: who does not run the image yet does not get it.",
        examples=[["CVE-2026-1"]],
    )


class Waiver(Closed):
    """`waivers/<name>.yaml`: a policy that someone answers for not keeping, for a while."""

    rule: Name = Field(description="The policy's id.", examples=["image-pinned"])
    scope: Annotated[list[str], Field(min_length=1)] = Field(
        description="Agents as pool/name, a pool as pool/*, a runtime as runtime:NAME, or an image as image:REFERENCE.",
        examples=[["image:docker.io/intelgraph/agent-platform:1.0.0"]],
    )
    reason: Annotated[str, Field(min_length=10, max_length=1000)] = Field(description="Why.")
    owner: Name = Field(description="The team that answers for it.")
    expires: Date = Field(description="The day from which it no longer holds.")


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
