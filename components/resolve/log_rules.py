"""What must hold of `monitoring.logs`: Loki keeps an index of labels, so a label has few values."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.findings import Finding, nearest, one_of
from components.definition.load_catalog import Catalog
from components.definition.logs import FIXED_LABELS, MORE_LABELS, SEARCHED

_AT = ("monitoring", "logs", "labels")


def log_findings(catalog: Catalog) -> Iterator[Finding]:
    """What is wrong with the labels that the catalog gives to log streams."""
    logs = catalog.settings.monitoring.logs
    if logs is None:
        return
    document = catalog.documents["settings"]
    for index, label in enumerate(logs.labels):
        at = (*_AT, index)
        if label in SEARCHED:
            message = (
                f"{label} cannot be a label: each value would be a stream of its own, and Loki keeps all of them in "
                f'memory. It is searched without: {{agent_id="…"}} | {label}="…"'
            )
            yield document.finding(at, "unbounded-label", message)
        elif label in FIXED_LABELS:
            yield document.finding(at, "unknown-label", f"{label} is always a label of logs; leave it out")
        elif label not in MORE_LABELS:
            hint = nearest(label, MORE_LABELS) or f" There is: {one_of(MORE_LABELS)}."
            yield document.finding(at, "unknown-label", f"logs have no label {label!r}.{hint}")
        elif label in logs.labels[:index]:
            yield document.finding(at, "duplicate-value", f"{label} is there twice")
