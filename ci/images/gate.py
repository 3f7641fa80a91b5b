"""The gate: whether an image may run, from a report, the platform team's thresholds and the exceptions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from ci.images.exceptions import BaseImage, Cover, Exceptions, ScannedImage, cover_of, covering, exception_notes
from ci.images.reports import RANK, SEVERITIES, EndedDistribution, Rating, Report, ScanFailure, Severity, Vulnerability
from components.definition.vulnerability_exceptions import END_OF_LIFE, VulnerabilityException

_Part = TypeVar("_Part")

# A clock may be wrong, or stand in another time zone's midnight.
_CLOCK_ERROR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """The thresholds: what is at least as bad as `block_at` stops an image; `end_of_life` is how bad such a base is."""

    block_at: Severity = "critical"
    end_of_life: Severity = "critical"
    database_days: int = 5


@dataclass(frozen=True, slots=True)
class Blocking:
    """A finding that stops the image; `ended` and `later` are exceptions that would cover it on another day."""

    vulnerability: Vulnerability
    ended: tuple[tuple[str, str], ...] = ()
    later: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Excepted:
    """A finding that would stop the image, and the exception by which it does not."""

    vulnerability: Vulnerability
    path: str
    exception: VulnerabilityException


@dataclass(frozen=True, slots=True, order=True)
class LetPass:
    """What an exception covers, as a record keeps it: the finding's name, its package and version, and the file."""

    vulnerability: str
    package: str
    version: str
    exception: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of one image.

    `counts` are all vulnerabilities by severity, the excepted ones too; `failures` say why nothing can be said, and
    the image does not pass then, whatever else stands here. `database` is the day (ISO) of the scanner's database.
    `let_pass` counts `excepted` on the platform that fares worst, as `counts` does.
    """

    image: ScannedImage
    failures: tuple[ScanFailure, ...] = ()
    blocking: tuple[Blocking, ...] = ()
    excepted: tuple[Excepted, ...] = ()
    notes: tuple[str, ...] = ()
    counts: tuple[tuple[Severity, int], ...] = ()
    packages: int = 0
    scanner: str = ""
    scanner_version: str = ""
    database: str = ""
    let_pass: tuple[tuple[LetPass, int], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the image may run."""
        return not self.failures and not self.blocking

    @property
    def judged(self) -> bool:
        """Whether a whole report was there to judge by."""
        return not self.failures


def judge(
    scan: Report | ScanFailure, image: ScannedImage, policy: GatePolicy, exceptions: Exceptions, now: datetime
) -> Verdict:
    """What comes of a scan of `image` at that moment (with a time zone). A scan that failed closes the gate."""
    if isinstance(scan, ScanFailure):
        return Verdict(image, (scan,))
    today = now.date()
    ended = list(_ended(scan.ended, image.base, policy, today.isoformat()))
    found = [*scan.vulnerabilities, *ended]
    candidates = covering(exceptions, image)
    covers = [(one, cover_of(one, candidates, today)) for one in found if _stops(one, policy)]
    counts = Counter(one.rating.severity for one in scan.vulnerabilities)
    excepted = tuple(_excepted(covers))
    return Verdict(
        image=image,
        failures=tuple(_failures(scan, image, policy, now)),
        blocking=tuple(Blocking(one, cover.ended, cover.later) for one, cover in covers if cover.exception is None),
        excepted=excepted,
        notes=(*exception_notes(candidates, found, today), *_rating_notes(scan.vulnerabilities, policy)),
        counts=tuple((severity, counts[severity]) for severity in SEVERITIES),
        packages=scan.packages,
        scanner=scan.scanner,
        scanner_version=scan.scanner_version,
        database=scan.database.date().isoformat() if scan.database else "",
        let_pass=_let_pass(excepted),
    )


