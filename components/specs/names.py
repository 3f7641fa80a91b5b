"""Names and labels. The only module that decides them, so that objects find each other."""

from __future__ import annotations

from typing import Any

from components.definition.catalog import Environment, Pool
from components.resolve.resolved import ResolvedAgent

Manifest = dict[str, Any]

PREFIX = "roster"
AGENT_ROLE = "agent"
CONTAINER = "agent"
SECRET_STORE = "roster"
SECRET_READER = "roster-secrets"
# Kubernetes names the namespace of a namespace in this label of its own.
NAMESPACE_LABEL = "kubernetes.io/metadata.name"
FIELD_MANAGER = "pulumi.com/patchFieldManager"
OWN_LABEL_PREFIXES = ("app.kubernetes.io/", f"{PREFIX}/", "kubernetes.io/", "k8s.io/")


def selector(agent: ResolvedAgent) -> dict[str, str]:
    """Labels that tell the agent's pods from all others of its namespace; they can never change."""
    return {"app.kubernetes.io/name": agent.name}


def labels(agent: ResolvedAgent) -> dict[str, str]:
    """Labels of every object of the agent, and of its pods."""
    return {
        "app.kubernetes.io/name": agent.name,
        "app.kubernetes.io/component": AGENT_ROLE,
        "app.kubernetes.io/part-of": agent.pool,
        "app.kubernetes.io/managed-by": PREFIX,
        f"{PREFIX}/owner": agent.owner,
        f"{PREFIX}/pool": agent.pool,
        f"{PREFIX}/runtime": agent.runtime,
        "role": AGENT_ROLE,
        **agent.labels,
    }


def metadata(agent: ResolvedAgent, **annotations: str) -> Manifest:
    """Metadata of an object of the agent: all of them bear its name."""
    meta: Manifest = {"name": agent.name, "namespace": agent.namespace, "labels": labels(agent)}
    notes = {**annotations, **agent.annotations}
    if notes:
        meta["annotations"] = notes
    return meta


def owned(manifest: Manifest) -> Manifest:
    """The manifest, whose fields the API server is told to be Roster's, whoever applies it.

    Otherwise the provider draws a name for each resource, and an object that a killed run left behind cannot be taken
    up again: its fields belong to a name that nobody knows any more.
    """
    annotations = {**manifest["metadata"].get("annotations", {}), FIELD_MANAGER: PREFIX}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}


def namespace(pool_name: str, pool: Pool, environment: Environment) -> str:
    """The namespace of a pool in an environment."""
    return (pool.namespace or pool_name) + (environment.namespace_suffix or "")


def pool_labels(pool_name: str, owner: str) -> dict[str, str]:
    """Labels of a pool's own objects."""
    return {
        "app.kubernetes.io/component": "pool",
        "app.kubernetes.io/part-of": pool_name,
        "app.kubernetes.io/managed-by": PREFIX,
        f"{PREFIX}/owner": owner,
        f"{PREFIX}/pool": pool_name,
    }


def priority_class(tier: str, suffix: str) -> str:
    """The PriorityClass of a tier; environments that share a cluster have one each."""
    return f"{PREFIX}-{tier}{suffix}"
