"""From a commit to the clusters: what changes, in which order and waves, what to do when one fails, and the report."""
