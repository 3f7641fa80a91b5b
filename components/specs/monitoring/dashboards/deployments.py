"""Deployments: does what was merged run, how long did it take, and what failed?"""

from __future__ import annotations

from components.specs.monitoring.dashboards.panel import Board, Column, Query, Row
from components.specs.monitoring.dashboards.shared import FIRING, OUGHT_TO_RUN, SEEN
from components.specs.monitoring.dashboards.style import (
    AGO,
    COUNT,
    FAILED_RUNS,
    FEW_EXPECTED,
    HEALTH,
    NONE_EXPECTED,
    RATIO,
    SECONDS,
    lines,
    stat,
    table,
    top,
)
from components.specs.monitoring.recorded import BY, WANTED, of_deployment

_STACKS = "max by (environment, stack)"
_DUE = f"{_STACKS} (roster_stack_wanted_timestamp_seconds{{<environment>}})"
_APPLIED = f"{_STACKS} (roster_stack_applied_timestamp_seconds{{<environment>}})"
# A stack that was never applied is waiting, too.
_WAITING = f"(time() - {_DUE}) unless on (environment, stack) ({_APPLIED} >= on (environment, stack) {_DUE})"
_RUN = 'sum(roster_run_agents{<environment>,state=~"<states>"})'
_STATES = "max by (environment, state) (roster_run_agents{<environment>})"


def _deployments(series: str, comparison: str) -> str:
    return f"max {BY} ({of_deployment(f'({series} {comparison})')})"


_SUSPENDED = f"{WANTED}{{<where>}} == 0"
_STUCK = _deployments('kube_deployment_status_condition{<where>,condition="Progressing",status="false"}', "== 1")
_FAILING = f"(({OUGHT_TO_RUN} == 1) or {_STUCK})"
_BEHIND = _deployments(
    "kube_deployment_status_replicas_updated{<where>}",
    "< on (namespace, deployment) kube_deployment_spec_replicas{<where>}",
)
_UPDATING = f"({_BEHIND} unless on (namespace, agent_id) {_FAILING})"
_ALARMED = f"max {BY} ({FIRING.replace('<firing>', '<where>').replace('critical|warning', 'critical')})"
_UNWELL = f"count({_FAILING} or max {BY} (0 * {_ALARMED} + 1)) or vector(0)"
_HEALTH = f"clamp_min(1 - ({_UNWELL}) / (count({SEEN}) > 0), 0)"
_NEWEST = (
    "max by (namespace, owner_name) (kube_replicaset_created{<where>} * on (namespace, replicaset)"
    ' group_left (owner_name) kube_replicaset_owner{<where>,owner_kind="Deployment"})'
)

_CHANGED = "1000 * max by (environment, namespace, agent_id, commit) (roster_agent_applied_timestamp_seconds{<where>})"

