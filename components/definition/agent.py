"""The definition: one agent's YAML, as written. Every field is documented here, for people and for editors."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from components.definition.cloud_identity import CloudIdentity
from components.definition.fields import (
    AgentRef,
    AnyPort,
    Bytes,
    CallerRef,
    Closed,
    Cpu,
    Cron,
    EnvName,
    EnvValue,
    FilePath,
    Host,
    ImageRef,
    LabelKey,
    LabelValue,
    MountPath,
    Name,
    Percent,
    Port,
    SecretPath,
    SecretRef,
    Semver,
    Text,
    UrlPath,
)
from components.definition.own_alert import AlertName, MetricName, OwnAlert
from components.definition.service import Service

VERSION = 1


def _f(description: str, *examples: Any, **limits: Any) -> Any:
    return Field(None, description=description, examples=list(examples) or None, **limits)


class Model(Closed):
    """The language model that the agent calls."""

    provider: Name | None = _f("A provider of the catalog; with none, the one that offers the model.", "anthropic")
    name: str | None = _f("A model that the provider offers in the catalog.", "claude-sonnet-4-5", max_length=100)
    max_tokens: int | None = _f("The longest answer, in tokens.", 4096, ge=1, le=1_000_000)
    temperature: float | None = _f("0 for the same answer each time, up to 2 for variety.", 0.7, ge=0, le=2)


class Prompt(Closed):
    """The system prompt, written here or in a file beside the definition."""

    text: str | None = _f("The prompt itself.", "You write business plans.", min_length=1)
    file: FilePath | None = _f("A file, relative to the definition.", "business-plan-agent-009.prompt.md")
    version: Semver | None = _f("The prompt's own version.", "1.2.0")
    variables: dict[Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$")], str] | None = _f(
        "Values for the prompt's {{ placeholders }}.", {"tone": "friendly"}
    )


class Character(Closed):
    """The character of an Eliza agent, written here or in a `.character.json` file beside the definition."""

    file: FilePath | None = _f("An elizaOS character file, relative to the definition.", "herald.character.json")
    inline: dict[str, Any] | None = _f("The character itself, in elizaOS's own keys.", {"name": "Ada", "bio": "…"})


class Channel(Closed):
    """A place where the agent talks to people."""

    secret: SecretPath | None = _f(
        "Where its credential lies in the secret store; with none, pool/agent/channel.", "community/herald-telegram"
    )
    env: dict[EnvName, EnvValue] | None = _f("The channel's own settings.", {"TWITTER_DRY_RUN": "false"})


class ResourceAmounts(Closed):
    """CPU and memory."""

    cpu: Cpu | None = _f("Cores, or thousandths of one with m.", "250m", "1.5")
    memory: Bytes | None = _f("Bytes, with Ki, Mi or Gi.", "256Mi")


class Resources(Closed):
    """What each pod asks for and may use at most."""

    requests: ResourceAmounts | None = _f("Reserved for the pod; this is what it costs.")
    limits: ResourceAmounts | None = _f("The most that the pod may use.")


class Queue(Closed):
    """Scaling by the length of a queue (KEDA)."""

    source: Name = Field(description="A queue of the catalog.", examples=["tasks"])
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:/-]+$", max_length=200)] = Field(
        description="The queue's name at the source.", examples=["research-jobs"]
    )
    length: int = Field(description="Messages for each pod.", examples=[20], ge=1, le=1_000_000)


class Scaling(Closed):
    """How many pods run."""

    min: int | None = _f("Pods at the least. 0 needs a queue or a schedule.", 2, ge=0, le=500)
    max: int | None = _f("Pods at the most; equal to min for a fixed number.", 10, ge=1, le=500)
    cpu: int | None = _f("Add pods above this percentage of the CPU request.", 70, ge=1, le=100)
    memory: int | None = _f("Add pods above this percentage of the memory request.", 80, ge=1, le=100)
    queue: Queue | None = _f("Scale by a queue's length instead of CPU and memory.")


class Probes(Closed):
    """HTTP paths that tell how the agent is; the runtime's own with none."""

    liveness: UrlPath | None = _f("Restarted when this fails.", "/health")
    readiness: UrlPath | None = _f("Gets no traffic while this fails.", "/health")
    startup_seconds: int | None = _f("How long it may take to start.", 120, ge=5, le=1800)


