"""What in the cluster differs from what was applied last: by agent and field, and who changed it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ci.cluster.compare import Field, differences
from ci.cluster.hidden import shown_values
from ci.cluster.managed_fields import Owner, last_changes, owners, path_text
from components.applied import Applied, Manifest
from components.specs.names import PREFIX

if TYPE_CHECKING:
    from ci.cluster.client import Cluster, Listing, Resource

What = Literal["missing", "changed", "removed", "added", "unexplained"]
Key = tuple[str, str, str, str]

_MANAGED_BY = "app.kubernetes.io/managed-by"
# What Roster renders into a pool's namespace; looked for even where no record holds one any more. Volume claims are
# not among them: an agent's disk is kept when the agent goes.
_KINDS = (
    ("v1", "ConfigMap"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("v1", "ResourceQuota"),
    ("v1", "LimitRange"),
    ("apps/v1", "Deployment"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("security.istio.io/v1", "PeerAuthentication"),
    ("security.istio.io/v1", "AuthorizationPolicy"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("external-secrets.io/v1", "ExternalSecret"),
    ("external-secrets.io/v1", "SecretStore"),
    ("keda.sh/v1alpha1", "ScaledObject"),
    ("keda.sh/v1alpha1", "TriggerAuthentication"),
    ("monitoring.coreos.com/v1", "PodMonitor"),
    ("monitoring.coreos.com/v1", "PrometheusRule"),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs. `agent` is the record that it belongs to, empty when no record explains the object.

    `path` is empty where a whole object is `missing` or `unexplained`. `applied` and `live` are texts in which secrets
    are masked; None where there is no value. `owner` is who set the live field, None when that is not recorded (nobody
    owns a field that was removed: `owner` is then the last who changed the object by other means than its record).
    """

    agent: str
    kind: str
    namespace: str
    name: str
    path: str
    what: What
    applied: str | None
    live: str | None
    owner: Owner | None


def drift(
    cluster: Cluster, applied: Mapping[str, Applied], namespaces: Collection[str] | None = None
) -> list[Difference]:
    """All differences between the records and the cluster, by agent. Raises ClusterError.

    `namespaces` are those whose records are all in `applied`: only there can an object be unexplained. None: all that
    the records name. Costs one list for each kind and namespace, whatever the number of agents.
    """
    records = {name: record.manifests for name, record in applied.items()}
    spaces = {space for manifests in records.values() for one in manifests if (space := _key(one)[2])}
    whole = spaces if namespaces is None else set(namespaces)
    live = live_objects(cluster, (one for manifests in records.values() for one in manifests), whole)
    return [*_of_records(records, live), *_unexplained(records, live, whole)]


def compared(records: Mapping[str, Iterable[Manifest]], live: Iterable[Manifest]) -> list[Difference]:
    """The differences between records and live objects that were read already. Pure."""
    objects = {_key(one): one for one in live}
    return [*_of_records(records, objects)]


def live_objects(cluster: Cluster, manifests: Iterable[Manifest], spaces: Collection[str]) -> dict[Key, Manifest]:
    """Live objects: of the manifests' kinds, and in `spaces` of all kinds that Roster renders. Raises ClusterError."""
    wanted = {(one["apiVersion"], one["kind"], _key(one)[2]) for one in manifests}
    wanted |= {(version, kind, space) for version, kind in _KINDS for space in spaces}
    served = {version: cluster.resources(version) for version in sorted({version for version, _, _ in wanted})}
    kinds = {
        listing: (version, kind)
        for version, kind, space in sorted(wanted)
        if (listing := _listing(version, served[version].get(kind), space)) is not None
    }
    found: dict[Key, Manifest] = {}
    for listing, objects in cluster.lists(kinds).items():
        version, kind = kinds[listing]
        for one in objects:
            # Lists leave out what each element is.
            whole = {**one, "apiVersion": version, "kind": kind}
            found[_key(whole)] = whole
    return found


def _listing(version: str, resource: Resource | None, space: str) -> Listing | None:
    from ci.cluster.client import Listing

    if resource is None:
        return None
    return Listing(version, resource.plural, space if resource.namespaced else "")


def _of_records(records: Mapping[str, Iterable[Manifest]], live: Mapping[Key, Manifest]) -> Iterator[Difference]:
    for agent in sorted(records):
        for manifest in records[agent]:
            found = live.get(_key(manifest))
            if found is None:
                yield _whole(agent, manifest, "missing")
            else:
                for field in differences(manifest, found):
                    yield _difference(agent, manifest, field, found)


def _unexplained(
    records: Mapping[str, Iterable[Manifest]], live: Mapping[Key, Manifest], spaces: Collection[str]
) -> Iterator[Difference]:
    explained = {_key(one) for manifests in records.values() for one in manifests}
    for key in sorted(live):
        one = live[key]
        meta = one["metadata"]
        ours = (meta.get("labels") or {}).get(_MANAGED_BY) == PREFIX
        # What a controller made from an object of ours bears its labels, and goes with it.
        made = any(owner.get("controller") for owner in meta.get("ownerReferences") or ())
        if ours and not made and key not in explained and key[2] in spaces and "deletionTimestamp" not in meta:
            last = last_changes(one)
            yield _whole("", one, "unexplained", last[-1] if last else None)


def _difference(agent: str, manifest: Manifest, field: Field, live: Manifest) -> Difference:
    found = owners(live, field.path)
    if field.what == "removed":
        # Nobody owns what is gone. Who applies holds something of nearly every object; others are rarer.
        found = [owner for owner in last_changes(live) if owner.operation != "Apply"]
    kind, path = manifest["kind"], path_text(field.path)
    _, _, space, name = _key(manifest)
    before, after = shown_values(kind, field.path, field.applied, field.live)
    return Difference(
        agent,
        kind,
        space,
        name,
        path,
        field.what,
        None if field.what == "added" else before,
        None if field.what == "removed" else after,
        found[0] if found else None,
    )


def _whole(agent: str, one: Manifest, what: What, owner: Owner | None = None) -> Difference:
    _, kind, space, name = _key(one)
    return Difference(agent, kind, space, name, "", what, None, None, owner)


def _key(one: Mapping[str, Any]) -> Key:
    """Group, kind, namespace and name: the same object in whatever version it is written."""
    meta = one["metadata"]
    group = one["apiVersion"].rpartition("/")[0]
    return group, one["kind"], meta.get("namespace", ""), meta["name"]


def by_agent(found: Iterable[Difference]) -> dict[str, list[Difference]]:
    """The differences of each agent, in order."""
    grouped: dict[str, list[Difference]] = defaultdict(list)
    for one in found:
        grouped[one.agent].append(one)
    return dict(grouped)
