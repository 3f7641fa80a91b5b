"""The fleet of the end-to-end test, and the catalog that sends its alerts to receivers on the loopback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from durations import FACTOR
from receivers import Receivers
from small_fleet import CHARACTER, MINIMAL, fleet

from components.fleet import Fleet
from components.specs import agent_manifests, platform_manifests, pool_manifests
from components.specs.monitoring.messages import templates_file
from components.specs.monitoring.routing import TEMPLATES_FILE, alertmanager_config

Manifest = dict[str, Any]
LENT = MINIMAL.replace("owner: growth", "owner: support")
SUPPORT = ("answers", "escalates", "refunds", "sorts")
AGENTS = {
    **{f"business/{name}.yaml": MINIMAL for name in ("attacked", "calm", "errs", "misused", "slow", "stops")},
    # More, so that two that are down are not yet a pool's outage.
    **{f"business/idle-{number}.yaml": MINIMAL for number in range(2)},
    "business/lent.yaml": LENT,
    # Of a tier that promises nothing about latency.
    "business/patient.yaml": MINIMAL + "tier: large\nalerts: {p95_seconds: 60}\n",
    "business/hasty.yaml": MINIMAL + "alerts: {p95_seconds: 2}\n",
    "community/chats.yaml": CHARACTER,
    **{f"support/{name}.yaml": LENT for name in SUPPORT},
}
ENVIRONMENTS = ("dev", "prod")
# Of the agents above, what dev has too.
IN_DEV = ("business/stops.yaml",)
_MONITORING = """\
monitoring:
  grafana: https://grafana.example.com
  source: https://git.example.com/platform/roster/commits/main/{{path}}
  routing:
    form: file
    slack: {{secret: shared/alerting#slack-token, kind: token, api: "{http}/slack"}}
    smtp:
      smarthost: "{smtp}"
      sender: alerts@example.com
      username: alerts
      password: shared/alerting#smtp-password
      require_tls: false
    pagerduty_url: "{http}/pagerduty"
    log: "{http}/log"
    dead_mans_switch: "{http}/alive-{{environment}}"
    silenced: [dev]
    # Longer than the test: what comes twice is a mistake.
    repeat_hours: {{critical: 4}}
    secrets_folder: {folder}
"""


def opened(folder: Path, receivers: Receivers, agents: dict[str, str] | None = None) -> Fleet:
    """The fleet, with the receivers in its catalog."""
    monitoring = _MONITORING.format(http=receivers.http, smtp=receivers.smtp, folder=folder)
    return fleet(AGENTS if agents is None else agents, {"settings.yaml": monitoring})


def rendered(opened: Fleet, agents: dict[str, str] | None = None) -> list[Manifest]:
    """Every object of both environments."""
    found: list[Manifest] = []
    catalog = opened.catalog
    files = AGENTS if agents is None else agents
    for environment in ENVIRONMENTS:
        chosen = [path for path in files if environment == "prod" or path in IN_DEV]
        found += platform_manifests(environment, catalog)
        for pool in sorted({path.partition("/")[0] for path in chosen}):
            found += pool_manifests(pool, environment, catalog)
        for path in chosen:
            examined = opened.examine(f"agents/{path}", [environment])
            assert environment in examined.resolved, "\n".join(map(str, examined.findings))
            found += agent_manifests(examined.resolved[environment])
    return found


def routing(folder: Path, opened: Fleet) -> Manifest:
    """Alertmanager's configuration, with all that it refers to beside it: a secret's value is its file's name."""
    config = alertmanager_config(opened.catalog, ENVIRONMENTS, scale=1 / FACTOR)
    (folder / TEMPLATES_FILE).write_text(templates_file(), "utf-8")
    for path in _files(config):
        path.write_text(path.name, "utf-8")
    return config


def _files(config: Any) -> set[Path]:
    if isinstance(config, list):
        return {path for one in config for path in _files(one)}
    if not isinstance(config, dict):
        return set()
    own = {Path(value) for key, value in config.items() if key.endswith("_file")}
    return own.union(*(_files(value) for value in config.values()))
