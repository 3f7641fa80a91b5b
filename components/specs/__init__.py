"""Pure functions from a resolved agent, or a pool, to manifests. One module a concern."""

from __future__ import annotations

from collections.abc import Callable

from components.definition.load_catalog import Catalog
from components.resolve.resolved import ResolvedAgent
from components.specs import platform, pool
from components.specs.autoscaling import horizontal_pod_autoscaler, scaled_object, trigger_authentication
from components.specs.cilium import cilium_network_policy
from components.specs.config import config_map
from components.specs.deployment import deployment
from components.specs.disruption import pod_disruption_budget
from components.specs.egress_proxy import egress_hosts
from components.specs.identity import service_account
from components.specs.mesh import authorization_policy, peer_authentication
from components.specs.monitoring.rules import own_rules
from components.specs.names import Manifest, owned
from components.specs.network import network_policy
from components.specs.secrets import external_secret
from components.specs.service import http_route, service
from components.specs.storage import persistent_volume_claim

# In the order in which objects are created: what pods need comes before them.
BUILDERS: tuple[Callable[[ResolvedAgent], Manifest | None], ...] = (
    service_account,
    config_map,
    external_secret,
    persistent_volume_claim,
    network_policy,
    cilium_network_policy,
    egress_hosts,
    peer_authentication,
    authorization_policy,
    deployment,
    service,
    http_route,
    horizontal_pod_autoscaler,
    trigger_authentication,
    scaled_object,
    pod_disruption_budget,
    own_rules,
)


def agent_manifests(agent: ResolvedAgent) -> list[Manifest]:
    """Every object of an agent, in the order in which they are created."""
    return [owned(manifest) for build in BUILDERS if (manifest := build(agent)) is not None]


def pool_manifests(name: str, environment: str, catalog: Catalog) -> list[Manifest]:
    """Every object that a pool has of its own in an environment."""
    return [owned(manifest) for manifest in pool.pool_manifests(name, environment, catalog)]


def platform_manifests(environment: str, catalog: Catalog) -> list[Manifest]:
    """What each cluster of an environment needs once."""
    return [owned(manifest) for manifest in platform.platform_manifests(environment, catalog)]


__all__ = ["BUILDERS", "Manifest", "agent_manifests", "platform_manifests", "pool_manifests"]
