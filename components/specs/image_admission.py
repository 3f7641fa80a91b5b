"""What a cluster lets into the agents' namespaces: the registry's images, by digest, signed by the one job that may.

Two policies, as each stops what the other cannot (docs/decisions/010-signed-images.md). The first is Kubernetes' own
and cannot be away: it reads nothing but the references. The second is Kyverno's, and verifies signatures. Neither names
a pool, an agent or a digest: a new pool or image changes nothing here.
"""

from __future__ import annotations

import re

from components.definition.image_settings import ImageSettings, KeylessSigning
from components.specs.names import PREFIX, Manifest

NAME = f"{PREFIX}-images"
# Every pool's namespace bears it (`components.specs.names.pool_labels`), and no other one.
POOL_LABEL = f"{PREFIX}/pool"
# To cosign, and so to Kyverno, a signature is an attestation of this type, and any other one passes for it: hence both.
SIGNATURE = "https://sigstore.dev/cosign/sign/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
# Longer than Kubernetes would wait, an answer does no good.
VERIFY_SECONDS = 30

_PODS = ("pods", "pods/ephemeralcontainers")
# What people write, so that they are told at once. Not what controllers make of it: a Deployment that is stopped gets a
# new ReplicaSet, and counts as failed without. No pod gets past its own check.
_WORKLOADS = {"apps": ["deployments", "statefulsets", "daemonsets"], "batch": ["jobs", "cronjobs"]}


def image_admission(registry: str, images: ImageSettings, suffix: str) -> list[Manifest]:
    """The policies, in the order of their creation; none where nobody signs.

    `registry` is the catalog's; `suffix` the environment's namespace suffix: environments that share a cluster have
    policies of their own, which cover the namespaces of both and say the same.
    """
    if images.signing is None:
        return []
    name = NAME + suffix
    return [
        _references(name, registry, images),
        _binding(name, images),
        _signatures(name, registry, images),
    ]


def _meta(name: str) -> Manifest:
    return {
        "name": name,
        "labels": {"app.kubernetes.io/component": "platform", "app.kubernetes.io/managed-by": PREFIX},
    }


def _everywhere() -> Manifest:
    return {"matchExpressions": [{"key": POOL_LABEL, "operator": "Exists"}]}


def _rule(group: str, resources: list[str]) -> Manifest:
    return {
        "apiGroups": [group],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": resources,
    }


def _references(name: str, registry: str, images: ImageSettings) -> Manifest:
    """By digest and from the registry: of pods, and of what makes pods, so that the author of a change is told."""
    sidecars = sorted(images.admission.sidecars or [])
    ours = f"i.matches('{_pattern(registry)}')"
    allowed = f"{ours} || i in {_list(sidecars)}" if sidecars else ours
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": _meta(name),
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "namespaceSelector": _everywhere(),
                "resourceRules": [
                    _rule("", [*_PODS]),
                    *(_rule(group, resources) for group, resources in _WORKLOADS.items()),
                ],
            },
            "variables": [
                {"name": "pod", "expression": _pod_of("object")},
                {"name": "images", "expression": _images_of("variables.pod")},
                # What runs already is not judged again: a kill switch has to get by, whatever it stops.
                {"name": "old", "expression": f"oldObject == null ? {{}} : dyn({_pod_of('oldObject')})"},
                {"name": "before", "expression": f"oldObject == null ? [] : {_images_of('variables.old')}"},
                {
                    "name": "refused",
                    "expression": f"variables.images.filter(i, !(i in variables.before) && !({allowed}))",
                },
            ],
            "validations": [
                {
                    "expression": "variables.refused.size() == 0",
                    "messageExpression": (
                        f"'images of agents come from {registry}, by digest (…@sha256:…); these do not: '"
                        " + variables.refused.join(', ')"
                    ),
                    "reason": "Forbidden",
                }
            ],
        },
    }


def _binding(name: str, images: ImageSettings) -> Manifest:
    actions = ["Deny"] if images.admission.mode == "enforce" else ["Audit", "Warn"]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": _meta(name),
        "spec": {"policyName": name, "validationActions": actions},
    }


