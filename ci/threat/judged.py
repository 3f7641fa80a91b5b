"""What looks at an agent's texts, which rules are set aside for it, and what is known of its image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ci.threat.network import rosters_image
from ci.threat.statement import IMAGE, POLICIES, SAFETY, Statement
from components.definition.load_catalog import Catalog
from components.definition.runtime import Runtime
from components.resolve.resolved import ResolvedAgent
from policies.rule import Violation
from policies.waivers import scopes_of

# What the service checks with nothing said: components/images/fastapi/agent/safety/settings.py, held equal by a test.
SAFETY_DEFAULTS = {"pii": "log", "injection": "log", "moderation": "off", "output": "off"}
_CHECKS = {
    "pii": "personal data in tasks",
    "injection": "injection",
    "moderation": "moderation",
    "output": "personal data in answers",
}

_NAMED = 3


def safety(agent: ResolvedAgent, runtime: Runtime) -> Iterator[Statement]:
    """Checks that are off, and those that only log."""
    if not runtime.service or not rosters_image(agent):
        what = f"the runtime {agent.runtime}" if rosters_image(agent) else "its own image"
        text = f"**none of Roster's**: {what} has its own, or none"
        yield Statement(SAFETY, "checks", text, "none of Roster's", changed="safety checks: {}")
        return
    actions = {**SAFETY_DEFAULTS, **(agent.service.get("safety") or {})}
    for action, words in (("off", "off"), ("log", "only logged, nothing is stopped")):
        names = [name for check, name in _CHECKS.items() if actions[check] == action]
        if names:
            yield Statement(SAFETY, action, f"{words}: {', '.join(names)}")
    if not {actions[check] for check in _CHECKS} & {"off", "log"}:
        yield Statement(SAFETY, "all", "all mask or block")
    for check, name in _CHECKS.items():
        yield Statement(SAFETY, f"check {check}", "", actions[check], changed=f"safety check of {name}: {{}}")


def policies(
    agent: ResolvedAgent, violations: Sequence[Violation], catalog: Catalog, today: str
) -> Iterator[Statement]:
    """Rules that are waived for it and until when, rules that it breaks, and other scanners' checks that are waived."""
    for rule, path in sorted({(one.rule.id, one.waived) for one in violations if one.waived}):
        yield _waived(rule, path, catalog, shown=True)
    # Said by the plan's findings too, with their reasons, so coming and going are not told here.
    warned = {one.rule.id for one in violations if one.rule.severity == "warning"}
    for rule, path in sorted({(one.rule.id, one.lapsed) for one in violations if not one.waived}):
        ended = f", since its waiver ended on {catalog.waivers[path].expires}: no change of it is taken" if path else ""
        yield Statement(POLICIES, f"broken {rule}", f"**{rule} {'warns' if rule in warned else 'is broken'}**{ended}")
    if not violations:
        yield Statement(POLICIES, "kept", "every rule is kept")
    covering = scopes_of(agent)
    foreign = sorted(
        (one.rule, path)
        for path, one in catalog.waivers.items()
        if one.foreign and today < one.expires and covering & {*one.scope}
    )
    if foreign:
        names = sorted({rule for rule, _ in foreign})
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield Statement(POLICIES, "scanners", f"waived of other scanners: {', '.join(names[:_NAMED])}{more}")
    for rule, path in foreign:
        yield _waived(rule, path, catalog, shown=False)


def _waived(rule: str, path: str, catalog: Catalog, *, shown: bool) -> Statement:
    waiver = catalog.waivers[path]
    return Statement(
        POLICIES,
        f"waived {rule} {path}",
        f"**{rule} is waived** until {waiver.expires} by {waiver.owner} (`{path}`)" if shown else "",
        waiver.expires,
        gained=f"rule {rule} is waived until {waiver.expires} (`{path}`)",
        lost=f"rule {rule} is no longer waived (`{path}`)",
        changed=f"rule {rule} is waived until {{}}",
    )


def image(agent: ResolvedAgent, catalog: Catalog) -> Iterator[Statement]:
    """Whether it is pinned, recorded, scanned, signed, and which findings an exception lets pass."""
    of, record = agent.image, agent.image.record
    yield Statement(IMAGE, "reference", f"`{of.reference}`")
    if not of.pinned:
        text = (
            "**not by digest**: no record yet says which bits it is" if of.context_hash else "**a tag, not a digest**"
        )
        yield Statement(
            IMAGE, "tag", text, gained="its image is not given by digest", lost="its image is given by digest"
        )
    if record is None or record.scan is None:
        text = "**not recorded**: nothing says that the gate looked at it"
        yield Statement(IMAGE, "record", text, "not recorded", changed="its image: {}")
    else:
        scan = record.scan
        text = f"scanned by {scan.scanner}, database of {scan.database}: {scan.critical} critical, {scan.high} high"
        yield Statement(IMAGE, "record", text, "recorded", changed="its image: {}")
    yield _signed(agent)
    if record and record.blocked:
        text = f"**blocked since by {', '.join(record.blocked)}**"
        yield Statement(
            IMAGE, "blocked", text, gained=f"its image is {text.strip('*')}", lost="its image is blocked no more"
        )
    for one in (record.scan.excepted or ()) if record and record.scan else ():
        exception = catalog.exceptions.get(one.exception)
        until = f"until {exception.expires}" if exception else "by an exception that is gone"
        text = f"{one.vulnerability} in {one.package} {one.version} is excepted {until} (`{one.exception}`)"
        lost = f"{one.vulnerability} in {one.package} is no longer excepted"
        key = f"excepted {one.vulnerability} {one.package}"
        changed = f"{one.vulnerability} in {one.package} is excepted: {{}}"
        yield Statement(IMAGE, key, f"**{text}**", until, text, lost, changed)


def _signed(agent: ResolvedAgent) -> Statement:
    record, settings = agent.image.record, agent.settings.images
    signed = bool(record and record.signature)
    value = "signed" if signed else "not signed"
    asked = ""
    if settings.signing is not None:
        asks = settings.admission.mode == "enforce"
        asked = "; clusters let in only what is signed" if asks else "; clusters only report what is not signed"
    return Statement(IMAGE, "signature", (value if signed else f"**{value}**") + asked, value, changed="its image: {}")
