"""Alerts that Loki's ruler evaluates over agents' logs. Expressions are LogQL; in them <where> are matchers of streams.

<limit> is `monitoring.logs.error_lines`. The labels of a stream are those that the collector gives it.
"""

from __future__ import annotations

from components.specs.monitoring.alert import Alert, Runbook, Step
from components.specs.monitoring.alerts.steps import EXPLAIN, LAST_CHANGE, LOGS, RESTART, ROLLBACK, SUSPEND
from components.specs.monitoring.alloy_config import MASK

# Whom a line is of; an alert of an agent has these labels.
BY = "by (namespace, pool, owner, agent_id)"
# The FastAPI runtime tells of a request that failed by its status, as a warning.
_FAILURES = '{<where>,level=~"warning|error|critical"} | level=~"error|critical" or status=~"5.."'
_RECENT = f"sum {BY} (count_over_time({_FAILURES} [5m]))"
# In five minutes, as in the six hours before: 72 times five minutes.
_USUAL = f"sum {BY} (count_over_time({_FAILURES} [6h] offset 5m)) / 72"
# What the runtimes, Python and Node.js write when nothing handled an error.
UNHANDLED = (
    r'"exception":\s*\{|^Traceback \(most recent call last\)|that nobody handles|^Uncaught |UnhandledPromiseRejection'
)


def _lines(level: str, filters: str, window: str) -> str:
    return f"sum {BY} (count_over_time({{<where>{level}}} {filters} [{window}])) > 0"


LOG_ALERTS: tuple[Alert, ...] = (
    Alert(
        name="LogErrorBurst",
        scope="agent",
        cause="errors",
        severity="warning",
        expression=f"{_RECENT} > 5 * <limit> unless {_RECENT} <= 3 * ({_USUAL})",
        minutes=2,
        summary="{{ $labels.agent_id }} logged {{ $value | humanize }} failures in five minutes, and seldom does",
        runbook=Runbook(
            meaning=(
                "The agent logs errors and failed requests more often than `monitoring.logs.error_lines` a minute, "
                "and three times as often as in the six hours before."
            ),
            impact="Some of its work fails. Callers need not see it yet: what is tried again is logged too.",
            look=(
                LOGS,
                Step(
                    "Count them by what they say, in Grafana's Explore: "
                    '`topk(10, sum by (message, code) (count_over_time({agent_id="<agent>",level=~"warning|error"} '
                    "| json message [5m])))`. elizaOS calls it `msg`."
                ),
                LAST_CHANGE,
            ),
            act=(
                Step("Does one provider or database fail for many agents? Then its own alert says what to do."),
                ROLLBACK,
            ),
        ),
    ),
    Alert(
        name="LogUnhandledError",
        scope="agent",
        cause="errors",
        severity="warning",
        expression=_lines(',level=~"error|critical|unknown"', f"|~ `{UNHANDLED}`", "10m"),
        minutes=0,
        summary="{{ $labels.agent_id }} logged {{ $value | humanize }} errors that nothing handled",
        runbook=Runbook(
            meaning="An exception reached the top of the agent: a fault of its code, or of a library.",
            impact="A request failed with INTERNAL, or the process ended and was started anew.",
            look=(
                Step(
                    'Read them in Grafana\'s Explore: `{agent_id="<agent>"} |= "exception"` has type and place; the '
                    "request's own line has the same `request_id`."
                ),
                LAST_CHANGE,
            ),
            act=(
                Step("Is it new since a change? Take that back."),
                ROLLBACK,
                Step("Is it in the runtime's own code? Tell the platform team, with the line."),
            ),
        ),
    ),
    Alert(
        name="LogSecret",
        scope="agent",
        cause="security",
        severity="critical",
        # Words first, which are quick to look for; an agent may write them itself, but not what stands beside the line.
        expression=_lines(',agent_id!=""', f'|= "{MASK}" | masked != ""', "10m"),
        minutes=0,
        summary="{{ $labels.agent_id }} logged what looks like a credential",
        dashboard="security",
        runbook=Runbook(
            meaning=(
                "A line of the log has the shape of a key, a token or a password. The collector masked it before Loki; "
                "on the node, and for whoever reads the pod's log, it is there as it was."
            ),
            impact="Whoever can read the log can use it.",
            look=(
                Step(f'Find the lines in Grafana\'s Explore: `{{agent_id="<agent>"}} |= "{MASK}"`.'),
                Step("See which credentials it has: the names of its secrets.", EXPLAIN.command),
            ),
            act=(
                Step("Revoke the credential where it was issued, and write a new one into the secret store."),
                RESTART,
                Step("Does it go on logging it?"),
                SUSPEND,
                Step("Is it no credential? Say so to the platform team; shapes are in `pasted_secrets.py`."),
            ),
        ),
    ),
)
