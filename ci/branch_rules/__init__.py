"""A Pulumi program of its own: the rules of the main branch and the environments on GitHub."""
