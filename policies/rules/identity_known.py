"""An agent is at a cloud who its definition says, and the reader of secrets who the environment's store says."""

from __future__ import annotations

from collections.abc import Iterator

from components.resolve.resolved import Identity
from components.resolve.store_identity import store_identity
from policies.example import manifest, of_agent, of_platform, of_pool
from policies.manifest_reading import at, name_of
from policies.rule import Manifest, Rule, Subject

_ANNOTATIONS = (
    "eks.amazonaws.com/role-arn",
    "iam.gke.io/gcp-service-account",
    "azure.workload.identity/client-id",
)
_READER = "roster-secrets"


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    agent = subject.agent
    if agent is not None:
        named = dict.fromkeys(_ANNOTATIONS, agent.identity.name) if agent.identity else {}
        says = "the definition"
    else:
        named = _of_reader(manifest, subject)
        says = "the environment's secret store"
    for key in _ANNOTATIONS:
        value = at(manifest, "metadata", "annotations", key)
        if value is not None and value != named.get(key):
            yield f"it is {value} at the cloud, which {says} does not say"


def _of_reader(manifest: Manifest, subject: Subject) -> dict[str, str]:
    """What the reader of secrets may be; a pool's and the platform's other accounts are nobody."""
    environment = subject.catalog.environments.get(subject.environment) if subject.catalog else None
    suffix = (environment.namespace_suffix or "") if environment and not subject.pool else ""
    if environment is None or name_of(manifest) != _READER + suffix:
        return {}
    return store_identity(environment.secrets, subject.pool or "platform")


RULE = Rule(
    id="identity-known",
    severity="error",
    why="A ServiceAccount that names another identity has its rights at the cloud.",
    fix="Give the identity in the definition, from the pool's identities.",
    kinds=frozenset({"ServiceAccount"}),
    judge=_judge,
    source="NSA/CISA 2022, Kubernetes Pod security, Protecting Pod service account tokens",
)


def _account(annotations: dict[str, str], name: str = "planner") -> Manifest:
    account = manifest("v1", "ServiceAccount", name)
    account["metadata"]["annotations"] = annotations
    return account


_ROLE = "arn:aws:iam::123456789012:role/planner"
PASSING = (
    of_agent(_account({})),
    of_agent(_account({"roster/x": "y"})),
    of_pool(_account({}, _READER)),
    of_agent(_account({"eks.amazonaws.com/role-arn": _ROLE}), identity=Identity("aws", _ROLE, "", ())),
)
FAILING = (
    of_pool(_account({"eks.amazonaws.com/role-arn": _ROLE}, "default")),
    of_pool(_account({"iam.gke.io/gcp-service-account": "a@b.iam.gserviceaccount.com"}, _READER)),
    of_platform(_account({"eks.amazonaws.com/role-arn": _ROLE}, _READER)),
    of_agent(_account({"eks.amazonaws.com/role-arn": _ROLE}), identity=Identity("aws", _ROLE + "-x", "", ())),
    of_agent(_account({"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/admin"})),
    of_agent(_account({"azure.workload.identity/client-id": "7f9c2ba4-e88f-4ab0-9c3e-1b2d3c4d5e6f"})),
)
