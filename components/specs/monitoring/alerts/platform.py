"""What watches the watchers: that alerts come at all, and that those whose series they read are there."""

from __future__ import annotations

from components.specs.monitoring.alert import Alert, Runbook, Step, query
from components.specs.monitoring.alerts.prometheus import ALERTMANAGER_LOG, PROMETHEUS_LOG, TARGETS

# Every agent of Roster's own runtimes has it from its first moment.
AGENT_SERIES = "agent_in_flight"
_PREREQUISITES = Step("Compare with the list of what a cluster needs for monitoring, in docs/monitoring.md.")

_WATCHDOG = Alert(
    name="Watchdog",
    scope="platform",
    cause="monitoring",
    severity="info",
    expression="vector(1)",
    minutes=0,
    dashboard="overview",
    summary="alerts of <environment> are evaluated and sent",
    description="Always active. Whoever receives it raises the alarm when it stops coming.",
    runbook=Runbook(
        meaning=(
            "Nothing is wrong while this one comes: rules are evaluated, and Prometheus reaches Alertmanager. A "
            "service outside of the cluster expects it again and again; its silence is the alert."
        ),
        impact="While it is silent no alert of this environment reaches anybody, whatever happens.",
        look=(
            Step(
                "Is Prometheus there?", "kubectl --namespace monitoring get pods -l app.kubernetes.io/name=prometheus"
            ),
            Step("And Alertmanager?", "kubectl --namespace monitoring get pods -l app.kubernetes.io/name=alertmanager"),
            Step(
                "Does Prometheus have the rules?",
                "kubectl get prometheusrules --all-namespaces -l app.kubernetes.io/managed-by=roster",
            ),
            PROMETHEUS_LOG,
            ALERTMANAGER_LOG,
        ),
        act=(
            Step("Bring back what is down; a full disk of Prometheus is the most frequent cause."),
            Step("Until then look yourself: roster status asks the cluster.", "roster status -e <environment>"),
        ),
    ),
)

