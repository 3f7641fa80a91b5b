"""Judges that hold a field of pods and containers against the values that it may have. Most rules are such a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policies.manifest_reading import at, same, shown
from policies.pods import containers, pod_spec
from policies.rule import Judge, Manifest, Subject


def in_pod(path: str, *allowed: Any) -> Judge:
    """The pod's field at `path` (with dots) has one of the `allowed` values; None among them: it may be absent."""
    parts = tuple(path.split("."))

    def judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
        yield from _wrong("the pod", pod_spec(manifest), parts, path, allowed)

    return judge


def in_containers(path: str, *allowed: Any) -> Judge:
    """The same of every container, init and ephemeral ones too."""
    parts = tuple(path.split("."))

    def judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
        for what, container in containers(pod_spec(manifest)):
            yield from _wrong(what, container, parts, path, allowed)

    return judge


def not_in_pod_or_containers(path: str, *refused: Any) -> Judge:
    """Neither the pod's nor any container's field at `path` has one of the `refused` values."""
    parts = tuple(path.split("."))

    def judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
        pod = pod_spec(manifest)
        for what, value in (("the pod", pod), *containers(pod)):
            found = at(value, *parts)
            if found is not None and any(same(found, one) for one in refused):
                yield f"{what} has {path}: {shown(found)}"

    return judge


def all_of(*judges: Judge) -> Judge:
    """What any of the judges finds."""

    def judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
        for one in judges:
            yield from one(manifest, subject)

    return judge


def _wrong(what: str, value: Any, parts: tuple[str, ...], path: str, allowed: tuple[Any, ...]) -> Iterator[str]:
    found = at(value, *parts)
    for one in allowed:
        if same(found, one):
            return
    if found is None or None not in allowed:
        yield f"{what} lacks {path}: {shown(allowed[0])}"
    else:
        yield f"{what} has {path}: {shown(found)}"
