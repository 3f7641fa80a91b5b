"""The objects that carry Alertmanager's configuration, and the secrets that it needs."""

from __future__ import annotations

from components.definition.load_catalog import Catalog
from components.definition.routing import Routing
from components.manifest_yaml import dump
from components.specs.monitoring.messages import templates_file
from components.specs.monitoring.operator_form import API_KEY, operator_spec
from components.specs.monitoring.receivers import SLACK_KEY, SMTP_KEY, is_reference, oncall_key, pagerduty_key
from components.specs.monitoring.routing import TEMPLATES_FILE, alertmanager_config, routing_of
from components.specs.names import PREFIX, SECRET_READER, SECRET_STORE, Manifest
from components.specs.secret_store import reader_account, remote_reference, secret_store

CONFIG_FILE = "alertmanager.yml"
# Without it the operator has each route match the object's own namespace only, and no agent's alert gets through.
STRATEGY = f"{PREFIX}/alertmanager-config-matcher-strategy"
STRATEGIES = (
    "OnNamespaceExceptForAlertmanagerNamespace (operator 0.84 or newer, Alertmanager in this namespace), or None"
)
# Vault is asked for the platform's secrets as ROLE-platform; no pool can have this name.
_PLATFORM = "platform"


def routing_manifests(environment: str, catalog: Catalog) -> list[Manifest]:
    """The objects of an environment that say who is told of an alert; none where the catalog has no routing.

    Form `operator`: an AlertmanagerConfig for the environment's alerts. Form `file`: a ConfigMap with Alertmanager's
    own file for all environments that share a cluster with it. Both with the ExternalSecret of what they refer to.
    """
    routing = routing_of(catalog)
    if routing is None:
        return []
    settings = catalog.settings
    entry = catalog.environments[environment]
    suffix = entry.namespace_suffix or ""
    space = settings.monitoring.namespace or settings.scraper.namespace

    def meta(name: str) -> Manifest:
        labels = {"app.kubernetes.io/component": "platform", "app.kubernetes.io/managed-by": PREFIX}
        return {"name": f"{name}{suffix}", "namespace": space, "labels": labels}

    secret = meta(f"{PREFIX}-alerting")
    if routing.form == "operator":
        config = alertmanager_config(catalog, [environment])
        carrier = {
            "apiVersion": "monitoring.coreos.com/v1alpha1",
            "kind": "AlertmanagerConfig",
            "metadata": {**meta(PREFIX), "annotations": {STRATEGY: STRATEGIES}},
            "spec": operator_spec(config, secret["name"], environment),
        }
    else:
        config = alertmanager_config(catalog, sharing_clusters(catalog, environment))
        data = {CONFIG_FILE: dump(config), TEMPLATES_FILE: templates_file()}
        carrier = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(f"{PREFIX}-alertmanager"), "data": data}
    references = secret_references(catalog, routing)
    if not references:
        return [carrier]
    reader, store = meta(SECRET_READER), meta(SECRET_STORE)
    spec: Manifest = {
        "refreshInterval": f"{entry.secrets.refresh_hours}h0m0s",
        "secretStoreRef": {"kind": "SecretStore", "name": store["name"]},
        "target": _target(secret["name"], routing),
        "data": [
            {"secretKey": key, "remoteRef": remote_reference(entry, reference)} for key, reference in references.items()
        ],
    }
    wanted = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": secret, "spec": spec}
    return [
        reader_account(reader, entry, _PLATFORM),
        secret_store(store, entry, reader["name"], _PLATFORM),
        wanted,
        carrier,
    ]


def sharing_clusters(catalog: Catalog, environment: str) -> list[str]:
    """The environments that have a cluster in common with this one, itself included: they share an Alertmanager."""

    def contexts(name: str) -> set[str]:
        return {cluster.context for cluster in catalog.environments[name].clusters.values()}

    return sorted(name for name in catalog.environments if contexts(name) & contexts(environment))


def secret_references(catalog: Catalog, routing: Routing) -> dict[str, str]:
    """Key of the Secret → reference into the secret store, by key."""
    found: dict[str, str] = {}
    if routing.slack:
        found[SLACK_KEY] = routing.slack.secret
    if routing.smtp and routing.smtp.password:
        found[SMTP_KEY] = routing.smtp.password
    for name, team in catalog.entries["teams"].items():
        if team.pagerduty:
            found[pagerduty_key(name)] = team.pagerduty
        if team.oncall and is_reference(team.oncall):
            found[oncall_key(name)] = team.oncall
    return dict(sorted(found.items()))


def _target(name: str, routing: Routing) -> Manifest:
    target: Manifest = {"name": name, "creationPolicy": "Owner", "deletionPolicy": "Retain"}
    if routing.form == "operator" and routing.slack and routing.slack.kind == "token":
        target["template"] = {"engineVersion": "v2", "mergePolicy": "Merge", "data": {API_KEY: routing.slack.api}}
    return target