_ABSENT = (
    Alert(
        name="KubeStateMetricsAbsent",
        scope="platform",
        cause="monitoring",
        severity="critical",
        expression="absent_over_time(kube_namespace_status_phase{<where>}[10m])",
        minutes=5,
        dashboard="overview",
        summary="kube-state-metrics says nothing about the namespaces of <environment>",
        runbook=Runbook(
            meaning=(
                "Prometheus has had no series of kube-state-metrics for the pools' namespaces in ten minutes. It is "
                "down, or not scraped, or scraped without honor_labels: the label is exported_namespace then."
            ),
            impact=(
                "Nobody is told of agents that are down, crash, wait for a node or are near their quota, and no alert "
                "knows its owner or tier."
            ),
            look=(
                Step(
                    "Does it run?",
                    "kubectl get pods --all-namespaces -l app.kubernetes.io/name=kube-state-metrics",
                ),
                TARGETS,
                query(
                    "Under which labels does it come?",
                    "count by (job, exported_namespace) (kube_namespace_status_phase)",
                ),
            ),
            act=(
                Step("Restart it; with thousands of pods it needs more memory than its chart gives it."),
                Step("Set honorLabels: true in its ServiceMonitor."),
                _PREREQUISITES,
            ),
        ),
    ),
    Alert(
        name="CadvisorAbsent",
        scope="platform",
        cause="monitoring",
        severity="warning",
        expression=(
            'max(absent_over_time(container_memory_working_set_bytes{<where>,container="agent"}[10m]))'
            ' and on () count(kube_pod_container_status_running{<where>,container="agent"} == 1)'
        ),
        minutes=10,
        dashboard="overview",
        summary="agents of <environment> run, and no kubelet says what they use",
        runbook=Runbook(
            meaning="Containers of agents run, and Prometheus has had none of their cAdvisor series in ten minutes.",
            impact="Nobody is told of agents near their CPU or memory limit, and the cost dashboard is empty.",
            look=(
                TARGETS,
                query("Does any container come?", "count by (job, namespace) (container_memory_working_set_bytes)"),
            ),
            act=(
                Step("Scrape the kubelets' /metrics/cadvisor, and keep the labels namespace, pod and container."),
                _PREREQUISITES,
            ),
        ),
    ),
    Alert(
        name="AgentMetricsAbsent",
        scope="platform",
        cause="monitoring",
        severity="warning",
        expression=(
            'count by (namespace) (kube_pod_container_info{<where>,container="agent",image_spec=~"<images>"}'
            ' and on (namespace, pod) (kube_pod_status_ready{<where>,condition="true"} == 1))'
            f" unless on (namespace) group by (namespace) (last_over_time({AGENT_SERIES}{{<where>}}[10m]))"
            # Where they were scraped before, these tell of it.
            ' unless on (namespace) ALERTS{<where>,alertname=~"NotScraped|PoolNotScraped",alertstate="firing"}'
        ),
        minutes=10,
        keep_minutes=5,
        dashboard="pool",
        summary="{{ $value }} pods of {{ $labels.namespace }} are ready, and Prometheus has metrics of none",
        runbook=Runbook(
            meaning=(
                "Pods of a runtime that exposes metrics are ready, and not one series of theirs is in Prometheus: the "
                "pool's PodMonitor is not selected, or the scrape does not get through."
            ),
            impact=(
                "Nobody is told of errors, slowness, queues or budgets of this pool's agents, and waves judge a change "
                "by the cluster alone."
            ),
            look=(
                Step("Is the pool's PodMonitor there?", "kubectl get podmonitors --all-namespaces"),
                Step(
                    "Does the Prometheus select it? Compare podMonitorSelector and podMonitorNamespaceSelector.",
                    "kubectl --namespace monitoring get prometheus -o yaml",
                ),
                query("What do the scrapes say?", "count by (namespace, job) (up == 0)"),
            ),
            act=(
                Step(
                    "Targets are there and time out: the scraper's pods do not have the labels, or the namespace, that "
                    "`scraper` in agents/catalog/settings.yaml says; the agents' NetworkPolicies let in nobody else."
                ),
                Step("No targets: let the Prometheus select the PodMonitors of the pools' namespaces."),
                _PREREQUISITES,
            ),
        ),
    ),
    Alert(
        name="OwnerLabelsMissing",
        scope="platform",
        cause="monitoring",
        severity="warning",
        expression=(
            "count(kube_deployment_spec_replicas{<where>}) unless on () count(kube_deployment_labels{<where>,"
            'label_app_kubernetes_io_component="agent",label_roster_owner!="",label_roster_tier!=""})'
        ),
        minutes=10,
        keep_minutes=5,
        dashboard="overview",
        summary="kube-state-metrics does not tell the owners and tiers of the {{ $value }} agents of <environment>",
        runbook=Runbook(
            meaning=(
                "Deployments of agents are known, and none of them with the labels roster/owner, roster/tier and "
                "app.kubernetes.io/component: kube-state-metrics gives only those that its command line allows."
            ),
            impact=(
                "Alerts of agents go to the owner of the pool in place of their own, PoolDown cannot count, and error "
                "budgets are not kept."
            ),
            look=(
                Step(
                    "Which labels does it give?",
                    "kubectl get deployments --all-namespaces -l app.kubernetes.io/name=kube-state-metrics -o yaml",
                ),
                query("What comes?", "count by (label_roster_owner, label_roster_tier) (kube_deployment_labels)"),
            ),
            act=(
                Step(
                    "Start kube-state-metrics with "
                    "--metric-labels-allowlist=deployments=[roster/owner,roster/tier,app.kubernetes.io/component]."
                ),
            ),
        ),
    ),
)

ALERTS = (_WATCHDOG, *_ABSENT)
