"""Definitions and the catalog: models, loading, and everything that is wrong with a file by itself."""
