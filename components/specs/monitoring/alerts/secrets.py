"""Secrets that do not reach agents, and certificates that end."""

from __future__ import annotations

from components.specs.monitoring.alert import Alert, Runbook, Step, query
from components.specs.monitoring.recorded import AGENT

_CONTROLLER = Step(
    "Read the controller's log.",
    "kubectl logs --namespace external-secrets -l app.kubernetes.io/name=external-secrets --tail 200",
)


def reported(series: str, matchers: str) -> str:
    """A series of a controller, with the namespace of the object that it is about as its label namespace.

    The charts of external-secrets and cert-manager scrape without honorLabels: Prometheus then puts the controller's
    own namespace there, and the object's into exported_namespace. `matchers` begins with those of namespaces.
    """
    renamed = f'label_replace({series}{{exported_{matchers}}}, "namespace", "$1", "exported_namespace", "(.+)")'
    return f'({series}{{{matchers},exported_namespace=""}} or {renamed})'


_NOT_READY = 'condition="Ready",status="False"'
_SYNCED = reported("externalsecret_status_condition", f"<where>,{_NOT_READY}")
_STORE = reported("secretstore_status_condition", f"<where>,{_NOT_READY}")
_EXPIRES = reported("certmanager_certificate_expiration_timestamp_seconds", 'namespace=~"<namespaces>|<gateway>"')

ALERTS = (
    Alert(
        name="SecretNotSynced",
        scope="agent",
        cause="secrets",
        severity="warning",
        expression=f'max by (namespace, agent_id) (label_replace({_SYNCED}, "agent_id", "$1", "name", "(.+)")) == 1',
        minutes=15,
        keep_minutes=5,
        summary="the secrets of {{ $labels.agent_id }} cannot be read from the secret store",
        runbook=Runbook(
            meaning="For 15 minutes external-secrets could not fill the agent's Secret: its condition Ready is False.",
            impact=(
                "A new agent does not start. One that runs keeps the values that it has; a rotated credential does not "
                "reach it, and it fails once the old one is revoked."
            ),
            look=(
                Step("Read why.", "kubectl --namespace <namespace> describe externalsecret <agent>"),
                Step("Which references does the agent have?", "roster explain <pool>/<agent> -e <environment>"),
                _CONTROLLER,
            ),
            act=(
                Step("The path or the key is not in the store: put it there, or mend the reference in the definition."),
                Step("Permission denied: the pool's role may not read this path; the platform team mends its policy."),
                Step(
                    "Have it read again at once.",
                    "kubectl --namespace <namespace> annotate externalsecret <agent> --overwrite "
                    "force-sync=$(date +%s)",
                ),
            ),
        ),
    ),
    Alert(
        name="SecretStoreNotReady",
        scope="pool",
        cause="secrets",
        severity="warning",
        expression=f"max by (namespace) ({_STORE}) == 1",
        minutes=10,
        keep_minutes=5,
        dashboard="pool",
        summary="the secret store of {{ $labels.namespace }} is out of reach",
        runbook=Runbook(
            meaning="The pool's SecretStore cannot be used: its condition Ready has been False for ten minutes.",
            impact=(
                "No agent of the pool gets new or rotated secrets, and new agents do not start; those that run keep "
                "their values. The alerts of the single agents are silenced meanwhile."
            ),
            look=(
                Step("Read why.", "kubectl --namespace <namespace> describe secretstore roster"),
                Step(
                    "Do other pools have it too? Then it is the store itself.",
                    "kubectl get secretstores --all-namespaces",
                ),
                _CONTROLLER,
            ),
            act=(
                Step("The store is down or sealed: bring it back; nothing is to be done here afterwards."),
                Step(
                    "The login is refused: the pool's role, or the service account roster-secrets, is not known there. "
                    "`secrets.store` in agents/catalog/environments.yaml names both."
                ),
            ),
        ),
    ),
    Alert(
        name="ExternalSecretsAbsent",
        scope="platform",
        cause="monitoring",
        severity="warning",
        expression=(
            "absent_over_time(externalsecret_status_condition{<where>}[15m])"
            " and on () absent_over_time(externalsecret_status_condition{exported_<where>}[15m])"
            f" and on () count({AGENT}{{<where>}})"
        ),
        minutes=10,
        dashboard="overview",
        summary="external-secrets says nothing about the agents of <environment>",
        runbook=Runbook(
            meaning="There are agents, and Prometheus has had no series of external-secrets about them in 15 minutes.",
            impact=(
                "If the controller is down, rotated secrets do not reach agents and new agents do not start; if it is "
                "just not scraped, nobody is told when that happens."
            ),
            look=(
                Step("Does it run?", "kubectl get pods --all-namespaces -l app.kubernetes.io/name=external-secrets"),
                query("Is it scraped?", "count by (job, namespace) (externalsecret_status_condition)"),
                _CONTROLLER,
            ),
            act=(
                Step("Bring the controller back."),
                Step("Let its chart make a ServiceMonitor: serviceMonitor.enabled."),
            ),
        ),
    ),
    Alert(
        name="CertificateExpiring",
        scope="platform",
        cause="security",
        severity="warning",
        expression=(
            f"min by (namespace, certificate) (label_replace({_EXPIRES} > 0,"
            ' "certificate", "$1", "name", "(.+)")) - time() < <limit> * 86400'
        ),
        minutes=60,
        threshold="certificate_days",
        keep_minutes=5,
        dashboard="security",
        summary="certificate {{ $labels.namespace }}/{{ $labels.certificate }} ends in {{ $value | humanizeDuration }}",
        runbook=Runbook(
            meaning=(
                "A certificate of the gateway's namespace, or of a pool's, ends soon. cert-manager renews long before: "
                "its renewal fails."
            ),
            impact="On the day it ends every caller of the exposed agents gets an error of TLS.",
            look=(
                Step("Which, and until when?", "kubectl get certificates --all-namespaces"),
                Step(
                    "What does the renewal wait for?",
                    "kubectl get certificaterequests,orders,challenges --all-namespaces",
                ),
                Step(
                    "Read cert-manager's log.", "kubectl logs --namespace cert-manager -l app=cert-manager --tail 200"
                ),
            ),
            act=(
                Step("Mend what the challenge says: DNS, the issuer's account or credential, a rate limit."),
                Step("Have it renewed at once: delete the failed CertificateRequest; cert-manager makes another one."),
            ),
        ),
    ),
)
