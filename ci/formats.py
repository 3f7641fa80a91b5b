"""Findings for people, for machines, for code review and for code scanning."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from components.definition.findings import Finding

_LEVELS = {"error": "error", "warning": "warning"}
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_text(findings: Sequence[Finding]) -> str:
    """One line a finding: file:line:column, what is wrong, and the rule's id."""
    return "".join(f"{finding}\n" for finding in findings)


def as_json(findings: Sequence[Finding]) -> str:
    """A list of objects, one a finding."""
    return json.dumps([_fields(finding) for finding in findings], indent=2, ensure_ascii=False) + "\n"


def as_github(findings: Sequence[Finding]) -> str:
    """Workflow commands, which GitHub shows on the lines at fault."""
    return "".join(
        f"::{_LEVELS[one.severity]} file={_property(one.file)},line={one.line},col={one.column},"
        f"title={_property(one.rule)}::{_data(one.message)}\n"
        for one in findings
    )


def as_sarif(findings: Sequence[Finding]) -> str:
    """SARIF 2.1.0, for code scanning."""
    rules = sorted({finding.rule for finding in findings})
    driver = {"name": "roster", "rules": [{"id": rule} for rule in rules]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": [_result(one) for one in findings]}
    return (
        json.dumps({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"
    )


FORMATS: dict[str, Callable[[Sequence[Finding]], str]] = {
    "text": as_text,
    "json": as_json,
    "github": as_github,
    "sarif": as_sarif,
}


def _fields(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in ("file", "line", "column", "severity", "rule", "message", "agent")}


def _result(finding: Finding) -> dict[str, Any]:
    region = {"startLine": finding.line, "startColumn": finding.column}
    location = {"physicalLocation": {"artifactLocation": {"uri": finding.file}, "region": region}}
    return {
        "ruleId": finding.rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [location],
    }


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
