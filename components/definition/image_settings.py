"""`settings.yaml`, `images`: who signs the fleet's images, and what a cluster lets into the agents' namespaces."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.definition.fields import Closed, Name

_HTTPS = r"^https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$"
PUBLIC_KEY_PATTERN = r"^-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/=]+\n)+-----END PUBLIC KEY-----\n?$"
# By digest alone: a tag may stand for something else tomorrow.
PINNED_PATTERN = r"^[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}$"

PinnedImage = Annotated[str, Field(pattern=PINNED_PATTERN, max_length=500)]


class KeylessSigning(Closed):
    """Signed by a CI job, with a certificate of some minutes that names the job; a public log keeps the signature."""

    issuer: Annotated[str, Field(pattern=_HTTPS, max_length=500)] = Field(
        description="Who vouches for the job.", examples=["https://token.actions.githubusercontent.com"]
    )
    identity: Annotated[str, Field(pattern=r"^(https://|spiffe://)[!-~]+$", max_length=500)] = Field(
        description="The one job that signs: its workflow's file and branch, as the certificate names it.",
        examples=["https://github.com/example/agents/.github/workflows/images.yaml@refs/heads/main"],
    )


class KeySigning(Closed):
    """Signed with a key that a key management service, or the CI's protected environment, holds."""

    key: Annotated[str, Field(pattern=PUBLIC_KEY_PATTERN, max_length=2000)] = Field(
        description="The public key, in PEM.",
        examples=["-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"],
    )


class Credentials(Closed):
    """How the admission controller gets at the registry, where it is not public."""

    providers: list[Literal["default", "amazon", "azure", "google", "github"]] | None = Field(
        None, description="Clouds whose own login it uses.", examples=[["amazon"]]
    )
    secrets: list[Name] | None = Field(
        None, description="Secrets of type dockerconfigjson in its own namespace.", examples=[["registry"]]
    )


class Admission(Closed):
    """What a cluster does with a pod whose images are not ours."""

    mode: Literal["enforce", "audit"] = Field(
        "enforce", description="audit only reports: for the days in which a running fleet gets its first signatures."
    )
    sidecars: list[PinnedImage] | None = Field(
        None,
        description="Images that the cluster itself adds to pods, such as a mesh's proxy: let in as they are.",
        examples=[["docker.io/istio/proxyv2@sha256:" + "0" * 64]],
    )
    credentials: Credentials | None = Field(None, description="The controller's way to a private registry.")


class ImageGate(Closed):
    """What stops an image."""

    block_at: Literal["critical", "high", "medium"] = Field(
        "critical", description="Findings that are at least so severe, fixed or not."
    )
    end_of_life: Literal["critical", "high", "medium", "low"] = Field(
        "critical", description="How severe a base is that its makers mend no more."
    )
    database_days: int = Field(5, description="How old the scanner's database may be.", ge=1, le=30, examples=[5])


class ImageSettings(Closed):
    """What makes an image the fleet's own."""

    builder: Literal["buildx", "buildah"] = Field("buildx", description="What builds: docker buildx, or buildah.")
    platforms: list[Annotated[str, Field(pattern=r"^linux/[a-z0-9]+(/v[0-9])?$")]] | None = Field(
        None, description="For which machines; the builder's own with none.", examples=[["linux/amd64", "linux/arm64"]]
    )
    scanner: Literal["trivy", "grype"] = Field("trivy", description="What looks for vulnerabilities.")
    gate: ImageGate = Field(default_factory=lambda: ImageGate.model_validate({}), description="What stops an image.")
    signing: KeylessSigning | KeySigning | None = Field(
        None, description="Who signs: `issuer` and `identity`, or `key`; with none nobody does."
    )
    admission: Admission = Field(
        default_factory=lambda: Admission.model_validate({}), description="What a cluster lets in."
    )
