"""What goes wrong in Prometheus and Alertmanager themselves: scrapes, rules, notifications, configuration."""

from __future__ import annotations

from components.specs.monitoring.alert import Alert, Runbook, Step, query
from components.specs.monitoring.recorded import Recorded

# The jobs that alerts rely on, by a series that each of them gives: they have other names in every cluster. Of those
# with absence="told" another alert tells when they give nothing at all.
_TOLD = "group by (job) (kube_namespace_status_phase{<where>} or machine_cpu_cores or secretstore_status_condition)"
_UNTOLD = (
    "group by (job) (prometheus_config_last_reload_successful or alertmanager_config_last_reload_successful"
    " or pushgateway_build_info)"
)
JOBS = Recorded("roster:platform:job", f'label_replace({_TOLD}, "absence", "told", "", "") or {_UNTOLD}')
_KNOWN = f'last_over_time({JOBS.name}{{environment="<environment>"}}[1d])'
_TOLD_OF = f'last_over_time({JOBS.name}{{environment="<environment>",absence="told"}}[1d])'
_DOWN = "count by (job) (up == 0)"
# Rules of Roster's own: a pool's, an agent's, and those of this environment's platform.
_GROUPS = 'rule_group=~".*;((<namespaces>)[.].+|<environment>[.]platform)"'
_BY_GROUP = 'label_replace({series}, "group", "$1", "rule_group", ".*;(.+)")'

TARGETS = Step(
    "Open Prometheus' page /targets: is its job there, and what does the last scrape say? What is not there is not "
    "selected: look at the ServiceMonitor's labels and at the Prometheus' serviceMonitorSelector."
)
PROMETHEUS_LOG = Step(
    "Read Prometheus' log.",
    "kubectl --namespace monitoring logs -l app.kubernetes.io/name=prometheus -c prometheus --tail 200",
)
ALERTMANAGER_LOG = Step(
    "Read Alertmanager's log.",
    "kubectl --namespace monitoring logs -l app.kubernetes.io/name=alertmanager -c alertmanager --tail 200",
)


def _by_group(series: str) -> str:
    """The series by the name of the rule group; the file in front of it changes with the object's uid."""
    return _BY_GROUP.replace("{series}", series)


_SCRAPES = (
    Alert(
        name="ScrapeFailing",
        scope="platform",
        cause="monitoring",
        severity="warning",
        expression=(
            f"{_DOWN} and on (job) {_KNOWN} unless on (job) ({_DOWN} == count by (job) (up) and on (job) {_TOLD_OF})"
        ),
        minutes=10,
        keep_minutes=5,
        dashboard="overview",
        summary="{{ $value }} targets of {{ $labels.job }} cannot be scraped",
        runbook=Runbook(
            meaning=(
                "Prometheus knows the targets of a job that alerts rely on, and gets no answer from some of them. The "
                "job is one of those that gave such series within the last day. Where kube-state-metrics, all kubelets "
                "or external-secrets give nothing at all, an alert of their own tells of it."
            ),
            impact="What these targets would have told is missing: alerts that read it stay silent.",
            look=(TARGETS, query("Which?", "up == 0")),
            act=(
                Step("One node's kubelet: look at the node.", "kubectl get nodes"),
                Step("All of a job: its pods, its NetworkPolicy, its certificate or token."),
            ),
        ),
    ),
    Alert(
        name="RuleEvaluationFailing",
        scope="platform",
        cause="monitoring",
        severity="critical",
        expression=(
            f"sum by (group) ({_by_group(f'increase(prometheus_rule_evaluation_failures_total{{{_GROUPS}}}[5m])')}) > 0"
        ),
        minutes=5,
        keep_minutes=5,
        dashboard="overview",
        summary="rules of {{ $labels.group }} fail",
        runbook=Runbook(
            meaning="Prometheus cannot evaluate a rule of this group: two series where one is expected, or too many.",
            impact="The alerts of the group that read this rule stay silent, whatever happens.",
            look=(
                Step("Open Prometheus' page /rules: the group, and the error beside the rule."),
                PROMETHEUS_LOG,
            ),
            act=(
                query(
                    "Many-to-many matching: something is scraped twice, mostly kube-state-metrics; look for the label "
                    "that differs and drop one of the two.",
                    "count by (job, instance) (kube_namespace_status_phase)",
                ),
                Step("A group that is named after one agent: its author mends the expression of its own alert."),
                Step("Did it begin with a release of Roster? Go back to the one before."),
            ),
        ),
    ),
    Alert(
        name="RuleEvaluationSlow",
        scope="platform",
        cause="monitoring",
        severity="warning",
        expression=(
            f"max by (group) ({_by_group(f'prometheus_rule_group_last_duration_seconds{{{_GROUPS}}}')})"
            f" > 0.8 * max by (group) ({_by_group(f'prometheus_rule_group_interval_seconds{{{_GROUPS}}}')})"
        ),
        minutes=15,
        keep_minutes=5,
        dashboard="overview",
        summary="rules of {{ $labels.group }} take {{ $value | humanizeDuration }}, nearly their whole interval",
        runbook=Runbook(
            meaning="An evaluation of the group takes more than 80 % of the time until the next one.",
            impact="Soon evaluations are left out: alerts come late, and recorded series have gaps.",
            look=(
                Step("Open Prometheus' page /rules: which rule takes the time?"),
                query("Which pool has how many agents?", "count by (namespace) (roster:agent:seen)"),
                Step("Is Prometheus short of CPU or memory?", "kubectl --namespace monitoring top pods"),
            ),
            act=(
                Step("Give Prometheus more CPU; a group is evaluated on one core."),
                Step("Divide the pool: agents of another folder get a group of their own."),
            ),
        ),
    ),
)

