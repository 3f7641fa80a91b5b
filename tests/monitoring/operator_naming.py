"""What the Prometheus operator makes of AlertmanagerConfigs: Alertmanager's own configuration.

After `pkg/alertmanager/amcfg.go` of prometheus-operator 0.85, and compared once with what that code made of the fixture
catalog's object: receivers get the object's namespace and name in front, the first route of each object goes on to the
next object's, and keys of Secrets are replaced by their values. With the strategy
OnNamespaceExceptForAlertmanagerNamespace no matcher is added to objects in Alertmanager's namespace.
"""

from __future__ import annotations

import re
from typing import Any

_FIELDS = {
    "apiURL": "api_url",
    "clientURL": "client_url",
    "pagerDutyLinkConfigs": "links",
    "requireTLS": "require_tls",
    "httpConfig": "http_config",
}
_KEY_VALUES = ("details", "headers")


def as_alertmanager_reads_it(objects: list[dict[str, Any]], secrets: dict[str, str]) -> dict[str, Any]:
    """The configuration. `secrets`: key of the Secret → value; a key that is not there is a KeyError."""
    routes, receivers, rules = [], [{"name": "null"}], []
    for one in objects:
        prefix = f"{one['metadata']['namespace']}/{one['metadata']['name']}/"
        routes.append({**_route(one["spec"]["route"], prefix), "continue": True})
        receivers += [_receiver(receiver, prefix, secrets) for receiver in one["spec"]["receivers"]]
        rules += [
            {
                "source_matchers": _matchers(rule["sourceMatch"]),
                "target_matchers": _matchers(rule["targetMatch"]),
                "equal": rule["equal"],
            }
            for rule in one["spec"]["inhibitRules"]
        ]
    return {"route": {"receiver": "null", "routes": routes}, "inhibit_rules": rules, "receivers": receivers}


def _route(route: dict[str, Any], prefix: str) -> dict[str, Any]:
    found = {_snake(name): value for name, value in route.items()}
    found["receiver"] = prefix + route["receiver"]
    found["matchers"] = _matchers(route["matchers"])
    if "routes" in route:
        found["routes"] = [_route(one, prefix) for one in route["routes"]]
    return found


def _matchers(matchers: list[dict[str, str]]) -> list[str]:
    return [f'{one["name"]}{one["matchType"]}"{one["value"]}"' for one in matchers]


def _receiver(receiver: dict[str, Any], prefix: str, secrets: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": prefix + receiver["name"]}
    for kind, configs in receiver.items():
        if kind != "name":
            found[_snake(kind)] = [_config(one, secrets) for one in configs]
    return found


def _config(config: dict[str, Any], secrets: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in config.items():
        if name in _KEY_VALUES:
            value = {one["key"]: one["value"] for one in value}
        elif name == "pagerDutyLinkConfigs":
            value = [{"href": one["href"], "text": one["alt"]} for one in value]
        elif name == "httpConfig":
            given = value["authorization"]
            credentials = secrets[given["credentials"]["key"]]
            value = {"authorization": {"type": given["type"], "credentials": credentials}}
        elif isinstance(value, dict):
            value = secrets[value["key"]]
        found[_FIELDS.get(name) or _snake(name)] = value
    return found


def _snake(name: str) -> str:
    return re.sub("([A-Z])", lambda match: f"_{match[1].lower()}", name)
