"""What reviewers saw: a digest for each object that a plan of theirs adds or changes, and the objects that it removes.

A record is one plan's, or several plans' merged; both have one form, a JSON object of
`version`, 1; `plans`, a list of {commit, tree, clean, base, environments}; `objects`, {key: [digest, …]}; and
`removed`, [key, …], where a key is that of `object_key` and a digest that of `object_digest`. Records are only ever
united: an object may be what any of the plans said it would be. Who made a record is for the caller to judge.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from components.digest import canonical

Manifest = dict[str, Any]
VERSION = 1
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_KEY = re.compile(r"[^/]+/[^/]+/[^/]+/[^/]+/[^/]*/[^/]+")
_KEYS = {"version", "plans", "objects", "removed"}


def object_key(environment: str, cluster: str, manifest: Manifest) -> str:
    """Which object of which cluster: `prod/eu/apps/Deployment/business/lead-scorer`.

    That is environment, cluster, API group (`core` for Kubernetes' first one), kind, namespace (empty for an object of
    the whole cluster), name. The group's version is left out, as an object is the same by any of them.
    """
    group, slash, _ = manifest["apiVersion"].partition("/")
    metadata = manifest["metadata"]
    parts = (group if slash else "core", manifest["kind"], metadata.get("namespace", ""), metadata["name"])
    return "/".join((environment, cluster, *parts))


def object_digest(manifest: Manifest) -> str:
    """`sha256:` and the hexadecimal SHA-256 of the manifest's canonical JSON."""
    return "sha256:" + sha256(canonical(manifest).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PlanOf:
    """What a plan compared: `commit` and `tree` of HEAD, `base`. `clean`: whether what it read was just that tree."""

    commit: str
    tree: str
    clean: bool
    base: str
    environments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The records of some plans, united."""

    plans: tuple[PlanOf, ...] = ()
    objects: Mapping[str, frozenset[str]] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()

    def unexplained(
        self, environment: str, cluster: str, manifests: Sequence[Manifest], last_applied: Sequence[Manifest]
    ) -> list[str]:
        """What no plan said, such as `Deployment business/lead-scorer`, sorted.

        An object is explained when a plan has its digest or when it is what was applied last; one that goes, when a
        plan removed it.
        """
        before = {object_key(environment, cluster, one): one for one in last_applied}
        now = {object_key(environment, cluster, one): one for one in manifests}
        unknown = [one for key, one in now.items() if not self._explains(key, one, before.get(key))]
        gone = [one for key, one in before.items() if key not in now and key not in self.removed]
        return sorted([*map(_described, unknown), *(f"{_described(one)} (removed)" for one in gone)])

    def _explains(self, key: str, manifest: Manifest, before: Manifest | None) -> bool:
        digest = object_digest(manifest)
        return digest in self.objects.get(key, ()) or (before is not None and digest == object_digest(before))

    def as_json(self) -> str:
        """As a file's text, sorted."""
        content = {
            "version": VERSION,
            "plans": [
                {
                    "commit": one.commit,
                    "tree": one.tree,
                    "clean": one.clean,
                    "base": one.base,
                    "environments": list(one.environments),
                }
                for one in self.plans
            ],
            "objects": {key: sorted(digests) for key, digests in sorted(self.objects.items())},
            "removed": sorted(self.removed),
        }
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def merged(records: Iterable[Reviewed]) -> Reviewed:
    """All that the records say."""
    plans: dict[PlanOf, None] = {}
    objects: dict[str, frozenset[str]] = {}
    removed: set[str] = set()
    for record in records:
        plans |= dict.fromkeys(record.plans)
        removed |= record.removed
        for key, digests in record.objects.items():
            objects[key] = objects.get(key, frozenset()) | digests
    return Reviewed(tuple(plans), objects, frozenset(removed))


def read_reviewed(path: str | Path) -> Reviewed:
    """The record in a file. Raises ValueError with a sentence that says what is wrong with it."""
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as a record of reviewed objects: {error}") from error
    return parse_reviewed(text, str(path))


def parse_reviewed(text: str, source: str) -> Reviewed:
    """The record in a text; `source` names it in messages. Raises ValueError."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{source} is damaged: a record of reviewed objects is JSON ({error})") from error
    version = content.get("version") if isinstance(content, dict) else None
    if not isinstance(version, int) or not isinstance(content.get("objects"), dict):
        raise ValueError(f"{source} is no record of reviewed objects; `roster plan` writes one, reviewed.json")
    if version != VERSION:
        raise ValueError(f"{source} is of version {version}, and this Roster reads {VERSION}: plan and apply with one")
    if set(content) != _KEYS:
        raise ValueError(f"{source} is damaged: a record has the parts {', '.join(sorted(_KEYS))}, no more and no less")
    try:
        objects = {_key(key): frozenset(map(_digest, digests)) for key, digests in content["objects"].items()}
        plans = tuple(_plan(one) for one in content["plans"])
        return Reviewed(plans, objects, frozenset(map(_key, content["removed"])))
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise ValueError(f"{source} is damaged: {error}") from error


def _plan(raw: dict[str, Any]) -> PlanOf:
    texts = [raw["commit"], raw["tree"], raw["base"], *raw["environments"]]
    if not all(isinstance(one, str) for one in texts) or not isinstance(raw["clean"], bool):
        raise ValueError("a plan is not what a plan says of itself")
    return PlanOf(raw["commit"], raw["tree"], raw["clean"], raw["base"], tuple(raw["environments"]))


def _key(text: object) -> str:
    if not isinstance(text, str) or not _KEY.fullmatch(text):
        raise ValueError(f"{text!r:.100} names no object")
    return text


def _digest(text: object) -> str:
    if not isinstance(text, str) or not _DIGEST.fullmatch(text):
        raise ValueError(f"{text!r:.100} is no digest")
    return text


def _described(manifest: Manifest) -> str:
    metadata = manifest["metadata"]
    space = metadata.get("namespace", "")
    return f"{manifest['kind']} {space}/{metadata['name']}" if space else f"{manifest['kind']} {metadata['name']}"