_SENDING = (
    Alert(
        name="PrometheusNotificationsFailing",
        scope="platform",
        cause="monitoring",
        severity="warning",
        expression="sum by (alertmanager) (increase(prometheus_notifications_errors_total[5m])) > 0",
        minutes=10,
        keep_minutes=5,
        dashboard="overview",
        summary="Prometheus cannot hand alerts to {{ $labels.alertmanager }}",
        runbook=Runbook(
            meaning=(
                "For ten minutes Prometheus has been getting errors from an Alertmanager. That you read this means "
                "that another one took it; when none does, Watchdog falls silent."
            ),
            impact="With this Alertmanager down there is one less; when the last one goes, nobody is told of anything.",
            look=(
                Step("Does it run?", "kubectl --namespace monitoring get pods -l app.kubernetes.io/name=alertmanager"),
                PROMETHEUS_LOG,
            ),
            act=(
                Step("Restart it, or mend the NetworkPolicy between the two."),
                Step("Is it gone for good? Take its address out of Prometheus' config."),
            ),
        ),
    ),
    Alert(
        name="AlertmanagerNotificationsFailing",
        scope="platform",
        cause="monitoring",
        severity="critical",
        expression="sum by (integration) (increase(alertmanager_notifications_failed_total[15m])) > 0",
        minutes=5,
        keep_minutes=15,
        dashboard="overview",
        summary="Alertmanager cannot notify by {{ $labels.integration }}",
        runbook=Runbook(
            meaning="Alertmanager gave up on a notification: the receiver refused it, or never answered.",
            impact="Whoever is reached that way was not told of an alert.",
            look=(
                ALERTMANAGER_LOG,
                query(
                    "Why? clientError: a key, token or address is wrong; serverError: the service is down.",
                    "sum by (integration, reason) (increase(alertmanager_notifications_failed_total[1h]))",
                ),
                Step("Which alerts are active now?", "amtool alert query --alertmanager.url http://localhost:9093"),
            ),
            act=(
                Step("Tell by another way whoever should have been told."),
                Step("Renew the credential in the secret store; the reference stands in agents/catalog/settings.yaml."),
            ),
        ),
    ),
    Alert(
        name="PrometheusConfigBroken",
        scope="platform",
        cause="monitoring",
        severity="critical",
        expression=(
            "count by (job) ("
            "(prometheus_config_last_reload_successful or alertmanager_config_last_reload_successful) == 0)"
        ),
        minutes=10,
        keep_minutes=5,
        dashboard="overview",
        summary="{{ $labels.job }} cannot load its configuration",
        runbook=Runbook(
            meaning=(
                "The last reload of Prometheus (or of Alertmanager, where job says so) failed; it goes on with the "
                "configuration and the rules that it had before."
            ),
            impact=(
                "New agents are not scraped, changed rules and routes have no effect, and after a restart it does not "
                "come up at all."
            ),
            look=(
                PROMETHEUS_LOG,
                ALERTMANAGER_LOG,
                Step(
                    "Which rule objects changed last?",
                    "kubectl get prometheusrules,alertmanagerconfigs --all-namespaces",
                ),
            ),
            act=(
                Step("Is it a rule that Roster made? All of them are read as they are rendered.", "roster check"),
                Step("Take the last change back; what is applied next loads again.", "git revert <commit>"),
            ),
        ),
    ),
)

ALERTS = (*_SCRAPES, *_SENDING)
