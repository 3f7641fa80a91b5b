"""Findings that belong to the policies and are none of RULES: they need more than one subject's objects to be seen.

They are found before anything is rendered, where the fleet or the catalog is read, and no waiver holds for them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Beside:
    """A finding's id, why it is one, how to mend it, and the module that finds it."""

    id: str
    why: str
    fix: str
    found_by: str


BESIDE = (
    Beside(
        "credential-shared",
        "Two consumers with one bot credential take each other's messages, and one that is compromised is both.",
        "Give each agent, and each environment, a credential of its own.",
        "components/fleet_rules.py",
    ),
    Beside(
        "address-taken",
        "Two agents with one public address get each other's requests.",
        "Give each a host or path of its own.",
        "components/fleet_rules.py",
    ),
    Beside(
        "call-unanswered",
        "A way out to an agent that does not expect it is a way that nobody uses, or one that is missing on the other "
        "side.",
        "Name the caller in exposure.callers of the agent that it calls.",
        "components/fleet_rules.py",
    ),
    Beside(
        "polling-single",
        "A polling channel serves one consumer.",
        "Give scaling.min and scaling.max as 1, or split the agent, each with a credential of its own.",
        "components/resolve/rules.py",
    ),
    Beside(
        "secret-of-another",
        "Whoever can name another's path in the store has its credential.",
        "Name secrets below the pool's or its owner's name; the platform team adds other paths to the pool's "
        "secret_paths.",
        "components/resolve/secret_rules.py",
    ),
    Beside(
        "secret-in-env",
        "A variable that is named like a secret and has a value is in Git for all to read.",
        "Name it in secrets.",
        "components/resolve/secret_rules.py",
    ),
    Beside(
        "pasted-secret",
        "A credential in Git is known to everybody who ever cloned it.",
        "Revoke it, and put its successor into the secret store.",
        "components/definition/reading.py",
    ),
    Beside(
        "team-unreachable",
        "An alert that reaches nobody is none.",
        "Give the team email, slack or pagerduty, and the way in monitoring.routing.",
        "components/resolve/routing_rules.py",
    ),
)
