"""Labels and annotations by which something would happen in a cluster that no definition may ask for."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.findings import Finding
from components.resolve.layers import Layers
from components.resolve.resolved import ResolvedAgent

# Labels by which Roster's objects, policies and dashboards find each other, or that Kubernetes keeps for itself.
_OWN_LABELS = ("app.kubernetes.io/", "roster/", "kubernetes.io/", "k8s.io/")
# Annotations by which the engine or KEDA would do something else than what was reviewed.
_OWN_ANNOTATIONS = ("roster/", "pulumi.com/", "autoscaling.keda.sh/", "scaledobject.keda.sh/", "validations.keda.sh/")
# Domains whose programs act on what they find on objects, subdomains included: they copy Secrets between namespaces,
# inject containers, publish Services, change images, answer for host names, restart pods or leave out checks.
_DOMAINS = """
kubernetes.io k8s.io x-k8s.io openshift.io cattle.io rancher.io kubesphere.io karmada.io gardener.cloud ovn.org
istio.io linkerd.io cilium.io projectcalico.org antrea.io cncf.io kuma.io consul.io solo.io dapr.io knative.dev
hashicorp.com external-secrets.io stakater.com mittwald.de emberstack.com appscode.com bitnami.com 1password.io
1password.com doppler.com infisical.com cyberark.com spiffe.io banzaicloud.com banzaicloud.io cert-manager.io
keel.sh fluxcd.io argoproj.io weave.works helm.sh pulumi.com crossplane.io upbound.io keda.sh volcano.sh karpenter.sh
prometheus.io grafana.com coreos.com datadoghq.com dynatrace.com opentelemetry.io newrelic.com elastic.co fluentbit.io
tailscale.com ngrok.com getambassador.io konghq.com traefik.io haproxy.org nginx.org nginx.com projectcontour.io
amazonaws.com google.com gke.io azure.com alibabacloud.com digitalocean.com linode.com oraclecloud.com hetzner.cloud
metallb.io universe.tf kube-vip.io purelb.io spotinst.io nvidia.com kubevirt.io velero.io tekton.dev
kyverno.io gatekeeper.sh openpolicyagent.org kubewarden.io fairwinds.com falco.org aquasecurity.github.io
checkov.io kube-score.com kube-linter.io chaos-mesh.org litmuschaos.io
"""
_PROGRAMS = frozenset(_DOMAINS.split())
# Prefixes that are no domain, or one that is written backwards.
_BACKWARDS = ("io.kubernetes", "io.cilium", "io.containerd", "io.katacontainers", "io.podman")
_BARE = frozenset({"kube-score", "downscaler", "janitor", "operator.1password"})
# Keys without a prefix by which pods and ConfigMaps are picked up.
_WITHOUT_PREFIX = frozenset(
    {
        *("control-plane", "controller-revision-hash", "istio", "istio-injection", "k8s-app", "pod-template-hash"),
        *("grafana_alert", "grafana_dashboard", "grafana_datasource", "grafana_folder", "grafana_notifier"),
        *("loki_rule", "prometheus_rule"),
    }
)
# On a Deployment it steers nothing.
_HARMLESS = frozenset({"cluster-autoscaler.kubernetes.io"})


def reserved_key_findings(agent: ResolvedAgent, layers: Layers) -> Iterator[Finding]:
    """Keys that are Roster's own, whoever says them; and those of a cluster's programs, unless the catalog does."""
    for field, given, own in (
        ("labels", agent.labels, _OWN_LABELS),
        ("annotations", agent.annotations, _OWN_ANNOTATIONS),
    ):
        said = {key for values in layers.own for key in values.get(field) or ()}
        for key in given:
            if key.startswith(own) or (field == "labels" and key == "role"):
                message = f"{field}: {key} is one of Roster's own; use a prefix of your own, such as example.com/"
                yield layers.finding((field, key), "reserved-label", message)
            elif key in said and _steers(key) and not _told_by_the_mesh(field, key, layers):
                message = (
                    f"{field}: programs in clusters act by {key}; use a prefix of your own, such as example.com/, or "
                    f"let the platform team say it for the pool (defaults.{field} in agents/catalog/pools.yaml)"
                )
                yield layers.finding((field, key), "reserved-label", message)


def _steers(key: str) -> bool:
    prefix, slash, _ = key.rpartition("/")
    if key.startswith(_BACKWARDS):
        return True
    if not slash:
        return key in _WITHOUT_PREFIX
    if prefix in _HARMLESS:
        return False
    parts = prefix.split(".")
    endings = {".".join(parts[start:]) for start in range(len(parts))}
    return not endings.isdisjoint(_PROGRAMS) or prefix in _BARE


def _told_by_the_mesh(field: str, key: str, layers: Layers) -> bool:
    """Whether `mesh_rules` says it where there is a mesh, with its own reason."""
    meshed = any(one.network.mesh for one in layers.catalog.environments.values())
    return field == "labels" and meshed and f".{key.rpartition('/')[0]}".endswith(".istio.io")