def _signatures(name: str, registry: str, images: ImageSettings) -> Manifest:
    """Signed, with provenance. Of pods alone: while Kyverno is away, a Deployment must still change, to be stopped."""
    changed = f"{_images_of('object.spec')} != {_images_of('oldObject.spec')}"
    every = "(images.containers + images.initContainers + images.ephemeralContainers + images.volumes)"
    spec: Manifest = {
        "failurePolicy": "Fail",
        "validationActions": ["Deny"] if images.admission.mode == "enforce" else ["Audit"],
        "webhookConfiguration": {"timeoutSeconds": VERIFY_SECONDS},
        "evaluation": {"admission": {"enabled": True}, "background": {"enabled": False}},
        "autogen": {"podControllers": {"controllers": []}},
        "matchConstraints": {"namespaceSelector": _everywhere(), "resourceRules": [_rule("", [*_PODS])]},
        # A label or an owner that is set on a pod that runs is nobody's business, least of all while Kyverno is away.
        "matchConditions": [{"name": "images-change", "expression": f"request.operation == 'CREATE' || {changed}"}],
        # Whatever else comes in is refused by the other policy.
        "matchImageReferences": [{"glob": f"{registry}/*"}],
        # Containers of all three sorts Kyverno finds by itself.
        "images": [{"name": "volumes", "expression": _volumes_of("object.spec")}],
        # What was reviewed is applied: nothing is written into the object.
        "validationConfigurations": {"mutateDigest": False, "verifyDigest": True, "required": True},
        "attestors": [{"name": "roster", "cosign": _attestor(images)}],
        "attestations": [
            {"name": "signature", "intoto": {"type": SIGNATURE}},
            {"name": "provenance", "intoto": {"type": PROVENANCE}},
        ],
        "validations": [
            {
                "expression": _attested(every, "signature"),
                "message": "an image is not signed by whom settings.yaml names: it is none that passed the gate",
            },
            {
                "expression": _attested(every, "provenance"),
                "message": "an image has no signed provenance: nothing says what it was built from",
            },
        ],
    }
    credentials = images.admission.credentials
    if credentials:
        spec["credentials"] = credentials.model_dump(exclude_none=True)
    return {
        "apiVersion": "policies.kyverno.io/v1",
        "kind": "ImageValidatingPolicy",
        "metadata": _meta(name),
        "spec": spec,
    }


def _attested(images: str, attestation: str) -> str:
    return f"{images}.all(i, verifyAttestationSignatures(i, attestations.{attestation}, [attestors.roster]) > 0)"


def _attestor(images: ImageSettings) -> Manifest:
    signing = images.signing
    if signing is None:
        return {}
    if isinstance(signing, KeylessSigning):
        return {"keyless": {"identities": [{"issuer": signing.issuer, "subject": signing.identity}]}}
    # A key's signatures are in no public log: nothing of Sigstore's is asked for them.
    return {"key": {"data": signing.key}, "ctlog": {"insecureIgnoreTlog": True, "insecureIgnoreSCT": True}}


def _pattern(registry: str) -> str:
    # Backslashes twice: CEL takes the first.
    known = re.escape(registry).replace("\\", "\\\\")
    return rf"^{known}/[a-z0-9._/-]+(:[A-Za-z0-9._-]+)?@sha256:[0-9a-f]{{64}}$"


def _list(values: list[str]) -> str:
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"


def _pod_of(thing: str) -> str:
    """The pod's spec in a pod, in what has a template of one, and in a CronJob."""
    return (
        f"has({thing}.spec.jobTemplate) ? {thing}.spec.jobTemplate.spec.template.spec"
        f" : has({thing}.spec.template) ? {thing}.spec.template.spec : {thing}.spec"
    )


def _images_of(pod: str) -> str:
    """Of containers of all three sorts, and of volumes that are images."""
    lists = [f"{pod}.containers.map(c, c.?image.orValue(''))"]
    lists += [
        f"({pod}.?{kind}.orValue([]).map(c, c.?image.orValue('')))"
        for kind in ("initContainers", "ephemeralContainers")
    ]
    lists.append(f"({_volumes_of(pod)})")
    return f"({' + '.join(lists)})"


def _volumes_of(pod: str) -> str:
    return f"{pod}.?volumes.orValue([]).filter(v, has(v.image)).map(v, v.image.?reference.orValue(''))"
