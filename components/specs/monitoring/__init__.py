"""Monitoring as code: scraping, rules, routes, dashboards, logs."""
