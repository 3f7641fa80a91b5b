"""Steps that many runbooks have: where to look, what to do."""

from __future__ import annotations

from components.specs.monitoring.alert import Step

PODS = Step(
    "See its pods: are they there, ready, restarted?",
    "kubectl --namespace <namespace> get pods --selector app.kubernetes.io/name=<agent> --output wide",
)
DESCRIBE = Step(
    "Read what its pods wait for, and how they ended last: State, Last State, and Events at the end.",
    "kubectl --namespace <namespace> describe pods --selector app.kubernetes.io/name=<agent>",
)
BEFORE_THE_CRASH = Step(
    "Read the last words of the container before this one.",
    "kubectl --namespace <namespace> logs --selector app.kubernetes.io/name=<agent> --container agent --previous",
)
EVENTS = Step(
    "Read the namespace's events, newest last.",
    "kubectl --namespace <namespace> get events --sort-by .lastTimestamp",
)
ROLLOUT = Step(
    "Read the Deployment's conditions: what keeps the change from going on.",
    "kubectl --namespace <namespace> describe deployment <agent>",
)
LOGS = Step("Read its log.", "roster logs <pool>/<agent> -e <environment>")
STATUS = Step(
    "See how it is, what it does, and what was applied last.", "roster status <pool>/<agent> -e <environment>"
)
POOL_STATUS = Step("See how the pool's agents are.", "roster status --pool <pool> -e <environment>")
POOL_ALERTS = Step("See which of its agents have alerts.", "roster alerts --pool <pool> -e <environment>")
EXPLAIN = Step(
    "See what it runs with, and who says so: each value with its file.",
    "roster explain <pool>/<agent> -e <environment>",
)
USAGE = Step(
    "See what its pods use now.",
    "kubectl --namespace <namespace> top pods --selector app.kubernetes.io/name=<agent> --containers",
)
QUOTA = Step("See what is used of the pool's quota.", "kubectl --namespace <namespace> describe resourcequota pool")
LAST_CHANGE = Step(
    "Did it begin with a change? The alert's `changes_url` is the history of the definition; so is this.",
    "git log --patch -3 -- 'agents/<pool>/<agent>*'",
)
APPLIED_LAST = Step("See what was merged to the pool lately.", "git log --stat -5 -- 'agents/<pool>' agents/catalog")

ROLLBACK = Step(
    "Put the agent back to the commit before. The pull request of it goes first, before all waves.",
    "roster rollback <pool>/<agent> --to <commit>",
)
ROLLBACK_ALL = Step("Was it a change of the catalog? Take its commit back, by a pull request.", "git revert <commit>")
DEBUG = Step(
    "Not enough in the log? Have it say more; this restarts its pods, and is taken back by `roster unset`.",
    "roster set <pool>/<agent> env.LOG_LEVEL=DEBUG -e <environment>",
)
RESTART = Step("Start its pods anew, one after the other.", "roster restart <pool>/<agent> -e <environment>")
MORE_PODS = Step(
    "Give it more pods. A bot that polls a channel can have only one.",
    "roster scale <pool>/<agent> --max <pods> -e <environment>",
)
MORE_MEMORY = Step(
    "Give it more memory, or a larger `tier`.",
    "roster set <pool>/<agent> resources.limits.memory=<mebibytes>Mi -e <environment>",
)
MORE_CPU = Step(
    "Give it more CPU, or a larger `tier`.",
    "roster set <pool>/<agent> resources.limits.cpu=<number>m -e <environment>",
)
SUSPEND = Step(
    "Stop it, where it does harm. It goes first, before all waves; `roster resume` takes it back.",
    "roster suspend <pool>/<agent> -e <environment>",
)


def own_limit(field: str, text: str = "Is this how it should be? Tell the alert so.") -> Step:
    """The agent's own threshold."""
    return Step(text, f"roster set <pool>/<agent> alerts.{field}=<number> -e <environment>")
