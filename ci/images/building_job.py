"""What a provenance says of the job that built: from the CI's environment, or from this machine's checkout."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ci.git import commit_of
from ci.images.provenance import Build
from ci.images.signing import Identity
from ci.images.steps import BuiltStep
from components.builds.needed import Needed

# By hand, nobody vouches for the place.
BY_HAND = "urn:roster:by-hand"


def build_of(
    image: Needed, built: BuiltStep, identity: Identity, top: Path, environ: Mapping[str, str] = os.environ
) -> Build:
    """The build of an image that was just built from the checkout in `top`."""
    repository, run = _job(environ)
    return Build(
        builder=identity.subject or run or BY_HAND,
        repository=repository or BY_HAND,
        commit=commit_of(top, "HEAD"),
        context_hash=image.context_hash,
        base=built.base,
        args=dict(image.source.args) if image.source else {},
        run=run or BY_HAND,
    )


def _job(environ: Mapping[str, str]) -> tuple[str, str]:
    """Addresses of the repository and of the job, on GitHub and GitLab; empty elsewhere."""
    if "GITHUB_RUN_ID" in environ:
        repository = f"{environ['GITHUB_SERVER_URL']}/{environ['GITHUB_REPOSITORY']}"
        return repository, f"{repository}/actions/runs/{environ['GITHUB_RUN_ID']}"
    return environ.get("CI_PROJECT_URL", ""), environ.get("CI_JOB_URL", "")
