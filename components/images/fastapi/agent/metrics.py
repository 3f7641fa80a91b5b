"""What Prometheus reads at `/metrics`. Label values are fixed sets, so that no caller can make the series grow."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

# A model answers in half a second to two minutes.
SECONDS = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 10, 15, 20, 30, 45, 60, 90, 120)
CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """All series of one agent; `rename` is called when its name is known."""

    def __init__(self, agent: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._series: list[Counter | Gauge | Histogram] = []
        ProcessCollector(registry=self.registry)
        self._requests = self._counter("agent_requests", "Requests answered", "status")
        self._errors = self._counter("agent_errors", "Errors sent to callers", "code")
        self._tokens = self._counter("agent_tokens_used", "Tokens that the provider counted", "direction")
        self._cost = self._counter("agent_cost", "What the provider's answers cost, in the catalog's currency")
        self._findings = self._counter(
            "agent_safety_findings", "What the safety checks found", "check", "kind", "action"
        )
        self._limited = self._counter("agent_rate_limited", "Requests refused by a rate limit", "scope")
        self._retries = self._counter("agent_provider_retries", "Attempts at the provider after the first of a call")
        self._config_errors = self._counter("agent_config_errors", "Changed config or secrets that could not be used")
        self._counter_errors = self._counter("agent_redis_errors", "Times that Redis was given up for memory")
        self._seconds = Histogram(
            "agent_processing_seconds",
            "From a request's arrival to the end of its answer",
            ["agent_id"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._series.append(self._seconds)
        self._in_flight = self._gauge("agent_in_flight", "Requests that hold one of the concurrent places")
        self._queue = self._gauge("agent_queue_depth", "Requests that wait for a place")
        self._shared = self._gauge("agent_redis_up", "1 when limits and budget are shared through Redis")
        self._budget = self._gauge("agent_budget_used_ratio", "Part of the day's budget that is used", "kind")
        self.rename(agent)

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        series = Counter(name, documentation, ["agent_id", *labels], registry=self.registry)
        self._series.append(series)
        return series

    def _gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        series = Gauge(name, documentation, ["agent_id", *labels], registry=self.registry)
        self._series.append(series)
        return series

    def rename(self, agent: str) -> None:
        """From now on all is counted for the agent of this name, from nought."""
        for series in self._series:
            series.clear()
        self.agent = agent
        self.seconds = self._seconds.labels(agent)
        self.in_flight = self._in_flight.labels(agent)
        self.queue_depth = self._queue.labels(agent)
        self.redis_up = self._shared.labels(agent)
        self.retries = self._retries.labels(agent)
        self.config_errors = self._config_errors.labels(agent)
        self.redis_errors = self._counter_errors.labels(agent)
        self.cost = self._cost.labels(agent)
        self.input_tokens = self._tokens.labels(agent, "input")
        self.output_tokens = self._tokens.labels(agent, "output")

    def answered(self, status: int) -> None:
        """One request more with this HTTP status; 499: the caller went away."""
        self._requests.labels(self.agent, str(status)).inc()

    def failed(self, code: str) -> None:
        """One error more with this code."""
        self._errors.labels(self.agent, code).inc()

    def found(self, check: str, kind: str, action: str) -> None:
        """One finding more of a safety check."""
        self._findings.labels(self.agent, check, kind, action).inc()

    def limited(self, scope: str) -> None:
        """One request more that a limit refused: key, address or total."""
        self._limited.labels(self.agent, scope).inc()

    def budget(self, kind: str, ratio: float) -> None:
        """How much of the day's tokens or cost is used; 1 is all."""
        self._budget.labels(self.agent, kind).set(ratio)

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)
