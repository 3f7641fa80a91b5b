"""What an attacker, or a slip, could take out of rendered objects or put into them, in two tables.

A mutation is made from objects as they are rendered, so that a hardening that comes later is mutated too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from policies.rule import Manifest

Path = tuple[str | int, ...]
ANY = "*"


@dataclass(frozen=True, slots=True)
class Mutant:
    """Objects of one subject of which one differs; `what` says how, such as "Deployment x: without spec.…"."""

    what: str
    manifests: list[Manifest]


# Where hardening stands, by kind: everything at and below these places is taken out, piece by piece.
_POD: Path = ("spec", "template", "spec")
_CONTAINER: Path = (*_POD, "containers", ANY)
HARDENING: dict[str, tuple[Path, ...]] = {
    "Deployment": (
        (*_POD, "serviceAccountName"),
        (*_POD, "automountServiceAccountToken"),
        (*_POD, "enableServiceLinks"),
        (*_POD, "securityContext", "runAsNonRoot"),
        (*_POD, "securityContext", "seccompProfile"),
        (*_CONTAINER, "securityContext"),
        (*_CONTAINER, "resources", "limits", "memory"),
        (*_CONTAINER, "resources", "limits", "ephemeral-storage"),
        (*_CONTAINER, "resources", "requests"),
        (*_CONTAINER, "livenessProbe"),
        (*_CONTAINER, "readinessProbe"),
        (*_POD, "volumes", ANY, "emptyDir", "sizeLimit"),
        ("spec", "template", "metadata", "labels", "role"),
        ("spec", "template", "metadata", "labels", "app.kubernetes.io/name"),
        ("metadata", "labels", "roster/owner"),
    ),
    "NetworkPolicy": (
        ("spec", "podSelector", "matchLabels"),
        ("spec", "policyTypes"),
        ("spec", "ingress", ANY, "from"),
        ("spec", "ingress", ANY, "ports"),
        ("spec", "egress", ANY, "to"),
        ("spec", "egress", ANY, "ports"),
    ),
    "CiliumNetworkPolicy": (
        ("spec", "endpointSelector", "matchLabels"),
        ("spec", "egress", ANY),
    ),
    "Namespace": (("metadata", "labels", "pod-security.kubernetes.io/enforce"),),
    "ServiceAccount": (("automountServiceAccountToken",),),
    "ResourceQuota": (("spec", "hard"),),
    "LimitRange": (("spec", "limits"),),
    "ExternalSecret": (("spec", "data", ANY, "remoteRef", "property"), ("spec", "secretStoreRef")),
    "HorizontalPodAutoscaler": (("spec", "minReplicas"), ("spec", "maxReplicas"), ("spec", "scaleTargetRef")),
    "ScaledObject": (
        ("spec", "maxReplicaCount"),
        ("spec", "scaleTargetRef"),
        ("metadata", "annotations", "autoscaling.keda.sh/paused-replicas"),
    ),
    "PeerAuthentication": (("spec", "selector"), ("spec", "mtls")),
    "AuthorizationPolicy": (("spec", "selector"), ("spec", "rules", ANY)),
    "SecretStore": (("spec", "provider"),),
    "ValidatingAdmissionPolicy": (
        ("spec", "failurePolicy"),
        ("spec", "matchConstraints", "namespaceSelector"),
        ("spec", "matchConstraints", "resourceRules", 0),
        ("spec", "variables", 4),
        ("spec", "validations"),
    ),
    "ValidatingAdmissionPolicyBinding": (("spec",),),
    "ImageValidatingPolicy": (
        *(("spec", field) for field in ("failurePolicy", "validationActions", "images")),
        *(("spec", field) for field in ("matchConstraints", "matchImageReferences", "validationConfigurations")),
        *(("spec", field) for field in ("attestors", "attestations", "validations")),
    ),
}
# Below these places a piece less opens nothing: another peer or port fewer, a range fewer that may be reached.
NARROWER: tuple[Path, ...] = (
    ("spec", "ingress", ANY, "from", ANY),
    ("spec", "ingress", ANY, "ports", ANY),
    ("spec", "egress", ANY, "to", ANY),
    ("spec", "egress", ANY, "ports", ANY),
    ("spec", "egress", ANY, "to", ANY, "ipBlock"),
    ("spec", "egress", ANY, "to", ANY, "ipBlock", "cidr"),
    ("spec", "egress", ANY, "toFQDNs", ANY),
    ("spec", "egress", ANY, "toPorts", ANY, "ports", ANY),
    ("spec", "egress", ANY, "toPorts", ANY, "rules", "dns", ANY),
    ("spec", "egress", ANY),
    # Of a mesh's rules: one less, or one caller less.
    ("spec", "rules", ANY),
    ("spec", "rules", ANY, "from", ANY),
    ("spec", "rules", ANY, "from", ANY, "source", "principals", ANY),
)
# What Kubernetes, or an object's controller, puts there by itself, and what only tells of a refusal.
BY_DEFAULT: tuple[Path, ...] = (
    ("spec", "ingress", ANY, "ports", ANY, "protocol"),
    ("spec", "egress", ANY, "ports", ANY, "protocol"),
    (*_CONTAINER, "securityContext", "privileged"),
    *(
        (*_CONTAINER, probe, figure)
        for probe in ("livenessProbe", "readinessProbe")
        for figure in ("failureThreshold", "periodSeconds", "timeoutSeconds")
    ),
    *((*_CONTAINER, probe, "httpGet", "path") for probe in ("livenessProbe", "readinessProbe")),
    ("spec", "provider", "vault", "version"),
    ("spec", "validations", ANY, "message"),
    ("spec", "validations", ANY, "messageExpression"),
    ("spec", "validations", ANY, "reason"),
    ("spec", "scaleTargetRef", "apiVersion"),
    ("spec", "scaleTargetRef", "kind"),
)


def without(manifest: Manifest, path: Path) -> Manifest:
    """A copy without what stands at `path`."""
    copy = deepcopy(manifest)
    parent: Any = copy
    for part in path[:-1]:
        parent = parent[part]
    del parent[path[-1]]
    return copy


def having(manifest: Manifest, path: Path, value: object) -> Manifest:
    """A copy with `value` at `path`; what is missing on the way is made."""
    copy = deepcopy(manifest)
    parent: Any = copy
    for part in path[:-1]:
        parent = parent[part] if isinstance(parent, list) else parent.setdefault(part, {})
    parent[path[-1]] = value
    return copy


def more(manifest: Manifest, path: Path, value: object) -> Manifest:
    """A copy with `value` at the end of the list at `path`."""
    found: Any = manifest
    for part in path:
        found = (found[part] if isinstance(found, list) else found.get(part)) or []
    return having(manifest, path, [*found, value])


def removals(manifest: Manifest) -> Iterator[tuple[str, Manifest]]:
    """Every piece of hardening taken out by itself, and every switch turned over."""
    for pattern in HARDENING.get(manifest["kind"], ()):
        for top in _matching(manifest, pattern, ()):
            for path, value in _below(manifest, top):
                dotted = ".".join(map(str, path))
                if isinstance(value, bool):
                    yield f"{dotted} turned to {not value}", having(manifest, path, not value)
                if not any(_fits(path, one) for one in (*NARROWER, *BY_DEFAULT)):
                    yield f"without {dotted}", without(manifest, path)


def _below(manifest: Manifest, top: Path) -> Iterator[tuple[Path, Any]]:
    value: Any = manifest
    for part in top:
        value = value[part]
    yield top, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, _ in inner:
        yield from _below(manifest, (*top, key))


def _matching(value: Any, pattern: Path, at: Path) -> Iterator[Path]:
    if not pattern:
        yield at
        return
    first, rest = pattern[0], pattern[1:]
    if first == ANY and isinstance(value, list):
        for index, one in enumerate(value):
            yield from _matching(one, rest, (*at, index))
    elif isinstance(value, dict) and first in value:
        yield from _matching(value[first], rest, (*at, first))


def _fits(path: Path, pattern: Path) -> bool:
    return len(path) == len(pattern) and all(want in (ANY, part) for part, want in zip(path, pattern, strict=True))


_C: Path = (*_POD, "containers")
_SECURE = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "privileged": False,
    "capabilities": {"drop": ["ALL"]},
}
Change = Callable[[Manifest], Manifest]


def _put(path: Path, value: object) -> Change:
    return lambda manifest: having(manifest, path, value)


def _add(path: Path, value: object) -> Change:
    return lambda manifest: more(manifest, path, value)


def _into_container(*path: str, value: object) -> Change:
    return _put((*_C, 0, *path), value)


_OPEN = {"podSelector": {}, "namespaceSelector": {}}
_WORLD = {"ipBlock": {"cidr": "0.0.0.0/0"}}
_PAUSED = "autoscaling.keda.sh/paused-replicas"
# What nothing that Roster renders has, by kind.
ADDITIONS: dict[str, dict[str, Change]] = {
    "Deployment": {
        **{f"with {name}": _put((*_POD, name), True) for name in ("hostNetwork", "hostPID", "hostIPC")},
        "with shareProcessNamespace": _put((*_POD, "shareProcessNamespace"), True),
        "with a node's folder": _add((*_POD, "volumes"), {"name": "v", "hostPath": {"path": "/"}}),
        "with a node's socket": _add((*_POD, "volumes"), {"name": "v", "hostPath": {"path": "/run/containerd.sock"}}),
        "with a disk of NFS": _add((*_POD, "volumes"), {"name": "v", "nfs": {"server": "10.0.0.1", "path": "/"}}),
        "with a token": _add(
            (*_POD, "volumes"), {"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
        ),
        "as root": _put((*_POD, "securityContext", "runAsUser"), 0),
        "in root's group": _put((*_POD, "securityContext", "runAsGroup"), 0),
        "with root's files": _put((*_POD, "securityContext", "fsGroup"), 0),
        "with another group of root's": _put((*_POD, "securityContext", "supplementalGroups"), [0]),
        "with a sysctl": _put((*_POD, "securityContext", "sysctls"), [{"name": "kernel.msgmax", "value": "1"}]),
        "unconfined": _put((*_POD, "securityContext", "seccompProfile", "type"), "Unconfined"),
        "with SELinux' freedom": _put((*_POD, "securityContext", "seLinuxOptions"), {"type": "spc_t"}),
        "with AppArmor off": _put((*_POD, "securityContext", "appArmorProfile"), {"type": "Unconfined"}),
        "with names of hosts": _put((*_POD, "hostAliases"), [{"ip": "169.254.169.254", "hostnames": ["a"]}]),
        "with the node's DNS": _put((*_POD, "dnsPolicy"), "Default"),
        "with a DNS of its own": _put((*_POD, "dnsConfig"), {"nameservers": ["8.8.8.8"]}),
        "on a node of its choice": _put((*_POD, "nodeName"), "control-plane"),
        "on the control plane": _put((*_POD, "tolerations"), [{"operator": "Exists"}]),
        "with the highest priority": _put((*_POD, "priorityClassName"), "system-node-critical"),
        "as the pool's default account": _put((*_POD, "serviceAccountName"), "default"),
        "as the reader of secrets": _put((*_POD, "serviceAccountName"), "secret-reader"),
        "privileged": _into_container("securityContext", "privileged", value=True),
        "container as root": _into_container("securityContext", "runAsUser", value=0),
        "container that may be root": _into_container("securityContext", "runAsNonRoot", value=False),
        "container unconfined": _into_container("securityContext", "seccompProfile", value={"type": "Unconfined"}),
        "with NET_ADMIN": _into_container("securityContext", "capabilities", "add", value=["NET_ADMIN"]),
        "with SYS_ADMIN": _into_container("securityContext", "capabilities", "add", value=["SYS_ADMIN"]),
        "with NET_RAW alone dropped": _into_container("securityContext", "capabilities", "drop", value=["NET_RAW"]),
        "with an unmasked /proc": _into_container("securityContext", "procMount", value="Unmasked"),
        "with a host port": _into_container("ports", value=[{"containerPort": 8080, "hostPort": 8080}]),
        "with a raw disk": _into_container("volumeDevices", value=[{"name": "data", "devicePath": "/dev/sda"}]),
        "with a terminal": _into_container("tty", value=True),
        "latest": _into_container("image", value="registry.example.com/roster/fastapi:latest"),
        "without a tag": _into_container("image", value="registry.example.com/roster/fastapi"),
        "by a tag": _into_container("image", value="registry.example.com/roster/fastapi:1.0.0"),
        "from elsewhere": _into_container("image", value="evil.example.net/miner@sha256:" + "0" * 64),
        "never pulled": _into_container("imagePullPolicy", value="Never"),
        "with a secret's text": _into_container(
            "env", value=[{"name": "ANTHROPIC_API_KEY", "value": "sk-ant-api03-" + "a1B2" * 10}]
        ),
        "with a password": _into_container("env", value=[{"name": "DB_PASSWORD", "value": "correct-horse"}]),
        "with a whole Secret": _into_container("envFrom", value=[{"secretRef": {"name": "others"}}]),
        "with another's Secret": _into_container(
            "env", value=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "others", "key": "a"}}}]
        ),
        "with another's Secret as files": _add((*_POD, "volumes"), {"name": "v", "secret": {"secretName": "others"}}),
        "with a secret in its arguments": _into_container("args", value=["--key=sk-ant-api03-" + "a1B2" * 10]),
        "with a probe of another host": _into_container(
            "livenessProbe", value={"httpGet": {"path": "/", "port": 80, "host": "169.254.169.254"}}
        ),
        "with a soft sidecar": _add(_C, {"name": "side", "image": "registry.example.com/a@sha256:" + "0" * 64}),
        "with a soft container before it": _add(
            (*_POD, "initContainers"), {"name": "init", "image": "registry.example.com/a:latest"}
        ),
        "with a hardened but unknown sidecar": _add(
            _C,
            {
                "name": "side",
                "image": "evil.example.net/a@sha256:" + "0" * 64,
                "securityContext": _SECURE,
                "resources": {"limits": {"memory": "1Gi", "cpu": "1"}, "requests": {"memory": "1Gi", "cpu": "1"}},
            },
        ),
        "with an ephemeral container": _put((*_POD, "ephemeralContainers"), [{"name": "e", "image": "a"}]),
        "of nobody": _put(("metadata", "labels", "roster/owner"), "nobody-we-know"),
        "in kube-system": _put(("metadata", "namespace"), "kube-system"),
        "under another's label": _put(("spec", "template", "metadata", "labels", "app.kubernetes.io/name"), "other"),
        "with a thousand pods": _put(("spec", "replicas"), 1000),
        "as the gateway": _put(("spec", "template", "metadata", "labels", "role"), "api-gateway"),
    },
    "NetworkPolicy": {
        "open to all pods": _add(("spec", "ingress"), {"from": [_OPEN]}),
        "open to all": _add(("spec", "ingress"), {}),
        "open to the world": _add(("spec", "ingress"), {"from": [_WORLD]}),
        "open to a pool's every pod": _add(("spec", "ingress"), {"from": [{"podSelector": {}}]}),
        "out to all pods": _add(("spec", "egress"), {"to": [_OPEN]}),
        "out to all": _add(("spec", "egress"), {}),
        "out to the world": _add(("spec", "egress"), {"to": [_WORLD]}),
        "out to the world's HTTPS, metadata included": _add(
            ("spec", "egress"), {"to": [_WORLD], "ports": [{"port": 443, "protocol": "TCP"}]}
        ),
        "out to half the world": _add(("spec", "egress"), {"to": [{"ipBlock": {"cidr": "128.0.0.0/1"}}]}),
        "out to the metadata service": _add(("spec", "egress"), {"to": [{"ipBlock": {"cidr": "169.254.169.254/32"}}]}),
        "out to the metadata service by IPv6": _add(
            ("spec", "egress"), {"to": [{"ipBlock": {"cidr": "fd00:ec2::254/128"}}]}
        ),
        "out to private ranges": _add(("spec", "egress"), {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}),
        "out to kube-system": _add(
            ("spec", "egress"),
            {"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}]},
        ),
        "out to any port of the world": _add(
            ("spec", "egress"), {"to": [_WORLD], "ports": [{"port": 1, "endPort": 65535}]}
        ),
        "for all pods": _put(("spec", "podSelector"), {}),
        "of ingress alone": _put(("spec", "policyTypes"), ["Ingress"]),
        "of egress alone": _put(("spec", "policyTypes"), ["Egress"]),
    },
    "CiliumNetworkPolicy": {
        "asking for every name": _put(("spec", "egress", 0, "toPorts", 0, "rules"), {"dns": [{"matchPattern": "*"}]}),
        "out to the world": _add(("spec", "egress"), {"toEntities": ["world"]}),
        "out to all": _add(("spec", "egress"), {"toEntities": ["all"]}),
        "out to nodes": _add(("spec", "egress"), {"toEntities": ["host"]}),
        "out to the API server": _add(("spec", "egress"), {"toEntities": ["kube-apiserver"]}),
        "out to every name": _add(("spec", "egress"), {"toFQDNs": [{"matchPattern": "*"}]}),
        "out to many names": _add(("spec", "egress"), {"toFQDNs": [{"matchPattern": "*.example.com"}]}),
        "out to a name of nobody's": _add(("spec", "egress"), {"toFQDNs": [{"matchName": "evil.example.net"}]}),
        "out to the metadata service": _add(("spec", "egress"), {"toCIDR": ["169.254.169.254/32"]}),
        "out to the world by range": _add(("spec", "egress"), {"toCIDRSet": [{"cidr": "0.0.0.0/0"}]}),
        "open to all": _add(("spec", "ingress"), {"fromEntities": ["all"]}),
        "for all pods": _put(("spec", "endpointSelector"), {}),
    },
    "Service": {
        "with a load balancer": _put(("spec", "type"), "LoadBalancer"),
        "with a node's port": _put(("spec", "type"), "NodePort"),
        "at an external address": _put(("spec", "externalIPs"), ["198.51.100.7"]),
        "by an external name": _put(("spec", "type"), "ExternalName"),
        "for all pods": _put(("spec", "selector"), {}),
    },
    "Namespace": {
        **{
            f"{level} enforced": _put(("metadata", "labels", "pod-security.kubernetes.io/enforce"), level)
            for level in ("baseline", "privileged")
        },
        "as another's": _put(("metadata", "name"), "kube-system"),
    },
    "ServiceAccount": {
        "with a pull secret": _put(("imagePullSecrets",), [{"name": "others"}]),
        "with a cloud role that nobody asked for": _put(
            ("metadata", "annotations", "eks.amazonaws.com/role-arn"), "arn:aws:iam::123456789012:role/admin"
        ),
    },
    "Role": {
        f"that may {verb} {resource}": _add(
            ("rules",), {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
        )
        for group, resource, verb in (
            ("", "secrets", "get"),
            ("", "secrets", "list"),
            ("", "pods/exec", "create"),
            ("", "pods/attach", "create"),
            ("", "pods/ephemeralcontainers", "patch"),
            ("", "pods", "create"),
            ("", "serviceaccounts/token", "create"),
            ("apps", "deployments", "patch"),
            ("apps", "deployments", "create"),
            ("networking.k8s.io", "networkpolicies", "delete"),
            ("rbac.authorization.k8s.io", "roles", "escalate"),
            ("rbac.authorization.k8s.io", "rolebindings", "create"),
            ("external-secrets.io", "externalsecrets", "create"),
            ("*", "*", "*"),
            ("", "*", "get"),
            ("", "pods", "*"),
        )
    },
    "RoleBinding": {
        f"for {name}": _add(("subjects",), {"kind": kind, "name": name, "apiGroup": "rbac.authorization.k8s.io"})
        for kind, name in (
            ("Group", "system:authenticated"),
            ("Group", "system:unauthenticated"),
            ("Group", "system:masters"),
            ("Group", "system:serviceaccounts"),
            ("User", "system:anonymous"),
        )
    }
    | {"to the cluster's admin": _put(("roleRef",), {"kind": "ClusterRole", "name": "cluster-admin"})},
    "ExternalSecret": {
        "with another team's key": _add(
            ("spec", "data"), {"secretKey": "X", "remoteRef": {"key": "prod/finance/bank", "property": "key"}}
        ),
        "with all keys of a path": _put(("spec", "dataFrom"), [{"extract": {"key": "prod/finance"}}]),
        "with all keys of the store": _put(("spec", "dataFrom"), [{"find": {"name": {"regexp": ".*"}}}]),
        "from a store of the cluster": _put(("spec", "secretStoreRef", "kind"), "ClusterSecretStore"),
        "from another store": _put(("spec", "secretStoreRef", "name"), "others"),
        "into another's Secret": _put(("spec", "target", "name"), "others"),
        "that is no owner": _put(("spec", "target", "creationPolicy"), "Orphan"),
        "with a value in its template": _put(
            ("spec", "target", "template"), {"data": {"KEY": "sk-ant-api03-" + "a1B2" * 10}}
        ),
    },
    "ConfigMap": {
        "with another's hosts": lambda manifest: (
            having(manifest, ("data", "business.other.3128"), "evil.example.net\n")
            if "roster/egress" in manifest["metadata"]["labels"]
            else manifest
        ),
        "with hosts of nobody's": lambda manifest: (
            {**manifest, "data": {key: text + "evil.example.net\n" for key, text in manifest["data"].items()}}
            if "roster/egress" in manifest["metadata"]["labels"]
            else manifest
        ),
        "with a key": _put(("data", "extra"), "sk-ant-api03-" + "a1B2" * 10),
        "with a private key": _put(("data", "extra"), "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n"),
    },
    "ResourceQuota": {
        "without bounds": _put(("spec", "hard"), {}),
        "for a thousand cores": _put(("spec", "hard", "requests.cpu"), "1000"),
        "with a node's port": _put(("spec", "hard", "services.nodeports"), "1"),
        "for some pods only": _put(("spec", "scopes"), ["BestEffort"]),
    },
    "LimitRange": {"without bounds": _put(("spec", "limits"), [])},
    "HorizontalPodAutoscaler": {
        "for a thousand pods": _put(("spec", "maxReplicas"), 1000),
        "for one pod more": lambda manifest: having(
            manifest, ("spec", "maxReplicas"), manifest["spec"]["maxReplicas"] + 1
        ),
        "for another Deployment": _put(("spec", "scaleTargetRef", "name"), "other"),
    },
    "ScaledObject": {
        "for a thousand pods": _put(("spec", "maxReplicaCount"), 1000),
        "for another Deployment": _put(("spec", "scaleTargetRef", "name"), "other"),
        "paused at a thousand pods": _put(("metadata", "annotations", _PAUSED), "1000"),
        "by all namespaces' credentials": _put(
            ("spec", "triggers", 0, "authenticationRef"), {"name": "queue", "kind": "ClusterTriggerAuthentication"}
        ),
    },
    "PeerAuthentication": {
        **{f"in mode {mode}": _put(("spec", "mtls", "mode"), mode) for mode in ("PERMISSIVE", "DISABLE", "UNSET")},
        "in the clear at a port": _put(("spec", "portLevelMtls", "8081"), {"mode": "DISABLE"}),
        "for other pods": _put(("spec", "selector"), {"matchLabels": {"app.kubernetes.io/name": "other"}}),
    },
    "AuthorizationPolicy": {
        "for all callers": _add(("spec", "rules"), {}),
        "for all with an identity": _add(("spec", "rules"), {"from": [{"source": {"principals": ["*"]}}]}),
        "for callers by address": _add(("spec", "rules"), {"from": [{"source": {"ipBlocks": ["0.0.0.0/0"]}}]}),
        "for another's account": _add(
            ("spec", "rules"), {"from": [{"source": {"principals": ["cluster.local/ns/evil/sa/x"]}}]}
        ),
        "for all at the agent's port": _add(("spec", "rules"), {"to": [{"operation": {"ports": ["8080"]}}]}),
        "for other pods": _put(("spec", "selector"), {"matchLabels": {"app.kubernetes.io/name": "other"}}),
        **{f"that says {action}": _put(("spec", "action"), action) for action in ("DENY", "AUDIT", "CUSTOM")},
    },
    "SecretStore": {
        "at another server": _put(("spec", "provider", "vault", "server"), "https://vault.example.net"),
        "in the clear": _put(("spec", "provider", "vault", "server"), "http://vault.example.com"),
        "as another pool": _put(("spec", "provider", "vault", "auth", "kubernetes", "role"), "roster-prod-finance"),
        "as another account": _put(
            ("spec", "provider", "vault", "auth", "kubernetes", "serviceAccountRef", "name"), "default"
        ),
        "by a token": _put(("spec", "provider", "vault", "auth", "tokenSecretRef"), {"name": "t", "key": "t"}),
        "of another kind": _put(("spec", "provider"), {"kubernetes": {"remoteNamespace": "kube-system"}}),
    },
    "ValidatingAdmissionPolicy": {
        "that fails open": _put(("spec", "failurePolicy"), "Ignore"),
        "for every image": _put(("spec", "variables", 4, "expression"), "[]"),
        "for any registry": _put(
            ("spec", "variables", 4, "expression"), "variables.images.filter(i, !i.matches('^.*@sha256:[0-9a-f]{64}$'))"
        ),
        "with an exception": _put(
            ("spec", "variables", 4, "expression"),
            f"variables.images.filter(i, !(i in ['evil.example.net/miner@sha256:{'0' * 64}']))",
        ),
        "on a condition": _put(("spec", "matchConditions"), [{"name": "x", "expression": "false"}]),
        "but for some pods": _put(("spec", "matchConstraints", "objectSelector"), {"matchLabels": {"a": "b"}}),
        "but for some kinds": _put(
            ("spec", "matchConstraints", "excludeResourceRules"),
            [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["pods"]}],
        ),
        "that is always content": _put(("spec", "validations", 0, "expression"), "true"),
    },
    "ValidatingAdmissionPolicyBinding": {
        "that audits": _put(("spec", "validationActions"), ["Audit"]),
        "of another policy": _put(("spec", "policyName"), "other"),
        "for some namespaces": _put(
            ("spec", "matchResources"), {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "a"}}}
        ),
    },
    "ImageValidatingPolicy": {
        "that audits": _put(("spec", "validationActions"), ["Audit"]),
        "that fails open": _put(("spec", "failurePolicy"), "Ignore"),
        "for other images": _put(("spec", "matchImageReferences"), [{"glob": "registry.example.com/other/*"}]),
        "without images of volumes": _put(("spec", "images", 0, "expression"), "[]"),
        "that does not require": _put(("spec", "validationConfigurations", "required"), False),
        "signed by anybody": _put(
            ("spec", "attestors", 0, "cosign", "keyless", "identities"), [{"issuerRegExp": ".*", "subjectRegExp": ".*"}]
        ),
        "signed by another too": _add(
            ("spec", "attestors", 0, "cosign", "keyless", "identities"),
            {"issuer": "https://issuer.example.net", "subject": "x"},
        ),
        "that is content with none": _put(("spec", "validations", 0, "expression"), "true"),
        "on a condition": _add(("spec", "matchConditions"), {"name": "x", "expression": "false"}),
        "not when pods are made": _put(("spec", "evaluation", "admission", "enabled"), False),
    },
}
# Objects without which a subject is open.
NEEDED = frozenset(
    {
        *("NetworkPolicy", "Namespace", "ResourceQuota", "LimitRange"),
        *("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ImageValidatingPolicy"),
    }
)
# Of a pool these hold for the whole namespace; without an agent's own its pods are just more closed.
_NEEDED_OF_POOLS = frozenset({"PeerAuthentication", "AuthorizationPolicy"})
STRANGERS: tuple[Manifest, ...] = (
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "stringData": {"key": "value"}},
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x"},
        "spec": {"containers": [{"name": "x", "image": "y"}]},
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "x"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "x", "namespace": "business"}],
    },
    {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "x"},
        "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": {"containers": []}}}}},
    },
    {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "x"},
        "webhooks": [],
    },
)


def mutants(manifests: list[Manifest]) -> Iterator[Mutant]:
    """Every mutation of a subject's objects, one at a time."""
    for index, manifest in enumerate(manifests):
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        changed = [*removals(manifest)]
        changed += [(what, change(manifest)) for what, change in ADDITIONS.get(manifest["kind"], {}).items()]
        for what, mutated in changed:
            if mutated != manifest:
                yield Mutant(f"{name}: {what}", [*manifests[:index], mutated, *manifests[index + 1 :]])
        of_pool = any(one["kind"] == "Namespace" for one in manifests)
        if manifest["kind"] in NEEDED or (of_pool and manifest["kind"] in _NEEDED_OF_POOLS):
            yield Mutant(f"{name}: gone", [*manifests[:index], *manifests[index + 1 :]])
    namespace = next((one["metadata"]["namespace"] for one in manifests if "namespace" in one["metadata"]), "")
    for stranger in STRANGERS:
        placed = having(stranger, ("metadata", "namespace"), namespace) if namespace else stranger
        yield Mutant(f"with a {stranger['kind']} that nothing renders", [*manifests, placed])
