"""Security: who is turned away, what safety checks found, which images and secrets need someone."""

from __future__ import annotations

from components.specs.monitoring.alerts.secrets import reported
from components.specs.monitoring.dashboards.panel import Board, Column, Query, Row
from components.specs.monitoring.dashboards.style import (
    COUNT,
    FEW_EXPECTED,
    NONE_EXPECTED,
    REQUESTS,
    lines,
    stat,
    table,
    top,
)
from components.specs.monitoring.recorded import BY

_REFUSED = 'agent_errors_total{<where>,code=~"UNAUTHORIZED|FORBIDDEN"}'
_LIMITED = "agent_rate_limited_total{<where>}"
_FOUND = "agent_safety_findings_total{<where>}"
_BLOCKED = 'agent_safety_findings_total{<where>,action="block"}'
_NOT_SYNCED = reported("externalsecret_status_condition", '<where>,condition="Ready",status="False"') + " == 1"
_NOT_STARTED = 'kube_deployment_status_condition{<where>,condition="ReplicaFailure",status="true"} == 1'
# By digest: as the image is written, else as the kubelet resolved it.
_RESOLVED = (
    'label_replace(kube_pod_container_info{<where>,container="agent"},'
    ' "digest", "$1", "image_id", ".*(sha256:[0-9a-f]+)")'
)
_RUNNING = f'label_replace({_RESOLVED}, "digest", "$1", "image_spec", ".*@(sha256:[0-9a-f]+)")'


def _findings(severity: str) -> str:
    return f'max by (digest, image) (roster_image_findings{{severity="{severity}"}})'


def _running_findings(severity: str) -> str:
    """Findings of images that a pod runs, each image once however many pods run it."""
    return f"sum({_findings(severity)} and on (digest) {_RUNNING})"


_NOW = Row(
    "Now, and in the chosen time",
    4,
    (
        stat(
            "Critical in images",
            COUNT,
            _running_findings("critical"),
            "Critical findings of the last scan in images that agents run now.",
            scale=NONE_EXPECTED,
            empty="none",
            instant=True,
        ),
        stat(
            "High in images",
            COUNT,
            _running_findings("high"),
            "High findings of the last scan in images that agents run now.",
            scale=FEW_EXPECTED,
            empty="none",
            instant=True,
        ),
        stat(
            "Refused callers",
            COUNT,
            f"sum(increase({_REFUSED}[$__range]))",
            "Requests without a valid key or token, or without the scope, in the chosen time.",
            empty="none",
            instant=True,
        ),
        stat(
            "Over a rate limit",
            COUNT,
            f"sum(increase({_LIMITED}[$__range]))",
            "Requests that a rate limit refused, in the chosen time.",
            empty="none",
            instant=True,
        ),
        stat(
            "Safety findings",
            COUNT,
            f"sum(increase({_FOUND}[$__range]))",
            "What the safety checks found in tasks and answers, in the chosen time.",
            empty="none",
            instant=True,
        ),
        stat(
            "Blocked by safety",
            COUNT,
            f"sum(increase({_BLOCKED}[$__range]))",
            "Findings for which a request was refused, in the chosen time.",
            empty="none",
            instant=True,
        ),
        stat(
            "Secrets not synced",
            COUNT,
            f"count({_NOT_SYNCED}) or vector(0)",
            "ExternalSecrets that are not ready: their agents do not get new values, or do not start.",
            scale=NONE_EXPECTED,
        ),
        stat(
            "Pods refused",
            COUNT,
            f"count({_NOT_STARTED}) or vector(0)",
            "Agents whose pods the cluster refuses to create: by an admission policy, Pod Security or the quota.",
            scale=NONE_EXPECTED,
        ),
    ),
)
_ACCESS = Row(
    "Access",
    8,
    (
        lines(
            "Refused callers by code",
            REQUESTS,
            (Query(f"sum by (code) (rate({_REFUSED}[$__rate_interval]))", "{{code}}"),),
            "UNAUTHORIZED: no valid key or token. FORBIDDEN: a scope is missing.",
            stacked=True,
            empty="none",
        ),
        lines(
            "Over a rate limit, by scope",
            REQUESTS,
            (Query(f"sum by (scope) (rate({_LIMITED}[$__rate_interval]))", "{{scope}}"),),
            "Whose limit it was: the caller's key, its address, or all callers together.",
            stacked=True,
            empty="none",
        ),
        top(
            "Agents by refused callers",
            COUNT,
            f"sum {BY} (increase({_REFUSED}[$__range])) >= 1",
            "Where most callers were refused in the chosen time: a wrong key, or somebody who tries.",
            empty="none",
        ),
    ),
)
_SAFETY = Row(
    "Safety checks",
    8,
    (
        lines(
            "Findings by check",
            REQUESTS,
            (Query(f"sum by (check, kind) (rate({_FOUND}[$__rate_interval]))", "{{check}} {{kind}}"),),
            "Findings a second by check, and by what it found.",
            stacked=True,
            empty="none",
        ),
        lines(
            "Findings by action",
            REQUESTS,
            (Query(f"sum by (action) (rate({_FOUND}[$__rate_interval]))", "{{action}}"),),
            "What was done: log, mask, or block, which refuses the request.",
            stacked=True,
            colours=(("log", "blue"), ("mask", "yellow"), ("block", "red")),
            empty="none",
        ),
        top(
            "Agents by findings",
            COUNT,
            f"sum {BY} (increase({_FOUND}[$__range])) >= 1",
            "Where safety checks found most in the chosen time.",
            empty="none",
        ),
    ),
)
_SUPPLY = Row(
    "Images and secrets",
    9,
    (
        table(
            "Findings in images",
            COUNT,
            (
                _findings("critical"),
                _findings("high"),
                _findings("medium"),
                f"count by (digest) ({_RUNNING})",
            ),
            (
                Column("image", "Image"),
                Column("digest", "Digest"),
                Column("Value #A", "Critical", COUNT, NONE_EXPECTED, width=80),
                Column("Value #B", "High", COUNT, FEW_EXPECTED, width=80),
                Column("Value #C", "Medium", COUNT, width=80),
                Column("Value #D", "Pods", COUNT, width=80),
            ),
            "What the last scan found in each image, and how many pods run it.",
            width=10,
            sort="Critical",
            empty="no image reported",
        ),
        table(
            "Secrets not synced, by agent",
            COUNT,
            (f"max by (namespace, name) ({_NOT_SYNCED})",),
            (Column("namespace", "Pool", link="pool"), Column("name", "Agent", link="agent:name")),
            "ExternalSecrets that are not ready. Each has its agent's name.",
            width=7,
            sort="Pool",
            ascending=True,
            empty="all synced",
        ),
        table(
            "Pods refused, by agent",
            COUNT,
            (f"max by (namespace, deployment, reason) ({_NOT_STARTED})",),
            (
                Column("namespace", "Pool", link="pool"),
                Column("deployment", "Agent", link="agent:deployment"),
                Column("reason", "Reason"),
            ),
            "Agents whose pods the cluster does not create; the events of the ReplicaSet say why.",
            width=7,
            sort="Pool",
            ascending=True,
            empty="none",
        ),
    ),
)

SECURITY = Board(
    "security",
    "Roster: Security",
    "Who is turned away, what safety checks found, and which images and secrets need someone.",
    "environment",
    (_NOW, _ACCESS, _SAFETY, _SUPPLY),
    since="now-24h",
)
