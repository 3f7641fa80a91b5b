"""Judges over what Roles and ClusterRoles let their subjects do."""

from __future__ import annotations

from collections.abc import Iterator

from policies.manifest_reading import mappings, words
from policies.rule import Judge, Manifest, Subject

ROLES = frozenset({"Role", "ClusterRole"})
BINDINGS = frozenset({"RoleBinding", "ClusterRoleBinding"})
READ = ("get", "list", "watch")
WRITE = ("create", "update", "patch")
CHANGE = (*WRITE, "delete", "deletecollection")


def no_grant(resources: tuple[str, ...], verbs: tuple[str, ...] = (), groups: tuple[str, ...] = ("",)) -> Judge:
    """No rule gives one of the `verbs` (any, with none) on one of the `resources` of `groups`, nor by a wildcard."""

    def judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
        for rule in mappings(manifest, "rules"):
            given = words(rule, "verbs")
            granted = [verb for verb in given if not verbs or verb in verbs or verb == "*"]
            named = [one for one in words(rule, "resources") if any(_covers(one, resource) for resource in resources)]
            if granted and named and any(group in groups or group == "*" for group in words(rule, "apiGroups")):
                yield f"it allows {', '.join(granted)} on {', '.join(named)}"

    return judge


def _covers(named: str, resource: str) -> bool:
    if named in (resource, "*"):
        return True
    parent, _, child = resource.partition("/")
    return bool(child) and named in (f"*/{child}", f"{parent}/*")
