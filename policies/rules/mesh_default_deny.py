"""In a mesh every pool demands mutual TLS of all its pods, and lets in nobody by default."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.example import manifest, of_pool
from policies.manifest_reading import at, kind_of
from policies.namespaces import namespaces
from policies.rule import Manifest, Rule, Subject


def _together(manifests: Sequence[Manifest], subject: Subject) -> Iterator[tuple[Manifest, str]]:
    # A pool's policies hold for its whole namespace.
    policies = [one for one in manifests if kind_of(one) == "AuthorizationPolicy"] if subject.pool else []
    for one in policies if subject.agent is None else ():
        if at(one, "spec", "rules"):
            yield one, "it lets callers in to every pod of the namespace"
    environment = subject.catalog.environments.get(subject.environment) if subject.catalog else None
    if environment is None or environment.network.mesh is None:
        return
    for space in namespaces(manifests):
        if not any(_closes(one) for one in policies):
            yield space, "no AuthorizationPolicy refuses callers by default"
        if not any(_encrypts(one) for one in manifests):
            yield space, "no PeerAuthentication demands mutual TLS of all its pods"


def _closes(manifest: Manifest) -> bool:
    spec = at(manifest, "spec")
    return isinstance(spec, dict) and not spec.keys() - {"action"} and spec.get("action") in (None, "ALLOW")


def _encrypts(manifest: Manifest) -> bool:
    return kind_of(manifest) == "PeerAuthentication" and at(manifest, "spec") == {"mtls": {"mode": "STRICT"}}


RULE = Rule(
    id="mesh-default-deny",
    severity="error",
    why="A pod that no policy names would take calls from all, and in the clear.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    together=_together,
    source="NSA/CISA 2022, Network separation and hardening, Network policies",
)

_MESH = {
    "kind": "istio",
    "gateway_account": "gateway/public-istio",
    "control_plane": {"namespace": "istio-system", "labels": {"app": "istiod"}},
}
_SPACE = manifest("v1", "Namespace", "business", "")
_RULES = [{"from": [{"source": {"principals": ["cluster.local/ns/a/sa/b"]}}]}]


def _authorization(**spec: object) -> Manifest:
    return manifest("security.istio.io/v1", "AuthorizationPolicy", spec=spec)


def _peer(**spec: object) -> Manifest:
    return manifest("security.istio.io/v1", "PeerAuthentication", spec={"mtls": {"mode": "STRICT"}, **spec})


PASSING = (
    of_pool(_SPACE),
    of_pool(_SPACE, _authorization(action="ALLOW"), _peer(), network={"mesh": _MESH}),
)
FAILING = (
    of_pool(_SPACE, _peer(), network={"mesh": _MESH}),
    of_pool(_SPACE, _authorization(action="ALLOW"), network={"mesh": _MESH}),
    of_pool(_SPACE, _authorization(action="DENY"), _peer(), network={"mesh": _MESH}),
    of_pool(_SPACE, _authorization(selector={"matchLabels": {"a": "b"}}), _peer(), network={"mesh": _MESH}),
    of_pool(_SPACE, _authorization(), _peer(selector={"matchLabels": {"a": "b"}}), network={"mesh": _MESH}),
    of_pool(_SPACE, _authorization(), _authorization(rules=_RULES), _peer(), network={"mesh": _MESH}),
)
