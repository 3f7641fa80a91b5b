"""Images by digest, or by the hash of what they are built from."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.rule import Manifest, Rule, Subject

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}\Z")
_HASH_TAG = re.compile(r":[0-9a-f]{16}\Z")


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    for container in manifest["spec"]["template"]["spec"]["containers"]:
        image = container["image"]
        built_here = subject.agent is None or bool(subject.agent.image.context_hash)
        if not (_DIGEST.search(image) or (built_here and _HASH_TAG.search(image))):
            yield f"the image {image} is neither a digest nor a context's hash"


RULE = Rule(
    id="image-pinned",
    severity="error",
    why="A tag can be moved to other bits after the review.",
    fix="Give the image by digest (name@sha256:…), or ask the security team for a waiver.",
    kinds=frozenset({"Deployment"}),
    judge=_judge,
    field=("image",),
)


def _example(image: str) -> Manifest:
    return {
        "kind": "Deployment",
        "metadata": {"name": "x"},
        "spec": {"template": {"spec": {"containers": [{"image": image}]}}},
    }


PASSING = (_example("example.com/a@sha256:" + "0" * 64), _example("example.com/a:0123456789abcdef"))
FAILING = (_example("example.com/a:latest"), _example("example.com/a"), _example("example.com/a:1.0.0"))
