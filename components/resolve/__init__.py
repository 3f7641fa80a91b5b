"""Definition + catalog + environment → resolved agent, in which every value is present and knows where it came from."""

from components.resolve.build import resolve
from components.resolve.references import agent_references, catalog_references
from components.resolve.resolved import ResolvedAgent

__all__ = ["ResolvedAgent", "agent_references", "catalog_references", "resolve"]
