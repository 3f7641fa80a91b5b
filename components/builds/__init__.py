"""Images that the fleet needs, and what each is built from: pure, from catalog and resolved agents."""
