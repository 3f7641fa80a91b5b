"""Alertmanager's configuration as the spec of an AlertmanagerConfig (monitoring.coreos.com/v1alpha1).

It is made from the plain form, so that both say the same. What the plain form has once for all stands in each receiver
here, templates stand in full, and each path of a secret becomes a key of a Secret in the object's namespace.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from components.specs.monitoring.messages import INLINE

_MATCHER = re.compile(r'([a-z_]+)(=~|!~|!=|=)"(.*)"')
# Names that are not just the plain ones in camel case.
_RENAMED = {"client_url": "clientURL", "require_tls": "requireTLS"}
_AS_LISTS = frozenset({"details", "headers"})
# The kinds of receivers, and what each takes over from `global`.
_GLOBAL = {
    "pagerduty_configs": {"pagerduty_url": "url"},
    "slack_configs": {"slack_api_url": "api_url", "slack_api_url_file": "api_url_file"},
    "email_configs": {
        "smtp_smarthost": "smarthost",
        "smtp_from": "from",
        "smtp_auth_username": "auth_username",
        "smtp_auth_password_file": "auth_password_file",
        "smtp_require_tls": "require_tls",
    },
    "webhook_configs": {},
}
# An address that is not secret must come from a Secret all the same: the object has no other field for it.
API_KEY = "slack-api"
_SECRET_FILES = {"api_url_file": "apiURL", "routing_key_file": "routingKey", "auth_password_file": "authPassword"}


def operator_spec(config: dict[str, Any], secret: str, environment: str) -> dict[str, Any]:
    """The spec for alerts of one environment. `secret` holds each secret under the name of its file."""
    route = _route(config["route"])
    route["matchers"] = _matchers([f'environment="{environment}"'])
    return {
        "route": route,
        "receivers": [_receiver(one, config["global"], secret) for one in config["receivers"]],
        "inhibitRules": [
            {
                "sourceMatch": _matchers(one["source_matchers"]),
                "targetMatch": _matchers(one["target_matchers"]),
                "equal": one["equal"],
            }
            for one in config["inhibit_rules"]
        ],
    }


def _route(route: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in route.items():
        if name == "routes":
            found["routes"] = [_route(one) for one in value]
        elif name == "matchers":
            found["matchers"] = _matchers(value)
        else:
            found[_camel(name)] = value
    return found


def _matchers(texts: Iterable[str]) -> list[dict[str, str]]:
    found = []
    for text in texts:
        match = _MATCHER.fullmatch(text)
        if not match:
            raise ValueError(f"not a matcher: {text}")
        found.append({"name": match[1], "matchType": match[2], "value": match[3]})
    return found


def _receiver(receiver: dict[str, Any], general: dict[str, Any], secret: str) -> dict[str, Any]:
    found: dict[str, Any] = {"name": receiver["name"]}
    for kind, taken in _GLOBAL.items():
        configs = [
            {**{field: general[name] for name, field in taken.items() if name in general}, **config}
            for config in receiver.get(kind, ())
        ]
        if configs:
            found[_camel(kind)] = [_config(one, secret) for one in configs]
    return found


def _config(config: dict[str, Any], secret: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in config.items():
        if name in _SECRET_FILES:
            found[_SECRET_FILES[name]] = _selector(secret, value)
        elif name == "api_url":
            found["apiURL"] = {"name": secret, "key": API_KEY}
        elif name == "http_config":
            given = value["authorization"]
            credentials = _selector(secret, given["credentials_file"])
            found["httpConfig"] = {"authorization": {"type": given["type"], "credentials": credentials}}
        elif name == "links":
            # The text of a link is called `alt` there.
            found["pagerDutyLinkConfigs"] = [{"href": one["href"], "alt": one["text"]} for one in value]
        elif name in _AS_LISTS:
            found[name] = [{"key": key, "value": _inline(text)} for key, text in value.items()]
        else:
            found[_RENAMED.get(name) or _camel(name)] = _inline(value)
    return found


def _selector(secret: str, path: str) -> dict[str, str]:
    return {"name": secret, "key": path.rpartition("/")[2]}


def _inline(value: Any) -> Any:
    return INLINE.get(value, value) if isinstance(value, str) else value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
