"""What an image was built from, as SLSA's provenance: https://slsa.dev/spec/v1.0/provenance. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
# Which `externalParameters` there are, for whoever verifies: docs/images.md says what they mean.
BUILD_TYPE = "urn:roster:image:v1"
MIRROR_TYPE = "urn:roster:mirrored-image:v1"


@dataclass(frozen=True, slots=True)
class Build:
    """One build.

    `builder`: URI of the job that built, as its certificate names it. `repository`: URI of the source. `commit`: 40
    hexadecimal digits. `context_hash`: of all inputs; empty for a ready image that was copied. `base`: the base image
    by digest, or the ready image; empty for none. `args`: build arguments. `run`: URI of the CI's run.
    """

    builder: str
    repository: str
    commit: str
    context_hash: str
    base: str
    args: Mapping[str, str]
    run: str


def provenance(build: Build) -> dict[str, Any]:
    """The predicate; which image it is about stands in the statement around it. Raises ValueError for a base by tag."""
    source = f"git+{build.repository}@{build.commit}"
    dependencies: list[dict[str, Any]] = [{"uri": source, "digest": {"gitCommit": build.commit}}]
    if build.base:
        name, _, digest = build.base.partition("@sha256:")
        if not digest:
            raise ValueError(f"the base image {build.base} is not named by digest, so nobody knows which one it was")
        dependencies.append({"uri": f"docker://{name}", "digest": {"sha256": digest}})
    parameters: dict[str, Any] = {"source": source}
    if build.context_hash:
        parameters |= {"contextHash": build.context_hash, "buildArgs": dict(sorted(build.args.items()))}
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE if build.context_hash else MIRROR_TYPE,
            "externalParameters": parameters,
            "resolvedDependencies": dependencies,
        },
        "runDetails": {"builder": {"id": build.builder}, "metadata": {"invocationId": build.run}},
    }


def context_hash_of(predicate: Mapping[str, Any]) -> str:
    """The context hash that a provenance names; empty where it names none."""
    found: Any = predicate
    for key in ("buildDefinition", "externalParameters", "contextHash"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""
