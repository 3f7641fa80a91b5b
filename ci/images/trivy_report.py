"""Trivy's JSON report (SchemaVersion 2) and what it says of itself, in our form."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ci.images.reports import (
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

REPORT, VERSION = "Trivy's report", "what Trivy says of its version"
_SCHEMA = 2
_FIXES: dict[str, Fix] = {
    "fixed": "fixed",
    "affected": "not-fixed",
    "fix_deferred": "not-fixed",
    "under_investigation": "not-fixed",
    "will_not_fix": "wont-fix",
    "end_of_life": "wont-fix",
}
_SEVERITIES: dict[str, Severity] = {
    "CRITICAL": "critical",
    "HIGH": "high",
    "MEDIUM": "medium",
    "LOW": "low",
    "UNKNOWN": "unknown",
}
# The numbers that it writes for what each source says.
_NUMBERS: tuple[Severity, ...] = ("unknown", "low", "medium", "high", "critical")


class _Schema(Shape):
    version: int = Field(alias="SchemaVersion")


class _System(Shape):
    family: str = Field("unknown", alias="Family")
    name: str = Field("", alias="Name")
    ended: bool = Field(False, alias="EOSL")


class _Metadata(Shape):
    system: _System | None = Field(None, alias="OS")
    image_id: str = Field("", alias="ImageID")
    repository_digests: list[str] = Field([], alias="RepoDigests")


class _Layer(Shape):
    digest: str = Field("", alias="Digest")
    diff_id: str = Field("", alias="DiffID")


class _Source(Shape):
    id: str = Field("", alias="ID")


class _Detected(Shape):
    id: str = Field(alias="VulnerabilityID", min_length=1)
    vendor_ids: list[str] = Field([], alias="VendorIDs")
    package: str = Field(alias="PkgName", min_length=1)
    path: str = Field("", alias="PkgPath")
    installed: str = Field(alias="InstalledVersion")
    fixed: str = Field("", alias="FixedVersion")
    status: str = Field("", alias="Status")
    layer: _Layer = Field(default_factory=lambda: _Layer.model_validate({}), alias="Layer")
    severity: Literal["CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN"] = Field(alias="Severity")
    severity_source: str = Field("", alias="SeveritySource")
    data_source: _Source = Field(default_factory=lambda: _Source.model_validate({}), alias="DataSource")
    severities: dict[str, int] = Field({}, alias="VendorSeverity")


class _Modified(Shape):
    type: str = Field("", alias="Type")
    status: str = Field("", alias="Status")


class _Package(Shape):
    name: str = Field("", alias="Name")


class _Result(Shape):
    target: str = Field("", alias="Target")
    kind: str = Field("", alias="Type")
    packages: list[_Package] = Field([], alias="Packages")
    found: list[_Detected] = Field([], alias="Vulnerabilities")
    modified: list[_Modified] = Field([], alias="ExperimentalModifiedFindings")


class _Tool(Shape):
    version: str = Field("", alias="Version")


class _Document(Shape):
    kind: str = Field(alias="ArtifactType")
    tool: _Tool = Field(default_factory=lambda: _Tool.model_validate({}), alias="Trivy")
    metadata: _Metadata = Field(alias="Metadata")
    results: list[_Result] = Field([], alias="Results")


class _Database(Shape):
    version: int = Field(alias="Version")
    updated: str = Field(alias="UpdatedAt")


class _About(Shape):
    version: str = Field(alias="Version", min_length=1)
    database: _Database | None = Field(None, alias="VulnerabilityDB")


def read_trivy(report: bytes, about: bytes) -> Report:
    """The report (`--format json --list-all-pkgs`) with the database's date, of which only `trivy version` tells.

    Raises ReportError.
    """
    # The form first: what follows may mean something else in another one.
    schema = read_shape(_Schema, report, REPORT).version
    if schema != _SCHEMA:
        raise ReportError("report-of-another-kind", f"{REPORT} has SchemaVersion {schema}; {_SCHEMA} is known here")
    document = read_shape(_Document, report, REPORT)
    told = read_shape(_About, about, VERSION)
    if document.kind != "container_image":
        raise ReportError("another-image", f"{REPORT} is about a {document.kind}, not about an image")
    if document.tool.version not in ("", told.version):
        message = (
            f"{REPORT} was written by version {document.tool.version}, and {told.version} was asked for its database"
        )
        raise ReportError("reports-disagree", message)
    _refuse_filters(document)
    system = document.metadata.system
    return Report(
        scanner="trivy",
        scanner_version=told.version,
        database=moment(told.database.updated, VERSION) if told.database else None,
        digests=tuple(sorted(digests_in(document.metadata.repository_digests))),
        image_id=document.metadata.image_id,
        packages=sum(len(result.packages) for result in document.results),
        vulnerabilities=merged(_vulnerability(one, result) for result in document.results for one in result.found),
        ended=(EndedDistribution(system.family, system.name),) if system and system.ended else (),
    )


def _refuse_filters(document: _Document) -> None:
    for result in document.results:
        for one in result.modified:
            raise ReportError(
                "report-filtered",
                f"{REPORT} leaves out a {one.type or 'finding'} of {result.target} as {one.status or 'ignored'}; "
                "exceptions are files of the catalog and nothing else",
            )


def _vulnerability(one: _Detected, result: _Result) -> Vulnerability:
    others = ((source, _numbered(one, number)) for source, number in one.severities.items())
    source = one.severity_source or one.data_source.id or "an unnamed source"
    rating, left = rate(_SEVERITIES[one.severity], source, others)
    fixed = tuple(version.strip() for version in one.fixed.split(",") if version.strip())
    return Vulnerability(
        id=one.id,
        aliases=tuple(sorted(set(one.vendor_ids) - {one.id})),
        package=one.package,
        version=one.installed,
        kind=result.kind,
        rating=rating,
        ratings=left,
        fix="fixed" if fixed else _FIXES.get(one.status, "unknown"),
        fixed=fixed,
        paths=tuple(path for path in (one.path or result.target,) if path),
        layers=tuple(layer for layer in (one.layer.digest or one.layer.diff_id,) if layer),
    )


def _numbered(one: _Detected, number: int) -> Severity:
    if not 0 <= number < len(_NUMBERS):
        raise ReportError("report-of-another-kind", f"{REPORT}: {one.id} has the severity {number}, unknown here")
    return _NUMBERS[number]
