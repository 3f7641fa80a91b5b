"""Faults that many agents of a pool have at once: what they share is at fault, and one alert says so, not hundreds.

Each silences the alerts of the pool's agents that have the same cause.
"""

from __future__ import annotations

from components.specs.monitoring.alert import Alert, Runbook, Step
from components.specs.monitoring.alerts import steps
from components.specs.monitoring.alerts.reasons import QUOTA_USED
from components.specs.monitoring.recorded import DOWN, REQUESTS, SCRAPED, SHARED, WANTED, lasting

# Fewer are told one by one, whatever share of a small pool they are.
_FEW = 3
_NETWORK = Step("Is a network policy in the way?", "kubectl --namespace <namespace> get networkpolicies")
_ONE_LOG = "roster logs <pool>/<name> -e <environment>"
_EXAMPLE = Step("Take one of them, and follow its alert's own runbook.", _ONE_LOG)


def _share(bad: str, of: str) -> str:
    """The share of agents, in percent, where it is at least the limit."""
    count = f"count by (namespace) ({bad})"
    return f"100 * {count} / count by (namespace) ({of}) >= <limit> and {count} >= {_FEW}"


def _having(alerts: str, state: str = "firing") -> str:
    """The agents of which one of these alerts (a regular expression) is in this state."""
    return (
        f'group by (namespace, agent_id) (ALERTS{{<where>,scope="agent",alertname=~"{alerts}",alertstate=~"{state}"}})'
    )


def _used(kind: str) -> str:
    series = lasting(f'kube_resourcequota{{<where>,type="{kind}"}}')
    return f"max by (namespace, resourcequota, resource) ({series})"


_RUNNING = f"{WANTED}{{<where>}} > 0"
_ASKED = f"{REQUESTS}{{<where>}} > 0"
_OF = "{{ $value | humanize }} % of the agents of {{ $labels.namespace }}"

