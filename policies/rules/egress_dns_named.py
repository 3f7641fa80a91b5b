"""Names are asked for only where the definition has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from components.definition.network import Network
from policies.example import cilium_policy, of_agent
from policies.manifest_reading import mapping, mappings
from policies.network_rules import CILIUM
from policies.rule import Manifest, Rule, Subject

_PORT = 53


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    patterns, hosts = _allowed(subject)
    for spec in (mapping(manifest, "spec"), *mappings(manifest, "specs")):
        for rule in mappings(spec, "egress"):
            for group in mappings(rule, "toPorts"):
                if any(_is_dns(port) for port in mappings(group, "ports")):
                    yield from _questions(mappings(group, "rules", "dns"), patterns, hosts)


def _allowed(subject: Subject) -> tuple[set[str], set[str]]:
    agent = subject.agent
    if agent is None:
        return set(), set()
    egress = agent.network.egress
    # The cluster answers its own names itself: such a question leaves it never.
    patterns = {f"**.{egress.cluster_domain}"} if egress.kind == "cilium" else set()
    return patterns, {one.host for one in agent.hosts}


def _is_dns(port: dict[str, Any]) -> bool:
    try:
        first = int(port.get("port") or 0)
        last = int(port.get("endPort") or first)
    except (TypeError, ValueError):
        # A name: nothing here says what number it stands for.
        return True
    return first <= _PORT <= last


def _questions(named: list[dict[str, Any]], patterns: set[str], hosts: set[str]) -> Iterator[str]:
    if not named:
        yield f"a rule opens port {_PORT} for questions about any name"
    for one in named:
        name, pattern = one.get("matchName"), one.get("matchPattern")
        if name is None and pattern is None:
            yield "a rule lets ask for a name that it does not give"
        if name is not None and str(name) not in hosts:
            yield f"a rule lets ask for {name}, which the definition does not name"
        if pattern is not None and str(pattern) not in patterns:
            yield f"a rule lets ask for {pattern}, which is more than the cluster's own names"


RULE = Rule(
    id="egress-dns-named",
    severity="error",
    why="Whoever may ask for any name carries data out in the names that it asks for.",
    fix="Name each host in `hosts`.",
    kinds=CILIUM,
    judge=_judge,
    field=("hosts",),
    source="NSA/CISA 2022, Network separation and hardening, Network policies",
)

_CILIUM = Network.model_validate({"egress": {"kind": "cilium"}})


def _asking(*dns: dict[str, str], **port: object) -> Manifest:
    group = {"ports": [{"port": "53", "protocol": "UDP", **port}], "rules": {"dns": list(dns)}}
    peer = {"matchLabels": {"k8s:io.kubernetes.pod.namespace": "kube-system", "k8s:k8s-app": "kube-dns"}}
    return cilium_policy(egress=[{"toEndpoints": [peer], "toPorts": [group]}])


_KNOWN, _OWN = {"matchName": "api.anthropic.com"}, {"matchPattern": "**.cluster.local"}
PASSING = (
    of_agent(_asking(_KNOWN, _OWN), network=_CILIUM),
    of_agent(_asking(port="443"), network=_CILIUM),
    of_agent(cilium_policy(egress=[{}]), network=_CILIUM),
)
FAILING = (
    of_agent(_asking(), network=_CILIUM),
    of_agent(cilium_policy(egress=[{"toPorts": [{"ports": [{"port": "53"}]}]}]), network=_CILIUM),
    of_agent(_asking(port="1", endPort=65535), network=_CILIUM),
    of_agent(_asking(port="dns"), network=_CILIUM),
    of_agent(_asking(_KNOWN, {"matchPattern": "*"}), network=_CILIUM),
    of_agent(_asking(_KNOWN, {"matchName": "evil.example.net"}), network=_CILIUM),
    of_agent(_asking({}), network=_CILIUM),
    of_agent(_asking(_OWN)),
)
