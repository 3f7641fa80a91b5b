"""Fleets drawn by lot over the fixture catalog: everything that decides who reaches whom, in all combinations."""

from __future__ import annotations

import random
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import yaml
from small_fleet import catalog_files, fleet

from components.fleet import Fleet

MESH = {
    "kind": "istio",
    "gateway_account": "gateway/public-istio",
    "control_plane": {"namespace": "istio-system", "labels": {"app": "istiod"}},
}
PROXY_PORTS = {"business": 3129, "community": 3130, "support": 3131, "halted": 3132, "trial": 3133}
PROXY = {
    "kind": "proxy",
    "host": "egress-proxy.egress",
    "ports": PROXY_PORTS,
    "pods": {"namespace": "egress", "labels": {"app": "egress-proxy"}},
}
# Where agents are, and the cluster that holds them: two environments in one cluster must not see each other.
PLACES: tuple[tuple[tuple[str, ...], str, tuple[str, ...]], ...] = (
    (("dev",), "nonprod", ("business", "support", "trial")),
    (("dev", "staging"), "nonprod", ("business", "community")),
    (("prod",), "prod-eu", ("business", "community", "halted")),
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A fleet, and the cluster that all of its agents are in."""

    seed: int
    fleet: Fleet
    context: str


def drawn_fleet(seed: int, networks: tuple[dict[str, Any], ...]) -> Drawn:
    """The fleet of a seed; its environments take their network settings from `networks` by lot."""
    lot = random.Random(seed)  # noqa: S311 nothing secret
    environments, context, pools = PLACES[seed % len(PLACES)]
    definitions = dict(_definitions(lot, environments, pools))
    _connect(lot, definitions)
    files = {f"{name}.yaml": yaml.safe_dump(one, sort_keys=False) for name, one in definitions.items()}
    entries = yaml.safe_load(catalog_files()["catalog/environments.yaml"])
    for entry in entries.values():
        network = lot.choice(networks)
        if network:
            entry["network"] = deepcopy(network)
        entry["suspended"] = lot.random() < 0.05
    return Drawn(seed, fleet(files, {"environments.yaml": yaml.safe_dump(entries, sort_keys=False)}), context)


def _definitions(
    lot: random.Random, environments: tuple[str, ...], pools: tuple[str, ...]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for index in range(lot.randint(3, 6)):
        runtime = lot.choice(["fastapi", "fastapi", "eliza", "worker", "sidecar-metrics"])
        own = lot.choice([list(environments), list(environments), [lot.choice(environments)]])
        given: dict[str, Any] = {
            "version": 1,
            "description": "Drawn by lot.",
            "owner": "growth",
            "runtime": runtime,
            "environments": own,
        }
        if runtime in ("fastapi", "eliza"):
            given["model"] = {"name": lot.choice([*["claude-sonnet-4-5", "gpt-5-mini"] * 4, "sleeper-1"])}
        if runtime == "fastapi":
            given["prompt"] = {"text": "You answer."}
        if runtime == "eliza":
            given["character"] = {"inline": {"name": "Ada", "bio": "A guide."}}
        given |= _reaching(lot, runtime)
        if lot.random() < 0.3:
            given["port"] = lot.choice([8080, 3000, 18080])
        if runtime != "worker" and lot.random() < 0.4:
            given["metrics"] = {"path": "/own", **lot.choice([{}, {"port": 9200}])}
        if lot.random() < 0.1:
            given["suspended"] = True
        if lot.random() < 0.3:
            given["overrides"] = {
                lot.choice(own): lot.choice([{"hosts": ["b.example.com"]}, {"hosts": []}, {"suspended": True}])
            }
        yield f"{lot.choice(pools)}/agent-{index}", given


def _reaching(lot: random.Random, runtime: str) -> Iterator[tuple[str, Any]]:
    if lot.random() < 0.3:
        yield "hosts", ["a.example.com"]
    channels = {"fastapi": ["webhook", "webhook", "webhook", "pager"], "eliza": ["telegram", "discord", "webhook"]}.get(
        runtime
    )
    channel = lot.choice(channels) if channels and lot.random() < 0.4 else ""
    if channel:
        yield "channels", {channel: {}}
    databases = ["agents-postgres", "platform-redis", "platform-postgres"]
    if lot.random() < 0.5:
        yield "storage", {"databases": lot.sample(databases, lot.randint(1, 2))}
    if channel in ("telegram", "discord"):
        yield "scaling", {"min": 1, "max": 1}
    elif lot.random() < 0.3:
        yield "scaling", {"min": 0, "max": 5, "queue": {"source": "tasks", "name": "jobs", "length": 5}}
    if runtime == "fastapi" and lot.random() < 0.3:
        jwt = {"issuer": "https://login.example.com/", "jwks_url": "https://keys.example.com/jwks", "audience": "a"}
        yield "service", {"auth": {"jwt": jwt}}


def _connect(lot: random.Random, definitions: dict[str, dict[str, Any]]) -> None:
    for name, one in definitions.items():
        if one["runtime"] == "worker":
            continue
        callers = ["gateway"] if lot.random() < 0.6 else []
        for other, caller in definitions.items():
            both = other != name and set(caller["environments"]) <= set(one["environments"])
            if both and lot.random() < 0.4:
                callers.append(lot.choice([other, f"{other.split('/')[0]}/*"]))
                caller.setdefault("calls", []).append(name)
            elif lot.random() < 0.1:
                # May call, and does not: its own wall stays closed.
                callers.append(other)
        if callers != ["gateway"] or lot.random() < 0.2:
            one["exposure"] = {"callers": list(dict.fromkeys(callers))}
