"""Images by digest, or by the hash of what they are built from."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.example import DIGEST, alone, deployment, sound_container
from policies.pods import WORKLOADS, containers, pod_spec
from policies.rule import Manifest, Rule, Subject

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}\Z")
_HASH_TAG = re.compile(r":[0-9a-f]{16}\Z")


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    built_here = subject.agent is None or bool(subject.agent.image.context_hash)
    for _, container in containers(pod_spec(manifest)):
        image = str(container.get("image") or "")
        if not (_DIGEST.search(image) or (built_here and _HASH_TAG.search(image))):
            yield f"the image {image or '(none)'} is neither a digest nor a context's hash"


RULE = Rule(
    id="image-pinned",
    severity="error",
    why="A tag can be moved to other bits after the review.",
    fix="Give the image by digest (name@sha256:…), or ask the security team for a waiver.",
    kinds=WORKLOADS,
    judge=_judge,
    field=("image",),
    source="NSA/CISA 2022, Kubernetes Pod security, Building secure container images; CIS Kubernetes 1.9 5.5.1",
)

PASSING = (
    alone(deployment()),
    alone(deployment(container={"image": "example.com/a@" + DIGEST})),
    alone(deployment(container={"image": "example.com/a:0123456789abcdef"})),
)
FAILING = (
    alone(deployment(container={"image": "example.com/a:latest"})),
    alone(deployment(container={"image": "example.com/a"})),
    alone(deployment(container={"image": "example.com/a:1.0.0"})),
    alone(deployment(container={"image": "example.com/a:0123456789ABCDEF"})),
    alone(deployment(container={"image": None})),
    alone(deployment({"initContainers": [sound_container({"image": "example.com/a:latest"})]})),
)
