"""Reports as scanners write them, with what a test changes: Grype's JSON and CycloneDX, Trivy's SchemaVersion 2."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
IMAGE_ID = "sha256:" + "c" * 64
LAYER = "sha256:" + "d" * 64
REPOSITORY = "registry.example.com/roster/fastapi"
BUILT = "2026-11-20T06:12:00Z"
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def grype_match(
    vulnerability: str = "CVE-2026-1000", severity: str = "Critical", *, package: str = "openssl", **changes: Any
) -> Json:
    """One match; `changes` are of the vulnerability, but for version, kind, path and related."""
    related = [
        {"id": name, "dataSource": "", "namespace": "nvd:cpe", "severity": said, "urls": [], "cvss": []}
        for name, said in changes.pop("related", ())
    ]
    artifact = {
        "id": "1f", "name": package, "version": changes.pop("version", "3.0.11-1"), "type": changes.pop("kind", "deb"),
        "locations": [{"path": changes.pop("path", "/var/lib/dpkg/status"), "layerID": LAYER, "accessPath": ""}],
        "language": "", "licenses": [], "cpes": [], "purl": "", "upstreams": [],
    }  # fmt: skip
    own = {
        "id": vulnerability, "dataSource": "", "namespace": "debian:distro:debian:12", "severity": severity, "urls": [],
        "cvss": [], "fix": {"versions": ["3.0.13-1"], "state": "fixed"}, "advisories": [], "risk": 0,
    }  # fmt: skip
    return {
        "vulnerability": own | changes,
        "relatedVulnerabilities": related,
        "matchDetails": [],
        "artifact": artifact,
    }


def grype_report(*matches: Json, digest: str = DIGEST, ended: Iterable[tuple[str, str]] = (), **changes: Any) -> bytes:
    """A whole report; `changes` are of its top level."""
    target = {
        "userInput": REPOSITORY, "imageID": IMAGE_ID, "manifestDigest": digest, "mediaType": "", "tags": [],
        "imageSize": 1, "layers": [], "manifest": "", "config": "", "repoDigests": [f"{REPOSITORY}@{digest}"],
        "architecture": "amd64", "os": "linux",
    }  # fmt: skip
    alerts = [
        {"type": "distro-eol", "message": "", "metadata": {"name": name, "version": version}} for name, version in ended
    ]
    document = {
        "matches": list(matches),
        "source": {"type": "image", "target": target},
        "distro": {"name": "debian", "version": "12", "idLike": []},
        "descriptor": grype_descriptor(),
    }
    if alerts:
        document["alertsByPackage"] = [{"package": {}, "alerts": alerts}]
    return json.dumps(document | changes).encode()


def grype_descriptor(**changes: Any) -> Json:
    """What Grype says of itself."""
    status = {"schemaVersion": "v6.1.10", "built": BUILT, "path": "/db", "valid": True}
    settings = {"only-fixed": False, "only-notfixed": False, "ignore-wontfix": "", "exclude": [], "vex-documents": []}
    descriptor = {"name": "grype", "version": "0.120.1", "configuration": settings, "db": {"status": status}}
    return copy.deepcopy(descriptor | changes)


def grype_inventory(packages: int = 3, digest: str = DIGEST) -> bytes:
    """The CycloneDX document that Grype writes beside its report."""
    components = [{"type": "library", "name": f"package-{number}", "version": "1"} for number in range(packages)]
    subject = {"type": "container", "name": REPOSITORY, "version": digest}
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": subject}}
    return json.dumps(document | {"components": [*components, {"type": "file", "name": "/etc/os-release"}]}).encode()


def trivy_finding(vulnerability: str = "CVE-2026-1000", severity: str = "CRITICAL", **changes: Any) -> Json:
    """One detected vulnerability."""
    found = {
        "VulnerabilityID": vulnerability,
        "PkgID": "openssl@3.0.11-1",
        "PkgName": "openssl",
        "InstalledVersion": "3.0.11-1",
        "FixedVersion": "3.0.13-1",
        "Status": "fixed",
        "Layer": {"Digest": LAYER, "DiffID": OTHER},
        "SeveritySource": "debian",
        "DataSource": {"ID": "debian", "Name": "Debian Security Tracker", "URL": ""},
        "Severity": severity,
        "VendorSeverity": {"debian": 4, "nvd": 4},
    }
    return found | changes


def trivy_report(*found: Json, packages: int = 3, **changes: Any) -> bytes:
    """A whole report; `changes` are of its metadata, but for schema, kind and result."""
    result = {
        "Target": "app (debian 12.5)",
        "Class": "os-pkgs",
        "Type": "debian",
        "Packages": [{"Name": f"package-{number}", "Version": "1"} for number in range(packages)],
        "Vulnerabilities": list(found),
    } | changes.pop("result", {})
    document = {
        "SchemaVersion": changes.pop("schema", 2),
        "CreatedAt": "2026-11-21T09:00:00.000000001Z",
        "ArtifactName": REPOSITORY,
        "ArtifactType": changes.pop("kind", "container_image"),
        "Results": [result],
    }
    metadata = {
        "OS": {"Family": "debian", "Name": "12.5"},
        "ImageID": IMAGE_ID,
        "DiffIDs": [OTHER],
        "RepoDigests": [f"{REPOSITORY}@{DIGEST}"],
    }
    return json.dumps(document | {"Metadata": metadata | changes}).encode()


def trivy_about(**changes: Any) -> bytes:
    """What `trivy version --format json` says."""
    database = {"Version": 2, "UpdatedAt": BUILT, "NextUpdate": "2026-11-21T06:12:00Z", "DownloadedAt": BUILT}
    return json.dumps({"Version": "0.66.0", "VulnerabilityDB": database} | changes).encode()
