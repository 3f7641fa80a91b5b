"""Who the agent is in the cluster: a ServiceAccount of its own that may do nothing."""

from __future__ import annotations

from components.resolve.resolved import ResolvedAgent
from components.specs.names import Manifest, metadata


def service_account(agent: ResolvedAgent) -> Manifest:
    """An identity without a token."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(agent),
        "automountServiceAccountToken": False,
    }
