"""URNs of what Roster registers: whose object it is, and of which kind."""

from __future__ import annotations

from collections.abc import Iterable

from components.applied import COMPONENT_TYPES

STACK_TYPE = "pulumi:pulumi:Stack"
_AGENT_TYPE = next(urn_type for urn_type, kind in COMPONENT_TYPES.items() if kind == "agent")


def patterns_of(stack: str, agents: Iterable[str]) -> list[str]:
    """What `--target` takes for agents of a stack: each one's component, and all objects of it, new ones too."""
    component = f"urn:pulumi:{stack}::*::{_AGENT_TYPE}"
    return [pattern for name in sorted(agents) for pattern in (f"{component}::{name}", f"{component}$**::{name}/**")]


def type_of(urn: str) -> str:
    """The resource's own type, without its parents'."""
    return urn.split("::", 3)[2].rpartition("$")[2]


def name_of(urn: str) -> str:
    """The resource's logical name, which may hold any character."""
    return urn.split("::", 3)[3]


def component_of(urn: str) -> str:
    """The agent, pool or platform that it is or belongs to; empty for the stack itself and for providers."""
    parts = urn.split("::", 3)
    if len(parts) < 4 or not COMPONENT_TYPES.keys() & set(parts[2].split("$")):
        return ""
    # Children are named COMPONENT/KIND (components/resources/order.py).
    return parts[3].partition("/")[0]


def is_component(urn: str) -> bool:
    """Whether it is a component itself."""
    return urn.count("::") >= 3 and type_of(urn) in COMPONENT_TYPES


def is_object(urn: str) -> bool:
    """Whether it is an object of the cluster that a component registered."""
    return bool(component_of(urn)) and not is_component(urn)
