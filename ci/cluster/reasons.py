"""Why an agent is not healthy: the codes, how long each may stand before the gate gives up, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason: `title` in a few words, `advice` for the agent's author.

    `patience_seconds`: how long a failure for this reason may stand before the gate believes that it will not mend
    itself: a Secret is made seconds after the pods that need it, a full quota empties when old pods end.
    """

    title: str
    advice: str
    patience_seconds: int = 0


REASONS = {
    "image-pull": Reason(
        "the image cannot be pulled",
        "Check that the image's name and tag exist in the registry and that the cluster may pull from it; for a "
        "built image see whether its build and scan have passed.",
    ),
    "crash-loop": Reason(
        "the container keeps crashing",
        "Read the last log lines below. An error at the start is most often a setting, a missing credential or a "
        "prompt or character file that the runtime does not accept; mend the definition and push a commit.",
    ),
    "out-of-memory": Reason(
        "the container needs more memory than its limit",
        "Raise the memory limit in `resources`, or choose a larger tier.",
    ),
    "container-start": Reason(
        "the container cannot be started",
        "Check `command`, `args` and the image: the program must be in it and run as the agent's user with a "
        "read-only root.",
    ),
    "probe-failing": Reason(
        "the health probe fails",
        "Check the path in `probes` and that the agent answers it on its port; raise `startup_seconds` if it needs "
        "longer to start.",
    ),
    "quota": Reason(
        "the pool's quota is full",
        "Lower the agent's requests or replicas, or ask the platform team to raise the pool's quota in "
        "catalog/pools.yaml.",
        30,
    ),
    "unschedulable": Reason(
        "no node has room for its pods",
        "Lower the agent's requests, or ask the platform team for nodes; a disk binds an agent to the zone that the "
        "disk is in.",
    ),
    "admission-refused": Reason(
        "the cluster refuses its pods",
        "A rule of the cluster (Pod Security, a webhook, a missing priority class) forbids the pod; the message names "
        "the rule. Show it to the platform team: the render should have kept it.",
        15,
    ),
    "webhook-silent": Reason(
        "an admission webhook does not answer",
        "Nothing is wrong with the agent. Tell the platform team which webhook it is, and run the deployment again "
        "once it answers.",
        60,
    ),
    "config-missing": Reason(
        "a Secret or ConfigMap that it needs is not there",
        "Check that the secret's path exists in the secret store for this environment and that the pool may read it; "
        "the ExternalSecret of the agent says why it is not synced.",
        90,
    ),
    "volume": Reason(
        "its disk cannot be mounted",
        "A disk can be attached to one node at a time, and lies in one zone. See the events; the platform team can "
        "free a disk that hangs on a lost node.",
    ),
    "pods-refused": Reason(
        "its pods cannot be created",
        "The message below comes from the API server; show it to the platform team if it is not clear.",
        60,
    ),
    "deadline": Reason(
        "it was not ready within its deadline",
        "See the events and the log lines below; raise `startup_seconds` if the agent needs longer to start.",
    ),
    "replicas-missing": Reason(
        "pods are not ready yet",
        "See the events and the log lines below; raise `startup_seconds` if the agent needs longer to start.",
    ),
    "not-observed": Reason(
        "the cluster has not taken up the change yet",
        "The cluster's controllers lag behind or stand still; tell the platform team.",
    ),
    "missing": Reason(
        "its Deployment is not in the cluster",
        "Run the deployment again; if it is gone again, look who deletes it.",
        15,
    ),
    "unstable": Reason(
        "it was ready and did not stay so",
        "The agent starts but does not keep running. Read the events and the log lines below.",
    ),
    "critical-alert": Reason(
        "a critical alert fires for it",
        "Follow the alert's runbook.",
    ),
    "success-ratio": Reason(
        "too many of its requests fail",
        "Read the agent's log and its dashboard: the change, its model provider or its credentials are the usual "
        "causes.",
    ),
    "prometheus-silent": Reason(
        "Prometheus cannot be asked",
        "Nothing is known to be wrong with the agent, but it cannot be shown to be well. Check `gate.prometheus` in "
        "catalog/environments.yaml and that this machine reaches it, then run the deployment again.",
    ),
    "cluster-silent": Reason(
        "the API server cannot be asked",
        "Nothing is known to be wrong with the agent, but it cannot be shown to be well. Run the deployment again once "
        "the cluster answers.",
    ),
}

# What the API server says when a ReplicaSet cannot create pods → the reason. The first that fits counts.
REFUSALS = (
    (re.compile(r"exceeded quota"), "quota"),
    (re.compile(r"failed quota"), "quota"),
    (re.compile(r"failed calling webhook"), "webhook-silent"),
    (re.compile(r"serviceaccount \"[^\"]*\" not found"), "config-missing"),
    (re.compile(r"is forbidden|denied the request|admission"), "admission-refused"),
)

# What the kubelet says of a container that waits → the reason.
WAITING = {
    "ErrImagePull": "image-pull",
    "ImagePullBackOff": "image-pull",
    "InvalidImageName": "image-pull",
    "ErrImageNeverPull": "image-pull",
    "ImageInspectError": "image-pull",
    "RegistryUnavailable": "image-pull",
    "SignatureValidationFailed": "image-pull",
    "CreateContainerConfigError": "config-missing",
    "CreateContainerError": "container-start",
    "RunContainerError": "container-start",
    "CrashLoopBackOff": "crash-loop",
}
# The first failed pull may be a hiccup of the registry; the kubelet tries again at once.
NOT_YET = ("ErrImagePull", "RegistryUnavailable")
