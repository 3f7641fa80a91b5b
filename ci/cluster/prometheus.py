"""Asks Prometheus, in one query for all agents: which critical alerts fire, and how many requests succeed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Key = tuple[str, str]

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 15.0
# As long as the alerts and dashboards look back; a Prometheus that scrapes once a minute has samples enough then.
WINDOW = "5m"
# The labels are those of components/specs/alerts.py; pod is there where pods are scraped through a PodMonitor.
_ALERTS = 'ALERTS{{alertstate="firing",severity="critical",namespace=~"{spaces}"}}'
_COUNTS = " or ".join(
    f'label_replace(sum by (namespace, agent_id, pod) (increase({metric}{{{{namespace=~"{{spaces}}"}}}}[{WINDOW}])), '
    f'"counted", "{what}", "", "")'
    for what, metric in (("requests", "agent_requests_total"), ("errors", "agent_errors_total"))
)


class PrometheusError(Exception):
    """Prometheus cannot be asked; the text says why."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests to one agent within the window, and how many of them failed."""

    requests: float = 0.0
    errors: float = 0.0

    @property
    def success_percent(self) -> float | None:
        """The share that succeeded; None when there were no requests."""
        if self.requests <= 0:
            return None
        return 100.0 * max(0.0, 1.0 - self.errors / self.requests)


def firing(address: str, namespaces: Iterable[str]) -> dict[Key, frozenset[str]]:
    """The names of the critical alerts that fire, by agent (namespace, name). Raises PrometheusError."""
    found: dict[Key, set[str]] = defaultdict(set)
    for labels, _ in query(address, _ALERTS.format(spaces=_spaces(namespaces))):
        if "agent_id" in labels:
            found[labels.get("namespace", ""), labels["agent_id"]].add(labels.get("alertname", ""))
    return {key: frozenset(names) for key, names in found.items()}


def counted(address: str, pods: Mapping[Key, Iterable[str]]) -> dict[Key, Counts]:
    """Requests and errors by agent; `pods` are those of the revision that is judged. Raises PrometheusError.

    Series of other pods are left out: what an earlier revision did is not this one's fault, nor its merit.
    """
    current = {key: frozenset(names) for key, names in pods.items()}
    sums: dict[Key, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for labels, value in query(address, _COUNTS.format(spaces=_spaces(space for space, _ in pods))):
        key = labels.get("namespace", ""), labels.get("agent_id", "")
        pod = labels.get("pod", "")
        if key in current and (not pod or pod in current[key]):
            sums[key][labels["counted"]] += value
    return {key: Counts(found["requests"], found["errors"]) for key, found in sums.items()}


def _spaces(namespaces: Iterable[str]) -> str:
    return "|".join(sorted(set(namespaces)))


def query(address: str, expression: str) -> list[tuple[dict[str, str], float]]:
    """The labels and the value of each series of an instant query. Raises PrometheusError."""
    # By POST: the query may be longer than an address.
    status, found = ask(address, "POST", "/api/v1/query", {"query": expression})
    return _series(found, f"{bare(address)} answers {status}")


def ask(address: str, method: str, path: str, values: Mapping[str, str] | None = None) -> tuple[int, Any]:
    """The HTTP status and the JSON of an answer; `values` are a form's, or the address's. Raises PrometheusError."""
    import httpx

    url = f"{address.rstrip('/')}{path}"
    limits = httpx.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS)
    asked: dict[str, Any] = {"data" if method == "POST" else "params": dict(values or {})}
    try:
        answer = httpx.request(method, url, timeout=limits, **asked)
        return answer.status_code, answer.json()
    except httpx.TimeoutException:
        raise PrometheusError(f"{bare(address)} does not answer in time") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise PrometheusError(f"{bare(address)} cannot be reached: {error}") from None
    except ValueError:
        raise PrometheusError(f"{bare(address)} answers {answer.status_code}, and not with JSON") from None


def _series(found: Any, answers: str) -> list[tuple[dict[str, str], float]]:
    if not isinstance(found, dict) or found.get("status") != "success":
        said = found.get("error", "") if isinstance(found, dict) else ""
        raise PrometheusError(f"{answers}: {said or 'no result'}")
    try:
        return [(one["metric"], float(one["value"][1])) for one in found["data"]["result"]]
    except (KeyError, TypeError, ValueError, IndexError):
        raise PrometheusError(f"{answers}, and not as Prometheus does") from None


def bare(address: str) -> str:
    """The address without a password that may stand in it."""
    import httpx

    url = httpx.URL(address)
    return str(url.copy_with(username=None, password=None)) if url.userinfo else address