ALERTS = (
    Alert(
        name="PoolDown",
        scope="pool",
        cause="availability",
        severity="critical",
        expression=_share(f"{DOWN}{{<where>}} == 1", _RUNNING),
        minutes=1,
        keep_minutes=10,
        threshold="pool_percent",
        dashboard="pool",
        summary=f"{_OF} have no pod that answers",
        runbook=Runbook(
            meaning="Many agents of one pool are down at once: the cause is what they share.",
            impact=(
                "Nobody who calls them gets an answer. The alerts of the single agents are silenced while "
                "this one is active."
            ),
            look=(
                steps.POOL_STATUS,
                steps.EVENTS,
                steps.QUOTA,
                Step("Are the nodes well?", "kubectl get nodes"),
                steps.APPLIED_LAST,
            ),
            act=(steps.ROLLBACK_ALL, Step("Nodes, registry, or network? Ask those who run the cluster."), _EXAMPLE),
        ),
    ),
    Alert(
        name="PoolFailing",
        scope="pool",
        cause="errors",
        severity="critical",
        # Sooner than the agents' own alerts, so that these are silent from the start.
        expression=_share(_having("HighErrorRate", "pending|firing"), _ASKED),
        minutes=3,
        threshold="pool_percent",
        dashboard="pool",
        summary=f"{_OF} that are called fail more requests than they may",
        runbook=Runbook(
            meaning="Many agents of one pool fail at once: mostly the model's provider, its key, or the way there.",
            impact="Callers get errors. The alerts of the single agents are silenced while this one is active.",
            look=(
                steps.POOL_STATUS,
                Step(
                    "Which errors? PROVIDER_ERROR, PROVIDER_TIMEOUT and PROVIDER_REFUSED are the provider's.",
                    _ONE_LOG,
                ),
                _NETWORK,
                steps.APPLIED_LAST,
            ),
            act=(
                Step(
                    "Has the provider an outage? Another provider or model for the whole pool is a line "
                    "in the catalog's pools.yaml."
                ),
                Step(
                    "PROVIDER_REFUSED? Its key is revoked or without credit: put a good one in the secret store.",
                    "kubectl --namespace <namespace> get externalsecrets",
                ),
                steps.ROLLBACK_ALL,
            ),
        ),
    ),
    Alert(
        name="PoolSlow",
        scope="pool",
        cause="latency",
        severity="warning",
        expression=_share(_having("HighResponseTime|QueueDepth"), _ASKED),
        minutes=0,
        threshold="pool_percent",
        dashboard="pool",
        summary=f"{_OF} that are called are slower than they may",
        runbook=Runbook(
            meaning=(
                "Many agents of one pool are slow, or let tasks wait, at once: mostly the model's provider, "
                "or nodes that are full."
            ),
            impact="Callers wait. The alerts of the single agents are silenced while this one is active.",
            look=(steps.POOL_STATUS, Step("Are the nodes busy?", "kubectl top nodes"), _EXAMPLE, steps.APPLIED_LAST),
            act=(
                Step("Is the provider slow? Another model for the whole pool is a line in the catalog's pools.yaml."),
                Step("Are the nodes full? Add some, or look whose pods have no limits."),
                steps.ROLLBACK_ALL,
            ),
        ),
    ),
    Alert(
        name="PoolNotStarting",
        scope="pool",
        cause="starting",
        severity="warning",
        expression=_share(
            _having("CrashLoop|ImagePullFailing|PodsUnschedulable|FrequentRestarts|RolloutStuck"), _RUNNING
        ),
        minutes=0,
        threshold="pool_percent",
        dashboard="pool",
        summary=f"{_OF} have pods that do not come up",
        runbook=Runbook(
            meaning="Pods of many agents of one pool crash, get no image, find no node, or do not become ready.",
            impact=(
                "What runs goes on, what starts does not. The alerts of the single agents are silenced while "
                "this one is active."
            ),
            look=(
                steps.POOL_ALERTS,
                steps.EVENTS,
                steps.QUOTA,
                Step("Are the nodes well?", "kubectl get nodes"),
                steps.APPLIED_LAST,
            ),
            act=(steps.ROLLBACK_ALL, Step("Registry, nodes or secret store? Ask those who run them."), _EXAMPLE),
        ),
    ),
    Alert(
        name="PoolNotScraped",
        scope="pool",
        cause="monitoring",
        severity="warning",
        expression=_share(_having("NotScraped"), f"{SCRAPED}{{<where>}}"),
        minutes=0,
        threshold="pool_percent",
        dashboard="pool",
        summary=f"{_OF} run and give no metrics",
        runbook=Runbook(
            meaning=(
                "Prometheus cannot read the metrics of many agents: its way into the pool is shut, or its "
                "PodMonitor is gone."
            ),
            impact=(
                "None for callers. But errors, latency, cost and budgets of the pool are not seen, and alert nobody."
            ),
            look=(
                Step(
                    "Is the PodMonitor there, and does Prometheus choose it?",
                    "kubectl --namespace <namespace> get podmonitor agents --output yaml",
                ),
                Step(
                    "Do the policies let the scraper in? The catalog's `scraper` must name its namespace and labels.",
                    _NETWORK.command,
                ),
                Step("Read on Prometheus' page Status, Targets what the scrapes end with."),
                steps.APPLIED_LAST,
            ),
            act=(
                steps.ROLLBACK_ALL,
                Step("Was Prometheus moved or relabelled? Say so in `scraper` of agents/catalog/settings.yaml."),
            ),
        ),
    ),
    Alert(
        name="PoolLimitsLost",
        scope="pool",
        cause="limits",
        severity="warning",
        expression=_share(_having("SharedLimitsLost"), f"{SHARED}{{<where>}}"),
        minutes=0,
        threshold="pool_percent",
        dashboard="pool",
        summary=f"{_OF} that share limits through Redis do not reach it",
        runbook=Runbook(
            meaning="Pods of many agents count limits and budgets each for itself: Redis is away.",
            impact=(
                "Callers are served. With N pods a caller may ask N times as often, and N times a budget may be spent."
            ),
            look=(
                Step("Does Redis run, and answer?", "kubectl get pods --all-namespaces | grep -i redis"),
                _EXAMPLE,
                _NETWORK,
            ),
            act=(
                Step("Get Redis back; agents find it again by themselves, within seconds."),
                Step("Has it moved? Put its new address into the secrets that agents have it from."),
            ),
        ),
    ),
    Alert(
        name="QuotaNearFull",
        scope="pool",
        cause="capacity",
        severity="warning",
        expression=f"max by (namespace) (100 * {_used('used')} / ({_used('hard')} > 0)) >= <limit>",
        minutes=15,
        threshold="quota_percent",
        dashboard="pool",
        summary="{{ $value | humanize }} % of a quota of {{ $labels.namespace }} is used",
        description=QUOTA_USED,
        runbook=Runbook(
            meaning="The pool's quota of CPU, memory, storage or pods is nearly used up.",
            impact=(
                "None yet. When it is full, no agent of the pool gets another pod: no scaling, no change "
                "that starts pods."
            ),
            look=(
                steps.QUOTA,
                steps.POOL_STATUS,
                Step("Who asks for how much?", "roster list --where pool=<pool> -e <environment>"),
            ),
            act=(
                Step("Give the pool more: `quota` in agents/catalog/pools.yaml, by a pull request."),
                Step(
                    "Or have agents ask for less: smaller tiers, fewer pods.",
                    "roster scale <pool>/<name> --max <pods> -e <environment>",
                ),
            ),
        ),
    ),
)
