"""Small fleets for single tests, each with namespaces of its own in the shared cluster."""

from __future__ import annotations

from pathlib import Path

from projects import copy_program
from small_fleet import MINIMAL, write

from bench.recorded_images import record_images

ENVIRONMENT = """\
dev:
  description: Where it is tried.
  clusters:
    nonprod: {{context: nonprod}}
  namespace_suffix: -{suffix}
  secrets:
    prefix: dev
    refresh_hours: 1
    store: {{kind: kubernetes, namespace: dev-secrets}}
  defaults:
    tier: small
    scaling: {{min: 1, max: 1}}
"""
POOL = "dev.business"
SHARD = "dev.business.0"
PLATFORM = "dev.platform"
# Names of agents → definitions; `twins` serves with two pods.
AGENTS = {
    "plain": MINIMAL,
    "other": MINIMAL,
    "twins": MINIMAL + "overrides: {dev: {scaling: {min: 2, max: 2}}}\n",
}


def bad_image(what: str) -> str:
    """A line for a definition: an image whose pods do what the file `stages/<what>.yaml` says."""
    return f"image: registry.example.com/{what}@sha256:{'ab' * 32}\n"


def namespace(suffix: str) -> str:
    """The namespace of the only pool."""
    return f"business-{suffix}"


def trial_project(top: Path, suffix: str, agents: dict[str, str] = AGENTS) -> Path:
    """A project whose environment dev lies in namespaces that end in `suffix`."""
    project = write(
        copy_program(top / "project"),
        {f"business/{name}.yaml": text for name, text in agents.items()},
        {"environments.yaml": ENVIRONMENT.format(suffix=suffix)},
    )
    record_images(project)
    return project


def define(top: Path, agent: str, text: str) -> None:
    """Changes one definition."""
    (top / f"agents/business/{agent}.yaml").write_text(text, "utf-8")
    record_images(top)
