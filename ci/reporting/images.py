"""What a scan of the recorded images reports. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import get_args

from ci.images.gate import Verdict
from ci.images.reports import Severity
from ci.reporting.gauges import FINDINGS, Group, Known, Value


def findings(verdicts: Iterable[Verdict], known: Iterable[Known]) -> Group:
    """How many vulnerabilities each image has, by severity, without those that an exception covers.

    An image that could not be judged keeps what is `known` of it: that a scanner failed is no news about an image.
    """
    values = []
    unseen = set()
    for verdict in verdicts:
        image, digest = verdict.image.repository, verdict.image.digest
        if not verdict.judged:
            unseen.add((digest, image))
            continue
        counts = Counter(dict(verdict.counts))
        counts.subtract(one.vulnerability.rating.severity for one in verdict.excepted)
        values += [Value(FINDINGS, (digest, image, name), max(counts[name], 0)) for name in get_args(Severity)]
    for one in known:
        of = one.labels.get("digest", ""), one.labels.get("image", "")
        if one.name == FINDINGS and of in unseen:
            values.append(Value(FINDINGS, (*of, one.labels.get("severity", "")), one.value))
    return Group({}, tuple({(one.name, one.labels): one for one in values}.values()))
