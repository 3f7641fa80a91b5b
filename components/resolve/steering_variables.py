"""Variables by which a definition would change the program that runs, whom it trusts or where a shared key goes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from components.definition.findings import Finding
from components.definition.yaml_reader import KeyPath
from components.resolve.connections import PROXY_VARIABLES
from components.resolve.layers import Layers
from components.resolve.resolved import ResolvedAgent

# What loads code or other settings into the process: by ld.so, Node, Python, shells, and Roster's own service.
_LOADS = re.compile(
    r"LD_.*|GLIBC_TUNABLES|GCONV_PATH|NODE_OPTIONS|NODE_PATH|NODE_REPL_EXTERNAL_MODULE|BUN_OPTIONS|BASH_ENV|ENV|PATH|"
    r"PYTHON(PATH|HOME|STARTUP|INSPECT|USERBASE|PLATLIBDIR|BREAKPOINT|EXECUTABLE|PYCACHEPREFIX|WARNINGS)|"
    r"JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS|RUBYOPT|RUBYLIB|PERL5OPT|PERL5LIB|AGENT_CONFIG|AGENT_SECRETS"
)
# What decides whom the process believes to be whom, or who reads along.
_TRUSTS = re.compile(
    r"NODE_TLS_REJECT_UNAUTHORIZED|NODE_EXTRA_CA_CERTS|NODE_USE_SYSTEM_CA|PYTHONHTTPSVERIFY|SSL_CERT_(FILE|DIR)|"
    r"REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|SSLKEYLOGFILE|OPENSSL_(CONF|MODULES|ENGINES)|HOSTALIASES|LOCALDOMAIN|"
    r"RES_OPTIONS|ALL_PROXY|HTTPS?_PROXY|NO_PROXY|NODE_USE_ENV_PROXY|WSS?_PROXY"
)
# Node's memory is everybody's to say.
_MEMORY = re.compile(r"(--max-(old|semi)-space-size=[0-9]+ *)+")
_ADDRESS = re.compile(r"(URL|URI|HOST|ENDPOINT|BASE|ADDRESS|SERVER)$")
# Whose keys are the catalog's, and not the agent's own.
_SHARED = ("the model's provider", "plugin ", "database ", "queue ")


def steering_findings(agent: ResolvedAgent, layers: Layers) -> Iterator[Finding]:
    """Such variables, where the definition itself says them; what the catalog says is its consent."""
    shared = {one.env.split("_")[0]: one.env for one in agent.secrets if one.source.startswith(_SHARED)}
    for values in layers.own:
        for path, name, value in _variables(values):
            if agent.proxy is not None and name in PROXY_VARIABLES:
                continue
            # What an override replaced does not hold here.
            problem = _problem(name, agent.env.get(name, value))
            if not problem and path[0] != "secrets":
                problem = _elsewhere(name, shared)
            if problem:
                yield layers.finding(path, "steering-variable", f"{'.'.join(map(str, path))}: {problem}")
    if layers.own[0].get("character") or layers.own[1].get("character"):
        for part in ("settings", "secrets"):
            for name in _mapping((agent.character or {}).get(part)):
                problem = _elsewhere(name, shared)
                if problem:
                    yield layers.finding(("character",), "steering-variable", f"character: {part}.{name}: {problem}")


def _variables(values: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str, str]]:
    for name, value in (values.get("env") or {}).items():
        yield ("env", name), name, str(value)
    for name in values.get("secrets") or ():
        yield ("secrets", name), name, ""
    for channel, given in (values.get("channels") or {}).items():
        for name, value in ((given or {}).get("env") or {}).items():
            yield ("channels", channel, "env", name), name, str(value)


def _problem(name: str, value: str) -> str:
    if _LOADS.fullmatch(name) and not (name == "NODE_OPTIONS" and _MEMORY.fullmatch(value)):
        return "by this variable other code or settings run than those that are reviewed; bring them in an image"
    if _TRUSTS.fullmatch(name):
        return (
            "by this variable somebody else could read along what the agent sends, keys included; the platform team "
            "sets proxies and authorities in the catalog"
        )
    return ""


def _elsewhere(name: str, shared: Mapping[str, str]) -> str:
    """An address for a key of the catalog, such as OPENAI_BASE_URL."""
    key = shared.get(name.split("_")[0])
    if key is None or key == name or not _ADDRESS.search(name):
        return ""
    return f"it would send {key}, which is not the agent's own, elsewhere; the catalog says where its owner is reached"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
