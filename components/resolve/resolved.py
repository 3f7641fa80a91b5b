"""The resolved agent: every value present. Specs read it and decide nothing that is not decided here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from components.definition.addresses import Endpoint
from components.definition.image_record import ImageRecord
from components.definition.network import Network, ProxyEgress
from components.definition.offers import QueueSource
from components.definition.platform_settings import PlatformSettings
from components.definition.runtime import ConfigFiles, Scratch
from components.definition.secret_stores import SecretSettings


@dataclass(frozen=True, slots=True)
class ImageSource:
    """What an image is built from.

    `folder` in the repository, with the hash `content` of its files; `dockerfile` in it, empty for the template of a
    runtime; `args`: build arguments; `base`: the base image's reference, `base_name` in the catalog; `packages`: npm
    names with versions; `user`: the number it runs as; `repository`: where it is pushed.
    """

    repository: str
    folder: str
    content: str
    dockerfile: str
    args: tuple[tuple[str, str], ...]
    base_name: str
    base: str
    packages: tuple[tuple[str, str], ...]
    user: int


@dataclass(frozen=True, slots=True)
class Image:
    """What runs. `context_hash` is empty and `source` None for a ready image; `record`: what the gate let pass.

    `named`: a ready image as the definition or the catalog names it; empty for one that is built.
    """

    reference: str
    context_hash: str
    source: ImageSource | None = None
    record: ImageRecord | None = None
    named: str = ""

    @property
    def pinned(self) -> bool:
        """Whether the reference is by digest."""
        return "@sha256:" in self.reference

    @property
    def recorded(self) -> bool:
        """Whether a record says that the gate let it pass."""
        return self.record is not None and self.record.scan is not None

    @property
    def barred(self) -> str:
        """Why nobody may begin to run it; empty when the gate let it pass and nothing was found since."""
        if not self.recorded:
            return f"its image {self.reference} has no record of having passed the gate"
        blocked = self.record.blocked if self.record else None
        return f"its image {self.reference} is blocked by {', '.join(blocked)}" if blocked else ""


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """The model that the agent calls. `temperature` is None for a model that takes none."""

    provider: str
    name: str
    max_tokens: int
    temperature: float | None


@dataclass(frozen=True, slots=True)
class ProviderAccess:
    """How a runtime of Roster's own reaches the model: `key` names the secret; prices of a million tokens."""

    api: str
    base_url: str
    key: str
    input_per_million: float
    output_per_million: float


@dataclass(frozen=True, slots=True)
class Prompt:
    """The system prompt."""

    text: str
    version: str
    variables: dict[str, str]


@dataclass(frozen=True, slots=True)
class Secret:
    """A reference: the variable `env` gets the value of `key` at `path`; `source` says who asks for it."""

    env: str
    path: str
    key: str
    source: str

    @property
    def reference(self) -> str:
        """As it is written: path#key."""
        return f"{self.path}#{self.key}"


@dataclass(frozen=True, slots=True)
class Resources:
    """Kubernetes quantities, as written."""

    cpu_request: str
    memory_request: str
    cpu_limit: str
    memory_limit: str


@dataclass(frozen=True, slots=True)
class QueueScaling:
    """Scaling by a queue of the catalog."""

    source: str
    spec: QueueSource
    name: str
    length: int


@dataclass(frozen=True, slots=True)
class Scaling:
    """Pods at the least and at the most; percentages of the requests; 0 means that it plays no part."""

    min: int
    max: int
    cpu: int
    memory: int
    queue: QueueScaling | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Hours in which the agent runs."""

    start: str
    stop: str
    timezone: str


@dataclass(frozen=True, slots=True)
class Volume:
    """A disk of the agent's own."""

    size: str
    path: str
    storage_class: str


@dataclass(frozen=True, slots=True)
class Reached:
    """A host that the agent may reach over HTTPS, and why."""

    host: str
    why: str


@dataclass(frozen=True, slots=True)
class ReachedEndpoint:
    """An address that the agent may reach, and why."""

    endpoint: Endpoint
    why: str


@dataclass(frozen=True, slots=True)
class Exposure:
    """The way in. An empty host keeps the agent inside; `agents` are (namespace, name), an empty name for all there."""

    host: str
    path: str
    gateway: bool
    agents: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the agent is at a cloud: `aws`, `gcp` or `azure`. `hosts`: where it trades tokens.

    `provider` trusts the cluster's tokens, at Google's cloud; empty elsewhere.
    """

    cloud: str
    name: str
    provider: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResolvedAgent:
    """One agent in one environment, with nothing left to decide."""

    name: str
    pool: str
    environment: str
    environment_suffix: str
    namespace: str
    file: str
    description: str
    owner: str
    runtime: str
    tier: str
    image: Image
    model: LanguageModel | None
    provider: ProviderAccess | None
    prompt: Prompt | None
    character: dict[str, Any] | None
    packages: tuple[str, ...]
    polling: tuple[str, ...]
    channels: tuple[str, ...]
    plugins: tuple[str, ...]
    secrets: tuple[Secret, ...]
    secret_settings: SecretSettings
    network: Network
    identity: Identity | None
    env: dict[str, str]
    resources: Resources
    scaling: Scaling
    budget: dict[str, float]
    service: dict[str, Any]
    port: int
    liveness: str
    readiness: str
    startup_seconds: int
    metrics_path: str
    metrics_port: int
    serves: bool
    hosts: tuple[Reached, ...]
    endpoints: tuple[ReachedEndpoint, ...]
    alerts: dict[str, float]
    own_alerts: dict[str, float]
    alert_rules: dict[str, dict[str, Any]]
    own_series: dict[str, list[str]]
    labels: dict[str, str]
    annotations: dict[str, str]
    schedule: Schedule | None
    suspended: str
    restarts: int
    volume: Volume | None
    databases: tuple[str, ...]
    knowledge: dict[str, str]
    exposure: Exposure
    calls: tuple[tuple[str, str], ...]
    user: int
    command: tuple[str, ...]
    args: tuple[str, ...]
    config: ConfigFiles | None
    scratch: tuple[Scratch, ...]
    secret_files: str
    grace_seconds: int
    settings: PlatformSettings

    @property
    def key(self) -> str:
        """`pool/name`."""
        return f"{self.pool}/{self.name}"

    @property
    def single(self) -> bool:
        """Whether two pods at once would harm: a polling channel, or a disk that one pod holds."""
        return bool(self.polling) or self.volume is not None

    @property
    def scaled(self) -> bool:
        """Whether something else than the Deployment decides how many pods run."""
        if self.suspended:
            return False
        return self.scaling.queue is not None or self.schedule is not None or self.scaling.max > self.scaling.min

    @property
    def proxy(self) -> ProxyEgress | None:
        """The proxy that its HTTPS takes; None where the environment has none, and for an agent without hosts."""
        egress = self.network.egress
        return egress if isinstance(egress, ProxyEgress) and self.hosts else None
