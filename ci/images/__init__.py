"""Images on this machine and in registries: building, scanning, pushing. What is needed: `components.builds`."""
