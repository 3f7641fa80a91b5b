"""What people ask about an agent, as plain values: for lists, plans, and rules that look at the whole fleet."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from components.resolve.quantities import GIB, byte_count, cores
from components.resolve.resolved import ResolvedAgent


@dataclass(frozen=True, slots=True)
class Facts:
    """One agent in one environment. Costs are a month's, in the catalog's currency; CPU in cores, memory in bytes."""

    pool: str
    name: str
    environment: str
    namespace: str
    file: str
    owner: str
    runtime: str
    tier: str
    provider: str
    model: str
    channels: tuple[str, ...]
    plugins: tuple[str, ...]
    hosts: tuple[str, ...]
    secrets: tuple[str, ...]
    bot_credentials: tuple[str, ...]
    databases: tuple[str, ...]
    image: str
    context_hash: str
    barred: str
    pods_min: int
    pods_max: int
    cpu_request: float
    memory_request: int
    storage: int
    cost_min: float
    cost_max: float
    suspended: str
    route: str
    callers: tuple[tuple[str, str], ...]
    calls: tuple[tuple[str, str], ...]
    serves: bool
    description: str

    @property
    def key(self) -> str:
        """`pool/name`."""
        return f"{self.pool}/{self.name}"

    def as_json(self) -> dict[str, Any]:
        """A plain dict, lists for tuples."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def facts(agent: ResolvedAgent) -> Facts:
    """The facts of a resolved agent."""
    low, high = _pods(agent)
    cpu, memory = cores(agent.resources.cpu_request), byte_count(agent.resources.memory_request)
    if agent.network.mesh:
        cpu += cores(agent.network.mesh.sidecar.cpu)
        memory += byte_count(agent.network.mesh.sidecar.memory)
    storage = byte_count(agent.volume.size) if agent.volume else 0
    prices = agent.settings.prices
    pod = cpu * prices.cpu_core_month + memory / GIB * prices.memory_gib_month
    disk = storage / GIB * prices.storage_gib_month
    return Facts(
        pool=agent.pool,
        name=agent.name,
        environment=agent.environment,
        namespace=agent.namespace,
        file=agent.file,
        owner=agent.owner,
        runtime=agent.runtime,
        tier=agent.tier,
        provider=agent.model.provider if agent.model else "",
        model=agent.model.name if agent.model else "",
        channels=agent.channels,
        plugins=agent.plugins,
        hosts=tuple(reached.host for reached in agent.hosts),
        secrets=tuple(f"{secret.env}={secret.reference}" for secret in agent.secrets),
        bot_credentials=tuple(one.reference for one in agent.secrets if one.source.startswith("channel ")),
        databases=agent.databases,
        image=agent.image.reference,
        context_hash=agent.image.context_hash,
        barred=agent.image.barred,
        pods_min=low,
        pods_max=high,
        cpu_request=cpu,
        memory_request=memory,
        storage=storage,
        cost_min=round(low * pod + disk, 2),
        cost_max=round(high * pod + disk, 2),
        suspended=agent.suspended,
        route=f"{agent.exposure.host}{agent.exposure.path}" if agent.exposure.host else "",
        callers=agent.exposure.agents,
        calls=agent.calls,
        serves=agent.serves,
        description=agent.description,
    )


def _pods(agent: ResolvedAgent) -> tuple[int, int]:
    if agent.suspended:
        return 0, 0
    return (0 if agent.schedule else agent.scaling.min), max(agent.scaling.min, agent.scaling.max)
