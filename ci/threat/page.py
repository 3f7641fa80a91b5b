"""The page: what one agent could do, in a fixed order, short enough to be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ci.threat.held import cluster, holds, keeps, runs_as, strangers
from ci.threat.judged import image, policies, safety
from ci.threat.network import OPEN, authentication, reached, reaches
from ci.threat.spending import Prices, spends
from ci.threat.statement import TOPICS, Statement, Statements
from components.definition.load_catalog import Catalog
from components.definition.runtime import Runtime
from components.resolve.resolved import ResolvedAgent
from components.specs import Manifest
from policies.rule import Violation

MOST_CHANGES = 12


def statements(
    agent: ResolvedAgent,
    manifests: Sequence[Manifest],
    violations: Sequence[Violation],
    catalog: Catalog,
    today: str,
    others: Mapping[str, str] | None = None,
) -> Statements:
    """All that is said of an agent, topic by topic.

    `violations` are those of its `manifests` on the day `today` (ISO), waived ones among them. `others` says of a
    secret's reference who else holds it; no comparison looks at that, since it is no change of this agent's.
    """
    return tuple(_all(agent, manifests, violations, catalog, today, others or {}))


def _all(
    agent: ResolvedAgent,
    manifests: Sequence[Manifest],
    violations: Sequence[Violation],
    catalog: Catalog,
    today: str,
    others: Mapping[str, str],
) -> Iterator[Statement]:
    runtime: Runtime = catalog.entries["runtimes"][agent.runtime]
    yield from reaches(agent)
    yield from holds(agent, others)
    yield from reached(agent, catalog)
    yield from cluster(agent, manifests)
    yield from runs_as(agent, manifests)
    yield spends(agent, runtime, _prices(agent, catalog))
    yield from keeps(agent)
    yield from strangers(agent, open_to_all=authentication(agent, runtime) == OPEN)
    yield from safety(agent, runtime)
    yield from policies(agent, violations, catalog, today)
    yield from image(agent, catalog)


def _prices(agent: ResolvedAgent, catalog: Catalog) -> Prices | None:
    if agent.model is None or not agent.model.provider:
        return None
    model = catalog.entries["providers"][agent.model.provider].models[agent.model.name]
    return Prices(model.input_per_million, model.output_per_million, catalog.settings.prices.currency)


def as_markdown(title: str, found: Sequence[Statement], since: str = "", changes: Sequence[str] | None = None) -> str:
    """The page as Markdown, about sixty lines at the most; with `since` what differs from that commit comes first."""
    lines = [f"# {title}", ""]
    if since and changes is not None:
        lines += [f"Since `{since}`:" if changes else f"Nothing here differs from `{since}`.", ""]
        lines += [f"- {one}" for one in changes[:MOST_CHANGES]]
        lines += _more(len(changes), MOST_CHANGES, "- ") + ([""] if changes else [])
    for topic, most in TOPICS.items():
        said = [one.text for one in found if one.topic == topic and one.text]
        if len(said) == 1:
            lines.append(f"- **{topic}**: {said[0]}")
        elif said:
            lines.append(f"- **{topic}**")
            lines += [f"  - {one}" for one in said[:most]] + _more(len(said), most, "  - ")
    return "\n".join(lines) + "\n"


def _more(number: int, most: int, bullet: str) -> list[str]:
    return [f"{bullet}… and {number - most:,} more: --json has all"] if number > most else []
