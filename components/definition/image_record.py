"""What is known of an image that the gate let pass."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from components.definition.fields import MEANINGS, Closed, Date, Digest, ImageRef, Name
from components.definition.vulnerability_exceptions import real_day

Day = Annotated[Date, AfterValidator(real_day)]
EXCEPTION_PATTERN = r"^agents/catalog/exceptions/\S+\.yaml$"
MEANINGS[EXCEPTION_PATTERN] = "an exception's file, such as agents/catalog/exceptions/openssl.yaml"


class ExceptedFinding(Closed):
    """A finding at the gate's level that an exception let pass."""

    vulnerability: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="Its CVE id, or the one that was reported.", examples=["CVE-2026-12345"]
    )
    package: Annotated[str, Field(min_length=1, max_length=300)] = Field(
        description="The package.", examples=["openssl"]
    )
    version: Annotated[str, Field(min_length=1, max_length=300)] = Field(
        description="Its version in the image.", examples=["3.0.11-1~deb12u2"]
    )
    exception: Annotated[str, Field(pattern=EXCEPTION_PATTERN)] = Field(
        description="The exception's file.", examples=["agents/catalog/exceptions/openssl.yaml"]
    )
    findings: int = Field(description="How often the package is in the image.", ge=1, examples=[1])


class Scan(Closed):
    """What a scanner said of an image: findings by severity."""

    scanner: Annotated[str, Field(min_length=2, max_length=100)] = Field(
        description="Which.", examples=["trivy 0.70.0"]
    )
    database: Day = Field(description="The day of its database.")
    critical: int = Field(description="Findings.", ge=0)
    high: int = Field(description="Findings.", ge=0)
    medium: int = Field(description="Findings.", ge=0)
    low: int = Field(description="Findings, those of no known severity among them.", ge=0)
    excepted: Annotated[list[ExceptedFinding], Field(min_length=1)] | None = Field(
        None,
        description="Those that would have stopped it, and the exceptions by which they did not.",
        examples=[
            [
                {
                    "vulnerability": "CVE-2026-12345",
                    "package": "openssl",
                    "version": "3.0.11-1~deb12u2",
                    "exception": "agents/catalog/exceptions/openssl.yaml",
                    "findings": 1,
                }
            ]
        ],
    )


class ImageRecord(Closed):
    """`images/<name>.yaml`: the digest of an image that was built, or of a ready image's tag when it was looked up."""

    image: ImageRef = Field(
        description="The repository of an image that was built; a ready image as the catalog or an agent names it.",
        examples=["registry.example.com/roster/fastapi", "docker.io/example/app:1.2.0"],
    )
    context_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        None, description="Hash of what it is built from; none for a ready image."
    )
    digest: Digest = Field(description="What was pushed, or what the tag stood for.")
    repository: ImageRef | None = Field(
        None,
        description="Where the copy of a ready image lies.",
        examples=["registry.example.com/a/mirror/docker.io/app"],
    )
    base: Name | None = Field(None, description="The base image that it was built upon.", examples=["python"])
    runtimes: list[Name] | None = Field(
        None, description="The runtimes that it is the image of.", examples=[["fastapi"]]
    )
    size_bytes: int | None = Field(None, description="How much is pulled.", ge=1)
    built: Day | None = Field(None, description="The day on which it was built, or the tag looked up.")
    scan: Scan | None = Field(None, description="What the gate let pass.")
    sbom: Digest | None = Field(
        None, description="Its software bill of materials, attached to the image; of several platforms the first's."
    )
    signature: Digest | None = Field(None, description="Its signature, attached to the image.")
    blocked: Annotated[list[Annotated[str, Field(max_length=200)]], Field(min_length=1)] | None = Field(
        None,
        description="Findings since then: who does not run the image yet does not get it.",
        examples=[["CVE-2026-1"]],
    )
