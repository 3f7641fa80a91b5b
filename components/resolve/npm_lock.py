"""Part of a package-lock.json (lockfile version 3): what `npm ci` needs for some of the packages that it pins.

One committed lock covers every npm package of the catalog; the image of a plugin set is built from its part of it.
https://docs.npmjs.com/cli/configuring-npm/package-lock-json says what the fields mean.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

Entry = Mapping[str, Any]

_MODULES = "node_modules/"
# What npm works out anew for each tree: whether something is there only because of an edge of this kind.
_FLAGS = ("dev", "devOptional", "optional", "peer")


@dataclass(frozen=True, slots=True)
class MissingPackage:
    """A package that the lock does not pin as asked; `locked` is the version that it does pin, empty for none."""

    name: str
    wanted: str
    locked: str

    def __str__(self) -> str:
        """What is wrong, and the way out."""
        has = f"the lock has {self.locked}" if self.locked else "the lock does not have it"
        return (
            f"{self.name}@{self.wanted}: {has}; `bash ci/lock.sh` writes the lock anew from the catalog, "
            "and says when there is no such package or version"
        )


def missing(lock: Mapping[str, Any], packages: Mapping[str, str]) -> list[MissingPackage]:
    """Those of `packages` (name → exact version) that the lock pins in another version or not at all."""
    entries: Mapping[str, Entry] = lock["packages"]
    locked = {name: str(entries.get(_MODULES + name, {}).get("version", "")) for name in packages}
    return [
        MissingPackage(name, packages[name], locked[name])
        for name in sorted(packages)
        if packages[name] != locked[name]
    ]


def package_json(name: str, packages: Mapping[str, str]) -> dict[str, Any]:
    """The package.json that asks for exactly `packages`; it goes with the lock of `subset`."""
    return {"name": name, "version": "0.0.0", "private": True, "dependencies": dict(sorted(packages.items()))}


def subset(lock: Mapping[str, Any], packages: Mapping[str, str], name: str = "eliza") -> dict[str, Any]:
    """The lock for `packages` (name → exact version) and all that they need, which `npm ci` accepts.

    Where a package lies in node_modules stays as it was, so what each `require` finds stays too. Raises ValueError for
    packages that `missing` reports, and for a lock that is not whole.
    """
    lacking = missing(lock, packages)
    if lacking:
        raise ValueError("\n".join(map(str, lacking)))
    entries: Mapping[str, Entry] = lock["packages"]
    roots = [_MODULES + package for package in packages]
    unneeded = entries.keys() - {""} - _reached(entries, [_MODULES + one for one in entries[""]["dependencies"]])
    everything = _reached(entries, roots, extra=unneeded)
    required = _reached(entries, roots, optional=False)
    own = _reached(entries, roots, peer=False)
    root = package_json(name, packages)
    kept: dict[str, Any] = {"": {key: root[key] for key in ("name", "version", "dependencies")}}
    for place in sorted(everything):
        kept[place] = {key: value for key, value in entries[place].items() if key not in _FLAGS}
        kept[place] |= {} if place in required or place in unneeded else {"optional": True}
        kept[place] |= {} if place in own or place in unneeded else {"peer": True}
    return {"name": name, "version": "0.0.0", "lockfileVersion": 3, "requires": True, "packages": kept}


def lock_text(lock: Mapping[str, Any]) -> str:
    """A lock as a file: the same lock, the same bytes."""
    return json.dumps(lock, indent=2, ensure_ascii=False) + "\n"


def without_addresses(lock: Mapping[str, Any]) -> dict[str, Any]:
    """The lock without anything that says where packages are fetched from; integrity hashes say what they are."""
    dropped = ("resolved", "funding", "deprecated")
    packages = {
        place: {key: value for key, value in entry.items() if key not in dropped}
        for place, entry in lock["packages"].items()
    }
    return {**lock, "packages": packages}


def _reached(
    entries: Mapping[str, Entry],
    roots: list[str],
    *,
    optional: bool = True,
    peer: bool = True,
    extra: Set[str] = frozenset(),
) -> set[str]:
    """The places that the roots need, going over optional or peer edges only where that is asked.

    `extra` are places that npm fills though nobody must have them: peers that are optional. Who looks there finds them.
    """
    reached: set[str] = set()
    waiting = list(roots)
    while waiting:
        place = waiting.pop()
        if place in reached:
            continue
        reached.add(place)
        for needed, must in _needs(entries[place], optional=optional, peer=peer):
            found = _found(entries, place, needed)
            if found:
                waiting.append(found)
            elif must:
                raise ValueError(f"the lock is not whole: {place} needs {needed}, which it does not have")
        for offered in entries[place].get("peerDependencies", {}) if extra else ():
            found = _found(entries, place, offered)
            if found in extra:
                waiting.append(found)
    return reached


def _needs(entry: Entry, *, optional: bool, peer: bool) -> Iterator[tuple[str, bool]]:
    """What a package needs by name, and whether it must be there."""
    may_lack = entry.get("optionalDependencies", {})
    for name in entry.get("dependencies", {}):
        if name not in may_lack:
            yield name, True
    if optional:
        yield from ((name, False) for name in may_lack)
    if peer:
        # npm installs peers by itself, but for those that are marked optional.
        meta = entry.get("peerDependenciesMeta", {})
        for name in entry.get("peerDependencies", {}):
            if not meta.get(name, {}).get("optional"):
                yield name, True


def _found(entries: Mapping[str, Entry], place: str, name: str) -> str:
    """Where Node finds `name` from `place`: in its own node_modules, else in those of the folders above."""
    folder = place
    while folder:
        nearest = f"{folder}/{_MODULES}{name}"
        if nearest in entries:
            return nearest
        folder = folder.rpartition(f"/{_MODULES}")[0] if f"/{_MODULES}" in folder else ""
    return _MODULES + name if _MODULES + name in entries else ""
