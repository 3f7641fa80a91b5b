"""Cost and tokens: what models cost, who spends it, and what the reserved resources come to."""

from __future__ import annotations

from components.specs.monitoring.dashboards.figures import CPU_MONTH, GIB_MONTH, MONEY
from components.specs.monitoring.dashboards.panel import Board, Query, Row
from components.specs.monitoring.dashboards.shared import COST_DAY, COST_MONTH, OWNER, SPENDING, TOKENS_HOUR
from components.specs.monitoring.dashboards.style import (
    COUNT,
    GROWTH,
    NONE_EXPECTED,
    RATIO,
    TOKENS,
    USED,
    lines,
    stat,
    top,
)
from components.specs.monitoring.recorded import BY

_DAY = f"sum({COST_DAY})"
_WEEK_BEFORE = _DAY.replace("[1d:5m]", "[1d:5m] offset 1w")
_DAY_SECONDS = 86_400
_PACE = f"{_DAY_SECONDS} * sum({SPENDING})"
_SPACE = "by (namespace)"
# A month of what pods have reserved, at the catalog's prices.
_RESERVED = (
    f'{CPU_MONTH} * sum {_SPACE} (kube_pod_container_resource_requests{{<where>,resource="cpu"}})'
    f' + {GIB_MONTH} * sum {_SPACE} (kube_pod_container_resource_requests{{<where>,resource="memory"}}) / 2 ^ 30'
)
_NOTHING = "nothing spent"

_NOW = Row(
    "Now",
    4,
    (
        stat(
            "Cost of a day",
            MONEY,
            _DAY,
            "What models cost in the last 24 hours.",
            width=4,
            empty=_NOTHING,
            instant=True,
        ),
        stat(
            "Against last week",
            RATIO,
            f"{_DAY} / ({_WEEK_BEFORE} > 0) - 1",
            "The last 24 hours against the same 24 hours a week ago; 0 % is as much.",
            scale=GROWTH,
            width=4,
            empty="no week before",
            instant=True,
        ),
        stat(
            "Cost of a month",
            MONEY,
            COST_MONTH,
            "What models cost in the last 30 days.",
            width=4,
            empty=_NOTHING,
            instant=True,
        ),
        stat(
            "Reserved, a month",
            MONEY,
            f"sum({_RESERVED})",
            "What the cores and memory that pods have reserved now cost in a month, at the catalog's prices.",
            width=4,
            empty="nothing reserved",
        ),
        stat(
            "Tokens in an hour",
            TOKENS,
            f"sum({TOKENS_HOUR})",
            "Tokens that providers counted in the last hour.",
            width=4,
            empty=_NOTHING,
            instant=True,
        ),
        stat(
            "Agents near their budget",
            COUNT,
            f"count(max {BY} (agent_budget_used_ratio{{<where>}}) > 0.9) or vector(0)",
            "Agents that used more than 90 % of the day's tokens or cost; at 100 % they answer BUDGET_SPENT.",
            scale=NONE_EXPECTED,
            width=4,
        ),
    ),
)
_COURSE = Row(
    "Course",
    8,
    (
        lines(
            "Cost a day by pool",
            MONEY,
            (Query(f"{_DAY_SECONDS} * sum {_SPACE} ({SPENDING})", "{{namespace}}"),),
            "What is spent in a day at the pace of the last hour.",
            stacked=True,
            empty=_NOTHING,
            link="pool",
        ),
        lines(
            "Against the week before",
            MONEY,
            (
                Query(_PACE, "now"),
                Query(f"{_PACE} offset 1w".replace(") offset 1w", " offset 1w)"), "a week before"),
            ),
            "What is spent in a day at the pace of the last hour, now and a week before.",
            reference=("a week before",),
            empty=_NOTHING,
        ),
        lines(
            "Tokens by direction",
            TOKENS,
            (
                Query(
                    f"{_DAY_SECONDS} * sum by (direction) (rate(agent_tokens_used_total{{<where>}}[1h]))",
                    "{{direction}}",
                ),
            ),
            "Tokens a day at the pace of the last hour, into models and out of them.",
            stacked=True,
            empty=_NOTHING,
        ),
    ),
)
_WHO = Row(
    "Who spends it",
    9,
    (
        top(
            "By owner",
            MONEY,
            f"sum by (owner) ({COST_DAY} * on (namespace, agent_id) group_left (owner) {OWNER}) > 0",
            "Cost of a day by the team that owns the agents.",
            legend="{{owner}}",
            link="",
            width=6,
            empty=_NOTHING,
        ),
        top(
            "By pool",
            MONEY,
            f"sum {_SPACE} ({COST_DAY}) > 0",
            "Cost of a day by pool; a pool has a namespace in each environment.",
            legend="{{namespace}}",
            link="pool",
            width=6,
            empty=_NOTHING,
        ),
        top("By agent", MONEY, f"{COST_DAY} > 0", "Cost of a day by agent.", width=6, empty=_NOTHING),
        top(
            "Tokens by agent",
            TOKENS,
            f"{TOKENS_HOUR} > 0",
            "Tokens in the last hour.",
            width=6,
            empty=_NOTHING,
        ),
    ),
)
_BOUNDS = Row(
    "Budgets and reservations",
    9,
    (
        top(
            "Budget used",
            RATIO,
            "max by (namespace, agent_id, kind) (agent_budget_used_ratio{<where>})",
            "Share of the day's tokens or cost that is used; at 100 % the agent answers BUDGET_SPENT.",
            legend="{{agent_id}} {{kind}}",
            scale=USED,
            maximum=1,
            width=12,
            empty="no budgets",
        ),
        top(
            "Reserved by pool, a month",
            MONEY,
            _RESERVED,
            "What the cores and memory that pods have reserved now cost in a month, at the catalog's prices.",
            legend="{{namespace}}",
            link="pool",
            width=12,
            empty="nothing reserved",
        ),
    ),
)

COST = Board(
    "cost",
    "Roster: Cost and tokens",
    "What models cost, who spends it, and what the reserved resources come to.",
    "environment",
    (_NOW, _COURSE, _WHO, _BOUNDS),
    since="now-7d",
)