class Metrics(Closed):
    """Where Prometheus reads the agent's metrics; the runtime's own with none."""

    path: UrlPath | None = _f("HTTP path of the metrics.", "/metrics")
    port: AnyPort | None = _f("Port of the metrics; with none, the agent's own.", 9090)
    series: dict[MetricName, list[MetricName]] | None = _f(
        "Series that it exposes besides its runtime's, with their labels; its own alerts may read them.",
        {"refund_seconds": ["kind"]},
    )


class Alerts(Closed):
    """When the owner is told. What differs from the pool's becomes a rule of the agent's own."""

    down_minutes: int | None = _f("AgentDown after so many minutes without an answer.", 2, ge=1, le=1440)
    error_rate_percent: Percent | None = _f("HighErrorRate above this share of failed requests.", 5)
    failed_executions_percent: Percent | None = _f(
        "FailedExecutions above this share of failed tasks, of those that came in properly.", 5
    )
    p95_seconds: float | None = _f("HighResponseTime above this 95th percentile.", 10, gt=0, le=3600)
    cpu_percent: Percent | None = _f("HighCPUUsage above this share of the limit.", 80)
    memory_percent: Percent | None = _f("HighMemoryUsage above this share of the limit.", 85)
    queue_depth: int | None = _f("QueueDepth above this number of waiting tasks.", 1000, ge=1)
    restarts_per_hour: int | None = _f("FrequentRestarts above this number of restarts, all pods together.", 3, ge=1)
    at_maximum_minutes: int | None = _f(
        "HPAAtMaximum after so many minutes in which it wants more pods than it may.", 15, ge=1, le=1440
    )
    volume_percent: Percent | None = _f("VolumeNearFull above this share of its own disk.", 85)
    budget_percent: Percent | None = _f("BudgetNearEnd from this share of the day's budget.", 90)
    cost_times: float | None = _f(
        "CostAnomaly above so many times what it cost at this time of the days before.", 3, gt=1, le=1000
    )
    cost_floor_per_hour: float | None = _f("No CostAnomaly up to this cost, in the catalog's currency.", 1, ge=0)
    safety_findings_per_hour: int | None = _f("SafetyFindings above this number of findings.", 50, ge=1)
    rate_limited_per_minute: int | None = _f("RateLimitHits above this number of refused requests.", 60, ge=1)
    unauthorized_per_minute: int | None = _f(
        "UnauthorizedBurst above this number of requests without a valid key.", 30, ge=1
    )


class Schedule(Closed):
    """Hours in which the agent runs; outside of them it has no pods (KEDA's cron scaler)."""

    start: Cron = Field(description="When it starts.", examples=["0 8 * * 1-5"])
    stop: Cron = Field(description="When it stops.", examples=["0 18 * * 1-5"])
    timezone: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9_+-]*(/[A-Z][A-Za-z0-9_+-]*)*$")] = Field(
        description="An IANA time zone.", examples=["Europe/Berlin"]
    )


class Volume(Closed):
    """A disk of the agent's own, kept over restarts. One pod at a time can hold it."""

    size: Bytes = Field(description="How much.", examples=["5Gi"])
    path: MountPath = Field(description="Where the agent finds it.", examples=["/data"])
    storage_class: Name | None = _f("The cluster's storage class; its default with none.", "fast-ssd")


class Storage(Closed):
    """What the agent keeps. With nothing said: nothing."""

    volume: Volume | None = _f("A disk of its own.")
    databases: list[Name] | None = _f("Databases of the catalog that it may use.", ["agents-postgres"])


class Exposure(Closed):
    """The way in, from outside the pool."""

    host: Host | None = _f("A public host name at the gateway; none keeps the agent inside.", "plans.example.com")
    path: UrlPath | None = _f("Only requests below this path.", "/")
    callers: list[CallerRef] | None = _f(
        "Who may call: gateway, an agent as pool/agent, or a whole pool as pool/*.", ["gateway", "sales/*"]
    )


class Build(Closed):
    """An image of the agent's own, built from a folder beside the definition."""

    context: FilePath = Field(description="The folder, relative to the definition.", examples=["lead-scorer"])
    dockerfile: FilePath | None = _f("The Dockerfile in it.", "Dockerfile")


