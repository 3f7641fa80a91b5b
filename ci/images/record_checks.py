"""What a record cannot honestly say: days that are not come, findings that the gate stops, one digest of two builds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from components.definition.findings import Finding
from components.definition.image_record import ExceptedFinding, ImageRecord, Scan
from components.definition.image_settings import ImageGate
from components.definition.load_catalog import Catalog
from components.definition.vulnerability_exceptions import END_OF_LIFE, VulnerabilityException
from components.definition.yaml_reader import Document

_LEVELS = ("critical", "high", "medium")
# As the gate: a database's clock may be wrong, or stand in another time zone's midnight.
_DATABASE_AHEAD = timedelta(days=1)
_AGAIN = "`roster images rescan` writes what is known now"


def record_findings(catalog: Catalog, today: str) -> list[Finding]:
    """What is wrong with the records on that day (ISO), each at its line.

    A blocked record is believed in nothing, so what it says of findings is not asked.
    """
    found: list[Finding] = []
    for path, record in catalog.record_files.items():
        document = catalog.documents[path]
        found += _days(document, record, date.fromisoformat(today))
        if record.scan and not record.blocked:
            found += _above_gate(document, record.scan, catalog.settings.images.gate)
            found += _exceptions(document, record.scan, catalog.exceptions)
    return found + list(_shared_digests(catalog))


def _days(document: Document, record: ImageRecord, today: date) -> Iterator[Finding]:
    if record.built and date.fromisoformat(record.built) > today:
        message = f"built: {record.built} is not come yet; nothing was built on it"
        yield document.finding(("built",), "record-from-the-future", message)
    if record.scan and date.fromisoformat(record.scan.database) > today + _DATABASE_AHEAD:
        message = f"scan.database: {record.scan.database} is not come yet; no scanner had a database of that day"
        yield document.finding(("scan", "database"), "record-from-the-future", message)


def _above_gate(document: Document, scan: Scan, gate: ImageGate) -> Iterator[Finding]:
    levels = _LEVELS[: _LEVELS.index(gate.block_at) + 1]
    counted = sum(getattr(scan, level) for level in levels)
    # What is mended no more is not among the counts.
    excepted = sum(one.findings for one in scan.excepted or () if one.vulnerability != END_OF_LIFE)
    if counted > excepted:
        level = next(level for level in levels if getattr(scan, level))
        what = f"{counted} finding{'s' * (counted != 1)} at {gate.block_at} or worse, {excepted} of them excepted"
        message = f"the gate lets no image pass with {what}; {_AGAIN}, and blocks the image"
        yield document.finding(("scan", level), "record-above-gate", message)


def _exceptions(document: Document, scan: Scan, exceptions: Mapping[str, VulnerabilityException]) -> Iterator[Finding]:
    for index, one in enumerate(scan.excepted or ()):
        problem = _exception_problem(one, exceptions.get(one.exception))
        if problem:
            where = ("scan", "excepted", index, "exception")
            yield document.finding(where, "record-without-exception", f"{problem}; {_AGAIN}")


def _exception_problem(one: ExceptedFinding, exception: VulnerabilityException | None) -> str:
    what = f"{one.vulnerability} in {one.package} {one.version}"
    if exception is None:
        return f"{what} passed by {one.exception}, and there is no such exception any more"
    # Its id may be another one of the same vulnerability.
    fits = exception.package == one.package and (exception.versions is None or one.version in exception.versions)
    return "" if fits else f"{what} is not what {one.exception} is about"


def _shared_digests(catalog: Catalog) -> Iterator[Finding]:
    """A built image names its context's hash in itself, so two contexts never become one digest."""
    first: dict[str, tuple[str, str]] = {}
    for path, record in sorted(catalog.record_files.items()):
        if record.context_hash is None:
            continue
        file, known = first.setdefault(record.digest, (path, record.context_hash))
        if known != record.context_hash:
            message = f"{file} records this digest as built from other files; one of the two is wrong: remove it"
            yield catalog.documents[path].finding(("digest",), "duplicate-value", message)
