"""Who an agent is at a cloud, and the hosts where it trades its ServiceAccount's token for the cloud's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from components.definition.catalog import Environment
from components.definition.secret_stores import AwsStore
from components.resolve.resolved import Identity, Reached

# Why an agent reaches the hosts of its identity.
TOKEN_SERVICE = "the cloud's token service"
_GCP_HOSTS = ("iamcredentials.googleapis.com", "sts.googleapis.com")
_AZURE_HOSTS = ("login.microsoftonline.com",)


def identity_of(merged: dict[str, Any], environment: Environment) -> Identity | None:
    """The identity that the merged settings ask for; `identity_rules` found nothing wrong with it."""
    match merged.get("identity"):
        case {"aws_role": role}:
            return Identity("aws", role, "", (_aws_host(role, aws_region(environment)),))
        case {"gcp_service_account": account}:
            return Identity("gcp", account, environment.cloud.gcp_provider or "", _GCP_HOSTS)
        case {"azure_client_id": client}:
            return Identity("azure", client, "", _AZURE_HOSTS)
    return None


def aws_region(environment: Environment) -> str:
    """The region whose token service an environment's agents ask; empty when nothing says it."""
    store = environment.secrets.store
    return environment.cloud.aws_region or (store.region if isinstance(store, AwsStore) else "")


def reaching(hosts: Iterable[Reached], identity: Identity | None) -> tuple[Reached, ...]:
    """The hosts, and those that the identity needs, by name."""
    found = {one.host: one for one in hosts}
    for host in identity.hosts if identity else ():
        found.setdefault(host, Reached(host, TOKEN_SERVICE))
    return tuple(found[host] for host in sorted(found))


def _aws_host(role: str, region: str) -> str:
    china = role.startswith("arn:aws-cn:")
    return f"sts.{region}.amazonaws.com{'.cn' if china else ''}"
