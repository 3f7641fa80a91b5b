"""What the catalog says that dashboards show, put into their JSON: thresholds, prices, the currency, environments."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from components.definition.load_catalog import Catalog
from components.specs.names import namespace

# What stands in the JSON for the catalog's words. A limit's is a string of its own, for a number to take its place.
CPU_MONTH = "<cpu_month>"
GIB_MONTH = "<gib_month>"
MONEY = "<currency>"
OPTIONS = "<environments>"
FIRST = "<first_environment>"
FIRST_SPACES = "<first_namespaces>"
LIMIT = "<limit {name} times {factor:g}>"
_LIMIT = re.compile(r'"<limit (\w+) times ([\d.e-]+)>"')
# Currencies that Grafana has a sign for; others are shown by their code.
SIGNS = frozenset(
    {
        *("BGN", "BRL", "BTC", "CHF", "CZK", "DKK", "EUR", "GBP", "IDR", "ILS", "INR", "ISK", "JPY", "KRW", "MYR"),
        *("NOK", "PHP", "PLN", "PYG", "RUB", "SEK", "TRY", "UAH", "USD", "UYU", "VND", "XPF", "ZAR"),
    }
)


@dataclass(frozen=True, slots=True)
class Figures:
    """Pairs: `limits` are name and threshold, `environments` name and namespaces as a regular expression."""

    limits: tuple[tuple[str, float], ...]
    cpu_month: float
    gib_month: float
    currency: str
    environments: tuple[tuple[str, str], ...]

    def filled(self, text: str) -> str:
        """A dashboard's JSON with the catalog's figures."""
        first, spaces = self.environments[0]
        sign = f"currency{self.currency}" if self.currency in SIGNS else f"currency:{self.currency} "
        for name, value in (
            (CPU_MONTH, f"{self.cpu_month:.15g}"),
            (GIB_MONTH, f"{self.gib_month:.15g}"),
            (MONEY, sign),
            (OPTIONS, ",".join(f"{name} : {spaces}" for name, spaces in self.environments)),
            (FIRST, first),
            (FIRST_SPACES, spaces),
        ):
            text = text.replace(name, value)
        limits = dict(self.limits)
        # Ten digits: 5 * 0.01 is 0.05.
        text = _LIMIT.sub(
            lambda found: f"{limits[found[1]] * float(found[2]):.10g}" if found[1] in limits else found[0], text
        )
        return _without_limits(text) if _LIMIT.search(text) else text


def figures(catalog: Catalog) -> Figures:
    """Those of the catalog."""
    settings = catalog.settings
    alerts = settings.alerts.model_dump(exclude_none=True)
    return Figures(
        limits=tuple((name, float(value)) for name, value in alerts.items() if isinstance(value, (int, float))),
        cpu_month=settings.prices.cpu_core_month,
        gib_month=settings.prices.memory_gib_month,
        currency=settings.prices.currency,
        environments=_environments(catalog),
    )


def _environments(catalog: Catalog) -> tuple[tuple[str, str], ...]:
    """Name → its pools' namespaces; several environments are first offered together."""
    found = {
        name: "|".join(
            sorted(
                namespace(pool_name, pool, environment)
                for pool_name, pool in catalog.pools.items()
                if name in catalog.pool_environments(pool_name)
            )
        )
        for name, environment in catalog.environments.items()
    }
    if len(found) == 1:
        return tuple(found.items())
    # A regular expression that is all their names, so that it finds series with any of these as environment.
    together = "|".join(sorted({space for spaces in found.values() for space in spaces.split("|") if space}))
    return (("|".join(found), together), *found.items())


def _without_limits(text: str) -> str:
    """The JSON without the colours of thresholds that the catalog does not set: their alerts do not exist either."""

    def cleaned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: cleaned(item) for key, item in value.items()}
        if isinstance(value, list):
            return [cleaned(item) for item in value if not _is_open(item)]
        return value

    return json.dumps(cleaned(json.loads(text)), indent=1, ensure_ascii=False) + "\n"


def _is_open(step: Any) -> bool:
    value = step.get("value") if isinstance(step, dict) else None
    return isinstance(value, str) and value.startswith("<limit ")
