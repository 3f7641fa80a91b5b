"""Two renders of an agent compared: what kind of change it is, whether pods restart and why, what else it means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ci.plan.differences import Difference, change, differences, identity, restart_reasons, shown, text_diff, unified
from ci.plan.side import Rendered
from ci.threat.statement import differences as threat_differences
from components.facts import Facts
from components.resolve.quantities import byte_count
from components.specs import Manifest

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
_NAME = "\0"


@dataclass(slots=True)
class Change:
    """What happens to one agent, or to a pool's own objects, in one environment.

    `security` says what the agent could do from now on, or no longer could.
    """

    key: str
    environment: str
    kind: str
    before: Facts | None
    after: Facts | None
    pool: str = ""
    restarts: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    objects: list[tuple[str, str, str]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    new_findings: list[str] = field(default_factory=list)
    fixed_findings: list[str] = field(default_factory=list)
    security: list[str] = field(default_factory=list)
    diff: str = ""
    signature: str = ""

    @property
    def file(self) -> str:
        """The definition's path; empty for a pool's own objects."""
        known = self.after or self.before
        return known.file if known else ""

    @property
    def waits(self) -> str:
        """Why the agent does not get what it would begin to run yet; empty when it does."""
        before, after = self.before, self.after
        if after is None or (before is not None and before.image == after.image):
            return ""
        return after.barred


def compare(
    key: str, environment: str, before: Rendered | None, after: Rendered | None, moved: Sequence[str] = ()
) -> Change | None:
    """The change from one render to the other; None when they are the same, object for object.

    `moved` says what it means that the agent lies in another stack or cluster now.
    """
    olds, news = (before.manifests if before else []), (after.manifests if after else [])
    security = _security(before, after)
    if (
        before
        and after
        and not moved
        and not security
        and (olds, before.facts, before.violations) == (news, after.facts, after.violations)
    ):
        return None
    kind = ADDED if before is None else REMOVED if after is None else CHANGED
    known = before.facts if before else None, after.facts if after else None
    result = Change(key, environment, kind, *known, pool=key.split("/")[0])
    result.security = security
    result.diff = unified(olds, news, f"{environment}/{key}")
    old_findings, new_findings = (set(one.violations) if one else set() for one in (before, after))
    result.new_findings = sorted(new_findings - old_findings)
    result.fixed_findings = sorted(old_findings - new_findings)
    if kind == CHANGED:
        _describe(result, olds, news)
        result.other = [*moved, *result.other]
        result.signature += "\n".join(word.replace(result.key.split("/")[-1], _NAME) for word in moved)
    return result


def _security(before: Rendered | None, after: Rendered | None) -> list[str]:
    """What the agent could do that it could not before, and the other way; of a removed one nothing is said."""
    if after is None or after.threat is None:
        return []
    if before is None:
        return threat_differences((), after.threat)
    return [] if before.threat is None else threat_differences(before.threat, after.threat)


def _describe(result: Change, olds: list[Manifest], news: list[Manifest]) -> None:
    first = {identity(one): one for one in olds}
    second = {identity(one): one for one in news}
    found: list[Difference] = []
    for key in [*second, *(key for key in first if key not in second)]:
        old, new = first.get(key), second.get(key)
        if old is not None and new is not None:
            if old != new:
                found += differences(old, new)
                result.objects.append((CHANGED, key[0], key[2]))
        else:
            result.objects.append((ADDED if old is None else REMOVED, key[0], key[2]))
    files = _files(result, found)
    result.other = _other_words(result, found, files)
    if not result.objects and not result.other:
        result.other = list(result.security)
    reasons = restart_reasons(found, files)
    if not reasons:
        pass
    elif result.waits:
        result.other.append(f"once its image is recorded, pods restart: {'; '.join(reasons)}")
    elif _runs(result.before) and _runs(result.after):
        result.restarts = reasons
    else:
        result.other += [f"with its next start: {reason}" for reason in reasons]
    result.signature = _signature(result, found)


def _files(result: Change, found: list[Difference]) -> list[str]:
    names = []
    for one in found:
        if one.kind == "ConfigMap" and one.steps[:1] == ("data",) and len(one.steps) == 2:
            name = one.steps[1]
            names.append(name)
            result.texts[name] = text_diff(_present(one.before), _present(one.after), name)
    return names


def _present(text: str) -> str:
    return "" if text == "absent" else text


def _runs(known: Facts | None) -> bool:
    return known is None or not known.suspended


def _other_words(result: Change, found: list[Difference], files: list[str]) -> list[str]:
    words: list[str] = []
    before, after = result.before, result.after
    if before and after:
        words += _fact_words(before, after)
    words += [f"{kind} {name} {op}" for op, kind, name in result.objects if op != CHANGED]
    for one in found:
        if one.steps[:2] == ("spec", "template") or one.kind in _TOLD_BY_FACTS or (one.kind == "ConfigMap" and files):
            continue
        if one.kind == "Deployment" and one.steps == ("spec", "replicas"):
            continue
        if one.kind == "PersistentVolumeClaim" and one.steps[:1] == ("spec",):
            words.append(_disk_words(one))
            continue
        words.append(f"{one.kind} {'.'.join(one.steps)}: {change(one)}")
    return list(dict.fromkeys(words))


# What these objects say is said by facts (hosts, secrets, scale), in fewer words.
_TOLD_BY_FACTS = frozenset({"ExternalSecret", "HorizontalPodAutoscaler", "ServiceAccount"})


def _disk_words(one: Difference) -> str:
    """What a changed disk means: Kubernetes grows disks, and does nothing else to them."""
    if one.steps[-1] == "storage":
        shrinks = byte_count(one.after) < byte_count(one.before)
        return f"disk {one.before} → {one.after}" + (": **Kubernetes refuses to shrink a disk**" if shrinks else "")
    return f"disk {one.steps[-1]} {one.before} → {one.after}: **only a new disk can have that; the data would be lost**"


def _fact_words(before: Facts, after: Facts) -> list[str]:
    words = []
    if before.suspended != after.suspended:
        words.append(f"stops: suspended by {after.suspended}" if after.suspended else "starts again")
    if not before.suspended and not after.suspended and _scale(before) != _scale(after):
        words.append(f"pods {_scale(before)} → {_scale(after)}")
    for name in ("description", "owner", "runtime", "tier", "model", "route"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            words.append(f"{name} {shown(old or 'none')} → {shown(new or 'none')}")
    for name, label in (("hosts", "host"), ("secrets", "secret")):
        olds, news = set(getattr(before, name)), set(getattr(after, name))
        words += [f"new {label} {one}" for one in sorted(news - olds)]
        words += [f"{label} {one} no longer" for one in sorted(olds - news)]
    return words


def _scale(known: Facts) -> str:
    return str(known.pods_min) if known.pods_min == known.pods_max else f"{known.pods_min}–{known.pods_max}"


def _signature(result: Change, found: list[Difference]) -> str:
    """The same for agents to which the very same thing happens: their own names are taken out of it."""
    names = [
        name for known in (result.before, result.after) if known for name in (known.name, known.namespace, known.pool)
    ]
    parts = [
        f"{one.kind} {'.'.join(one.steps)} {one.before} {one.after}"
        for one in found
        if one.steps[-1:] != ("roster/config-sha256",)
    ]
    parts += [f"{op} {kind}" for op, kind, _ in result.objects if op != CHANGED]
    parts += result.other if not found else []
    parts.append("restarts" if result.restarts else "stays")
    text = "\n".join(parts)
    for name in sorted(set(names), key=len, reverse=True):
        text = text.replace(name, _NAME)
    return text