def joined(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict on an image for several platforms, from those on each; ValueError with none.

    It passes when all do. Counts are the worst of each severity, so that what all platforms share counts once; the
    database is the oldest.
    """
    if not verdicts:
        raise ValueError("an image without a verdict is not judged")
    return replace(
        verdicts[0],
        failures=_each_once(one.failures for one in verdicts),
        blocking=_each_once(one.blocking for one in verdicts),
        excepted=_each_once(one.excepted for one in verdicts),
        notes=_each_once(one.notes for one in verdicts),
        counts=tuple((level, max(dict(one.counts).get(level, 0) for one in verdicts)) for level in SEVERITIES),
        packages=max(one.packages for one in verdicts),
        database=min(one.database for one in verdicts),
        let_pass=_worst(one.let_pass for one in verdicts),
    )


def _let_pass(excepted: Iterable[Excepted]) -> tuple[tuple[LetPass, int], ...]:
    found = [(one.vulnerability, one.path) for one in excepted]
    return tuple(sorted(Counter(LetPass(one.name, one.package, one.version, path) for one, path in found).items()))


def _worst(parts: Iterable[tuple[tuple[LetPass, int], ...]]) -> tuple[tuple[LetPass, int], ...]:
    """The largest count of each."""
    found: Counter[LetPass] = Counter()
    for part in parts:
        found |= Counter(dict(part))
    return tuple(sorted(found.items()))


def _each_once(parts: Iterable[tuple[_Part, ...]]) -> tuple[_Part, ...]:
    """In the order in which they come first."""
    found: list[_Part] = []
    for part in parts:
        found += [one for one in part if one not in found]
    return tuple(found)


def _stops(one: Vulnerability, policy: GatePolicy) -> bool:
    """There is no look at whether it is fixed: what cannot be mended harms no less. Unrated findings are noted."""
    return one.rating.severity != "unknown" and RANK[one.rating.severity] <= RANK[policy.block_at]


def _excepted(covers: Iterable[tuple[Vulnerability, Cover]]) -> Iterator[Excepted]:
    for one, cover in covers:
        if cover.exception is not None:
            yield Excepted(one, cover.path, cover.exception)


def _failures(scan: Report, image: ScannedImage, policy: GatePolicy, now: datetime) -> Iterator[ScanFailure]:
    """Why a whole report proves nothing about this image today."""
    problem = _identity_problem(scan, image)
    if problem:
        yield ScanFailure("another-image", problem)
    if scan.packages == 0:
        message = (
            f"{scan.scanner} found not one package in {image.reference}; nothing was read, so nothing is known of it"
        )
        yield ScanFailure("nothing-read", message)
    if scan.database is None:
        yield ScanFailure("database-missing", f"{scan.scanner} had no vulnerability database, so it could find nothing")
        return
    age = now - scan.database
    told = f"the vulnerability database of {scan.scanner} is of {scan.database:%Y-%m-%d}"
    if age > timedelta(days=policy.database_days):
        message = f"{told}, {age.days} days old; {policy.database_days} are allowed. Update it and scan again"
        yield ScanFailure("database-too-old", message)
    if age < -_CLOCK_ERROR:
        yield ScanFailure(
            "database-from-the-future", f"{told}, and it is {now:%Y-%m-%d}: one of the two clocks is wrong"
        )


def _identity_problem(scan: Report, image: ScannedImage) -> str:
    """An image id decides where both know it: it holds for all that is in an image, however that is packed."""
    if image.image_id and scan.image_id:
        if image.image_id == scan.image_id:
            return ""
        return f"{image.reference} has the image id {image.image_id}, and the report is about {scan.image_id}"
    if image.digest in scan.digests:
        return ""
    about = f"is about {', '.join(scan.digests)}" if scan.digests else "does not say by any digest what it is about"
    return f"{image.reference} was asked for, and the report {about}"


def _ended(
    told: Iterable[EndedDistribution], base: BaseImage | None, policy: GatePolicy, day: str
) -> Iterator[Vulnerability]:
    """Distributions and bases that are mended no more, as findings: nobody looks for vulnerabilities in them either."""
    for one in told:
        why = "the scanner knows it to be mended no more"
        yield _end_of_life(one.name, one.version, Rating(policy.end_of_life, "the scanner", why))
    if base and base.end_of_life and base.end_of_life <= day:
        why = f"the catalog says that it is mended no more from {base.end_of_life}"
        yield _end_of_life(base.name, base.end_of_life, Rating(policy.end_of_life, "the catalog", why))


def _end_of_life(name: str, version: str, rating: Rating) -> Vulnerability:
    return Vulnerability(END_OF_LIFE, (), name, version, "distribution", rating, (), "wont-fix", ())


def _rating_notes(found: Iterable[Vulnerability], policy: GatePolicy) -> Iterator[str]:
    """Ratings that somebody should know of who wonders why an image passed, or why it did not."""
    for one in found:
        rating, told = one.rating, f"{one.name} in {one.package} {one.version}"
        if rating.severity == "unknown":
            yield f"{told}: nobody has rated it, so it stops nothing; look at it"
            continue
        limit = RANK[policy.block_at]
        for source, severity in one.ratings:
            if (RANK[severity] <= limit) != (RANK[rating.severity] <= limit):
                yield f"{told}: {source} says {severity}, {rating.source} says {rating.severity}; {rating.why}"