_NOW = Row(
    "Now",
    4,
    (
        stat(
            "Health score",
            RATIO,
            _HEALTH,
            "Share of all agents that are well. An agent is not well when it ought to run and has no ready pod, when"
            " its rollout is stuck, or when a critical alert of its own fires.",
            scale=HEALTH,
            empty="no agents",
        ),
        stat(
            "Stacks waiting",
            COUNT,
            f"count({_WAITING}) or vector(0)",
            "Stacks whose newest merge is not applied yet.",
            scale=FEW_EXPECTED,
        ),
        stat(
            "Failing",
            COUNT,
            f"count({_FAILING}) or vector(0)",
            "Agents that ought to run and have no ready pod, or whose rollout is stuck.",
            scale=NONE_EXPECTED,
        ),
        stat("Updating", COUNT, f"count({_UPDATING}) or vector(0)", "Agents whose pods are being replaced now."),
        stat("Suspended", COUNT, f"count({_SUSPENDED}) or vector(0)", "Agents that are stopped on purpose."),
        stat(
            "Rollouts in an hour",
            COUNT,
            "count((time() - kube_replicaset_created{<where>}) < 3600) or vector(0)",
            "ReplicaSets that were created in the last hour: each is a change of an agent's pods.",
        ),
        stat(
            "Failure rate",
            RATIO,
            f"{_RUN.replace('<states>', 'failed')} / ({_RUN.replace('<states>', 'deployed|failed')} > 0)",
            "Of the agents that the last run of each environment deployed or tried to, the share that failed.",
            scale=FAILED_RUNS,
            empty="no run reported",
        ),
        stat(
            "Lead time",
            SECONDS,
            'max(roster_run_lead_time_seconds{<environment>,quantile="0.5"})',
            "From a merge until its agents are ready: the median of the last run, in the slowest environment.",
            empty="no run reported",
        ),
    ),
)
_COURSE = Row(
    "Course",
    8,
    (
        lines(
            "Agents by state",
            COUNT,
            (
                Query(
                    f"count(({OUGHT_TO_RUN} == 0) unless on (namespace, agent_id) ({_FAILING} or {_UPDATING}))",
                    "available",
                ),
                Query(f"count({_UPDATING}) or vector(0)", "updating"),
                Query(f"count({_FAILING}) or vector(0)", "failing"),
                Query(f"count({_SUSPENDED}) or vector(0)", "suspended"),
            ),
            "Each agent is in one state: available, updating, failing (down, or its rollout is stuck) or suspended.",
            stacked=True,
            colours=(("available", "green"), ("updating", "blue"), ("failing", "red"), ("suspended", "text")),
        ),
        lines(
            "Rollouts by pool",
            COUNT,
            (Query("count by (namespace) ((time() - kube_replicaset_created{<where>}) < 3600)", "{{namespace}}"),),
            "Changes of agents' pods in the hour before.",
            stacked=True,
            empty="no rollouts",
            link="pool",
        ),
        lines(
            "Health score over time",
            RATIO,
            (Query(_HEALTH, "health"),),
            "Share of all agents that are well, as in the figure above.",
            scale=HEALTH,
            maximum=1,
        ),
    ),
)
_RUNS = Row(
    "Runs of CI",
    8,
    (
        lines(
            "Agents of the last run",
            COUNT,
            (Query(_STATES, "{{environment}} {{state}}"),),
            "What the last run of each environment did with its agents.",
            empty="no run reported",
        ),
        lines(
            "Lead time by environment",
            SECONDS,
            (
                Query(
                    "max by (environment, quantile) (roster_run_lead_time_seconds{<environment>})",
                    "{{environment}} {{quantile}}",
                ),
            ),
            "From a merge until its agents are ready, in the last run of each environment, by quantile.",
            empty="no run reported",
        ),
        table(
            "Stacks not applied",
            SECONDS,
            (_WAITING,),
            (
                Column("environment", "Environment", width=120),
                Column("stack", "Stack"),
                Column("Value", "Waits for", SECONDS, width=110),
            ),
            "Stacks whose newest merge is not applied, and for how long they have waited.",
            width=8,
            sort="Waits for",
            empty="all applied",
        ),
    ),
)
_AGENTS = Row(
    "Agents",
    9,
    (
        table(
            "Failing agents",
            COUNT,
            (f"max {BY} (({OUGHT_TO_RUN} == 1) or 0 * {_STUCK})",),
            (
                Column("namespace", "Pool", link="pool"),
                Column("agent_id", "Agent", link="agent"),
                Column("Value", "Down", COUNT, NONE_EXPECTED, width=80),
            ),
            "Agents without a ready pod (Down is 1), or with a rollout that is stuck.",
            width=7,
            sort="Down",
            empty="none",
        ),
        table(
            "Last changes",
            AGO,
            (f"topk(50, {_CHANGED})",),
            (
                Column("Value", "When", AGO, width=120),
                Column("environment", "Environment", width=110),
                Column("namespace", "Pool", link="pool"),
                Column("agent_id", "Agent", link="agent"),
                Column("commit", "Commit"),
            ),
            "The 50 agents whose objects were applied last, and from which commit.",
            width=10,
            sort="When",
            empty="no run reported",
        ),
        top(
            "Longest without a rollout",
            SECONDS,
            f"time() - {_NEWEST}",
            "How long the agents' pods have been the same.",
            legend="{{owner_name}}",
            link="agent:owner_name",
            width=7,
            empty="no pods",
        ),
    ),
)

DEPLOYMENTS = Board(
    "deployments",
    "Roster: Deployments",
    "Does what was merged run, how long did it take, and what failed?",
    "environment",
    (_NOW, _COURSE, _RUNS, _AGENTS),
    since="now-24h",
)