class Budget(Closed):
    """What the agent may spend on its model in a day."""

    tokens_per_day: int | None = _f("Tokens in and out.", 2_000_000, ge=1)
    cost_per_day: float | None = _f("In the catalog's currency.", 25, gt=0)


class Settings(Closed):
    """What a runtime, a tier, a pool, an environment and an agent may each say; the later one wins, field by field."""

    model: Model | None = _f("The language model that the agent calls.")
    prompt: Prompt | None = _f("The system prompt.")
    character: Character | None = _f("The character of an Eliza agent.")
    plugins: list[str] | None = _f("Plugins of the catalog, such as elizaOS plugins.", ["web-search"])
    channels: dict[Name, Channel | None] | None = _f("Where the agent talks to people.", {"discord": {}})
    secrets: dict[EnvName, SecretRef] | None = _f(
        "Environment variables that come from the secret store, as path#key.", {"CRM_API_KEY": "sales/crm#api-key"}
    )
    env: dict[EnvName, EnvValue] | None = _f("Environment variables, as text.", {"LOG_LEVEL": "INFO"})
    tier: Name | None = _f("A tier of the catalog: its resources and its priority.", "small")
    resources: Resources | None = _f("Resources that differ from the tier's.")
    scaling: Scaling | None = _f("How many pods run.", {"min": 2, "max": 10, "cpu": 70})
    budget: Budget | None = _f("What the agent may spend on its model in a day.")
    service: Service | None = _f(
        "Settings of the service that the runtime runs: callers, limits, safety.", {"safety": {"pii": "mask"}}
    )
    port: Port | None = _f("The port that the agent listens on.", 8080)
    probes: Probes | None = _f("Health checks that differ from the runtime's.")
    metrics: Metrics | None = _f("Metrics that lie elsewhere than the runtime's.")
    hosts: list[Host] | None = _f(
        "Hosts that the agent may reach over HTTPS, besides those of its model, channels and plugins.",
        ["api.example.com"],
    )
    identity: CloudIdentity | None = _f(
        "Who the agent is at a cloud; the catalog says which identities its pool may use.",
        {"aws_role": "arn:aws:iam::123456789012:role/lead-scorer"},
    )
    alerts: Alerts | None = _f("Alert thresholds that differ from the pool's.", {"p95_seconds": 20})
    alert_rules: dict[AlertName, OwnAlert] | None = _f(
        "Alerts of the agent's own, on what it measures.",
        {"RefundsSlow": {"expression": "rate(refund_seconds_sum[5m]) > 3", "summary": "Refunds are slow."}},
    )
    labels: dict[LabelKey, LabelValue] | None = _f("More labels on every object.", {"example.com/product": "plans"})
    annotations: dict[LabelKey, Annotated[str, Field(max_length=4096)]] | None = _f("More annotations on every object.")
    schedule: Schedule | None = _f("Hours in which the agent runs.")
    suspended: bool | None = _f("true stops the agent: no pods, no traffic. The definition stays.", True)
    restarts: int | None = _f("Raise it to restart the pods.", 1, ge=0)
    storage: Storage | None = _f("What the agent keeps.")
    knowledge: list[FilePath] | None = _f("Text files that the agent knows, relative to the definition.", ["faq.md"])
    exposure: Exposure | None = _f("The way in, from outside the pool.")
    calls: list[AgentRef] | None = _f(
        "Agents that this one calls, as pool/agent; they must list it among their callers.", ["support/triage"]
    )
    image: ImageRef | None = _f("A ready image instead of the runtime's, by digest.")
    build: Build | None = _f("An image of the agent's own instead of the runtime's.")


class Definition(Settings):
    """An agent. The file's name is the agent's name, the folder's name its pool."""

    version: Literal[1] = Field(description="The format of this file.", examples=[1])
    description: Text = Field(description="What the agent is for, in a sentence.", examples=["Writes business plans."])
    owner: Name = Field(description="The team of the catalog that answers for it.", examples=["growth"])
    runtime: Name = Field(description="How it runs: a runtime of the catalog.", examples=["fastapi"])
    environments: list[Name] | None = _f(
        "The environments that it runs in; with none, all of its pool's.", ["dev", "prod"], min_length=1
    )
    overrides: dict[Name, Settings] | None = _f("What differs in an environment.", {"prod": {"scaling": {"min": 4}}})
