"""Grype's JSON report and the inventory (CycloneDX) that it writes beside it, in our form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from pydantic import Field

from ci.images.reports import (
    SEVERITIES,
    EndedDistribution,
    Fix,
    Report,
    ReportError,
    Severity,
    Shape,
    Vulnerability,
    digests_in,
    merged,
    moment,
    rate,
    read_shape,
)

REPORT, INVENTORY = "Grype's report", "Grype's inventory"
_DATABASE_MODEL = "v6."
_NOT_TOLD = "[not provided]"
_FIXES: dict[str, Fix] = {"fixed": "fixed", "not-fixed": "not-fixed", "wont-fix": "wont-fix"}
# Of the kernel's headers, which contain no kernel: Grype always sets these aside.
_HEADERS = ("kernel-headers", "linux-libc-dev", "linux(-.*)?-headers-.*", "linux-kbuild-.*")
# Settings that leave findings out of the report; exceptions are made in the catalog and nowhere else.
_FILTERS = ("only-fixed", "only-notfixed", "ignore-wontfix", "exclude", "vex-documents")


class _Rated(Shape):
    id: str = Field(min_length=1)
    namespace: str = ""
    severity: str = ""


class _Fix(Shape):
    versions: list[str]
    state: str


class _Advisory(_Rated):
    fix: _Fix


class _Location(Shape):
    path: str
    layer: str = Field("", alias="layerID")


class _Artifact(Shape):
    name: str = Field(min_length=1)
    version: str
    type: str
    locations: list[_Location]


class _Match(Shape):
    vulnerability: _Advisory
    related: list[_Rated] = Field(alias="relatedVulnerabilities")
    artifact: _Artifact


class _RulePackage(Shape):
    name: str = ""


class _Rule(Shape):
    package: _RulePackage | None = None


class _Ignored(_Match):
    rules: list[_Rule] = Field(alias="appliedIgnoreRules")


class _Image(Shape):
    manifest_digest: str = Field(alias="manifestDigest")
    image_id: str = Field(alias="imageID")
    repository_digests: list[str] = Field(alias="repoDigests")


class _Source(Shape):
    type: str
    target: _Image | str


class _AlertSubject(Shape):
    name: str = "unknown"
    version: str = ""


class _Alert(Shape):
    type: str
    metadata: _AlertSubject = _AlertSubject()


class _Alerts(Shape):
    alerts: list[_Alert]


class _Status(Shape):
    schema_version: str = Field("", alias="schemaVersion")
    built: str = ""


class _Database(Shape):
    status: _Status | None


class _Descriptor(Shape):
    name: str
    version: str
    configuration: dict[str, Any]
    db: _Database


class _Document(Shape):
    descriptor: _Descriptor
    source: _Source
    matches: list[_Match]
    ignored: list[_Ignored] = Field([], alias="ignoredMatches")
    alerts: list[_Alerts] = Field([], alias="alertsByPackage")


class _Component(Shape):
    type: str
    version: str = ""


class _Metadata(Shape):
    component: _Component


class _Inventory(Shape):
    format: str = Field(alias="bomFormat")
    metadata: _Metadata
    components: list[_Component] = []


def read_grype(report: bytes, inventory: bytes) -> Report:
    """The report (`-o json`) with the packages counted in the inventory (`-o cyclonedx-json`). Raises ReportError."""
    document = read_shape(_Document, report, REPORT)
    bill = read_shape(_Inventory, inventory, INVENTORY)
    descriptor = document.descriptor
    if descriptor.name != "grype":
        raise ReportError("report-of-another-kind", f"{REPORT} was written by {descriptor.name!r}")
    target = document.source.target
    if isinstance(target, str):
        raise ReportError("another-image", f"{REPORT} is about a {document.source.type}, not about an image")
    digests = {target.manifest_digest, *digests_in(target.repository_digests)}
    if bill.metadata.component.version not in digests:
        told = bill.metadata.component.version or "no image"
        raise ReportError("reports-disagree", f"{REPORT} is about {target.manifest_digest}, its inventory about {told}")
    _refuse_filters(document)
    return Report(
        scanner="grype",
        scanner_version="" if descriptor.version == _NOT_TOLD else descriptor.version,
        database=_built(descriptor.db.status),
        digests=tuple(sorted(digests)),
        image_id=target.image_id,
        packages=sum(component.type == "library" for component in bill.components),
        vulnerabilities=merged(_vulnerability(match) for match in document.matches),
        ended=tuple(_ended(document.alerts)),
    )


def _refuse_filters(document: _Document) -> None:
    """A report from which something was left out says nothing about what was left out."""
    set_here = [name for name in _FILTERS if document.descriptor.configuration.get(name)]
    if set_here:
        raise ReportError("report-filtered", f"{REPORT} was made with {', '.join(set_here)}, which leaves findings out")
    for ignored in document.ignored:
        if not all(rule.package and rule.package.name in _HEADERS for rule in ignored.rules):
            raise ReportError(
                "report-filtered",
                f"{REPORT} was told to ignore {ignored.vulnerability.id} in {ignored.artifact.name}; "
                "exceptions are files of the catalog and nothing else",
            )


def _built(status: _Status | None) -> datetime | None:
    if status is None or not status.built:
        return None
    if not status.schema_version.startswith(_DATABASE_MODEL):
        message = f"{REPORT} comes from a database of the form {status.schema_version!r}; {_DATABASE_MODEL}x is known"
        raise ReportError("report-of-another-kind", message)
    return moment(status.built, REPORT)


def _vulnerability(match: _Match) -> Vulnerability:
    own, artifact = match.vulnerability, match.artifact
    rating, others = rate(_severity(own), _source(own), ((_source(one), _severity(one)) for one in match.related))
    return Vulnerability(
        id=own.id,
        aliases=tuple(sorted({one.id for one in match.related} - {own.id})),
        package=artifact.name,
        version=artifact.version,
        kind=artifact.type,
        rating=rating,
        ratings=others,
        fix=_FIXES.get(own.fix.state, "unknown"),
        fixed=tuple(own.fix.versions),
        paths=tuple(sorted({place.path for place in artifact.locations})),
        layers=tuple(sorted({place.layer for place in artifact.locations} - {""})),
    )


def _severity(rated: _Rated) -> Severity:
    """A word that a newer Grype may have stops the judgement rather than count as harmless."""
    word = rated.severity.lower() or "unknown"
    for severity in SEVERITIES:
        if word == severity:
            return severity
    raise ReportError(
        "report-of-another-kind", f"{REPORT}: {rated.id} has the severity {rated.severity!r}, unknown here"
    )


def _source(rated: _Rated) -> str:
    """Who publishes an advisory, from the first part of its namespace, such as debian, github or nvd."""
    return rated.namespace.split(":")[0] or "an unnamed source"


def _ended(alerts: Iterable[_Alerts]) -> Iterator[EndedDistribution]:
    found = {
        (alert.metadata.name, alert.metadata.version)
        for one in alerts
        for alert in one.alerts
        if alert.type == "distro-eol"
    }
    for name, version in sorted(found):
        yield EndedDistribution(name, version)
