"""Which kubeconfig is used, and whether it has the context that the catalog names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from components.definition.findings import nearest, one_of

# `refused`: the API server answers, but with an error that is none of the others.
Kind = Literal["no-kubeconfig", "no-context", "unreachable", "credentials", "wrong-cluster", "timeout", "refused"]


_PATHS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


class ClusterError(Exception):
    """The cluster cannot be asked. `kind` tells the cases apart, the text says what is wrong and the way out."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind: Kind = kind


@dataclass(frozen=True, slots=True)
class Context:
    """A context of a kubeconfig: its cluster's and its user's entry; the paths in them are absolute."""

    name: str
    cluster: dict[str, Any]
    user: dict[str, Any]

    @property
    def server(self) -> str:
        """The address of the API server."""
        return str(self.cluster["server"])

    @property
    def config(self) -> dict[str, Any]:
        """A kubeconfig that holds nothing but this context."""
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": self.name,
            "contexts": [{"name": self.name, "context": {"cluster": "the", "user": "the"}}],
            "clusters": [{"name": "the", "cluster": self.cluster}],
            "users": [{"name": "the", "user": self.user}],
        }

    @property
    def key_is_inline(self) -> bool:
        """Whether the user's private key stands in the kubeconfig itself, or comes from a plugin."""
        return "client-key" not in self.user


def find_context(name: str) -> Context:
    """The context in KUBECONFIG, or in ~/.kube/config. Raises ClusterError when it is not there."""
    named = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    files = [path for part in named.split(os.pathsep) if part and (path := Path(part).expanduser()).is_file()]
    if not files:
        raise ClusterError(
            "no-kubeconfig", f"there is no kubeconfig at {named}. Set KUBECONFIG to one that has the context {name!r}."
        )
    configs = [(path.parent, _read(path)) for path in files]
    contexts = _entries(configs, "contexts", "context")
    if name not in contexts:
        raise ClusterError(
            "no-context",
            f"{', '.join(map(str, files))} has no context {name!r}.{nearest(name, contexts)} "
            f"There is: {one_of(contexts)}. The catalog names it in catalog/environments.yaml.",
        )
    cluster = _entries(configs, "clusters", "cluster").get(contexts[name].get("cluster", ""), {})
    user = _entries(configs, "users", "user").get(contexts[name].get("user", ""), {})
    if not cluster.get("server"):
        raise ClusterError("no-context", f"the context {name!r} of {files[0]} names no cluster that has a server.")
    return Context(name, cluster, user)


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ClusterError("no-kubeconfig", f"{path} cannot be read as a kubeconfig: {_line(error)}") from None
    if not isinstance(found, dict):
        raise ClusterError("no-kubeconfig", f"{path} is not a kubeconfig.")
    return found


def _entries(configs: list[tuple[Path, dict[str, Any]]], several: str, one: str) -> dict[str, dict[str, Any]]:
    """The entries of all files by name; where a name is there twice the first file wins, as in kubectl."""
    found: dict[str, dict[str, Any]] = {}
    for folder, config in configs:
        for entry in config.get(several) or []:
            if isinstance(entry, dict) and isinstance(entry.get(one), dict):
                found.setdefault(str(entry.get("name")), _absolute(entry[one], folder))
    return found


def _absolute(entry: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The entry with paths that start at the file that names them."""
    return entry | {key: str((folder / entry[key]).resolve()) for key in _PATHS if isinstance(entry.get(key), str)}


def _line(error: Exception) -> str:
    """Where it is wrong, without the text that stands there: a kubeconfig holds credentials."""
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1} is not YAML." if mark else type(error).__name__
