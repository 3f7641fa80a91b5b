"""Images that the catalog or the definition names."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import DIGEST, deployment, of_agent, sound_container
from policies.pods import WORKLOADS, containers, pod_spec
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    catalog = subject.catalog
    if catalog is None:
        return
    agent = subject.agent
    for what, container in containers(pod_spec(manifest)):
        image = container.get("image")
        if agent and image == agent.image.reference:
            continue
        if not str(image).startswith(f"{catalog.settings.registry}/"):
            yield f"{what} has the image {image}, which neither the catalog nor the definition names"


RULE = Rule(
    id="image-known",
    severity="error",
    why=(
        "What runs beside an agent has its network and its secrets; the gate has looked at the images that are named."
    ),
    fix="Use the image of the definition or of its runtime, or one of the catalog's registry.",
    kinds=WORKLOADS,
    judge=_judge,
    field=("image",),
    source="NSA/CISA 2022, Kubernetes Pod security, Building secure container images; CIS Kubernetes 1.9 5.5.1",
)

PASSING = (
    of_agent(deployment()),
    of_agent(deployment(container={"image": "registry.example.com/roster/fastapi:6b60652ea73d310a"})),
)
FAILING = (
    of_agent(deployment(container={"image": "docker.io/evil/miner@" + DIGEST})),
    of_agent(deployment({"initContainers": [sound_container({"image": "registry.example.com/roster-evil/a"})]})),
)
