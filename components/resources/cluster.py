"""The provider through which a stack reaches its cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pulumi_kubernetes as kubernetes

# The same in all stacks, so that an agent that moves between shards keeps its provider.
NAME = "cluster"
# Requests a second and at once; the client's own 5 and 10 make a first creation of 800 objects wait.
QUERIES_PER_SECOND = 50
BURST = 100


def cluster_provider(environment: str, cluster: str, context: str) -> kubernetes.Provider:
    """The provider for a cluster of an environment. Credentials come from the kubeconfig of whoever runs Pulumi.

    It counts as another one, and every object as to be replaced, only when the name of the environment or the cluster
    changes in the catalog: a renamed context or a moved API server replaces nothing, and a new cluster has a new name.
    """
    with _kubeconfig_hidden():
        return kubernetes.Provider(
            NAME,
            context=context,
            cluster_identifier=f"{environment}.{cluster}",
            enable_server_side_apply=True,
            # Otherwise changed data replaces the object: deleted first, as its name is fixed.
            enable_config_map_mutable=True,
            enable_secret_mutable=True,
            # A run that was killed between creating an object and recording it is caught up by the next.
            upsert_existing_objects=True,
            # Said here, or variables of the machine would say it.
            enable_patch_force=False,
            delete_unreachable=False,
            skip_update_unreachable=False,
            suppress_deprecation_warnings=False,
            suppress_helm_hook_warnings=False,
            kube_client_settings=kubernetes.KubeClientSettingsArgs(qps=QUERIES_PER_SECOND, burst=BURST),
        )


@contextmanager
def _kubeconfig_hidden() -> Iterator[None]:
    """The SDK would put the variable's value, a path of this machine, into the state; the plugin reads it anyway."""
    path = os.environ.pop("KUBECONFIG", None)
    try:
        yield
    finally:
        if path is not None:
            os.environ["KUBECONFIG"] = path
