"""Every policy, in the order in which they are reported."""

from policies.rule import Rule
from policies.rules import image_pinned, metadata_address_closed, pod_restricted

RULES: tuple[Rule, ...] = (image_pinned.RULE, pod_restricted.RULE, metadata_address_closed.RULE)
