"""Pulumi ComponentResources. They register the rendered manifests and decide nothing about their content."""
