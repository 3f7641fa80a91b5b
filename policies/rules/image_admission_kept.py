"""Where images are signed, clusters refuse pods with any others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from components.definition.image_settings import ImageSettings, KeylessSigning
from components.definition.platform_settings import PlatformSettings
from policies.example import DIGEST, manifest, of_platform
from policies.manifest_reading import at, kind_of, mapping, mappings, sequence, shown, text, words
from policies.rule import Manifest, Rule, Subject

_REFERENCES, _BINDING, _SIGNATURES = _KINDS = (
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ImageValidatingPolicy",
)
_EVERY_POOL = {"matchExpressions": [{"key": "roster/pool", "operator": "Exists"}]}
_PODS = {"pods", "pods/ephemeralcontainers"}
_CHANGES = {"CREATE", "UPDATE"}
_SIGNED = {"https://sigstore.dev/cosign/sign/v1", "https://slsa.dev/provenance/v1"}
_PATTERN, _LISTED = re.compile(r"matches\('([^']*)'\)"), re.compile(r"'([^'\s]+@sha256:[0-9a-f]{64})'")
_FOREIGN = f"evil.example.net/miner@{DIGEST}"


def _together(manifests: Sequence[Manifest], subject: Subject) -> Iterator[tuple[Manifest, str]]:
    if subject.catalog is None or subject.pool or subject.catalog.settings.images.signing is None or not manifests:
        return
    settings = subject.catalog.settings
    found = {kind: [one for one in manifests if kind_of(one) == kind] for kind in _KINDS}
    for kind in _KINDS:
        if not found[kind]:
            yield manifests[0], f"beside it there is no {kind}, by which images are held to the registry's"
    bound = {text(one, "metadata", "name") for one in found[_REFERENCES]}
    for one in found[_REFERENCES]:
        for problem in (*_scope(one), *_references(one, settings)):
            yield one, problem
    for one in found[_BINDING]:
        if text(one, "spec", "policyName") not in bound:
            yield one, f"it puts {at(one, 'spec', 'policyName')} in force, and not the policy beside it"
        for problem in (*_actions(one, settings.images), *_unlimited(one, "matchResources", "paramRef")):
            yield one, problem
    for one in found[_SIGNATURES]:
        for problem in (*_scope(one), *_actions(one, settings.images), *_signatures(one, settings)):
            yield one, problem


def _scope(manifest: Manifest) -> Iterator[str]:
    if at(manifest, "spec", "failurePolicy") != "Fail":
        yield f"failurePolicy is {shown(at(manifest, 'spec', 'failurePolicy'))}"
    held = mapping(manifest, "spec", "matchConstraints")
    if held.get("namespaceSelector") != _EVERY_POOL or held.keys() - {"namespaceSelector", "resourceRules"}:
        yield "it does not hold for every pod of every pool"
    pods = [one for one in mappings(held, "resourceRules") if words(one, "apiGroups") == [""]]
    covering = [one for one in pods if set(words(one, "resources")) >= _PODS and words(one, "apiVersions") == ["v1"]]
    if not any(set(words(one, "operations")) >= _CHANGES and "resourceNames" not in one for one in covering):
        yield "it does not hold for pods that are made or changed"


def _actions(manifest: Manifest, images: ImageSettings) -> Iterator[str]:
    given = words(manifest, "spec", "validationActions")
    if images.admission.mode == "enforce" and given != ["Deny"]:
        yield f"validationActions are {', '.join(given) or 'none'}, and settings.yaml says enforce"


def _unlimited(manifest: Manifest, *fields: str) -> Iterator[str]:
    for field in fields:
        if at(manifest, "spec", field):
            yield f"{field} narrows what it holds for"


def _references(manifest: Manifest, settings: PlatformSettings) -> Iterator[str]:
    """By what the expressions let in, not by their text: what is no image of ours, and what has no digest."""
    expressions = " ".join(text(one, "expression") for one in mappings(manifest, "spec", "variables"))
    patterns = [one.replace("\\\\", "\\") for one in _PATTERN.findall(expressions)]
    if len(patterns) != 1 or any(_matches(patterns[0], one) for one in (_FOREIGN, f"{settings.registry}/a:latest")):
        yield f"it lets in other images than those of {settings.registry} by digest"
    for image in sorted(set(_LISTED.findall(expressions)) - set(settings.images.admission.sidecars or ())):
        yield f"it lets in {image}, which settings.yaml does not name"
    validations = mappings(manifest, "spec", "validations")
    if [text(one, "expression") for one in validations] != ["variables.refused.size() == 0"]:
        yield "it does not refuse the images that it finds"
    yield from _unlimited(manifest, "matchConditions", "paramKind")


def _matches(pattern: str, image: str) -> bool:
    try:
        return re.search(pattern, image) is not None
    except re.error:
        return True


def _signatures(manifest: Manifest, settings: PlatformSettings) -> Iterator[str]:
    spec = mapping(manifest, "spec")
    if f"{settings.registry}/*" not in [text(one, "glob") for one in mappings(spec, "matchImageReferences")]:
        yield f"it does not look at the images of {settings.registry}"
    if [_identity(one) for one in mappings(spec, "attestors")] != [_wanted(settings.images)]:
        yield "it takes signatures of others than settings.yaml names"
    required = mapping(spec, "validationConfigurations")
    if required.get("required") is not True or required.get("verifyDigest") is not True:
        yield "it does not require that images are verified"
    if required.get("mutateDigest") is not False:
        yield "it changes pods, and not only looks at them"
    names = {text(one, "name") for one in mappings(spec, "attestations") if text(one, "intoto", "type") in _SIGNED}
    checks = [text(one, "expression") for one in mappings(spec, "validations")]
    complete = len(names) == len(_SIGNED) and len(mappings(spec, "attestations")) == len(_SIGNED)
    if not complete or not all(any(_asks(check, name) for check in checks) for name in names):
        yield "it does not ask for a signature and for its provenance"
    if any(not text(one, "expression").startswith("request.operation == 'CREATE' || ") for one in _conditions(spec)):
        yield "its matchConditions leave out pods that are made"
    if at(spec, "evaluation", "admission", "enabled") is False:
        yield "it is not asked when pods are made"
    if not any("volumes" in text(one, "expression") for one in mappings(spec, "images")):
        yield "it does not look at images of volumes"


def _conditions(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return mappings(spec, "matchConditions")


def _asks(check: str, name: str) -> bool:
    every = "images.containers + images.initContainers + images.ephemeralContainers + images.volumes"
    return every in check and f"attestations.{name}," in check and check.endswith("> 0)")


def _identity(attestor: dict[str, Any]) -> Any:
    cosign = mapping(attestor, "cosign")
    key = at(cosign, "key", "data")
    keyless = mapping(cosign, "keyless")
    return key if key is not None else (keyless.keys() == {"identities"} and list(sequence(keyless, "identities")))


def _wanted(images: ImageSettings) -> Any:
    signing = images.signing
    if isinstance(signing, KeylessSigning):
        return [{"issuer": signing.issuer, "subject": signing.identity}]
    return signing.key if signing else None


RULE = Rule(
    id="image-admission-kept",
    severity="error",
    why="What the repository refuses, someone with the cluster's API would otherwise run all the same.",
    fix="Say in settings.yaml, images, who signs and what is let in; the rest is of components/specs.",
    together=_together,
    source="NSA/CISA 2022, Kubernetes Pod security, Building secure container images; CIS Kubernetes 1.9 5.5.1",
)

_SIGNING = {"issuer": "https://issuer.example.com", "identity": "https://git.example.com/images.yaml@main"}
_IMAGES = {"images": {"signing": _SIGNING}}
_SCOPE = {
    "failurePolicy": "Fail",
    "matchConstraints": {
        "namespaceSelector": _EVERY_POOL,
        "resourceRules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": sorted(_PODS)}
        ],
    },
}
_OURS = r"variables.images.filter(i, !(i.matches('^registry\\.example\\.com/roster/[a-z/]+@sha256:[0-9a-f]{64}$')))"


def _policy(expression: str = _OURS, **spec: Any) -> Manifest:
    full = {
        **_SCOPE,
        "variables": [{"name": "refused", "expression": expression}],
        "validations": [{"expression": "variables.refused.size() == 0"}],
        **spec,
    }
    return manifest("admissionregistration.k8s.io/v1", _REFERENCES, "roster-images", "", spec=full)


def _bound(*actions: str, **spec: Any) -> Manifest:
    full = {"policyName": "roster-images", "validationActions": list(actions), **spec}
    return manifest("admissionregistration.k8s.io/v1", _BINDING, "roster-images", "", spec=full)


def _signed(**spec: Any) -> Manifest:
    every = "(images.containers + images.initContainers + images.ephemeralContainers + images.volumes)"
    names = ("signature", "provenance")
    identity = {"issuer": _SIGNING["issuer"], "subject": _SIGNING["identity"]}
    asked = [f"{every}.all(i, verifyAttestationSignatures(i, attestations.{one}, [attestors.a]) > 0)" for one in names]
    full = {
        **_SCOPE,
        "validationActions": ["Deny"],
        "matchConditions": [{"name": "a", "expression": "request.operation == 'CREATE' || false"}],
        "matchImageReferences": [{"glob": "registry.example.com/roster/*"}],
        "images": [{"name": "volumes", "expression": "object.spec.volumes"}],
        "validationConfigurations": {"mutateDigest": False, "verifyDigest": True, "required": True},
        "attestors": [{"name": "a", "cosign": {"keyless": {"identities": [identity]}}}],
        "attestations": [{"name": n, "intoto": {"type": t}} for n, t in zip(names, sorted(_SIGNED), strict=True)],
        "validations": [{"expression": one} for one in asked],
        **spec,
    }
    return manifest("policies.kyverno.io/v1", _SIGNATURES, "roster-images", "", spec=full)


_ANYBODY = {"issuer": _SIGNING["issuer"], "subject": "https://git.example.com/evil"}
_OTHER = {"cosign": {"keyless": {"identities": [_ANYBODY]}}}
_WEAKER: tuple[dict[str, Any], ...] = (
    {"validationActions": ["Audit"]},
    {"matchConditions": [{"name": "a", "expression": "false"}]},
    {"matchImageReferences": [{"glob": "registry.example.com/other/*"}]},
    {"images": []},
    {"validationConfigurations": {"mutateDigest": False, "verifyDigest": True}},
    {"validationConfigurations": {"verifyDigest": True, "required": True}},
    {"attestors": [_OTHER]},
    {"attestations": []},
    {"validations": []},
    {"evaluation": {"admission": {"enabled": False}}},
)
PASSING = (
    of_platform(_policy(), _bound("Deny"), _signed(), **_IMAGES),
    of_platform(manifest("v1", "ConfigMap")),
)
FAILING = (
    of_platform(_policy(), _bound("Deny"), **_IMAGES),
    of_platform(_policy("[]"), _bound("Deny"), _signed(), **_IMAGES),
    of_platform(_policy("!(i.matches('^.*$'))"), _bound("Deny"), _signed(), **_IMAGES),
    of_platform(_policy(_OURS + f" || i in ['{_FOREIGN}']"), _bound("Deny"), _signed(), **_IMAGES),
    of_platform(_policy(validations=[]), _bound("Deny"), _signed(), **_IMAGES),
    of_platform(_policy(failurePolicy="Ignore"), _bound("Deny"), _signed(), **_IMAGES),
    of_platform(_policy(matchConstraints={}), _bound("Deny"), _signed(), **_IMAGES),
    of_platform(_policy(matchConditions=[{"name": "a", "expression": "false"}]), _bound("Deny"), _signed(), **_IMAGES),
    of_platform(_policy(), _bound("Audit"), _signed(), **_IMAGES),
    of_platform(_policy(), _bound("Deny", policyName="other"), _signed(), **_IMAGES),
    of_platform(_policy(), _bound("Deny", matchResources={"a": "b"}), _signed(), **_IMAGES),
    *(of_platform(_policy(), _bound("Deny"), _signed(**change), **_IMAGES) for change in _WEAKER),
)
