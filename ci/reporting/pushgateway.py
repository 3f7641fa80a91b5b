"""The Pushgateway: what is pushed to it, and what it still has of runs before. One that is away stops nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ci.reporting.gauges import GAUGES, JOB, Group, Known
from components.definition.monitoring import MonitoringSettings

if TYPE_CHECKING:
    import httpx

VARIABLE = "ROSTER_PUSHGATEWAY"
TIMEOUT_SECONDS = 10


@dataclass(slots=True)
class Pushgateway:
    """At `address`, which has no password in it; `login` has. `say` gets one line, the first time that it fails."""

    address: str
    login: tuple[str, str] | None
    say: Callable[[str], None]
    away: bool = field(default=False, init=False)

    def put(self, group: Group) -> None:
        """Replaces what the group had."""
        self._push(group, "push_to_gateway")

    def add(self, group: Group) -> None:
        """Replaces what the group had by the same names, and leaves its others."""
        self._push(group, "pushadd_to_gateway")

    def known(self) -> list[Known]:
        """What runs before this one reported; nothing when it is away."""
        from prometheus_client.parser import text_string_to_metric_families

        text = ""

        def read() -> None:
            nonlocal text
            text = self._ask("GET", f"{self.address}/metrics").text

        self._tried(read)
        lines = "".join(f"{line}\n" for line in text.splitlines() if line.startswith(tuple(GAUGES)))
        try:
            return [
                Known(one.name, one.labels, one.value)
                for family in text_string_to_metric_families(lines)
                for one in family.samples
            ]
        except ValueError as error:
            self._fails(f"answers with what is no metrics: {error}")
            return []

    def _push(self, group: Group, how: str) -> None:
        from prometheus_client import CollectorRegistry, Gauge, exposition

        registry = CollectorRegistry()
        made: dict[str, Gauge] = {}
        for one in group.values:
            said, labels = GAUGES[one.name]
            gauge = made.get(one.name) or made.setdefault(one.name, Gauge(one.name, said, labels, registry=registry))
            (gauge.labels(*one.labels) if labels else gauge).set(one.value)
        push = getattr(exposition, how)
        self._tried(lambda: push(self.address, JOB, registry, dict(group.key), TIMEOUT_SECONDS, self._handler))

    def _handler(
        self, url: str, method: str, timeout: float | None, headers: list[tuple[str, str]], data: bytes
    ) -> Callable[[], None]:
        """How the client library asks: as it would itself, but with all that may go wrong in one kind of error."""

        def handle() -> None:
            self._ask(method, url, headers=headers, content=data)

        return handle

    def _ask(self, method: str, url: str, **options: Any) -> httpx.Response:
        import httpx

        return httpx.request(method, url, auth=self.login, timeout=TIMEOUT_SECONDS, **options).raise_for_status()

    def _tried(self, work: Callable[[], None]) -> None:
        import httpx

        # Every push of a large run would wait as long.
        if self.away:
            return
        try:
            work()
        except httpx.HTTPStatusError as error:
            answer = error.response
            said = answer.text.partition("\n")[0][:300] or answer.reason_phrase
            self._fails(f"answers {answer.status_code}: {said}")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self._fails(str(error) or type(error).__name__)

    def _fails(self, why: str) -> None:
        self.away = True
        self.say(f"the Pushgateway {self.address}: {why}. The run goes on, and is not reported there")


def open_pushgateway(
    environ: Mapping[str, str], settings: MonitoringSettings, say: Callable[[str], None]
) -> Pushgateway | None:
    """The one that ROSTER_PUSHGATEWAY names, else the catalog; None when neither does, or when that is no address."""
    import httpx

    named = environ.get(VARIABLE, "").strip() or settings.pushgateway or ""
    if not named:
        return None
    try:
        url = httpx.URL(named)
        # A host with signs that no host has is written with percents.
        good = url.scheme in ("http", "https") and bool(url.host) and "%" not in url.host
    except httpx.InvalidURL:
        good = False
    if not good:
        # It may hold a password, so it is not said.
        say(f"{VARIABLE} is no address such as https://pushgateway.example.com. The run is not reported")
        return None
    login = (url.username, url.password) if url.username or url.password else None
    return Pushgateway(str(url.copy_with(username="", password="")).rstrip("/"), login, say)


def put_all(gateway: Pushgateway, groups: Iterable[Group]) -> None:
    """Replaces the groups, one after the other."""
    for group in groups:
        gateway.put(group)
